"""Tiles of fields of view: at random places, turned and turned over, or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Turns = Literal["all", "flips", "none"]


@dataclass(frozen=True)
class Window:
    """A part of a field.

    Args:
        field: which.
        top: its first row.
        left: its first column.
        height: rows.
        width: columns.
    """

    field: int
    top: int
    left: int
    height: int
    width: int


class Tiles:
    """Tiles of one size within windows of stored fields; everything is cut on the device, without a synchronisation.

    Args:
        fields: (F, C, H, W), smaller fields filled up.
        windows: where tiles may lie; those that are smaller than a tile are left out.
        size: height and width of a tile.
        turns: how tiles that are drawn at random are turned: in all eight ways (squares alone), turned over, or not.
    """

    def __init__(self, fields: Tensor, windows: Sequence[Window], size: tuple[int, int], turns: Turns):
        self.fields = fields
        self.size = size
        self.turns = turns
        self.windows = [each for each in windows if each.height >= size[0] and each.width >= size[1]]
        self.grid = [
            (each.field, each.top + row * size[0], each.left + column * size[1])
            for each in self.windows
            for row in range(each.height // size[0])
            for column in range(each.width // size[1])
        ]
        self._places = torch.tensor(self.grid, dtype=torch.int64).reshape(-1, 3)
        rows = [(w.field, w.top, w.left, w.height - size[0] + 1, w.width - size[1] + 1) for w in self.windows]
        self._windows = torch.tensor(rows, dtype=torch.int64).reshape(-1, 5)
        self._upto = torch.tensor([float(h * w) for _, _, _, h, w in rows], dtype=torch.float64).cumsum(0)

    def __len__(self) -> int:
        return len(self.grid)

    def to(self, device: torch.device) -> Tiles:
        """Moves everything to `device`."""
        self.fields, self._places = self.fields.to(device), self._places.to(device)
        self._windows, self._upto = self._windows.to(device), self._upto.float().to(device).double()
        return self

    def at(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Tiles (B, C, h, w) of the grid, and the field of each, (B,)."""
        field, top, left = self._places[indices.to(self._places.device)].unbind(1)
        return self._cut(field, top, left, torch.zeros(3, len(indices), dtype=torch.bool, device=field.device)), field

    def at_random(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` tiles, each place within the windows as likely as any other, and the field of each."""
        device = self.fields.device
        drawn = torch.rand((6, count), generator=rng, device=device)
        which = torch.searchsorted(self._upto, drawn[0].double() * self._upto[-1]).clamp_max(len(self._windows) - 1)
        field, top, left, rows, columns = self._windows[which].unbind(1)
        top = top + (drawn[1] * rows).long().clamp(max=rows - 1)
        left = left + (drawn[2] * columns).long().clamp(max=columns - 1)
        turned = drawn[3:] < 0.5
        if self.turns == "none":
            turned = torch.zeros_like(turned)
        elif self.turns == "flips":
            turned[2] = False
        return self._cut(field, top, left, turned), field

    def _cut(self, field: Tensor, top: Tensor, left: Tensor, turned: Tensor) -> Tensor:
        """Tiles whose rows and columns are turned over, and exchanged, where `turned` (3, B) says so."""
        height, width = self.size
        rows, columns = (torch.arange(side, device=field.device) for side in self.size)
        y = torch.where(turned[0][:, None], height - 1 - rows, rows)[:, :, None].expand(-1, -1, width)
        x = torch.where(turned[1][:, None], width - 1 - columns, columns)[:, None, :].expand(-1, height, -1)
        if height == width:
            swap = turned[2][:, None, None]
            y, x = torch.where(swap, y.transpose(1, 2), y), torch.where(swap, x.transpose(1, 2), x)
        at = (field[:, None, None], slice(None), top[:, None, None] + y, left[:, None, None] + x)
        return self.fields[at].permute(0, 3, 1, 2).contiguous()  # indexed around a slice: (B, h, w, C)
