"""Text as messages show it: printable, quoted, with units, and the nearest word."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any


def printable(text: str) -> str:
    """The text with control characters and invisible characters written as escapes."""
    if text.isprintable():
        return text  # at once: a picture in a page has a million letters
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii", "replace") for each in text
    )


def without_escapes(text: str) -> str:
    """The text with control characters written as escapes, but line breaks and tabs kept: for several lines."""
    if text.isprintable():
        return text
    return "".join(each if each in "\n\t" else printable(each) for each in text)


def shown(value: Any, longest: int = 48) -> str:
    """A value as a message shows it: as YAML would write it, one line, not long."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def with_article(kind: str) -> str:
    """'a loss', 'an optimizer'."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The word that `word` was probably meant to be, or None: the nearest of those as like as `cutoff`, in (0, 1]."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=cutoff)
    return close[0] if close else None


def did_you_mean(word: str, words: Iterable[str], otherwise: str = "") -> str:
    """The hint "did you mean '…'?" with the nearest of `words`, or `otherwise` where none is near."""
    near = nearest(word, words)
    return f"did you mean '{near}'?" if near else otherwise


def duration(seconds: float) -> str:
    """Seconds in words: "48 s", "7 min 55 s", "3 h 12 min"."""
    if seconds < 99.5:
        return f"{seconds:.3g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def byte_size(size: int) -> str:
    """Bytes with a unit: "3.2 GB"."""
    for unit, power in (("EB", 18), ("PB", 15), ("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:,.3g} {unit}" if size < 1000 * 10**power else f"{size / 10**power:,.0f} {unit}"
    return f"{size} bytes"
