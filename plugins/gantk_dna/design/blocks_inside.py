"""Mistakes in a part of a design recipe that calls its keys as a whole recipe does: which part, and how to reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gantk.errors import DataError


@contextmanager
def in_part(part: str, reached_by: str) -> Iterator[None]:
    """Adds to what is said of data which part they are of, and how its keys are written from outside.

    Args:
        part: "held_out_data", "the generator's recipe dna_lac".
        reached_by: what to type where the message says `data.KEY=…`.
    """
    try:
        yield
    except DataError as error:
        raise type(error)(f"{part}: {error}\nWhat it calls data.KEY=… is {reached_by} here.") from error
