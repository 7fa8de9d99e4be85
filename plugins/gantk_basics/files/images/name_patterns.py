"""Names of files with words in braces for what differs: `field{field}_{channel}.tif`."""

from __future__ import annotations

import re

from gantk.errors import DataError
from gantk.messages import nearest

PLANES = {"channel": r"[^/_.\- ]+", "z": r"\d+", "time": r"\d+"}
"""Words for planes of one image, and what they stand for; any other word stands for anything within a folder's name."""
FAMILIAR = ("channel", "field", "time", "class", "plate", "well")


def words_of(pattern: str) -> list[str]:
    """The words in braces, in order."""
    return re.findall(r"\{(\w+)\}", pattern)


def compiled(pattern: str, key: str = "pattern") -> re.Pattern[str]:
    """A pattern as a regular expression on names of files; `*` stands for anything within a folder's name.

    Args:
        pattern: with words in braces.
        key: of the recipe, for messages.

    Raises:
        DataError: braces that do not match, a word twice, one that is no word, or a familiar one that is misspelt.
    """
    parts, words = [], words_of(pattern)
    if "".join(re.findall(r"[^{}]+|\{[^{}]*\}", pattern)) != pattern or not pattern:
        raise DataError(f"{key}={pattern}: its braces do not match")
    for literal, word in re.findall(r"([^{}]+)|\{([^{}]*)\}", pattern):
        if literal:
            parts.append(re.escape(literal).replace(r"\*", "[^/]*"))
            continue
        if not word.isidentifier():
            raise DataError(f"{key}={pattern}: {{{word}}} is no word such as {{field}} or {{channel}}")
        if words.count(word) > 1:
            raise DataError(f"{key}={pattern}: {{{word}}} stands there twice")
        near = nearest(word, FAMILIAR, cutoff=0.7)
        if near and near != word and near not in words:
            raise DataError(f"{key}={pattern}: did you mean {{{near}}} by {{{word}}}?")
        parts.append(f"(?P<{word}>{PLANES.get(word, '[^/]+?')})")
    return re.compile("".join(parts))
