"""An autoencoder as critic, and its decoder as a generator of uniform latents: what BEGAN and EBGAN share."""

from math import prod
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import into_range
from gantk.spec import DataSpec

Size = Annotated[int, Ge(1)]


def decoder(spec: DataSpec, codes: int, width: int) -> nn.Sequential:
    """Dense layers from codes (B, codes) to raw values (B, prod(spec.shape)).

    Args:
        spec: what one sample is.
        codes: numbers in.
        width: numbers of the hidden layer.
    """
    return nn.Sequential(nn.Linear(codes, width), nn.ELU(), nn.Linear(width, prod(spec.shape)))


class UniformGenerator(nn.Module):
    """The decoder of the autoencoder, as a generator of its own; latents are uniform in [-1, 1].

    Berthelot et al. 2017, section 3.5.

    Args:
        spec: what one sample is.
        latent: length of the latent.
        width: numbers of the hidden layer.
    """

    def __init__(self, spec: DataSpec, *, latent: Size = 16, width: Size = 128):
        super().__init__()
        if spec.categorical:
            raise DoesNotFit("basics/uniform makes continuous samples; use basics/mlp for one-hot ones")
        self.spec = spec
        self.latent_shape = (latent,)
        self.layers = decoder(spec, latent, width)

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor:
        """(n, latent), uniform in [-1, 1]."""
        return 2 * torch.rand(n, *self.latent_shape, generator=rng, device=rng.device) - 1

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, *spec.shape)."""
        raw = self.layers(latent).reshape(-1, *self.spec.shape)
        return into_range(raw, self.spec, "sigmoid")


class Autoencoder(nn.Module):
    """A critic whose score is how badly it fails to reconstruct a sample, with a minus: high for what it knows.

    The error is the mean over the values of a sample of |v - D(v)| (Berthelot et al. 2017, equation 1) or of
    (v - D(v))² (Zhao et al. 2017, section 2.3, who take the norm).

    Args:
        spec: what one sample is.
        codes: numbers between encoder and decoder.
        width: numbers of each hidden layer.
        error: the error's form.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        codes: Size = 16,
        width: Size = 128,
        error: Literal["absolute", "squared"] = "absolute",
    ):
        super().__init__()
        if spec.unit_axes:
            raise DoesNotFit("basics/autoencoder scores whole samples, not units; use basics/mlp")
        self.error = error
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(spec.shape), width), nn.ELU(), nn.Linear(width, codes)
        )
        self.decoder = decoder(spec, codes, width)

    def encode(self, samples: Tensor) -> Tensor:
        """The codes: (B, *spec.shape) to (B, codes)."""
        return self.encoder(samples)

    def reconstruct(self, samples: Tensor) -> Tensor:
        """D(v): (B, *spec.shape) to the same."""
        return self.decoder(self.encode(samples)).reshape(samples.shape)

    def forward(self, samples: Tensor) -> Tensor:
        """Minus the error: (B, *spec.shape) to (B,)."""
        apart = (samples - self.reconstruct(samples)).flatten(1)
        return -(apart.abs() if self.error == "absolute" else apart.square()).mean(1)
