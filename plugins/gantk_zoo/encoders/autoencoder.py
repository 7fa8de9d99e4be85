"""Autoencoder: the nets of a VAE without its prior (Hinton & Salakhutdinov 2006)."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, declares, has_member, member
from gantk.sampling import evaluating
from gantk.spec import DataSpec
from gantk_zoo.encoders.bigan import Bidirectional


class Autoencoder(Loss):
    """Generator and encoder make of a sample the sample itself: E‖x - G(E(x))‖², summed over all numbers of a sample.

    The narrow place between them, the latent, is all that holds them back; there is no critic (`critic: null`) and no
    prior. So latents from N(0, I) are not where samples lie, and what is drawn from them need not look like any: for
    samples choose zoo/vae. The encoder is for representations (zoo/features). With linear nets the error that is left
    is that of as many principal components (Baldi & Hornik 1989).

    Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; without their pretraining.

    Args:
        encoder: samples to latents, as a nested `use:`.
    """

    def __init__(self, *, encoder: nn.Module):
        super().__init__()
        self._given = [encoder]  # in a list, so that it is a submodule of the generator alone

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, None]:
        """The generator together with the encoder.

        Raises:
            DoesNotFit: a critic, or a generator whose input is not one latent that an encoder can give.
        """
        if generator is None or critic is not None:
            raise DoesNotFit("zoo/autoencoder trains a generator and no critic: write critic: null")
        if member(generator, "latent_shape") is None or has_member(generator, "draw_latent"):
            raise DoesNotFit("zoo/autoencoder needs a generator with one latent, such as basics/mlp")
        if declares(generator, "condition") or (declares(generator, "labels") and spec.classes):
            raise DoesNotFit(
                "the encoder of zoo/autoencoder is told neither class nor condition: choose a generator that takes "
                "none, such as basics/mlp with labels: none"
            )
        if spec.categorical:
            raise DoesNotFit("zoo/autoencoder measures squared errors, which letters (one-hot data) do not have")
        (encoder,) = self._given
        latent: tuple[int, ...] = member(generator, "latent_shape")
        with evaluating(encoder):
            found = tuple(encoder(torch.zeros((2, *spec.shape), device=next(generator.parameters()).device)).shape[1:])
        if found != latent:
            raise DoesNotFit(
                f"the encoder of zoo/autoencoder gives {found} and the generator takes {latent}: "
                f"write outputs: {prod(latent)} for the encoder, of a generator with a flat latent"
            )
        return Bidirectional(generator, encoder), None

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """`reconstruction`: the squared error, summed over a sample and averaged over the batch."""
        coded: Any = play.generator
        made = play.generate(coded.encode(play.real))
        precise = torch.promote_types(made.dtype, torch.float32)
        return {"reconstruction": (play.real.to(precise) - made.to(precise)).square().flatten(1).sum(1).mean()}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(1e-3), as zoo/vae."""
        return {"generator_optimizer": {"use": "basics/adam", "lr": 1e-3}}
