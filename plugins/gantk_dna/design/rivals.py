"""Rivals of designs: what is known already, its mutants, hill climbing from it, and random sequences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gantk_dna.alphabet import BASES
from gantk_dna.codes import Codes, base_shares
from gantk_dna.design.constraints import Rules
from gantk_dna.design.known import Known
from gantk_dna.design.search import Score, best_of, climb, scores_of

MOST_RANDOM = 20_000
"""Random sequences that are scored for a baseline, at most."""


class Rivals:
    """What designs must be better than: simple ways to sequences, which score no more of them than the search does.

    `hill climb` starts from training sequences; mutants and `hill climb, from known` start from the best known ones,
    also where the search did not learn from these.

    Args:
        score: the objectives.
        rules: constraints, which rivals may break no more than what they start from.
        known: every known sequence.
        training: (N, L) those that the search learned from.
        measured: (N,) what is to be high of each known sequence, by the scores that the data state, -∞ where they
            state none; None: data and objectives are about different things.
        designs: how many sequences each rival is.
        channels: of a sample.
    """

    def __init__(
        self,
        score: Score,
        rules: Rules,
        known: Known,
        training: Codes,
        measured: NDArray[np.float64] | None,
        *,
        designs: int,
        channels: int,
    ):
        self.score, self.rules, self.known, self.training = score, rules, known, training
        self.designs, self.channels = designs, channels
        self.best_known = self.top(known.codes) if measured is None else self._highest(known.codes, measured)
        self.measured = measured is not None

    def top(self, codes: Codes) -> Codes:
        """Those sequences of which the objectives say most, best first."""
        return self._highest(codes, scores_of(codes, self.score, self.channels))

    def _highest(self, codes: Codes, values: NDArray[np.float64]) -> Codes:
        return codes[np.argsort(-values, kind="stable")][: self.designs]

    def already_known(self) -> dict[str, Codes]:
        """The known sequences that the objectives find best, and where the data state scores, those with the best."""
        found = {"known, best": self.top(self.known.codes)}
        if self.measured:
            found["known, best scores"] = self.best_known
        return found

    def made(self, scored: int, edits: int, rng: np.random.Generator) -> dict[str, Codes]:
        """Mutants of the best known sequence, hill climbing from known and from random ones, and random ones.

        Args:
            scored: how many sequences each may score.
            edits: letters that hill climbing may change of a known sequence.
            rng: where they are drawn from.
        """
        shares = base_shares(self.training).mean(1)
        found = {"random, best": self.top(self.rules.random(min(scored, MOST_RANDOM), shares, rng))}
        for name, letters in (("single mutants", 1), ("double mutants", 2)):
            mutants = mutants_of(self.best_known[0], self.rules.allowed, letters, scored, rng)
            if len(mutants):
                scores = scores_of(mutants, self.score, self.channels)
                found[name], _ = best_of(mutants, scores, self.designs, self.rules)
        starts: dict[str, tuple[Codes, int | None]] = {
            "hill climb": (self.top(self.training), edits),
            "hill climb, from known": (self.best_known, edits),
            "hill climb, from random": (self.rules.random(self.designs, shares, rng), None),
        }
        for name, (start, most) in starts.items():
            found[name] = climb(start, self.score, self.rules, scored, rng, self.channels, edits=most, title=name)
        return found


def mutants_of(parent: Codes, allowed: NDArray[np.bool_], letters: int, most: int, rng: np.random.Generator) -> Codes:
    """Sequences that differ from one in one letter or in two: all of them, or random ones where these are too many.

    Args:
        parent: (L,).
        allowed: (4, L) which letters may stand where.
        letters: 1 or 2, in which they differ.
        most: how many at most.
        rng: where they are drawn from.

    Returns:
        (N, L), all different.
    """
    others = allowed & (np.arange(BASES)[:, None] != parent)  # (4, L)
    places, bases = np.nonzero(others.T)  # (M,), single changes
    n = len(places)
    if letters == 1:
        chosen = np.arange(n)[:, None]
    elif n * (n - 1) // 2 <= most:
        chosen = np.stack(np.triu_indices(n, 1), 1)
    else:
        chosen = np.unique(np.sort(rng.integers(0, n, (2 * most, 2)), 1), axis=0)
    chosen = chosen[(places[chosen[:, :1]] != places[chosen[:, 1:]]).all(1)]  # two changes, at two places
    chosen = chosen if len(chosen) <= most else rng.permutation(chosen)[:most]
    mutants = np.repeat(parent[None], len(chosen), 0)
    for change in chosen.T:
        mutants[np.arange(len(chosen)), places[change]] = bases[change]
    return mutants
