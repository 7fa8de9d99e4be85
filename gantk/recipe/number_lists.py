"""Lists of whole numbers as they are typed: `3,17,200-220`."""

from __future__ import annotations

import re

from gantk.errors import RecipeError
from gantk.messages import shown

MOST = 1_000_000  # numbers of one list
PART = re.compile(r"(\d+)(?:-(\d+))?")


def whole_numbers(text: str, what: str) -> list[int]:
    """The numbers of a list, in its order: "3,17,200-202" are 3, 17, 200, 201, 202.

    Args:
        text: numbers from 0 and ranges of them, with commas between.
        what: what they are, for messages: "seed".

    Raises:
        RecipeError: it is no such list, a range runs backwards, or there are more than a million.
    """
    found: list[int] = []
    for part in text.split(","):
        match = PART.fullmatch(part.strip())
        if match is None:
            raise RecipeError(f"{shown(text)} is no list of {what}s: write whole numbers from 0, as 3,17,200-220")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise RecipeError(f"{shown(text)}: {part.strip()} runs backwards: write {last}-{first}")
        if last - first >= MOST - len(found):
            raise RecipeError(f"{shown(text)}: more than {MOST:,} {what}s: ask for fewer at a time")
        found += range(first, last + 1)
    return found
