"""Documents as they come from a source, and leaving out those that were seen before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

#: a document is a near duplicate when so large a share of its long lines was seen before
SEEN_SHARE = 0.7
LONG_LINE = 25


@dataclass(frozen=True)
class Document:
    """One text: its domain, its bytes (UTF-8 where it is text), and whether its source holds it out itself."""

    domain: str
    data: bytes
    held_out: bool | None = None

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the text: the order of documents and the split follow from it, not from file names."""
        return hashlib.sha256(self.data).digest()


def held_out(documents: Sequence[Document], share: float) -> set[bytes]:
    """Digests of the documents of one domain that belong to validation.

    Those that say so themselves; where none says anything, documents in the order of their digests up to `share` of the
    bytes, at least one.

    >>> len(held_out([Document("a", bytes([letter])) for letter in range(100)], 0.05))
    5
    """
    if any(document.held_out is not None for document in documents):
        return {document.digest for document in documents if document.held_out}
    chosen: set[bytes] = set()
    left = share * sum(len(document.data) for document in documents)
    for document in sorted(documents, key=lambda entry: entry.digest):
        if chosen and len(document.data) > left:
            continue
        chosen.add(document.digest)
        left -= len(document.data)
    return chosen


def deduplicated(documents: Iterable[Document], near: bool = True) -> Iterator[Document]:
    """Documents whose text was not seen before, and with `near` none most of whose lines were.

    Held-out documents are judged too: a text that is in both parts stays where it came first.

    >>> [entry.data for entry in deduplicated([Document("a", b"x"), Document("a", b"x"), Document("b", b"y")])]
    [b'x', b'y']
    """
    texts: set[bytes] = set()
    lines: set[int] = set()
    for document in documents:
        if document.digest in texts:
            continue
        texts.add(document.digest)
        if near:
            found = {hash(line) for line in document.data.splitlines() if len(line) >= LONG_LINE}
            if found and len(found & lines) > SEEN_SHARE * len(found):
                continue
            lines |= found
        yield document
