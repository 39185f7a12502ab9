"""Any folder of text files; a sub-folder is a domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from isoflop.ladder.documents import Document
from isoflop.runs import RunsError


def documents(where: str) -> Iterator[Document]:
    """Every file in and below a folder that is UTF-8 text, each a document; hidden files are left out.

    Raises
    ------
    RunsError : no such folder, or no text in it.
    """
    root = Path(where).expanduser()
    if not where or not root.is_dir():
        raise RunsError(f"folder:{where}: there is no such folder; give one with text files (folder:PATH)")
    found = False
    for path in sorted(entry for entry in root.rglob("*") if entry.is_file()):
        inside = path.relative_to(root)
        if any(part.startswith(".") for part in inside.parts):
            continue
        data = path.read_bytes()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if data.strip():
            found = True
            yield Document(inside.parts[0] if len(inside.parts) > 1 else root.name, data)
    if not found:
        raise RunsError(f"folder:{where}: no UTF-8 text file was found in it")
