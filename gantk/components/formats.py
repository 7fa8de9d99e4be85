"""Which format component reads and writes a file, by the file's ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gantk.components import construct
from gantk.components.registry import installed_registry
from gantk.errors import FileError
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from gantk.interfaces import Format


def format_for(path: Path, spec: DataSpec | None = None) -> Format:
    """The format whose ending fits `path` best; the spec's own formats come before others.

    Raises:
        FileError: no installed format has such an ending; the message lists those there are.
    """
    preferred = list(spec.formats) if spec is not None else []
    names = preferred + [item.full for item in installed_registry().of_kind("format") if item.full not in preferred]
    formats: list[Format] = [construct.component("format", {"use": name}) for name in names]
    matches = [
        (len(ending), -position, found)
        for position, found in enumerate(formats)
        for ending in found.endings
        if path.name.lower().endswith(ending)
    ]
    if not matches:
        endings = sorted({ending for found in formats for ending in found.endings} | {".png"})
        raise FileError(f"{path}: no installed format has that ending; there are {', '.join(endings)}")
    return max(matches, key=lambda match: match[:2])[2]
