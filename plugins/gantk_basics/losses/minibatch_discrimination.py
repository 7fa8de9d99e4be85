"""Minibatch discrimination: the critic sees how close a sample is to the others of its batch."""

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, declares, feature_count, member
from gantk.spec import DataSpec
from gantk_basics.nets.layers import UnitLinear


class MinibatchCritic(nn.Module):
    """A critic whose features are joined by their closeness to the other samples' features, then scored anew.

    With M_i = f(x_i) T, (kernels, dims): o(x_i)_b = Σ_j exp(-‖M_ib - M_jb‖₁), over all samples j of the batch.

    Args:
        critic: has `features`; its head, where it is a module, is replaced by this one's.
        spec: what one sample is.
        kernels: how many closeness features.
        dims: length of the vectors that are compared.
    """

    batch_statistics = True
    critic: Any  # an nn.Module with `features`

    def __init__(self, critic: nn.Module, spec: DataSpec, kernels: int, dims: int):
        super().__init__()
        count = feature_count(critic, spec)
        at = next(critic.parameters()).device
        self.kernels = kernels
        self.units = spec.units
        self.critic = critic
        if isinstance(member(critic, "head"), nn.Module):
            critic.head = nn.Identity()  # its weights would never be trained
        self.kernel = UnitLinear(spec.units, count, kernels * dims, bias=False, device=at)  # T of the paper
        self.linear = UnitLinear(spec.units, count + kernels, 1, device=at)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *units, F + kernels): the critic's features, and how close each sample is to its batch."""
        features = self.critic.features(samples)  # (B, *units, F)
        return torch.cat([features, closeness(self.kernel(features), self.kernels)], dim=-1)

    def head(self, features: Tensor) -> Tensor:
        """(B, *units) scores."""
        return self.linear(features).squeeze(-1)

    def forward(self, samples: Tensor) -> Tensor:
        """Scores, (B, *units)."""
        return self.head(self.features(samples))


def closeness(vectors: Tensor, kernels: int) -> Tensor:
    """o(x_i)_b = Σ_j exp(-‖M_ib - M_jb‖₁), each unit on its own: (B, *units, kernels · dims) to (B, *units, kernels).

    Args:
        vectors: the M of all kernels, side by side.
        kernels: how many there are.
    """
    compared = vectors.unflatten(-1, (kernels, -1)).movedim(-1, 0).movedim(1, -1)  # (dims, *units, kernels, B)
    compared = compared.contiguous()
    apart = (compared.unsqueeze(-1) - compared.unsqueeze(-2)).abs().sum(0)  # (*units, kernels, B, B)
    return torch.exp(-apart).sum(-1).movedim(-1, 0)


class MinibatchDiscrimination(LossWrapper):
    """Another loss, under a critic that sees how close the samples of a batch are to each other.

    A generator that makes one sample over and over gives itself away. Real and fake batches go through the critic
    apart. The critic must be written as head(features(samples)); the head is replaced by a linear one, started anew.

    Salimans et al. 2016, section 3.2.

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
        kernels: how many closeness features are added for each unit (B in the paper).
        dims: length of the vectors that are compared (C in the paper).
    """

    cross_sample = True

    def __init__(self, *, loss: Loss, kernels: Annotated[int, Ge(1)] = 50, dims: Annotated[int, Ge(1)] = 5):
        super().__init__(loss)
        self.kernels = kernels
        self.dims = dims

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """The generator as the inner loss prepares it; the critic wrapped.

        Raises:
            DoesNotFit: the critic has no features, or is told the class, which the new head would not be.
        """
        if declares(critic, "labels"):
            raise DoesNotFit(
                "basics/minibatch_discrimination gives the critic a new head, which is not told the class of a sample, "
                "and this critic is: give it `labels: none`, or take the inner loss alone"
            )
        return super().prepare(generator, MinibatchCritic(critic, spec, self.kernels, self.dims), spec)
