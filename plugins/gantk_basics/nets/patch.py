"""A critic of overlapping patches (Isola et al. 2017, section 3.2.2 and 6.1.2)."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_basics.nets.translation import Normalisation, is_two_domains, normalised, start

Patch = Literal[1, 16, 34, 70, 142, 286]
HALVINGS = {16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


class PatchCritic(nn.Module):
    """Scores overlapping patches, beside what they were made from; of samples with units a critic for each.

    4 x 4 convolutions, those of stride 2 first: C64-C128-C256-C512 and one score for patches of 70 pixels, fewer
    layers for smaller ones; patches of 1 pixel by 1 x 1 convolutions.

    Args:
        spec: what one sample is: images.
        patch: side of a patch, pixels; null: 70 for images of 128 pixels and more, 34 from 64, 16 below.
        width: channels of the first layer; they double up to eight times that.
        normalisation: of all layers but the first and the last.
        conditional: whether it sees the condition beside the sample; null: where there is one of the same height and
            width that is not the sample itself.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        patch: Patch | None = None,
        width: Annotated[int, Ge(1)] = 64,
        normalisation: Normalisation = "batch",
        conditional: bool | None = None,
    ):
        super().__init__()
        own, given = spec.own_shape, spec.condition_shape
        if spec.unit_axes > 1 or len(own) != 3 or spec.categorical:
            raise DoesNotFit(
                f"basics/patch scores images (channel, y, x), perhaps several as units, not {spec.shape}; "
                "basics/mlp takes any shape"
            )
        beside = not spec.unit_axes and given is not None and len(given) == 3 and given[1:] == own[1:]
        if conditional and (not beside or is_two_domains(spec)):
            raise DoesNotFit(
                f"basics/patch can see a condition of the same height and width beside a sample, but samples are "
                f"{spec.shape} and their condition is {given}; leave `conditional` out"
            )
        shorter = min(own[1:])
        self.patch: int = patch or (70 if shorter >= 128 else 34 if shorter >= 64 else 16)
        least = 1 if self.patch == 1 else 3 * 2 ** HALVINGS[self.patch]
        if shorter < least:
            smaller = ", ".join(str(side) for side in (1, *HALVINGS) if side < self.patch)
            raise DoesNotFit(
                f"basics/patch with patches of {self.patch} pixels needs images of {least} pixels or more, not "
                f"{own[1]} x {own[2]}: choose {smaller}" + ("" if patch else ", or larger tiles")
            )
        self.given = given[0] if given is not None and beside and conditional is not False else 0
        inputs = own[0] + self.given
        self.units = spec.unit_axes
        self.towers = nn.ModuleList(_tower(inputs, self.patch, width, normalisation) for _ in range(spec.unit_count))
        self.apply(start)

    def forward(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """(B, *spec.shape), beside (B, *spec.condition_shape) where it sees that, to scores (B, *units, h, w)."""
        if self.units:
            parts = [tower(each).squeeze(1) for tower, each in zip(self.towers, samples.unbind(1), strict=True)]
            return torch.stack(parts, 1)
        if self.given:
            assert condition is not None
            samples = torch.cat([condition, samples], 1)
        return self.towers[0](samples).squeeze(1)


def _tower(inputs: int, patch: int, width: int, normalisation: Normalisation) -> nn.Sequential:
    """One critic, (B, C, H, W) to (B, 1, h, w)."""
    if patch == 1:
        return nn.Sequential(
            nn.Conv2d(inputs, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 1),
            *normalised(normalisation, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 1),
        )
    layers: list[nn.Module] = []
    halvings = HALVINGS[patch]
    for level in range(halvings + 1):
        outputs = width * min(2**level, 8)
        layers.append(nn.Conv2d(inputs, outputs, 4, 2 if level < halvings else 1, 1))
        layers += [*normalised(normalisation if level else "none", outputs), nn.LeakyReLU(0.2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, 1, 1))
