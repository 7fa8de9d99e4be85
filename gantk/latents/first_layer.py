"""The first layer of a generator as a matrix: what its latent is multiplied by before anything else happens to it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import call, declares
from gantk.interfaces.optional_members import has_member, member
from gantk.sampling import evaluating

LAYERS = (nn.Linear, nn.modules.conv._ConvNd)
MOST = 2048  # numbers of a latent, each of which takes a forward pass
PROBES = 2  # latents at random on which a layer must be what the matrix says
TOLERANCE = 1e-4


def first_layer(generator: nn.Module, label: int = 0) -> dict[str, tuple[slice, Tensor]]:
    """What multiplies the latent first: name of each part of it to (slice, matrix (F, numbers of the part)).

    Where a generator does not say so itself (`latent_weights`), those linear and convolution layers are taken whose
    output is an affine function of the latent, and each is then held constant: if the samples still change with the
    latent, it has other ways into the net, and there is no such matrix.

    Args:
        generator: with a latent of one axis.
        label: class number, for a generator that takes labels.

    Raises:
        DoesNotFit: it cannot be known.
    """
    own = own_weights(generator)
    if own is None:
        return {"": (slice(None), _found(generator, label))}
    size: int = member(generator, "latent_shape")[0]
    for name, (part, weights) in own.items():
        wanted = len(range(*part.indices(size)))
        if weights.dim() != 2 or weights.shape[1] != wanted:
            raise DoesNotFit(
                f"the `latent_weights` of this generator give a matrix of {tuple(weights.shape)} for the part '{name}' "
                f"of its latent, which has {wanted} numbers: they must be (F, {wanted})"
            )
    return {name: (part, weights.detach().cpu().double()) for name, (part, weights) in own.items()}


def own_weights(generator: nn.Module) -> dict[str, tuple[slice, Tensor]] | None:
    """What a generator, or one that it wraps, says of itself; None where it says nothing."""
    inner: Any = generator
    while not has_member(inner, "latent_weights"):
        inner = member(inner, "passes_on_to")
        if inner is None:
            return None
    return dict(inner.latent_weights())


def _found(generator: nn.Module, label: int) -> Tensor:
    """The matrix (F, D) of all layers that the latent enters first, one below another."""
    size: int = member(generator, "latent_shape")[0]
    if size > MOST:
        raise DoesNotFit(
            f"this latent has {size} numbers: of more than {MOST} the first layer is not looked for; a generator may "
            "say it by `latent_weights`"
        )
    at = next(generator.parameters())
    probes = torch.randn((PROBES, size), generator=torch.Generator().manual_seed(0))
    latents = torch.cat([torch.zeros(1, size), torch.eye(size), probes]).to(at.device, at.dtype)
    weights: list[Tensor] = []

    def looked_at(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        if len(output) != len(latents):
            return None
        rows = (output - output[:1]).flatten(1).double().cpu()  # what each latent adds to what there is without one
        expected = probes.double() @ rows[1 : 1 + size]
        scale = rows.abs().max()
        if scale == 0 or (expected - rows[1 + size :]).abs().max() > TOLERANCE * scale * size**0.5:
            return None
        weights.append(rows[1 : 1 + size].T)
        return output[:1].expand_as(output).clone()

    hooks = [each.register_forward_hook(looked_at) for each in generator.modules() if isinstance(each, LAYERS)]
    given = {"labels": torch.full((len(latents),), label, device=at.device)} if declares(generator, "labels") else {}
    try:
        with evaluating(generator):
            drawn = call(generator, latents, **given)
    finally:
        for hook in hooks:
            hook.remove()
    if not weights or not torch.allclose(drawn, drawn[:1].expand_as(drawn), rtol=0, atol=1e-6):
        raise DoesNotFit(
            "which weights take this generator's latent cannot be known"
            + (": it enters the net elsewhere, too" if weights else ": no linear or convolution layer is given it")
            + "; a generator says so by `latent_weights` (docs/plugins.md), and --dimensions needs none"
        )
    return torch.cat(weights)
