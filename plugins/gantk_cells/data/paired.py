"""Data set `paired`: fields of view of which some channels are given and others wanted, as tiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Len, Lt
from gantk_basics.files.images.class_folder import Links, shown
from gantk_basics.pixel_values import Level
from torch import Tensor

from gantk.errors import DataError
from gantk.interfaces import Batch
from gantk.spec import DataSpec
from gantk_cells.data.field_splits import SPLITS, Cut, windows_of
from gantk_cells.data.stored_fields import levels_within, stored
from gantk_cells.data.tiles import Tiles, Turns, Window
from gantk_cells.files.paired_fields import Field, channel_names, find_splits, read_fields

Name = Annotated[int, Ge(0)] | Annotated[str, Len(1)]
Side = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class Region:
    """A part of a field that was held out, whole, with what lies round it of what is given.

    Args:
        field: what the field is called.
        condition: (C, H, W), with a margin where the field goes on.
        target: (C', h, w).
        measured: which channels of the target there are, (C',).
        inside: rows and columns of `condition` that belong to the target.
    """

    field: str
    condition: Tensor
    target: Tensor
    measured: Tensor
    inside: tuple[slice, slice]


class Paired:
    """Pictures from pictures: some channels of a field are given, others are wanted; tiles of both.

    What is given and wanted are folders with files of the same names (A and B), words in the names of files that hold
    a channel each, or channels of stacks. In training tiles lie anywhere, turned and turned over, both sides alike;
    held-out ones lie side by side. Of several fields some are held out (or those in `test` and `val` folders; trainA,
    trainB, testA and testB are read, too); of a single one a strip, with a gap, since tiles that touch know each other.
    Each channel is scaled linearly, its `background` to -1 and its `white` to 1, both measured on what is trained on;
    the numbers stand in `spec.attributes["normalisation"]`. What is wanted is clipped to that range.

    Args:
        split: "train", "validation" or "test".
        root: the folder.
        condition: what is given: folders, words in the names of files, or channels by number or name.
        target: what is wanted, of the same kind.
        size: of a tile, pixels; or [height, width].
        held_out: whether whole `fields` are held out, or of each a `region`; null: fields where there are 3 or more.
        test: share that is held out to report on, where no folder says which.
        validation: the same to choose by; 0: none.
        fold: which part is held out to report on, of the 1 / test parts that there are: the first, second, …
        gap: pixels between regions of which none are used.
        along: of regions: strips of columns (x) or rows (y).
        turns: how tiles are turned in training: in all eight ways (squares alone), turned over (flips), or not.
        missing: whether fields without some target are an error, or are kept, with their terms left out.
        condition_background: the value of what is given that becomes -1, or a percentile; a list: of each channel.
        condition_white: the value of what is given that becomes 1.
        background: the value of what is wanted that becomes -1, or a percentile of what is trained on.
        white: the value of what is wanted that becomes 1.
        links: whether links that lead out of a folder are refused, or followed (`follow`).
        pixel_size_um: size of a pixel in micrometres; null takes what the files say.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        condition: Annotated[list[Name], Len(1)] | None = None,
        target: Annotated[list[Name], Len(1)] | None = None,
        size: Side | Annotated[list[Side], Len(2, 2)] = 128,
        held_out: Literal["fields", "region"] | None = None,
        test: Annotated[float, Gt(0), Le(0.5)] = 0.2,
        validation: Annotated[float, Ge(0), Lt(0.5)] = 0.0,
        fold: Annotated[int, Ge(0)] = 0,
        gap: Annotated[int, Ge(0)] = 64,
        along: Literal["x", "y"] = "x",
        turns: Turns = "all",
        missing: Literal["error", "keep"] = "error",
        condition_background: Level | list[Level] = "0.1%",
        condition_white: Level | list[Level] = "99.9%",
        background: Level | list[Level] = "0.1%",
        white: Level | list[Level] = "99.9%",
        links: Links = "refuse",
        pixel_size_um: Annotated[float, Gt(0)] | None = None,
    ):
        self.side = (size, size) if isinstance(size, int) else (size[0], size[1])
        if turns == "all" and self.side[0] != self.side[1]:
            raise DataError(
                f"tiles of {self.side[0]} x {self.side[1]} cannot be turned by 90 degrees: data.turns=flips"
            )
        found = find_splits(root, list(condition or ["A"]), list(target or ["B"]), missing, links == "follow")
        cut = Cut(self.side, held_out, test, validation, fold, gap, along, frozenset(found))
        names = channel_names(found["train"])
        self.given = len(names[0])
        self.fields: list[Field] = []
        windows: dict[str, list[Window]] = {each: [] for each in SPLITS}
        for part, files in found.items():
            read = read_fields(files, (*names[0], *names[1]))
            for each, ours in windows_of(read, len(self.fields), part, cut).items():
                windows[each] += ours
            self.fields += read
        self.margin = gap
        wanted = range(self.given, self.given + len(names[1]))
        both, trained = (condition_background, condition_white), windows["train"]
        self.levels = [
            levels_within(self.fields, trained, range(self.given), names[0], *both, "condition_"),
            levels_within(self.fields, trained, wanted, names[1], background, white, ""),
        ]
        self.measured = torch.from_numpy(np.stack([each.measured[self.given :] for each in self.fields]))
        if not any(each.height >= self.side[0] and each.width >= self.side[1] for each in windows["train"]):
            raise DataError(
                f"{shown(root)}: no field to train on is {self.side[0]} x {self.side[1]} pixels or larger: give a "
                "smaller data.size"
            )
        planes = stored(self.fields, [(self.levels[0], range(self.given), False), (self.levels[1], wanted, True)])
        self.tiles = Tiles(planes, windows[split], self.side, turns)
        self.windows = windows[split]
        self.spec = self._spec(names, pixel_size_um)

    def __len__(self) -> int:
        return len(self.tiles)

    @property
    def nbytes(self) -> int:
        """Bytes of the stored fields."""
        return self.tiles.fields.numel() * self.tiles.fields.element_size()

    def to(self, device: torch.device) -> Paired:
        """Moves the fields to `device`."""
        self.tiles.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The tiles of `indices`, (B,) on the CPU; with `rng` as many from anywhere, turned."""
        both, field = self.tiles.at(indices) if rng is None else self.tiles.at_random(len(indices), rng)
        whole = bool(self.measured.all())
        truth = {} if whole else {"measured": self.measured.to(field.device)[field].cpu()}
        return Batch(both[:, self.given :].contiguous(), None, both[:, : self.given].contiguous(), truth)

    def regions(self) -> list[Region]:
        """The parts of fields that this split holds, whole, and what is given up to `gap` pixels round each."""
        found = []
        for window in self.windows:
            _, height, width = self.fields[window.field].planes.shape
            top, left = max(0, window.top - self.margin), max(0, window.left - self.margin)
            bottom = min(height, window.top + window.height + self.margin)
            right = min(width, window.left + window.width + self.margin)
            stored = self.tiles.fields[window.field].cpu()
            rows, columns = (
                slice(window.top, window.top + window.height),
                slice(window.left, window.left + window.width),
            )
            found.append(
                Region(
                    self.fields[window.field].name,
                    stored[: self.given, top:bottom, left:right],
                    stored[self.given :, rows, columns],
                    self.measured[window.field],
                    (
                        slice(window.top - top, window.top - top + window.height),
                        slice(window.left - left, window.left - left + window.width),
                    ),
                )
            )
        return found

    def _spec(self, names: tuple[list[str], list[str]], pixel_size_um: float | None) -> DataSpec:
        pixel = pixel_size_um or next((each.pixel_size for each in self.fields if each.pixel_size), None)
        origins = sorted({each.origin for each in self.fields if each.origin})
        attributes: dict[str, Any] = {
            "normalisation": {
                side: [
                    {"name": name, "low": low, "high": high}
                    for name, low, high in zip(own, levels.background, levels.white, strict=True)
                ]
                for side, own, levels in zip(("condition", "target"), names, self.levels, strict=True)
            },
            "pixels": self.levels[1].document(),
        }
        if pixel:
            attributes["pixel_size_um"] = pixel
        return DataSpec(
            shape=(len(names[1]), *self.side),
            axes=("channel", "y", "x"),
            names={"channel": tuple(names[1])},
            condition_shape=(len(names[0]), *self.side),
            view="cells/translations",
            formats=("cells/ome_tiff", "basics/hdf5"),
            origin=" and ".join(origins) or "real",
            attributes=attributes,
        )
