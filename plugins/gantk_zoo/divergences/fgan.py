"""f-GAN (Nowozin et al. 2016): any f-divergence between the data and what is generated, bounded by a critic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gantk.interfaces import Loss, Play, adam_defaults

Name = Literal[
    "kl",
    "reverse_kl",
    "pearson",
    "neyman",
    "squared_hellinger",
    "total_variation",
    "jensen_shannon",
    "gan",
]
STEEP = 30.0


def within_exponent(scores: Tensor) -> Tensor:
    """The scores, but ±(30 + log(1 + |s| - 30)) beyond ±30: increasing, and its exponential fits into float32.

    The bound holds for any function T, so also for the one that this makes of the scores; e³⁰ is a density ratio that
    no batch can tell from a larger one.

    Args:
        scores: of any shape.
    """
    size = scores.abs()
    beyond = STEEP + torch.log1p((size - STEEP).clamp_min(0))
    return torch.where(size <= STEEP, scores, scores.sign() * beyond)


@dataclass(frozen=True)
class Divergence:
    """One f-divergence D_f(P‖Q) = ∫ q f(p/q), with f convex and f(1) = 0 (of `gan`: f(1) = -log 4).

    Args:
        f: the generator function of the divergence, of a density ratio above 0.
        slope: its derivative f', which the best T equals at p/q.
        activation: g_f, increasing, from scores to the domain of f*.
        conjugate_of_scores: f*(g_f(v)), simplified so that it is exact for scores of any size.
        conjugate: f*, of T within its domain.
    """

    f: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    activation: Callable[[Tensor], Tensor]
    conjugate_of_scores: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]


def _exp(scores: Tensor) -> Tensor:
    return within_exponent(scores).exp()


DIVERGENCES: Mapping[str, Divergence] = {
    "kl": Divergence(
        f=lambda u: u * u.log(),
        slope=lambda u: 1 + u.log(),
        activation=within_exponent,
        conjugate_of_scores=lambda v: (within_exponent(v) - 1).exp(),
        conjugate=lambda t: (t - 1).exp(),
    ),
    "reverse_kl": Divergence(
        f=lambda u: -u.log(),
        slope=lambda u: -1 / u,
        activation=lambda v: -_exp(-v),
        conjugate_of_scores=lambda v: -1 + within_exponent(v),
        conjugate=lambda t: -1 - (-t).log(),
    ),
    "pearson": Divergence(
        f=lambda u: (u - 1).square(),
        slope=lambda u: 2 * (u - 1),
        activation=lambda v: v,
        conjugate_of_scores=lambda v: v.square() / 4 + v,
        conjugate=lambda t: t.square() / 4 + t,
    ),
    "neyman": Divergence(
        f=lambda u: (1 - u).square() / u,
        slope=lambda u: 1 - u**-2,
        activation=lambda v: 1 - _exp(-v),
        conjugate_of_scores=lambda v: 2 - 2 * (within_exponent(-v) / 2).exp(),
        conjugate=lambda t: 2 - 2 * (1 - t).sqrt(),
    ),
    "squared_hellinger": Divergence(
        f=lambda u: (u.sqrt() - 1).square(),
        slope=lambda u: 1 - u**-0.5,
        activation=lambda v: 1 - _exp(-v),
        conjugate_of_scores=lambda v: _exp(v) - 1,
        conjugate=lambda t: t / (1 - t),
    ),
    "total_variation": Divergence(
        f=lambda u: (u - 1).abs() / 2,
        slope=lambda u: (u - 1).sign() / 2,
        activation=lambda v: v.tanh() / 2,
        conjugate_of_scores=lambda v: v.tanh() / 2,
        conjugate=lambda t: t,
    ),
    "jensen_shannon": Divergence(
        f=lambda u: u * u.log() - (u + 1) * ((1 + u) / 2).log(),
        slope=lambda u: (2 * u / (1 + u)).log(),
        activation=lambda v: log(2) - softplus(-v),
        conjugate_of_scores=lambda v: softplus(v) - log(2),
        conjugate=lambda t: -(2 - t.exp()).log(),
    ),
    "gan": Divergence(
        f=lambda u: u * u.log() - (u + 1) * (u + 1).log(),
        slope=lambda u: (u / (1 + u)).log(),
        activation=lambda v: -softplus(-v),
        conjugate_of_scores=softplus,
        conjugate=lambda t: -(-t.expm1()).log(),
    ),
}
"""Tables 1 and 2 of the paper; Neyman and total variation: those of its appendix."""


class FGan(Loss):
    """The critic's best lower bound of an f-divergence D_f(P‖Q) = ∫ q f(p/q) from data P to generated Q.

    With T = g_f(score): F = E_P T(x) - E_Q f*(T(x)) ≤ D_f(P‖Q), with equality for T = f'(p/q). The critic minimises
    -F. The generator minimises -E_Q T (section 3.2: faster, as with -log D), or with `minimax` the bound itself,
    -E_Q f*(T). `divergence` is F, in nats where there is a logarithm; it trains nothing.

    `jensen_shannon` is the paper's, twice the usual one; `pearson` is ∫ (p - q)²/q, `neyman` ∫ (p - q)²/p; `gan` is
    `jensen_shannon` minus log 4, the original game.

    Nowozin et al. 2016, "f-GAN: training generative neural samplers using variational divergence minimization",
    equations 4 to 6, tables 1 and 2, and those of the appendix.

    Args:
        divergence: which f.
        minimax: whether the generator minimises the bound that the critic raises, instead of -E_Q T.
    """

    def __init__(self, *, divergence: Name = "jensen_shannon", minimax: bool = False):
        super().__init__()
        self.of = DIVERGENCES[divergence]
        self.minimax = minimax

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """-E_P T and E_Q f*(T), and beside them the bound."""
        real, fake = play.scores()
        told = -play.mean(self.of.activation(real))
        conjugate = play.mean(self.of.conjugate_of_scores(fake))
        bound = -(told + conjugate).detach()
        return {"critic_real": told, "critic_fake": conjugate, "divergence": bound}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """-E_Q T, or -E_Q f*(T)."""
        scores = play.score(play.fake)
        passed = self.of.conjugate_of_scores if self.minimax else self.of.activation
        return {"generator": -play.mean(passed(scores))}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Nowozin et al. 2016, section 4.2: Adam with a rate of 2e-4 and β1 = .5, one critic update a step."""
        return adam_defaults(2e-4, (0.5, 0.999))
