"""Pictures of any size from pictures, strip by strip: what a fully convolutional generator makes of them in tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import declares, member
from gantk.interfaces.priors import draw_latents
from gantk.machine import memory_limit
from gantk.sampling import render
from gantk.spec import DataSpec
from gantk.translation.pictures import (
    InMemory,
    PictureRows,
    channels_of,
    is_normalised_by_itself,
    sides_of,
    size_step_of,
)
from gantk.translation.tiles import Tile, filled, full_overlap, sums, tiles_along

MOST = 1024
"""Pixels between tiles, at most, where nobody says."""
SHARE = 8
"""One part in so many of the memory is what a tile may take, and `MOST_BYTES` at most."""
MOST_BYTES = 2 * 2**30

WHOLE_ALONE = (
    "all of a picture matters to each of its pixels (instance normalisation takes mean and deviation of the whole), so "
    "that every tile would get a scale of its own. Train with generator.normalisation=batch (or none)"
)

Strip = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Rows of the translation, (C', h, W), and the standard deviation of several draws, if there are several."""


@dataclass(frozen=True)
class Plan:
    """How one picture is cut into tiles.

    Args:
        core: pixels from one tile to the next.
        overlap: pixels that a tile has beyond that on every side.
        tiles: how many there are.
        reach: how far from a pixel something matters to it; None: everywhere.
    """

    core: int
    overlap: int
    tiles: int
    reach: int | None

    @property
    def exact(self) -> bool:
        """Whether tiles give what the whole picture would, but for rounding."""
        return self.tiles == 1 or (self.reach is not None and self.overlap >= self.reach)


class PictureTranslator:
    """Translates pictures of any size by a trained generator, in the units of its data where it knows them.

    Args:
        generator: takes a condition, and pictures of any sides that are multiples of its `size_step`.
        spec: the DataSpec that it was trained for; `attributes["normalisation"]` says what numbers mean.
        device: where the generator is.
        to: of data of two domains which is wanted, by name; None: the second.
        tile: pixels from one tile to the next; None: by the memory there is.
        overlap: pixels that a tile has beyond that on every side; None: what the receptive field needs.
        draws: how many draws of the noise are averaged; 1: none, what the net makes without noise.
        seed: of the first draw.

    Raises:
        DoesNotFit: a generator that takes no picture as a condition, or no size but one; numbers that do not fit it.
    """

    def __init__(
        self,
        generator: nn.Module,
        spec: DataSpec,
        device: torch.device,
        *,
        to: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        draws: int = 1,
        seed: int = 0,
    ):
        self.generator, self.spec, self.device = generator, spec, device
        self.step = size_step_of(generator, spec)
        self.least = filled(0, self.step)
        self.unit, sides = sides_of(spec, to)
        known = spec.attributes.get("normalisation")
        known = known if isinstance(known, Mapping) and all(side in known for side in sides) else None
        self.given, self.made = (None if known is None else channels_of(known[side]) for side in sides)
        assert spec.condition_shape is not None
        self.inputs, self.outputs = spec.condition_shape[-3], spec.own_shape[0]
        self.to = sides[1] if spec.unit_axes else None
        field: int | None = member(generator, "receptive_field")
        self.reach = None if field is None or is_normalised_by_itself(generator) else field // 2
        self.full = None if field is None or self.reach is None else full_overlap(field, self.step)
        if tile is not None and (tile < 1 or tile % self.step):
            raise DoesNotFit(
                f"tiles begin at multiples of {self.step} pixels in this net: take {_near(tile, self.step)}"
            )
        if overlap is not None and (overlap < 0 or overlap % self.step):
            raise DoesNotFit(f"the overlap is a multiple of {self.step} pixels in this net, or 0: not {overlap}")
        if self.reach is None and (tile is not None or overlap is not None):
            raise DoesNotFit(f"tile and overlap cannot be chosen: {WHOLE_ALONE}")
        self.tile, self.overlap = tile, overlap
        if draws < 1:
            raise DoesNotFit(f"draws is a number from 1, not {draws}")
        noisy = declares(generator, "noise") or member(generator, "latent_shape") is not None
        if draws > 1 and not noisy:
            raise DoesNotFit("this generator has no noise: all draws would be the same. Leave out draws")
        self.draws, self.seed = draws, seed
        self._bytes: float | None = None

    def plan(self, height: int, width: int) -> Plan:
        """How a picture is cut into tiles.

        Raises:
            DoesNotFit: a net to which the whole picture matters, and a picture too large for the memory.
        """
        sides = filled(height, self.step), filled(width, self.step)
        budget = min((memory_limit(self.device) or 2**34) // SHARE, MOST_BYTES)
        most = int((budget / self._bytes_per_pixel()) ** 0.5) // self.step * self.step
        if self.full is None:
            if sides[0] * sides[1] > 4 * most**2:
                raise DoesNotFit(
                    f"{height} x {width} pixels are too many for the memory at once, and this net cannot translate "
                    f"them in parts: {WHOLE_ALONE}"
                )
            return Plan(max(sides), 0, 1, None)
        overlap = self.overlap
        if overlap is None:
            overlap = min(self.full, most // 4 // self.step * self.step)
        core = self.tile or max(self.step, min(MOST, most - 2 * overlap) // self.step * self.step)
        assert self.reach is not None
        count = len(tiles_along(sides[0], core, overlap, self.reach)) * len(
            tiles_along(sides[1], core, overlap, self.reach)
        )
        return Plan(core, overlap, count, self.reach)

    def strips(self, source: PictureRows, plan: Plan | None = None) -> Iterator[Strip]:
        """The translation from top to bottom, some rows after the others; in the units of the target where known.

        Args:
            source: the picture, in the units of the files where the run knows them, else as the net sees it.
            plan: how it is cut into tiles; None: as `plan` says.

        Raises:
            DoesNotFit: another number of channels, or numbers that are none.
        """
        channels, height, width = source.shape
        if channels != self.inputs:
            names = f" ({', '.join(each['name'] for each in self.given)})" if self.given else ""
            raise DoesNotFit(f"this model is given {self.inputs} channels{names}, and the picture has {channels}")
        if not height or not width:
            raise DoesNotFit(f"the picture has {height} x {width} pixels")
        plan = plan or self.plan(height, width)
        reach = plan.reach or 0
        sides = filled(height, self.step), filled(width, self.step)
        rows, columns = (tiles_along(side, plan.core, plan.overlap, reach) for side in sides)
        down, across = sums(rows, sides[0]), sums(columns, sides[1])
        kinds = 1 if self.draws == 1 else 2
        open_rows = np.zeros((kinds, self.outputs, 0, sides[1]), np.float32)  # those that a later tile adds to
        for number, row in enumerate(rows):
            added = np.zeros((kinds, self.outputs, row.stop - row.start, sides[1]), np.float32)
            added[:, :, : open_rows.shape[2]] = open_rows
            picture = self._prepared(source, row, sides[1])
            for column in columns:
                made = self._made(picture[:, :, column.start : column.stop])
                added[..., column.start : column.stop] += made * (row.weights[:, None] * column.weights)
            done = rows[number + 1].start if number + 1 < len(rows) else row.stop
            ready = added[:, :, : done - row.start] / (down[row.start : done, None] * across)
            ready = ready[:, :, : max(0, height - row.start), :width]
            open_rows = added[:, :, done - row.start :]
            if ready.shape[2]:
                yield self._in_units(ready[0], 0), None if kinds == 1 else self._in_units(ready[1], 1)

    def translate(self, array: NDArray[Any]) -> Strip:
        """A picture that is in memory, whole: (H, W) or (C, H, W) to (C', H, W), and the deviation of the draws."""
        values = np.asarray(array)
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3:
            raise DoesNotFit(f"a picture is an array (channel, y, x) or (y, x), not one of shape {values.shape}")
        strips = list(self.strips(InMemory(values)))
        spread = [each for _, each in strips if each is not None]
        return np.concatenate([each for each, _ in strips], 1), np.concatenate(spread, 1) if spread else None

    def difference(self, source: PictureRows, plan: Plan) -> float:
        """How far tiles are from the whole picture round the first seams, in shares of the range, without noise.

        Args:
            source: the picture.
            plan: with more than one tile.
        """
        _, height, width = source.shape
        assert self.full is not None
        side = 2 * plan.core + 2 * plan.overlap
        rows, columns = min(height, side), min(width, side)
        part = InMemory(source.read(0, rows)[:, :, :columns])
        whole = Plan(max(filled(rows, self.step), filled(columns, self.step)), 0, 1, plan.reach)
        still = copy(self)
        still.draws = 1  # the noise of a tile is its own
        one, other = (np.concatenate([each for each, _ in still.strips(part, how)], 1) for how in (plan, whole))
        return float(np.abs(self._shares(one) - self._shares(other)).max())

    def _prepared(self, source: PictureRows, row: Tile, width: int) -> Tensor:
        """Rows of the picture as the net sees them, continued by their edge: (C, h, width)."""
        _, height, _ = source.shape
        top = min(row.start, height - 1)
        values = np.asarray(source.read(top, min(row.stop, height)))
        values = values.astype(np.float32)
        if not np.isfinite(values).all():
            raise DoesNotFit(f"it has pixels that are not numbers (NaN or infinite), in rows {row.start} to {row.stop}")
        if self.given is not None:
            low, high = self.spec.range or (-1.0, 1.0)
            dark, bright = (
                np.array([each[end] for each in self.given], np.float32)[:, None, None] for end in ("low", "high")
            )
            values = (values - dark) / (bright - dark) * (high - low) + low
            if self.spec.unit_axes:  # data without pairs are clipped, see `normalisation` of their DataSpec
                values = values.clip(low, high)
        missing = row.stop - row.start - values.shape[1], width - values.shape[2]
        return torch.from_numpy(np.pad(values, ((0, 0), (0, missing[0]), (0, missing[1])), mode="edge"))

    def _made(self, picture: Tensor) -> NDArray[np.float32]:
        """What the net makes of a tile (C, h, w): (1, C', h, w), or the mean and the deviation of the draws."""
        if self.draws == 1:
            return self._drawn(picture, None)[None]
        every = np.stack([self._drawn(picture, self.seed + draw) for draw in range(self.draws)])
        if (every == every[0]).all():
            raise DoesNotFit("all draws are the same: this net was built without dropout. Leave out draws")
        return np.stack([every.mean(0), every.std(0, ddof=1)])

    def _drawn(self, picture: Tensor, noise: int | None) -> NDArray[np.float32]:
        """What the net makes of (C, h, w), (C', h, w): without noise, or this draw of it."""
        condition = picture[None]
        if self.spec.unit_axes:
            condition = condition[:, None].expand(-1, 2, -1, -1, -1)
        latent = draw_latents(self.generator, 1, seed=self.seed if noise is None else noise)
        settings = {"noise": noise} if noise is not None and declares(self.generator, "noise") else {}
        made = render(self.generator, self.spec, latent, 1, condition=condition, settings=settings, device=self.device)
        return (made.samples[0, self.unit] if self.spec.unit_axes else made.samples[0]).numpy()

    def _in_units(self, values: NDArray[np.float32], power: int) -> NDArray[np.float32]:
        """Values of samples (C', h, W) in the target's units; `power` 1: differences of such values."""
        if self.made is None:
            return values
        low, high = self.spec.range or (-1.0, 1.0)
        dark, bright = (np.array([each[end] for each in self.made])[:, None, None] for end in ("low", "high"))
        share = values / (high - low) if power else (values - low) / (high - low)
        return (share * (bright - dark) + (0 if power else dark)).astype(np.float32)

    def _shares(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Values in the target's units as shares of its range."""
        if self.made is not None:
            return values / np.array([each["high"] - each["low"] for each in self.made])[:, None, None]
        low, high = self.spec.range or (float(values.min()), float(values.max()))
        return values.astype(np.float64) / max(high - low, 1e-12)

    def _bytes_per_pixel(self) -> float:
        """What the net takes for a pixel, at most: all that its layers make, twice over."""
        if self._bytes is None:
            counted = [0]

            def count(layer: nn.Module, given: Any, made: Any) -> None:
                if isinstance(made, Tensor) and not any(layer.children()):
                    counted[0] += made.numel() * made.element_size()

            hooks = [layer.register_forward_hook(count) for layer in self.generator.modules()]
            side = filled(4 * self.step, self.step)
            try:
                self._drawn(torch.zeros(self.inputs, side, side), None)
            finally:
                for hook in hooks:
                    hook.remove()
            self._bytes = 2 * (counted[0] / side**2 + 4 * (self.inputs + self.outputs))
        return self._bytes


def _near(tile: int, step: int) -> int:
    return max(step, round(tile / step) * step)
