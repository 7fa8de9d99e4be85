"""What designed sequences must and must not be: fixed letters, GC, forbidden sites, homopolymers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import ceil, floor
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from torch import Tensor

from gantk.errors import DoesNotFit, RecipeError
from gantk_dna.alphabet import BASES, COMPLEMENT, INVALID, SHARES, encode
from gantk_dna.codes import Codes, gc_content
from gantk_dna.design.satisfiable import satisfiable

Share = Annotated[float, Interval(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What every design must meet.

    Args:
        fixed: the sequence in IUPAC codes, N where any letter may stand (seed and flanks); null: all are free.
        gc: lowest and highest share of G and C; null: any.
        forbidden: words in IUPAC codes that stand on neither strand (restriction sites).
        homopolymer: the longest run of one letter that is allowed; null: any.
    """

    fixed: str | None = None
    gc: tuple[Share, Share] | None = None
    forbidden: list[str] = field(default_factory=list)
    homopolymer: Annotated[int, Ge(1)] | None = None


class Rules:
    """Constraints on sequences of one length.

    Args:
        constraints: as the recipe gives them.
        length: letters of a sequence.

    Raises:
        RecipeError: letters that are no IUPAC codes, an empty range, or constraints that no sequence meets.
        DoesNotFit: `fixed` is of another length.
    """

    def __init__(self, constraints: Constraints, length: int):
        self.constraints = constraints
        fixed = constraints.fixed or "N" * length
        if len(fixed) != length:
            raise DoesNotFit(f"constraints.fixed has {len(fixed)} letters, but a sequence has {length}")
        self.allowed = SHARES[_codes("fixed", fixed)].T > 0  # (4, L)
        self.free = self.allowed.sum(0) > 1  # (L,)
        if constraints.gc is not None and constraints.gc[0] > constraints.gc[1]:
            raise RecipeError(f"constraints.gc: the lowest share comes first, not {list(constraints.gc)}")
        self.words: list[NDArray[np.bool_]] = []  # (W, 4) allowed bases at each letter of a forbidden word
        for word in constraints.forbidden:
            codes = _codes("forbidden", word)
            strands = {tuple(codes.tolist()), tuple(COMPLEMENT[codes[::-1]].tolist())}  # one where it is a palindrome
            self.words += [SHARES[list(strand)] > 0 for strand in sorted(strands)]
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        """Refuses constraints that no sequence meets, and names the fewest of them that contradict each other."""
        given = self.constraints
        named = [key for key in ("fixed", "gc", "forbidden", "homopolymer") if getattr(given, key)]
        if self._possible(named):
            return
        for some in (chosen for n in range(1, len(named) + 1) for chosen in combinations(named, n)):
            if not self._possible(some):
                keys = " and ".join(f"constraints.{key}" for key in some)
                together = "contradict each other" if len(some) > 1 else "cannot be met"
                raise RecipeError(f"{keys} {together}: no sequence of {len(self.free)} letters meets them; loosen one")

    def _possible(self, keys: Sequence[str]) -> bool:
        """Whether any sequence meets those of the constraints."""
        given, length = self.constraints, len(self.free)
        allowed = self.allowed if "fixed" in keys else np.ones_like(self.allowed)
        words = list(self.words) if "forbidden" in keys else []
        if "homopolymer" in keys and given.homopolymer is not None and given.homopolymer < length:
            words += [np.tile(np.arange(BASES) == base, (given.homopolymer + 1, 1)) for base in range(BASES)]
        counts = None
        if "gc" in keys and given.gc is not None:
            counts = ceil(given.gc[0] * length - 1e-9), floor(given.gc[1] * length + 1e-9)
        return satisfiable(allowed, words, counts)

    def impose(self, samples: Tensor) -> Tensor:
        """Samples with no share on letters that are not allowed; gradients flow to those that are.

        Args:
            samples: (B, 4 + annotation, L).
        """
        allowed = torch.from_numpy(self.allowed).to(samples)  # (4, L)
        bases = samples[:, :BASES] * allowed
        total = bases.sum(1, keepdim=True)
        even = (allowed / allowed.sum(0)).expand_as(bases)
        bases = torch.where(total > 1e-6, bases / total.clamp_min(1e-6), even)
        return torch.cat([bases, samples[:, BASES:]], 1)

    def violations(self, codes: Codes) -> NDArray[np.int64]:
        """How far each sequence is from meeting every constraint: (N,), 0 where it does.

        Letters that are wrong, G and C too many or too few, forbidden words, and letters by which runs are too long.
        """
        n, length = codes.shape
        wrong = (~self.allowed[codes, np.arange(length)]).sum(1)
        if self.constraints.gc is not None:
            count = gc_content(codes) * length
            low, high = (share * length for share in self.constraints.gc)
            off = np.maximum(low - count, 0) + np.maximum(count - high, 0)
            wrong = wrong + np.ceil(off - 1e-9).astype(np.int64)
        for word in self.words:
            places = length - len(word) + 1
            if places > 0:
                found = np.ones((n, places), bool)
                for offset, letters in enumerate(word):
                    found &= letters[codes[:, offset : offset + places]]
                wrong = wrong + found.sum(1)
        longest = self.constraints.homopolymer
        if longest is not None and longest < length:
            same = codes[:, 1:] == codes[:, :-1]
            wrong = wrong + np.lib.stride_tricks.sliding_window_view(same, longest, axis=1).all(2).sum(1)
        return wrong

    def mutants(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Each sequence with one letter changed to another allowed one, where any position is free: (N, L)."""
        places = np.flatnonzero(self.free)
        changed = codes.copy()
        if len(places):
            rows, chosen = np.arange(len(codes)), rng.choice(places, len(codes))
            weights = self.allowed[:, chosen].T * rng.random((len(codes), BASES))
            weights[rows, codes[rows, chosen]] = 0
            changed[rows, chosen] = weights.argmax(1)
        return changed

    def random(self, n: int, shares: NDArray[np.float64], rng: np.random.Generator) -> Codes:
        """n random sequences of allowed letters: (n, L).

        Args:
            n: how many.
            shares: (4,) how frequent each base is.
            rng: where they are drawn from.
        """
        weights = self.allowed * shares[:, None]
        weights = np.where(weights.sum(0) > 0, weights, self.allowed)
        reached = np.cumsum(weights / weights.sum(0), 0)[:-1]  # (3, L)
        return (rng.random((n, 1, self.allowed.shape[1])) >= reached[None]).sum(1).astype(np.uint8)

    def repair(
        self, codes: Codes, score: Callable[[Codes], NDArray[np.float64]], rng: np.random.Generator, rounds: int = 300
    ) -> Codes:
        """Sequences changed letter by letter until they meet every constraint, at the least cost in score.

        Of 24 single changes each round, one that mends most is taken, and of those the one that scores best. What
        cannot be mended within `rounds` stays as it is.
        """
        codes = np.where(self.allowed[codes, np.arange(codes.shape[1])], codes, self.allowed.argmax(0)).astype(np.uint8)
        for _ in range(rounds):
            broken = np.flatnonzero(self.violations(codes))
            if not len(broken):
                break
            tried = self.mutants(np.repeat(codes[broken], 24, axis=0), rng)
            left = self.violations(tried).reshape(-1, 24)
            scores = score(tried).reshape(-1, 24)
            least = left.min(1, keepdims=True)
            best = np.where(left == least, scores, -np.inf).argmax(1)
            better = least[:, 0] <= self.violations(codes[broken])
            chosen = tried.reshape(len(broken), 24, -1)[np.arange(len(broken)), best]
            codes[broken[better]] = chosen[better]
        return codes


def _codes(key: str, word: str) -> NDArray[np.uint8]:
    codes = encode(word, "iupac")
    if not word or (codes == INVALID).any():
        raise RecipeError(f"constraints.{key}: {word!r} is not a word of IUPAC codes (ACGTRYSWKMBDHVN)")
    return codes
