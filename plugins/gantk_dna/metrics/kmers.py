"""Metric `kmers`: spectra of short words in generated and real sequences, beside what simple models reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_dna.codes import Codes, random_part
from gantk_dna.kmers import divergence, kmer_counts
from gantk_dna.metrics.baselines import FLOORS, Comparison, compared, floors_note, models_of, too_few

REDRAWS = 10
"""How often real sequences and those of models are drawn anew, for the spread of the divergence."""


class Kmers(Metric):
    """Jensen-Shannon divergence of the k-mer spectra of generated and held-out real sequences, beside floors.

    All sets have the same size, since the divergence of small samples is biased upwards: the floors are as many
    other real sequences, and as many from Markov models of order 0 (iid), 1, 3 and 5 fitted to the training set.

    Args:
        samples: how many generated sequences are judged; as many held-out ones are taken where there are.
        longest: letters of the longest k-mer.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 5000, longest: Annotated[int, Interval(ge=1, le=8)] = 6):
        self.samples = samples
        self.longest = longest

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`js_1` … `js_6` in bits; the reference is real against real, the floors stand in the note."""
        sets = compared(inputs, self.samples)
        sizes = {"n": len(sets.generated), "n_reference": len(sets.held_out)}
        values = {}
        for k in range(1, self.longest + 1):
            found = self._divergences(sets, k)
            values[f"js_{k}"] = Value(found["generated"], "lower", found["real"], floors_note(found), **sizes)
        k = min(5, self.longest)
        apart = self._redraws(sets, inputs.train, k, inputs.rng)
        for name, each in apart.items():
            low, high = np.quantile(each, [0.025, 0.975])
            note = f"js_{k} of {REDRAWS} redraws of as many sequences, {name}: mean, 95 % of them"
            values[_key(name)] = Value(float(each.mean()), None, None, note, low=float(low), high=float(high), **sizes)
        values["sequences"] = Value(len(sets.generated), None, len(sets.held_out), "compared with held-out real ones")
        return values

    def _divergences(self, sets: Comparison, k: int) -> dict[str, float]:
        held_out = kmer_counts(sets.versions(sets.held_out), k)
        return {name: divergence(kmer_counts(sets.versions(each), k), held_out) for name, each in sets.all.items()}

    def _redraws(
        self, sets: Comparison, train: Dataset, k: int, rng: torch.Generator
    ) -> dict[str, NDArray[np.float64]]:
        """The divergence that sets of this size have by chance: real ones, and those of each model."""
        n, held_out = len(sets.generated), kmer_counts(sets.versions(sets.held_out), k)
        length = sets.training.shape[1]
        draws: dict[str, Callable[[], Codes]] = {"real": lambda: random_part(sets.training, n, rng)}
        for name, model in models_of(train).items():
            draws[name] = lambda model=model: model.sample(n, length, rng)  # type: ignore[misc]
        return {
            name: np.array([divergence(kmer_counts(sets.versions(draw()), k), held_out) for _ in range(REDRAWS)])
            for name, draw in draws.items()
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Which simple model the generated sequences are as good as; none where chance hides the difference."""
        k = min(5, self.longest)
        found = values[f"js_{k}"]
        real = values["redrawn_real"]
        models = {name: values[_key(name)] for name in FLOORS if _key(name) in values}
        span = f"{real.low:.4f} to {real.high:.4f}"
        line = f"{k}-mers: divergence {found.value:.4f} bits (real {found.reference or 0.0:.4f}, redrawn {span})"
        few = too_few(found.n, found.n_reference)
        if few:
            return f"{line}: {few}"
        assert real.high is not None
        if found.value <= 1.1 * real.high:
            hidden = [name for name, each in models.items() if each.low is not None and each.low <= 1.1 * real.high]
            return f"{line}: not told from real" + (f", nor would {', '.join(hidden)} be" if hidden else "")
        beaten = [name for name, each in models.items() if found.value <= 1.1 * (each.high or 0.0)]
        better = [name for name, each in models.items() if found.value > 1.1 * (each.high or 0.0)]
        if not beaten:
            return f"{line}: composition off, worse than independent letters"
        return f"{line}: as good as {beaten[-1]} or better" + (f", worse than {better[0]}" if better else "")


def _key(name: str) -> str:
    return "redrawn_" + name.replace("-", "_").lower()
