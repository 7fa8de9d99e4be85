"""Rules of losses that put an encoder round the generator: latents that can be drawn from, and nearer samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantk.interfaces import call_encode, draw_latent, has_member
from gantk.testing.rule import demand, demand_shape, rule
from gantk.testing.rules.losses import STEPS_OWN, terms_of, with_any
from gantk.testing.rules.own_nets import Match, play_of, real_batch, sides
from gantk.testing.subject import Subject
from gantk.testing.toys import BATCH
from gantk.training.state import trainable_parameters


def _encoded(match: Match, real: Tensor) -> Tensor:
    labels = play_of(match, "generator", real).labels
    with torch.no_grad():
        return call_encode(match.generator.eval(), real, labels)


@rule(
    "encode",
    "loss",
    says="Where it puts an encoder round the generator, `encode(samples)` gives latents of the generator's shape, and "
    "the same ones when asked again.",
)
def encode(subject: Subject) -> None:
    """Latents of a batch, twice; with those that the generator draws for itself beside them."""
    match = with_any(subject)
    generator, real = match.generator, real_batch(match)
    if not has_member(generator, "encode"):
        return
    latents = _encoded(match, real)
    drawn = draw_latent(generator, BATCH, torch.Generator().manual_seed(0))
    demand(drawn is not None, "an encoder round a generator that takes latents", "one that takes none")
    assert drawn is not None
    demand_shape(latents, tuple(drawn.shape), "encode(samples)")
    same = torch.equal(latents, _encoded(match, real))
    demand(same, "the same latents of the same samples (the mean of a distribution, not a draw)", "others")


@rule(
    "reconstruction",
    "loss",
    says="Where it puts an encoder round the generator and has no critic, its updates bring what is made of the "
    "latents of real samples nearer to them.",
)
def reconstruction(subject: Subject) -> None:
    """The squared distance of samples from what becomes of them, before and after some updates."""
    match = with_any(subject)
    generator, real = match.generator, real_batch(match)
    if "critic" in sides(subject) or not has_member(generator, "encode"):
        return
    before = _distance(match, real)
    trained = trainable_parameters(match.generator, match.loss, "with_generator")
    optimizer = torch.optim.Adam(trained, lr=0.01)
    for step in range(STEPS_OWN):
        optimizer.zero_grad()
        terms = terms_of(match.loss, "generator", play_of(match, "generator", real, step))
        torch.stack(tuple(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    after = _distance(match, real)
    demand(after < before, f"samples nearer than {before:.3g} after {STEPS_OWN} updates", f"{after:.3g}")


def _distance(match: Match, real: Tensor) -> float:
    latents = _encoded(match, real)
    with torch.no_grad():
        made = play_of(match, "generator", real).generate(latents)
    match.generator.train()
    return (made - real).square().mean().item()
