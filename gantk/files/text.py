"""Text files that gantk reads whole."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from gantk.errors import FileError
from gantk.messages import printable


def read_text(path: Path) -> str:
    """The text of a recipe.

    Raises:
        FileError: it cannot be read, is far too large, or is not UTF-8.
    """
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            return decoded(file, name)
    except OSError as error:
        raise FileError(f"{name} cannot be read: {error.strerror or error}") from error


def decoded(file: BinaryIO, name: str) -> str:
    """The text of a recipe in an open file.

    Args:
        file: where it stands.
        name: what messages call it.

    Raises:
        FileError: it is far too large, or is not UTF-8.
        OSError: it cannot be read.
    """
    content = file.read(4 * LARGEST + 1)
    if len(content) > 4 * LARGEST:
        raise FileError(f"{name} is larger than any recipe: {4 * LARGEST:,} bytes and more")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FileError(f"{name} is not UTF-8 text (line {line}); save it with that encoding") from error


LARGEST = 1_000_000  # characters of a recipe
