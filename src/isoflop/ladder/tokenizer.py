"""Bytes, or a byte-pair encoding trained on the corpus (the `tokenizers` library)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.files import FileError, write_text
from isoflop.ladder.documents import Document
from isoflop.runs import RunsError

FILE = "tokenizer.json"
SEPARATOR = "<|document|>"
#: text that a byte-pair encoding is trained on; more changes its merges little
TRAINING_BYTES = 40_000_000
BYTES = json.dumps({"kind": "bytes"})


@dataclass(frozen=True)
class Tokenizer:
    """Text to tokens: `text` is the JSON that it is kept as."""

    text: str

    @cached_property
    def _encoding(self) -> Any:
        """The library's own tokenizer; None for bytes."""
        return None if self.text == BYTES else library().Tokenizer.from_str(self.text)

    @property
    def vocabulary(self) -> int:
        """Number of entries."""
        return 256 if self._encoding is None else int(self._encoding.get_vocab_size())

    @property
    def token_bytes(self) -> NDArray[np.int64]:
        """Bytes of text that each entry stands for; 0 for the separator of documents."""
        if self._encoding is None:
            return np.array([0] + 255 * [1], dtype=np.int64)
        # the byte-level alphabet writes every byte as one character
        lengths = [len(self._encoding.id_to_token(entry)) for entry in range(self.vocabulary)]
        lengths[self._encoding.token_to_id(SEPARATOR)] = 0
        return np.array(lengths, dtype=np.int64)

    def encode(self, texts: Sequence[bytes]) -> NDArray[np.uint16]:
        """All texts one after another, each preceded by the separator (byte 0, or an entry of its own)."""
        if self._encoding is None:
            return np.frombuffer(b"".join(b"\0" + text for text in texts), dtype=np.uint8).astype(np.uint16)
        separator = self._encoding.token_to_id(SEPARATOR)
        parts = []
        for first in range(0, len(texts), 1024):
            batch = [text.decode("utf-8", "replace") for text in texts[first : first + 1024]]
            for encoded in self._encoding.encode_batch_fast(batch, add_special_tokens=False):
                parts.append(np.array([separator, *encoded.ids], dtype=np.uint16))
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint16)

    def write(self, folder: Path) -> None:
        """Keep it in a corpus' folder."""
        write_text(folder / FILE, self.text)


def library() -> Any:
    """The `tokenizers` library, or one line that says how to get it."""
    try:
        import tokenizers
    except ImportError:
        raise RunsError("a byte-pair encoding needs tokenizers: pip install 'isoflop[train]', or use bytes") from None
    return tokenizers


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a corpus' folder."""
    try:
        return Tokenizer((folder / FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {folder / FILE}: {error.strerror}") from None


def make_tokenizer(documents: Sequence[Document], vocabulary: int) -> Tokenizer:
    """Bytes for a vocabulary of 256; otherwise a byte-level BPE of that size, trained on a spread of the documents.

    Raises
    ------
    RunsError : a vocabulary below 256 or above 65 536, or no `tokenizers`.
    """
    if vocabulary == 256:
        return Tokenizer(BYTES)
    if not 256 < vocabulary <= 65_536:
        raise RunsError(f"a vocabulary has 256 (bytes) to 65536 entries, found {vocabulary}")
    tokenizers = library()
    encoding = tokenizers.Tokenizer(tokenizers.models.BPE())
    encoding.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[SEPARATOR],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    share = max(1, round(sum(len(document.data) for document in documents) / TRAINING_BYTES))
    sample = (document.data.decode("utf-8", "replace") for document in documents[::share])
    encoding.train_from_iterator(sample, trainer)
    return Tokenizer(encoding.to_str())
