"""Packing: a critic that sees several samples at once, and so whether a generator repeats itself."""

from dataclasses import replace
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.components import Kind
from gantk.errors import DoesNotFit
from gantk.interfaces import declares
from gantk.spec import DataSpec


class Packed(nn.Module):
    """A critic that judges `samples` samples of a batch together, all real or all generated, as one of more channels.

    A generator that covers few modes gives itself away: its packs are less diverse than real ones. Every sample of a
    pack has the score of the pack, so that any loss works that looks at scores alone, and means are those over packs.
    The batch is cut into packs in its order; the last pack is filled up with the first samples. The inner critic is
    built for the packed data: m samples of C channels are one of m·C; units stay apart. It takes no labels. R1 of
    basics/gan sees the gradient of the summed scores, m times that of the pack's.

    Lin et al. 2018, "PacGAN: the power of two samples in generative adversarial networks".

    Args:
        spec: what one sample is.
        critic: the critic of packs.
        samples: how many samples are in a pack (m of the paper).
    """

    batch_statistics = True

    def __init__(self, spec: DataSpec, *, critic: Annotated[Any, Kind("critic")], samples: Annotated[int, Ge(2)] = 2):
        super().__init__()
        self.critic = critic
        self.samples = samples
        self.unit_axes = spec.unit_axes
        if declares(critic, "condition") or declares(critic, "latent"):
            raise DoesNotFit("basics/packed hands on samples alone: choose a critic that takes no condition or latent")

    @staticmethod
    def inner_spec(spec: DataSpec, *, samples: int, **parameters: Any) -> DataSpec:
        """What one pack is: `samples` samples side by side along their first own axis.

        Args:
            spec: what one sample is.
            samples: how many are in a pack.
            parameters: the other ones, which change nothing.
        """
        at = spec.unit_axes
        shape = (*spec.shape[:at], samples * spec.shape[at], *spec.shape[at + 1 :])
        names = {axis: entries for axis, entries in spec.names.items() if axis != spec.axes[at]}
        return replace(spec, shape=shape, names=names, classes=(), categorical=False)

    def pack(self, samples: Tensor) -> Tensor:
        """(B, *units, C, …) to (⌈B/m⌉, *units, m·C, …)."""
        missing = -len(samples) % self.samples
        filled = torch.cat([samples, samples.repeat(missing, *[1] * (samples.dim() - 1))[:missing]])
        packs = filled.reshape(-1, self.samples, *samples.shape[1:])  # (P, m, *units, C, …)
        return packs.movedim(1, 1 + self.unit_axes).flatten(1 + self.unit_axes, 2 + self.unit_axes)

    def forward(self, samples: Tensor) -> Tensor:
        """Scores, (B, *units) or (B, *units, *patches), those of the pack."""
        return self._each(self.critic(self.pack(samples)), len(samples))

    def _each(self, of_packs: Tensor, count: int) -> Tensor:
        return of_packs.repeat_interleave(self.samples, dim=0)[:count]
