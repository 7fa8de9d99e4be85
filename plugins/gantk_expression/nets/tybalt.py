"""The encoder and the decoder of Tybalt, one dense layer each."""

from __future__ import annotations

from math import prod
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import into_range
from gantk.spec import DataSpec

Count = Annotated[int, Ge(1)]


def _glorot(layer: nn.Linear) -> nn.Linear:
    """The layer with Glorot's uniform weights and biases of 0, with which Keras starts."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class TybaltEncoder(nn.Module):
    """Mean and log variance of the latents: for each, a dense layer, batch normalisation and ReLU.

    Both heads end in ReLU, so means are 0 or more, and standard deviations 1 or more: no posterior is ever narrower
    than the prior N(0, I). Batch normalisation is Keras's (momentum .99, ε .001), and so are the starting weights.

    Way & Greene 2018, section 2.2, and its public code.

    Args:
        spec: what one sample is.
        latent: how many latents.
    """

    def __init__(self, spec: DataSpec, *, latent: Count = 100):
        super().__init__()
        size = prod(spec.shape)
        self.mean = _glorot(nn.Linear(size, latent))
        self.mean_norm = nn.BatchNorm1d(latent, eps=1e-3, momentum=0.01)
        self.log_variance = _glorot(nn.Linear(size, latent))
        self.log_variance_norm = nn.BatchNorm1d(latent, eps=1e-3, momentum=0.01)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, 2 · latent): the means, then the logarithms of the variances."""
        flat = samples.flatten(1)
        mean = self.mean_norm(self.mean(flat)).relu()
        return torch.cat([mean, self.log_variance_norm(self.log_variance(flat)).relu()], 1)


class TybaltDecoder(nn.Module):
    """One dense layer from the latents to the genes, and a sigmoid: its weights say which genes a latent stands for.

    Way & Greene 2018, section 2.2.

    Args:
        spec: what one sample is; its numbers have a range, to which the sigmoid is scaled (transform: unit).
        latent: how many latents.
    """

    def __init__(self, spec: DataSpec, *, latent: Count = 100):
        super().__init__()
        if spec.range is None or spec.categorical:
            raise DoesNotFit(
                "the decoder of Tybalt ends in a sigmoid, and these data have no range: transform them to 0 … 1 "
                "(data.transform: [unit]), or take basics/mlp"
            )
        self.spec = spec
        self.latent_shape = (latent,)
        self.layer = _glorot(nn.Linear(latent, prod(spec.shape)))

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, *spec.shape)."""
        return into_range(self.layer(latent).reshape(-1, *self.spec.shape), self.spec, "sigmoid")
