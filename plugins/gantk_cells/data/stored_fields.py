"""Fields of view as numbers of samples: what their pixel values mean by what is trained on, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gantk_basics.pixel_values import Level, Levels, for_each, levels_of
from numpy.typing import NDArray
from torch import Tensor

from gantk.errors import DataError
from gantk_cells.data.tiles import Window
from gantk_cells.files.paired_fields import Field


def levels_within(
    fields: Sequence[Field],
    windows: Sequence[Window],
    channels: range,
    names: Sequence[str],
    background: Level | list[Level],
    white: Level | list[Level],
    prefix: str,
) -> Levels:
    """What the values of some channels mean; percentiles are those within these windows.

    Args:
        fields: all of them.
        windows: what is trained on.
        channels: which.
        names: of these channels.
        background: the value that becomes -1; one for all, or a list of one each.
        white: the value that becomes 1.
        prefix: of the names of both parameters in messages.

    Raises:
        DataError: a channel that no field has, or that has one value everywhere; lists of another length.
    """
    lows = for_each(background, len(channels), f"{prefix}background")
    highs = for_each(white, len(channels), f"{prefix}white")
    found = []
    for channel, name, low, high in zip(channels, names, lows, highs, strict=True):
        parts = [
            fields[w.field].planes[None, [channel], w.top : w.top + w.height, w.left : w.left + w.width]
            for w in windows
            if fields[w.field].measured[channel]
        ]
        if not parts:
            raise DataError(f"channel {name}: no field that is trained on has it")
        found.append(levels_of(parts, 0, [name], [low], [high]))
    return Levels(tuple(each.background[0] for each in found), tuple(each.white[0] for each in found), found[0].type)


def stored(fields: Sequence[Field], sides: Sequence[tuple[Levels, range, bool]]) -> Tensor:
    """All fields as numbers of samples, (F, C, H, W), smaller ones filled up; -1 stands for what was not measured.

    Args:
        fields: with equally many channels.
        sides: of each side its levels, its channels, and whether it is clipped to [-1, 1].
    """
    height, width = (max(each.planes.shape[axis] for each in fields) for axis in (1, 2))
    whole = torch.full((len(fields), len(fields[0].planes), height, width), -1.0)
    for place, field in zip(whole, fields, strict=True):
        for levels, channels, clipped in sides:
            low, high = (torch.tensor(each)[:, None, None] for each in (levels.background, levels.white))
            planes = field.planes[channels.start : channels.stop].astype(np.float32)
            scaled = (torch.from_numpy(planes) - low) / (high - low) * 2 - 1
            if clipped:
                scaled.clamp_(-1, 1)
            scaled[~torch.from_numpy(field.measured[channels.start : channels.stop])] = -1
            place[channels.start : channels.stop, : scaled.shape[1], : scaled.shape[2]] = scaled
    return whole


def undone(values: NDArray[Any], channels: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
    """Values of samples in the units of the files.

    Args:
        values: (…, C, H, W), -1 to 1 from background to white.
        channels: of one side of `spec.attributes["normalisation"]`.
    """
    low, high = (np.array([each[end] for each in channels])[:, None, None] for end in ("low", "high"))
    return low + (values + 1) / 2 * (high - low)
