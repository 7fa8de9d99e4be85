"""Augmentation of images by name: flips, rotations, shifts, zoom, brightness, noise, all drawn from `rng`."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Interval, Le
from torch import Tensor
from torch.nn import functional

from gantk.errors import DoesNotFit

Flips = Literal["none", "x", "y", "both"]
AXES: dict[str, tuple[str, ...]] = {"none": (), "x": ("x",), "y": ("y",), "both": ("y", "x")}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How each training image is changed at random, each time that it is drawn; held-out images stay as they are.

    Args:
        flips: axes along which half of the images are turned over; null: those of the data set.
        rotations: `90` turns each by none, one, two or three right angles (square images alone), `any` by any angle.
        shift: most that it is moved along each axis, as a share of that side.
        zoom: most that it is enlarged or reduced: 0.1 scales by 1/1.1 … 1.1.
        brightness: most that its light is multiplied or divided by, above 1: 0.2 is 1/1.2 … 1.2; clipped at white.
        noise: standard deviation of normal noise on each value, as a share of the range; clipped to the range.
        outside: what stands where an image was moved away: `mirror` its own border mirrored, `dark` the lowest value.
    """

    flips: Flips | None = None
    rotations: Literal[90, "any"] | None = None
    shift: Annotated[float, Ge(0), Le(0.5)] = 0.0
    zoom: Annotated[float, Interval(ge=0, le=1)] = 0.0
    brightness: Annotated[float, Ge(0), Le(4)] = 0.0
    noise: Annotated[float, Ge(0), Le(0.5)] = 0.0
    outside: Literal["mirror", "dark"] = "mirror"

    def flipped(self, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        """The axes along which images are turned over.

        Args:
            otherwise: those of the data set.
        """
        return otherwise if self.flips is None else AXES[self.flips]

    def check(self, height: int, width: int) -> None:
        """Refuses what images of this size cannot undergo.

        Raises:
            DoesNotFit: right angles where height and width differ.
        """
        if self.rotations == 90 and height != width:
            raise DoesNotFit(
                f"data.augment.rotations: 90 turns a side onto the other, but these images are {height} × {width}: "
                "write `any`, which keeps the frame, make them square (data.size), or turn them over alone (flips)"
            )

    @property
    def resamples(self) -> bool:
        """Whether pixels fall between others, so that they are interpolated."""
        return self.rotations == "any" or self.zoom > 0

    def apply(self, images: Tensor, span: tuple[float, float], rng: torch.Generator) -> Tensor:
        """Everything but the flips, each image on its own, its channels together.

        Args:
            images: (N, C, H, W), floating, within `span`.
            span: the lowest and the highest value.
            rng: draws, on the device of the images.
        """
        count, device = len(images), images.device

        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, *shape, generator=rng, device=device) * 2 - 1  # in [-1, 1)

        quarter = torch.randint(4, (count,), generator=rng, device=device) if self.rotations == 90 else None
        angle = uniform() * pi if self.rotations == "any" else None
        shift = uniform(2) * self.shift if self.shift else None
        zoom = torch.exp(uniform() * torch.tensor(1 + self.zoom).log()) if self.zoom else None
        if quarter is not None:
            images = quarter_turns(images, quarter)
        if self.resamples:
            images = resampled(images, angle, zoom, shift, span[0], self.outside)
        elif shift is not None:
            images = shifted(images, shift, span[0], self.outside)
        if self.brightness:
            factor = torch.exp(uniform() * torch.tensor(1 + self.brightness).log())
            images = (images - span[0]) * factor.reshape(-1, 1, 1, 1) + span[0]
        if self.noise:
            noise = torch.randn(images.shape, generator=rng, device=device, dtype=images.dtype)
            images = images + noise * (self.noise * (span[1] - span[0]))
        return images.clamp(*span) if self.brightness or self.noise or self.resamples else images


def quarter_turns(images: Tensor, turns: Tensor) -> Tensor:
    """Square images (N, C, H, H), each turned by its number of right angles, (N,)."""
    found = images
    for count in (1, 2, 3):
        chosen = (turns == count).reshape(-1, 1, 1, 1)
        found = torch.where(chosen, images.rot90(count, (-2, -1)), found)
    return found


def shifted(images: Tensor, shift: Tensor, dark: float, outside: str) -> Tensor:
    """Images (N, C, H, W) moved by whole pixels.

    Args:
        images: to be moved.
        shift: along y and x, as shares of the sides, (N, 2).
        dark: the value of what comes in with `outside` "dark".
        outside: "mirror" or "dark".
    """
    found = images
    for axis, size in ((-2, images.shape[-2]), (-1, images.shape[-1])):
        moved = (shift[:, axis + 2] * size).round().long()  # (N,)
        place = torch.arange(size, device=images.device) - moved[:, None]  # (N, size)
        inside = (place >= 0) & (place < size)
        mirrored = torch.where(place < 0, -1 - place, torch.where(inside, place, 2 * size - 1 - place))
        index = mirrored.clamp(0, size - 1)
        shape = (len(images), 1, size, 1) if axis == -2 else (len(images), 1, 1, size)
        found = found.gather(axis, index.reshape(shape).expand(found.shape))
        if outside == "dark":
            found = torch.where(inside.reshape(shape), found, torch.as_tensor(dark, dtype=found.dtype))
    return found


def resampled(
    images: Tensor, angle: Tensor | None, zoom: Tensor | None, shift: Tensor | None, dark: float, outside: str
) -> Tensor:
    """Images (N, C, H, W) turned, scaled about their middle, then moved: one bilinear interpolation.

    Args:
        images: to be changed.
        angle: radians, (N,), anticlockwise where y points down the picture; None: none.
        zoom: factors, (N,); above 1 enlarges; None: 1.
        shift: along y and x, as shares of the sides, (N, 2); None: none.
        dark: the value of what comes in with `outside` "dark".
        outside: "mirror" or "dark".
    """
    count, height, width = len(images), images.shape[-2], images.shape[-1]
    zero = torch.zeros(count, dtype=images.dtype, device=images.device)
    angle = zero if angle is None else angle.to(images.dtype)
    scale = zero + 1 if zoom is None else zoom.to(images.dtype)
    shift = torch.stack([zero, zero], 1) if shift is None else shift.to(images.dtype)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    turn = torch.stack([cos, -sin * height / width, sin * width / height, cos], 1).reshape(count, 2, 2)  # x, then y
    move = -turn @ (2 * shift.flip(1))[:, :, None]  # (N, 2, 1): where the middle comes from, in half sides
    grid = functional.affine_grid(torch.cat([turn, move], 2), list(images.shape), align_corners=False)
    if outside == "mirror":
        return functional.grid_sample(images, grid, "bilinear", "reflection", align_corners=False)
    return functional.grid_sample(images - dark, grid, "bilinear", "zeros", align_corners=False) + dark
