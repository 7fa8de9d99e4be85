"""Text of expression tables: decoded, unpacked, and its fields as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk.files import content_of
from gantk.messages import printable

MISSING = {"", "na", "nan", "n/a", "null", "none", "."}
"""What stands for no number, in lower case."""


def text_of(path: Path) -> str:
    """The text of a file, plain or compressed.

    Raises:
        DataError: it cannot be read, is damaged, or is no UTF-8 text.
    """
    named = printable(str(path))
    try:
        content = content_of(path)
    except OSError as error:
        raise DataError(f"{named}: cannot be read: {error.strerror or error}") from error
    if b"\0" in content[:4096]:
        raise DataError(f"{named}: is no text; is its ending right?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{named}, line {line}: is no UTF-8 text; save it with that encoding") from error


def numbers_in(fields: Sequence[str], named: str, line: int, titles: Sequence[str]) -> NDArray[np.float32]:
    """Fields as numbers, NaN where there is none.

    Args:
        fields: as they stand in the file.
        named: the file, for the message.
        line: where they stand, for the message.
        titles: what stands above each, for the message.

    Raises:
        DataError: a field is something else than a finite number that float32 holds.
    """
    try:
        found = np.array(list(map(float, fields)), np.float64)
    except ValueError:
        found = np.array([_number(field, named, line, titles[at]) for at, field in enumerate(fields)], np.float64)
    with np.errstate(over="ignore"):
        single = found.astype(np.float32)
    infinite = np.isinf(single)
    if infinite.any():
        at = int(infinite.argmax())
        raise DataError(_wrong(named, line, titles[at], fields[at], "no finite number"))
    return single


def _number(field: str, named: str, line: int, title: str) -> float:
    text = field.strip()
    if text.lower() in MISSING:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise DataError(_wrong(named, line, title, text, "no number")) from None


def _wrong(named: str, line: int, title: str, field: str, what: str) -> str:
    comma = field.count(",") == 1 and field.replace(",", "").replace("-", "").isdigit()
    cure = "; save the table with decimal points" if comma else ""
    return f"{named}, line {line}, {printable(title[:60])!r}: {printable(field[:40])!r} is {what}{cure}"
