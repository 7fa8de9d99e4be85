"""What is said of a set of sequences beside designs: scores, distances, how varied and how like real ones they are."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk import console, randomness
from gantk.interfaces import Dataset, call
from gantk_dna.codes import Codes, codes_in, random_part, versions
from gantk_dna.design.constraints import Rules
from gantk_dna.design.known import Known
from gantk_dna.design.results import Designed
from gantk_dna.design.search import Score, scores_of
from gantk_dna.metrics.c2st import auroc
from gantk_dna.metrics.composition import overall_distance
from gantk_dna.metrics.nearest import nearest_other

OUTSIDE = 0.1
"""The critic is not asked where more than this share of a set lies outside the scores that it gives to real ones."""

FOOLED = 0.25
"""It is not asked at all where it finds shuffled real sequences this plausible (.5: as plausible as real ones)."""


class Describer:
    """Describes sets of sequences, all in the same way.

    Args:
        score: the objectives.
        held_out: the second ones, which are not optimised; None where there are none.
        rules: constraints.
        known: what distances are to.
        real: held-out real sequences.
        critic: of the GAN; None without one.
        seed: of whatever is drawn.
    """

    def __init__(
        self,
        score: Score,
        held_out: Score | None,
        rules: Rules,
        known: Known,
        real: Dataset,
        critic: nn.Module | None,
        seed: int,
    ):
        self.score = score
        self.held_out = held_out
        self.rules = rules
        self.known = known
        self.real = random_part(codes_in(real), 2000, randomness.generator(seed, "plausibility"))
        self.critic = None if critic is None else deepcopy(critic).eval().requires_grad_(False)
        self.channels = real.spec.shape[0]
        self.seed = seed
        self.shuffled = self._plausible_when_shuffled()
        if self.shuffled is not None and self.shuffled > FOOLED:
            console.say(
                "the column 'plausible' is left out: the critic finds real sequences with their letters shuffled more "
                f"plausible than {self.shuffled:.0%} of real ones, so it knows little of such sequences"
            )
            self.critic = None

    def describe(self, name: str, codes: Codes) -> Designed:
        """A set of sequences (N, L) with its numbers."""
        score = scores_of(codes, self.score, self.channels)
        distance, names = self.known.nearest(codes)
        like = self.known.like
        return Designed(
            name=name,
            codes=codes,
            score=score,
            held_out=score if self.held_out is None else scores_of(codes, self.held_out, self.channels),
            distance=distance,
            nearest=names,
            plausibility=self._plausibility(codes),
            meets=self.rules.violations(codes) == 0,
            nearest_other=nearest_other(codes, like),
            composition=overall_distance(
                np.concatenate(versions(codes, like)), np.concatenate(versions(self.real, like))
            ),
            auroc=self._auroc(codes),
            like=like,
        )

    def _auroc(self, codes: Codes) -> float | None:
        """How well a classifier tells the sequences from as many real ones; None of fewer than 10."""
        if min(len(codes), len(self.real)) < 10:
            return None
        rng = randomness.generator(self.seed, "auroc")
        return auroc(codes, random_part(self.real, len(codes), rng), rng, self.known.like)

    def _plausibility(self, codes: Codes) -> NDArray[np.float64] | None:
        """Share of held-out real sequences that the critic scores lower; None where it knows no such sequences."""
        if self.critic is None:
            return None
        real, found = np.sort(self._criticised(self.real)), self._criticised(codes)
        if ((found < real[0]) | (found > real[-1])).mean() > OUTSIDE:
            return None
        return _rank(real, found)

    def _plausible_when_shuffled(self) -> float | None:
        """Share of real sequences that the critic scores lower than real ones with their letters in another order."""
        if self.critic is None:
            return None
        rng = np.random.default_rng(self.seed)
        real = np.sort(self._criticised(self.real))
        return float(_rank(real, self._criticised(rng.permuted(self.real, axis=1))).mean())

    def _criticised(self, codes: Codes) -> NDArray[np.float64]:
        """Scores of the critic, (N,)."""

        def criticised(samples: Tensor) -> Tensor:
            assert self.critic is not None
            return call(self.critic, samples)

        return scores_of(codes, criticised, self.channels)


def _rank(real: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the (sorted) real scores that lie below, and half of those that are equal: (N,)."""
    return (np.searchsorted(real, found) + np.searchsorted(real, found, "right")) / (2 * len(real))
