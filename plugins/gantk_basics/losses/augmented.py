"""Differentiable augmentation of images, in every term of a loss: flips, turns, shifts, zoom, light, noise, cutout."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Interval, Le
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play
from gantk.spec import DataSpec
from gantk_basics.image_augmentation import AXES, Flips
from gantk_basics.losses.augmenting import MOST, USUAL, Adapt, AugmentedLoss


@dataclass(frozen=True, kw_only=True)
class ImagePolicy:
    """What may be done to each image that a critic sees. Each change is made, or not, on its own.

    Args:
        flips: axes along which half of those that are changed are turned over.
        rotations: `90` turns by none, one, two or three right angles (square images alone), `any` by any angle.
        shift: most that it is moved along each axis, as a share of that side.
        zoom: most that it is enlarged or reduced: 0.1 scales by 1/1.1 … 1.1.
        brightness: most that its light is multiplied or divided by, above 1: 0.2 is 1/1.2 … 1.2; nothing is clipped.
        noise: standard deviation of normal noise on each value, as a share of the range.
        cutout: side of a rectangle that is made dark, as a share of the image's sides.
        outside: what stands where an image was moved away: `mirror` its own border mirrored, `dark` the lowest value.
    """

    flips: Flips = "none"
    rotations: Literal[90, "any"] | None = None
    shift: Annotated[float, Ge(0), Le(0.5)] = 0.125
    zoom: Annotated[float, Interval(ge=0, le=1)] = 0.2
    brightness: Annotated[float, Ge(0), Le(4)] = 0.2
    noise: Annotated[float, Ge(0), Le(0.5)] = 0.0
    cutout: Annotated[float, Ge(0), Le(0.75)] = 0.0
    outside: Literal["mirror", "dark"] = "mirror"

    @property
    def moves(self) -> bool:
        """Whether pixels change places."""
        return bool(AXES[self.flips] or self.rotations or self.shift or self.zoom or self.cutout)

    def check(self, spec: DataSpec, conditional: bool) -> None:
        """Refuses what cannot be changed so.

        Raises:
            DoesNotFit: no images, right angles of oblong ones, or a condition that would not be moved along.
        """
        if len(spec.own_shape) != 3 or spec.axes[-2:] != ("y", "x") or spec.categorical:
            raise DoesNotFit(
                f"basics/augmented changes images (channel, y, x), and samples here are {spec.axes}: for sequences of "
                "bases take dna/augmented, for others the loss without it"
            )
        height, width = spec.own_shape[-2:]
        if self.rotations == 90 and height != width:
            raise DoesNotFit(
                f"loss.policy.rotations: 90 turns a side onto the other, but these images are {height} × {width}: "
                "write `any`, which keeps the frame, make them square, or turn them over alone (flips)"
            )
        if conditional and self.moves and len(spec.condition_shape or ()) > 1:
            raise DoesNotFit(
                "basics/augmented would move the image and not the condition that the critic sees beside it: take "
                "data.augment, or a policy of brightness and noise alone (flips: none, shift: 0, zoom: 0)"
            )

    def draw(self, play: Play, probability: Tensor) -> dict[str, Tensor]:
        """Of each row of the batch: a map (B, 2, 3) from a pixel's place to where it comes from, and the rest.

        Args:
            play: draws.
            probability: with which each change is made.
        """
        height, width = play.spec.own_shape[-2:]
        size = play.batch
        made = play.uniform(size, 8, purpose="augmentation, whether") < probability  # one coin for each change
        drawn = play.uniform(size, 9, purpose="augmentation, how")
        found: dict[str, Tensor] = {}
        if self.moves:
            found["map"] = self._map(made, drawn, height, width)
        if self.brightness:
            factor = torch.exp((2 * drawn[:, 6] - 1) * torch.tensor(1 + self.brightness).log())
            found["factor"] = torch.where(made[:, 5], factor, 1.0)
        if self.noise:
            noise = play.normal(size, *play.spec.shape, purpose="augmentation, noise")
            found["noise"] = noise * made[:, 6].reshape(-1, *[1] * len(play.spec.shape))
        if self.cutout:
            corner = drawn[:, 7:9] * (1 - self.cutout)  # of the height and of the width
            found["dark"] = torch.where(made[:, 7, None], corner, 2.0)  # 2: outside
        return found

    def _map(self, made: Tensor, drawn: Tensor, height: int, width: int) -> Tensor:
        one = torch.ones(len(drawn), device=drawn.device)
        turned_over = {
            axis: torch.where(made[:, place] & (drawn[:, place] < 0.5) & (axis in AXES[self.flips]), -one, one)
            for place, axis in enumerate(("y", "x"))
        }
        zoom = torch.exp((2 * drawn[:, 2] - 1) * torch.tensor(1 + self.zoom).log())
        zoom = torch.where(made[:, 2], zoom, one)
        cos, sin = one, torch.zeros_like(one)
        if self.rotations == 90:
            quarters = (drawn[:, 3] * 4).floor().long() * made[:, 3]
            cos, sin = (torch.tensor(each, device=one.device)[quarters] for each in ([1.0, 0, -1, 0], [0.0, 1, 0, -1]))
        elif self.rotations == "any":
            angle = torch.where(made[:, 3], (2 * drawn[:, 3] - 1) * pi, 0.0)
            cos, sin = angle.cos(), angle.sin()
        down = ((2 * drawn[:, 4] - 1) * (self.shift * height)).round() * made[:, 4]
        right = ((2 * drawn[:, 5] - 1) * (self.shift * width)).round() * made[:, 4]
        rows = [turned_over["y"] * cos / zoom, turned_over["y"] * sin / zoom]
        columns = [-turned_over["x"] * sin / zoom, turned_over["x"] * cos / zoom]
        found = torch.stack([torch.stack(rows, 1), torch.stack(columns, 1)], 1)  # (B, 2, 2), y before x
        return torch.cat([found, -found @ torch.stack([down, right], 1)[:, :, None]], 2)

    def apply(self, samples: Tensor, drawn: dict[str, Tensor], spec: DataSpec) -> Tensor:
        """Images changed as drawn, all units and channels of a sample alike.

        Args:
            samples: (B, *spec.shape).
            drawn: from `draw`.
            spec: what one sample is.
        """
        low, high = spec.range or (0.0, 1.0)
        images = samples.reshape(len(samples), -1, *samples.shape[-2:])
        if "map" in drawn:
            images = moved(images, drawn["map"], low if self.outside == "dark" else None)
        if "factor" in drawn:
            images = (images - low) * drawn["factor"].to(images.dtype).reshape(-1, 1, 1, 1) + low
        if "noise" in drawn:
            images = images + drawn["noise"].to(images.dtype).reshape(images.shape) * (self.noise * (high - low))
        if "dark" in drawn:
            images = torch.where(rectangles(drawn["dark"], self.cutout, images), low, images)
        return images.reshape(samples.shape)


def rectangles(corners: Tensor, side: float, images: Tensor) -> Tensor:
    """Which pixels lie in a rectangle, (N, 1, H, W).

    Args:
        corners: upper and left border, as shares of height and width, (N, 2).
        side: of the rectangle, as a share.
        images: (N, C, H, W).
    """
    within = []
    for place, size in enumerate(images.shape[-2:]):
        at = (torch.arange(size, device=images.device) + 0.5) / size - corners[:, place, None]
        within.append((at >= 0) & (at < side))
    return (within[0][:, :, None] & within[1][:, None, :])[:, None]


def moved(images: Tensor, maps: Tensor, dark: float | None) -> Tensor:
    """Images (N, C, H, W), each pixel taken from its place in the map, between pixels by bilinear interpolation.

    Unlike with `grid_sample` gradients can be differentiated as often as penalties like. An image that stays in its
    place stays as it is.

    Args:
        images: to be moved.
        maps: (N, 2, 3), y before x: place seen from the middle to the place that it comes from, in pixels.
        dark: the value outside; None: images are mirrored at their borders.
    """
    half = torch.tensor([side / 2 for side in images.shape[-2:]], dtype=images.dtype, device=images.device)
    exact = maps.to(images.dtype)
    turn = (exact[:, :, :2] * half / half[:, None]).flip(1, 2)  # x before y, in half sides, as affine_grid has it
    theta = torch.cat([turn, (exact[:, :, 2] / half).flip(1)[:, :, None]], 2)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    if dark is None:
        found = Interpolated.apply(images, grid, REFLECTED)
    else:
        found = Interpolated.apply(images - dark, grid, ZEROS) + dark
    stays = (maps == torch.eye(2, 3, dtype=maps.dtype, device=maps.device)).all(2).all(1)
    result: Tensor = torch.where(stays.reshape(-1, 1, 1, 1), images, found)
    return result


ZEROS, REFLECTED = 0, 2  # torch's numbers of paddings
BILINEAR = 0


class Interpolated(Function):
    """images, grid, padding → `grid_sample` of them, which is linear in the images: so is its gradient, and so on."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape, ctx.padding = images.shape, padding
        return torch.grid_sampler(images, grid, BILINEAR, padding, False)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return Spread.apply(grad_output, grid, ctx.padding, ctx.shape), None, None


class Spread(Function):
    """gradient, grid, padding, shape of the images → the transpose of `Interpolated`, whose transpose is that."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, padding: int, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.padding = padding
        images = gradient.new_zeros(shape)  # their values do not matter
        backward = torch.ops.aten.grid_sampler_2d_backward
        found: Tensor = backward(gradient, images, grid, BILINEAR, padding, False, [True, False])[0]
        return found

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None, None]:
        (grid,) = ctx.saved_tensors
        return Interpolated.apply(grad_output, grid, ctx.padding), None, None, None


class Augmented(AugmentedLoss):
    """Another loss, whose critic never sees images as they are: for data of some hundred images.

    Real and generated samples are changed at random before the critic in every term of both sides, penalties included,
    and gradients go through the changes to the generator, so that it learns images as they are. All units of a sample
    are changed alike, and row i of a batch in the same way wherever it is scored.

    Each change is made with `probability`, at most 0.8: if all samples were changed, the critic could not tell which
    way up real ones are, and the generator would not learn it. `adapt` raises the probability while the critic
    overfits more than `target` says, and lowers it otherwise: `signs` measures E sign(D(x)) of training samples (a
    critic that knows them by heart: 1), `validation` (E D(train) - E D(validation)) / (E D(train) - E D(generated)),
    which has neither offset nor scale and suits every loss.

    Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"; adaptive: Karras et al. 2020,
    "Training generative adversarial networks with limited data", equation 1.

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
        policy: what is done to images.
        probability: with which each change is made, from the start; null: 0.5, and 0 where it adapts.
        adapt: what steers the probability.
        target: of what `adapt` measures.
        span: samples seen in training in which the probability could go from 0 to 1.
    """

    def __init__(
        self,
        *,
        loss: Loss,
        policy: ImagePolicy | None = None,
        probability: Annotated[float, Interval(ge=0, le=MOST)] | None = None,
        adapt: Adapt = "none",
        target: Annotated[float, Interval(ge=0, le=1)] = 0.6,
        span: Annotated[int, Ge(1)] = 50_000,
    ):
        start = (USUAL if adapt == "none" else 0.0) if probability is None else probability
        super().__init__(loss, policy or ImagePolicy(), probability=start, adapt=adapt, target=target, span=span)
