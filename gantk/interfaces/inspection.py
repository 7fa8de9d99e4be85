"""What a data set says to `gantk inspect` about files that it reads: tables, advice, a picture, a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class InspectRequest:
    """What `gantk inspect` is asked.

    Args:
        path: the file or folder.
        data: keys of the recipe's `data` block that are decided already (data.KEY=VALUE).
        view: parameters of the picture (KEY=VALUE).
    """

    path: Path
    data: Mapping[str, Any] = field(default_factory=dict)
    view: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InspectTable:
    """A table to print: title, headings, and rows of texts."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Inspection:
    """What lies at a path.

    Args:
        recipe: text of a recipe that trains on these data; it is tried before it is written.
        data: its `data` block.
        tables: what was seen.
        advice: what the owner should know before training.
        questions: what only the owner knows, and the command with the other answer.
        notes: said behind the advice.
        if_refused: warned of where a run would refuse the recipe, whose own warnings then say nothing.
        picture: of some samples; None: there is none.
        picture_text: what it shows: "the first images of each class".
        document: what stands in the document of `--json` beside `data`, `recipe` and `warnings`.
    """

    recipe: str
    data: Mapping[str, Any]
    tables: Sequence[InspectTable] = ()
    advice: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    if_refused: list[str] = field(default_factory=list)
    picture: Image.Image | None = None
    picture_text: str = "a picture of them"
    document: Mapping[str, Any] = field(default_factory=dict)


class Inspector(Protocol):
    """What `gantk inspect` asks about files of one kind; a data set names it, `Component(…, inspector="a.b:C")`.

    It may lie above the data set, which knows nothing of it, and should import heavy things late: `reads` is asked of
    every installed one. Keyword-only parameters of `inspect` become options of the command, `--classes proteins`.
    """

    @staticmethod
    def reads(path: Path) -> bool:
        """Whether the data set may read what lies there; by its name or first bytes, without reading it all."""
        ...

    @staticmethod
    def inspect(request: InspectRequest) -> Inspection:
        """What lies there. Raises DataError where it cannot be read."""
        ...
