"""b-GAN (Uehara et al. 2016): the critic estimates the density ratio, the generator minimises its f-divergence."""

from collections.abc import Callable, Mapping
from math import log
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gantk.interfaces import Play
from gantk_zoo.divergences.fgan import FGan, within_exponent

Name = Literal["kl", "reverse_kl", "pearson", "neyman", "squared_hellinger", "jensen_shannon", "gan"]


def _gan(scores: Tensor) -> Tensor:
    return -within_exponent(scores).exp() * softplus(-within_exponent(scores)) - softplus(scores)


F_OF_RATIO: Mapping[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda v: (within_exponent(v) - 1).exp() * (within_exponent(v) - 1),
    "reverse_kl": lambda v: -within_exponent(v),
    "pearson": lambda v: v.square() / 4,
    "neyman": lambda v: 4 * torch.sinh(within_exponent(v) / 4).square(),
    "squared_hellinger": lambda v: torch.expm1(within_exponent(v)).square(),
    "jensen_shannon": lambda v: _gan(v) + log(2) * (1 + within_exponent(v).exp()),
    "gan": _gan,
}
"""f(r) of a score v, where r is the density ratio that the score stands for, f'(r) = g_f(v), so simplified that it is
finite for scores of any size. Total variation has none: its f' is a sign, which no ratio can be read from."""


class BGan(FGan):
    """The critic's scores stand for a density ratio r = p/q; the generator minimises the divergence that r says.

    Critic: E_Q[f'(r) r - f(r)] - E_P f'(r), the Bregman divergence of r from p/q without its constant. As
    f'(r) r - f(r) is f*(f'(r)), these are the terms of zoo/fgan with T = f'(r), and so is `divergence`, the bound.
    Generator: E_Q f(r), the divergence that r says, in place of -E_Q T.

    In that r is held fixed while Q moves, although r is p/q. The gradient of D_f itself is that of E_Q[f(r) - r f'(r)],
    which is -E_Q f*(T), `minimax` of zoo/fgan. The two agree for `reverse_kl`, the default; where f is least at r = 1
    (`pearson`, `neyman`, `squared_hellinger`), samples are also driven out of places where too few are (r above 1).

    Uehara et al. 2016, "Generative adversarial nets from a density ratio estimation perspective", algorithm 1. The
    paper's f(r) = (r - 1)²/2 is half of `pearson`; its relative density ratio is not here.

    Args:
        divergence: which f.
    """

    def __init__(self, *, divergence: Name = "reverse_kl"):
        super().__init__(divergence=divergence)
        self.f_of_ratio = F_OF_RATIO[divergence]

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """E_Q f(r)."""
        return {"generator": play.mean(self.f_of_ratio(play.score(play.fake)))}
