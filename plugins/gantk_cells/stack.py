"""From the pairs of one synthetic cell to a stack: one red channel and K green ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from gantk_basics.pixel_values import Levels
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.sampling import select_units
from gantk.spec import DataSpec

GROWTH_MARKER = "Bgs4"


def is_stack(spec: DataSpec) -> bool:
    """Whether samples are stacks: one red channel and a green one for each protein."""
    return bool(spec.attributes.get("stack"))


def shares_red(samples: Samples) -> bool:
    """Whether the units of each sample are pairs with one and the same red channel."""
    spec = samples.spec
    if spec.unit_axes != 1 or len(spec.own_shape) != 3 or spec.own_shape[0] != 2:
        return False
    red = samples.samples[:, :, 0]  # (N, K, H, W)
    return bool(torch.equal(red, red[:, :1].expand_as(red)))


def channel_names(spec: DataSpec) -> tuple[str, ...]:
    """A name for each channel of an image."""
    axis = spec.unit_axes
    return spec.names.get(spec.axes[axis], tuple(f"channel {k}" for k in range(spec.shape[axis])))


def shows_growth_zones(spec: DataSpec) -> bool:
    """Whether the first channel is Bgs4, which marks where fission yeast grows: one end, both, or a band."""
    return channel_names(spec)[0] == GROWTH_MARKER


def protein_names(spec: DataSpec) -> tuple[str, ...]:
    """A name for each unit of a sample with one unit axis."""
    return spec.names.get(spec.axes[0], tuple(f"unit {k}" for k in range(spec.shape[0])))


def stack_spec(spec: DataSpec) -> DataSpec:
    """The DataSpec of the stacks of pairs of `spec`: channels (Bgs4, Alp14, Arp3, …) instead of units."""
    names = (channel_names(spec)[0], *protein_names(spec))
    levels = Levels.of(spec)
    pixels = {} if levels is None else {"pixels": levels.pick((0, *range(1, 2 * len(names) - 2, 2))).document()}
    return replace(
        spec,
        shape=(len(names), *spec.own_shape[1:]),
        axes=spec.axes[1:],
        unit_axes=0,
        names={spec.axes[1]: names},
        attributes={**spec.attributes, **pixels, "stack": True},
    )


def stack(samples: Samples) -> Samples:
    """The K pairs of each cell as one stack of 1 + K channels: what a star-shaped net shows of a cell.

    Args:
        samples: (N, K, 2, H, W) whose K pairs have one and the same red channel.

    Returns:
        (N, 1 + K, H, W): red, then the green channel of each protein.

    Raises:
        DoesNotFit: the pairs of a sample are not of one cell: their red channels differ.
    """
    if not shares_red(samples):
        raise DoesNotFit(
            "these are not pairs of one cell with one red channel, so they cannot be stacked; only a star-shaped "
            "generator makes such pairs (generator.use=cells/starshaped)"
        )
    pairs = samples.samples
    stacked = torch.cat([pairs[:, 0, :1], pairs[:, :, 1]], 1)  # (N, 1, H, W) and (N, K, H, W)
    return replace(samples, samples=stacked, spec=stack_spec(samples.spec))


def with_proteins(samples: Samples, numbers: Sequence[int]) -> Samples:
    """Samples (N, K, C, H, W) of the proteins of these numbers alone, with their names and levels."""
    levels, channels = Levels.of(samples.spec), samples.spec.own_shape[0]
    picked = select_units(samples, numbers)
    if levels is None:
        return picked
    kept = levels.pick(channels * k + channel for k in numbers for channel in range(channels)).document()
    return replace(picked, spec=replace(picked.spec, attributes={**picked.spec.attributes, "pixels": kept}))


def unstacked(stacks: Tensor) -> Tensor:
    """Stacks (N, 1 + K, H, W) as K pairs with one and the same red, (N, K, 2, H, W): what `stack` undoes."""
    red, green = stacks[:, :1], stacks[:, 1:]
    return torch.stack([red.expand_as(green), green], 2)
