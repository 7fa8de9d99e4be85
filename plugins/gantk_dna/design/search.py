"""Searching sequences that score high: on free logits, in the latents of a generator, by feedback, by hill climbing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval
from gantk_basics.optimizers import Adam
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk import console
from gantk.interfaces import call, draw_latent
from gantk.sampling import draw
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, train
from gantk_dna.alphabet import BASES, hard_codes, one_hot
from gantk_dna.codes import Codes
from gantk_dna.data.onehot import OneHot
from gantk_dna.design.constraints import Rules

Score = Callable[[Tensor], Tensor]
"""Samples (B, 4 + annotation, L) to scores (B,): higher is better."""

CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Search:
    """How designs are searched for.

    Args:
        method: activation: gradients on free logits of each letter; joint: gradients on the latents of the generator
            (Killoran et al. 2017); feedback: the generator learns from its own best (Gupta & Zou 2019).
        designs: how many are wanted.
        candidates: how many are searched for, of which the best ones that meet the constraints are kept.
        steps: gradient steps (activation, joint).
        lr: their length, by Adam.
        prior: weight of (|z| - √d)² / 2, which keeps latents as far from 0 as those that the generator was trained on.
        temperature: of the softmax over letters, at first and in the end (activation).
        rounds: of feedback.
        round_steps: training steps in a round.
        pool: sequences drawn and scored in a round.
        keep: share of them that joins the training sequences, in place of the oldest.
        window: training sequences that feedback starts from.
        seed: of everything that the search draws; null: that of the recipe. Another one gives other designs.
    """

    method: Literal["activation", "joint", "feedback"] = "joint"
    designs: Annotated[int, Ge(1)] = 50
    candidates: Annotated[int, Ge(1)] = 150
    steps: Annotated[int, Ge(0)] = 200
    lr: Annotated[float, Gt(0)] = 0.05
    prior: Annotated[float, Ge(0)] = 1.0
    temperature: tuple[Annotated[float, Gt(0)], Annotated[float, Gt(0)]] = (1.0, 0.2)
    rounds: Annotated[int, Ge(1)] = 20
    round_steps: Annotated[int, Ge(1)] = 50
    pool: Annotated[int, Ge(2)] = 1000
    keep: Annotated[float, Interval(gt=0, le=1)] = 0.1
    window: Annotated[int, Ge(16)] = 2000
    seed: Annotated[int, Ge(0)] | None = None


@dataclass
class Found:
    """What a search found.

    Args:
        codes: (N, L), hard letters.
        soft: (N,) scores of the soft samples that they were read from.
        latent_norms: (N,) |z| / √d of their latents, or None.
        scored: how many sequences were scored to find them.
    """

    codes: Codes
    soft: NDArray[np.float64]
    latent_norms: NDArray[np.float64] | None
    scored: int


def scores_of(codes: Codes, score: Score, channels: int = BASES) -> NDArray[np.float64]:
    """Scores of hard sequences: (N,).

    Args:
        codes: (N, L).
        score: the objective.
        channels: of a sample; annotation behind the bases is 0.
    """
    parts = []
    with torch.no_grad():
        for part in torch.from_numpy(codes).split(CHUNK):
            samples = one_hot(part)
            empty = samples.new_zeros(len(samples), channels - BASES, samples.shape[2])
            parts.append(score(torch.cat([samples, empty], 1)).double().numpy())
    return np.concatenate(parts) if parts else np.zeros(0)


def activation(
    score: Score, rules: Rules, spec: DataSpec, settings: Search, rng: torch.Generator, title: str = "searching"
) -> Found:
    """Activation maximisation: gradient ascent on the logits of every letter, from random ones."""
    logits = torch.randn((settings.candidates, *spec.shape), generator=rng).requires_grad_()
    optimizer = Adam([logits], lr=settings.lr)
    start, end = settings.temperature

    def soft(step: int) -> Tensor:
        temperature = start * (end / start) ** (step / max(settings.steps, 1))
        letters = (logits[:, :BASES] / temperature).softmax(1)
        return rules.impose(torch.cat([letters, logits[:, BASES:].sigmoid()], 1))

    with console.training(0, settings.steps, title) as display:
        for step in range(settings.steps):
            optimizer.zero_grad()
            scores = score(soft(step))
            (-scores.sum()).backward()
            optimizer.step()
            _show(display, step + 1, settings.steps, scores)
    return _read(soft(settings.steps).detach(), score, None, settings.candidates * settings.steps)


def joint(score: Score, rules: Rules, generator: nn.Module, settings: Search, rng: torch.Generator) -> Found:
    """The joint method: gradient ascent on latents, so that the score of G(z) rises while |z| stays typical."""
    start = draw_latent(generator, settings.candidates, rng)
    assert start is not None
    latent = start.clone().requires_grad_()
    optimizer = Adam([latent], lr=settings.lr)
    was_training = generator.training
    frozen = [parameter for parameter in generator.parameters() if parameter.requires_grad]
    generator.eval()
    for parameter in frozen:
        parameter.requires_grad_(False)
    with console.training(0, settings.steps, "searching") as display:
        for step in range(settings.steps):
            optimizer.zero_grad()
            scores = score(rules.impose(call(generator, latent)))
            (prior_penalty(latent, settings.prior) - scores).sum().backward()
            optimizer.step()
            _show(display, step + 1, settings.steps, scores)
    latent = latent.detach()
    with torch.no_grad():
        samples = rules.impose(call(generator, latent))
    for parameter in frozen:
        parameter.requires_grad_(True)
    generator.train(was_training)
    return _read(samples, score, latent, settings.candidates * settings.steps)


def _show(display: console.Training, step: int, steps: int, scores: Tensor) -> None:
    """Shows how far the search is, and the mean score of its soft samples."""
    if step % 10 == 0 or step == steps:
        display.show(step, {"score": float(scores.detach().mean())})


def prior_penalty(latent: Tensor, weight: float) -> Tensor:
    """weight · (|z| - √d)² / 2 of each latent: (B,). To be added to what is minimised.

    Nearly all of a standard normal distribution in d dimensions lies around |z| = √d; its density alone, with the
    right sign, would draw latents to 0, where the generator was never trained.
    """
    flattened = latent.flatten(1)
    return weight * (flattened.norm(dim=1) - flattened.shape[1] ** 0.5) ** 2 / 2


def _read(samples: Tensor, score: Score, latent: Tensor | None, scored: int) -> Found:
    with torch.no_grad():
        soft = torch.cat([score(part) for part in samples.split(CHUNK)]).double().numpy()
    norms = None
    if latent is not None:
        flattened = latent.flatten(1)
        norms = (flattened.norm(dim=1) / flattened.shape[1] ** 0.5).double().numpy()
    return Found(hard_codes(samples).numpy(), soft, norms, scored + len(samples))


def feedback(
    score: Score, rules: Rules, state: State, training: Codes, spec: DataSpec, settings: Search, batch: int, seed: int
) -> Found:
    """Feedback: the generator goes on training on a window of sequences that its own best ones gradually fill.

    The idea of FBGAN (Gupta & Zou 2019, Nature Machine Intelligence 1:105). Sequences count by their hard letters, so
    the objective needs no gradient.

    Args:
        score: the objective.
        rules: sequences that break them are not learned from.
        state: a trained GAN, which is changed.
        training: (N, L) its training sequences.
        spec: what one sequence is.
        settings: how long, with how many.
        batch: sequences in a batch.
        seed: of everything drawn.
    """
    rng = np.random.default_rng(seed)
    window = training[rng.permutation(len(training))[: settings.window]]
    scored, best = 0, np.zeros((0, spec.shape[1]), np.uint8)
    best_scores = np.zeros(0)
    for number in console.progress(range(settings.rounds), text="searching, round by round"):
        generator = state.sampled()
        assert generator is not None
        drawn = draw(generator, spec, settings.pool, seed=seed, purpose=f"feedback/{number}").samples
        codes = np.unique(hard_codes(rules.impose(drawn)).numpy(), axis=0)
        scores = scores_of(codes, score, spec.shape[0])
        scored += len(codes)
        order = np.argsort(-scores - 1e9 * (rules.violations(codes) == 0), kind="stable")
        chosen = codes[order][: max(1, round(settings.keep * settings.pool))]
        window = np.concatenate([window[min(len(chosen), len(window) - 1) :], chosen])  # the oldest leave
        best, best_scores = best_of(
            np.concatenate([best, codes]), np.concatenate([best_scores, scores]), settings.candidates, rules
        )
        data = OneHot(spec, torch.from_numpy(window))
        for _ in train(
            state, data, TrainSettings(seed=seed, steps=state.step + settings.round_steps, batch=batch, ema_decay=0.99)
        ):
            pass
    return Found(best, best_scores, None, scored)


def best_of(codes: Codes, scores: NDArray[np.float64], n: int, rules: Rules) -> tuple[Codes, NDArray[np.float64]]:
    """The n best different ones, those first that meet the constraints."""
    _, first = np.unique(codes, axis=0, return_index=True)
    first = first[np.lexsort((-scores[first], rules.violations(codes[first])))][:n]
    return codes[first], scores[first]


def climb(
    start: Codes,
    score: Score,
    rules: Rules,
    scored: int,
    rng: np.random.Generator,
    channels: int,
    edits: int | None = None,
    title: str = "hill climbing",
) -> Codes:
    """Greedy hill climbing: one random letter at a time, kept where the score does not fall and no rule breaks.

    Args:
        start: (N, L).
        score: the objective.
        rules: violations may not grow.
        scored: how many sequences may be scored in all.
        rng: where changes are drawn from.
        channels: of a sample.
        edits: letters in which a sequence may differ from its start; None: any number.
        title: what the progress is called.
    """
    codes = start.copy()
    scores, broken = scores_of(codes, score, channels), rules.violations(codes)
    for _ in console.progress(range(max(scored // max(len(codes), 1) - 1, 0)), text=title):
        tried = rules.mutants(codes, rng)
        new_scores, new_broken = scores_of(tried, score, channels), rules.violations(tried)
        better = (new_broken < broken) | ((new_broken == broken) & (new_scores >= scores))
        if edits is not None:
            apart = (tried != start).sum(1)
            better &= (apart <= edits) | ((new_broken < broken) & (apart <= (codes != start).sum(1) + 1))
        codes[better], scores[better], broken[better] = tried[better], new_scores[better], new_broken[better]
    return codes
