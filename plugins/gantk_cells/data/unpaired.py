"""Data set `unpaired`: images or fields of two domains that have nothing to do with each other, as tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Len, Lt
from gantk_basics.files.images.class_folder import Links, shown
from gantk_basics.pixel_values import Level, Levels
from torch import Tensor

from gantk.errors import DataError
from gantk.interfaces import Batch
from gantk.spec import DataSpec
from gantk_cells.data.field_splits import SPLITS, Cut, windows_of
from gantk_cells.data.stored_fields import levels_within, stored
from gantk_cells.data.tiles import Tiles, Turns, Window
from gantk_cells.files.paired_fields import Field, channel_names, find_splits, read_fields

Side = Annotated[int, Ge(1)]


class Unpaired:
    """Two folders of images without pairs, A and B, for CycleGAN: a sample is a tile of each, drawn independently.

    Read are the folders A and B below `root`, also within `train`, `val` and `test`, or trainA, trainB, testA, testB.
    A sample has the domains as units and is its own condition. In training tiles lie anywhere, turned and turned over;
    held-out ones lie side by side. Each channel of each domain is scaled linearly, its `background` to -1 and its
    `white` to 1, and clipped; the numbers stand in `spec.attributes["normalisation"]` under the names of the domains.

    Args:
        split: "train", "validation" or "test".
        root: the folder.
        a: the folder of the first domain.
        b: the folder of the second domain; its images have as many channels.
        size: of a tile, pixels; or [height, width].
        held_out: whether whole images (`fields`) are held out, or of each a `region`; null: as for cells/paired.
        test: share that is held out to report on, where no folder says which.
        validation: the same to choose by; 0: none.
        fold: which part is held out to report on, of the 1 / test parts that there are.
        gap: pixels between regions of which none are used.
        along: of regions: strips of columns (x) or rows (y).
        turns: how tiles are turned in training: in all eight ways (squares alone), turned over (flips), or not.
        background: the pixel value that becomes -1, or a percentile of what is trained on, of each domain its own.
        white: the pixel value that becomes 1.
        links: whether links that lead out of a folder are refused, or followed (`follow`).
        pixel_size_um: size of a pixel in micrometres; null takes what the files say.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        a: Annotated[str, Len(1)] = "A",
        b: Annotated[str, Len(1)] = "B",
        size: Side | Annotated[list[Side], Len(2, 2)] = 128,
        held_out: Literal["fields", "region"] | None = None,
        test: Annotated[float, Gt(0), Le(0.5)] = 0.2,
        validation: Annotated[float, Ge(0), Lt(0.5)] = 0.0,
        fold: Annotated[int, Ge(0)] = 0,
        gap: Annotated[int, Ge(0)] = 64,
        along: Literal["x", "y"] = "x",
        turns: Turns = "all",
        background: Level | list[Level] = "0.1%",
        white: Level | list[Level] = "99.9%",
        links: Links = "refuse",
        pixel_size_um: Annotated[float, Gt(0)] | None = None,
    ):
        side = (size, size) if isinstance(size, int) else (size[0], size[1])
        if turns == "all" and side[0] != side[1]:
            raise DataError(f"tiles of {side[0]} x {side[1]} cannot be turned by 90 degrees: data.turns=flips")
        if a == b:
            raise DataError(f"data.a and data.b are both {shown(a)}: two domains have two folders")
        self.sides: list[Tiles] = []
        levels: list[Levels] = []
        names: list[list[str]] = []
        fields: list[Field] = []
        for domain in (a, b):
            found = find_splits(root, [domain], [], "error", links == "follow")
            own = channel_names(found["train"])[0]
            cut = Cut(side, held_out, test, validation, fold, gap, along, frozenset(found))
            read: list[Field] = []
            windows: dict[str, list[Window]] = {each: [] for each in SPLITS}
            for part, files in found.items():
                more = read_fields(files, own)
                for each, ours in windows_of(more, len(read), part, cut).items():
                    windows[each] += ours
                read += more
            channels = range(len(own))
            level = levels_within(read, windows["train"], channels, own, background, white, "")
            tiles = Tiles(stored(read, [(level, channels, True)]), windows[split], side, turns)
            if split == "train" and not len(tiles):
                raise DataError(f"{shown(root)}: no image of {shown(domain)} is {side[0]} x {side[1]} pixels or larger")
            self.sides.append(tiles)
            levels.append(level)
            names.append(own)
            fields += read
        if len(names[0]) != len(names[1]):
            raise DataError(
                f"{shown(root)}: images of {shown(a)} have {len(names[0])} channels, those of {shown(b)} "
                f"{len(names[1])}; CycleGAN translates both ways between equally many"
            )
        self.spec = _spec((a, b), names, levels, side, fields, pixel_size_um)

    def __len__(self) -> int:
        return min(len(each) for each in self.sides) and max(len(each) for each in self.sides)

    @property
    def nbytes(self) -> int:
        """Bytes of the stored images."""
        return sum(each.fields.numel() * each.fields.element_size() for each in self.sides)

    def to(self, device: torch.device) -> Unpaired:
        """Moves the images to `device`."""
        for each in self.sides:
            each.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """A tile of each domain, (B, 2, C, H, W): with `rng` from anywhere, else those of these numbers, over again."""
        if rng is not None:
            parts = [each.at_random(len(indices), rng)[0] for each in self.sides]
        else:
            parts = [each.at(indices % len(each))[0] for each in self.sides]
        both = torch.stack(parts, 1)
        return Batch(both, None, both)


def _spec(
    domains: tuple[str, str],
    names: list[list[str]],
    levels: list[Levels],
    side: tuple[int, int],
    fields: list[Field],
    pixel_size_um: float | None,
) -> DataSpec:
    pixel = pixel_size_um or next((each.pixel_size for each in fields if each.pixel_size), None)
    both = Levels(
        tuple(np.concatenate([each.background for each in levels]).tolist()),
        tuple(np.concatenate([each.white for each in levels]).tolist()),
        levels[0].type,
    )
    attributes: dict[str, Any] = {
        "normalisation": {
            domain: [
                {"name": name, "low": low, "high": high}
                for name, low, high in zip(own, level.background, level.white, strict=True)
            ]
            for domain, own, level in zip(domains, names, levels, strict=True)
        }
    }
    if levels[0].type == levels[1].type:
        attributes["pixels"] = both.document()
    if pixel:
        attributes["pixel_size_um"] = pixel
    shape = (2, len(names[0]), *side)
    origins = sorted({each.origin for each in fields if each.origin})
    return DataSpec(
        shape=shape,
        axes=("domain", "channel", "y", "x"),
        unit_axes=1,
        names={"domain": domains, "channel": tuple(names[0])},
        condition_shape=shape,
        view="cells/translations",
        formats=("cells/ome_tiff", "basics/hdf5"),
        origin=" and ".join(origins) or "real",
        attributes=attributes,
    )
