"""Which format component reads and writes a file, by the file's ending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantk.components import construct
from gantk.components.registry import installed_registry
from gantk.components.signature import parameters
from gantk.errors import DoesNotFit, FileError, GantkError
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from gantk.interfaces import Format, Samples


def format_for(path: Path, spec: DataSpec | None = None, **given: Any) -> Format:
    """The format whose ending fits `path` best; the spec's own formats come before others.

    Where several have that ending, the first that takes the samples writes them, and the first that can reads the file.

    Args:
        path: the file.
        spec: of the samples.
        given: parameters of the format; those that do not have them are left out.

    Raises:
        FileError: no installed format has such an ending; the message lists those there are.
    """
    preferred = list(spec.formats) if spec is not None else []
    names = preferred + [item.full for item in installed_registry().of_kind("format") if item.full not in preferred]
    if given:
        names = [name for name in names if given.keys() <= set(_parameters(name))]
    formats: list[Format] = [construct.component("format", {"use": name, **given}) for name in names]
    matches = [
        (len(ending), -position, found)
        for position, found in enumerate(formats)
        for ending in found.endings
        if path.name.lower().endswith(ending)
    ]
    if not matches:
        endings = sorted({ending for found in formats for ending in found.endings} | {".png"})
        with_that = f" and {', '.join(given)}" if given else ""
        raise FileError(f"{path}: no installed format has that ending{with_that}; there are {', '.join(endings)}")
    longest = max(match[0] for match in matches)
    fitting = [found for length, _, found in sorted(matches, key=lambda match: -match[1]) if length == longest]
    return fitting[0] if len(fitting) == 1 else FirstThatFits(fitting)


def _parameters(name: str) -> list[str]:
    target = installed_registry().load(installed_registry().find("format", name))
    return [each.name for each in parameters(target)]


class FirstThatFits:
    """Several formats of one ending, as one.

    Args:
        formats: in the order in which they are tried.
    """

    def __init__(self, formats: Sequence[Format]):
        self.formats = formats
        self.endings = formats[0].endings

    def write(self, path: Path, samples: Samples) -> None:
        """By the first format that takes such samples. Raises DoesNotFit, with what each says, where none does."""
        reasons = []
        for each in self.formats:
            try:
                each.write(path, samples)
                return
            except DoesNotFit as error:
                reasons.append(str(error))
        raise DoesNotFit("\n".join(reasons))

    def read(self, path: Path) -> Samples:
        """By the first format that can. Raises FileError, with what each says, where none can."""
        return self.first(lambda each: each.read(path))

    def first(self, read: Callable[[Format], Samples]) -> Samples:
        """What the first format gives that can. Raises FileError, with what each says, where none can."""
        reasons = []
        for each in self.formats:
            try:
                return read(each)
            except GantkError as error:
                reasons.append(str(error))
        raise FileError("\n".join(dict.fromkeys(reasons)))
