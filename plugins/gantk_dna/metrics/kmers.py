"""Metric `kmers`: spectra of short words in generated and real sequences, beside what simple models reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Interval
from torch import nn

from gantk.interfaces import Dataset, Samples, Value
from gantk_dna.kmers import divergence, kmer_counts
from gantk_dna.metrics.baselines import Comparison, compared, floors_note, read_floors


class Kmers:
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

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`js_1` … `js_6` in bits; the reference is real against real, the floors stand in the note."""
        sets = compared(generated, train, test, self.samples, rng)
        values = {}
        for k in range(1, self.longest + 1):
            found = self._divergences(sets, k)
            values[f"js_{k}"] = Value(found["generated"], "lower", found["real"], floors_note(found))
        values["sequences"] = Value(len(sets.generated), None, len(sets.held_out), "compared with held-out real ones")
        return values

    def _divergences(self, sets: Comparison, k: int) -> dict[str, float]:
        held_out = kmer_counts(sets.held_out, k)
        return {name: divergence(kmer_counts(each, k), held_out) for name, each in sets.all.items()}

    def summary(self, values: Mapping[str, Value]) -> str:
        """Which simple model the generated sequences are as good as."""
        name = f"js_{min(5, self.longest)}"
        found = values[name]
        real, floors = found.reference or 0.0, read_floors(found.note)
        line = f"{name[3:]}-mers: divergence {found.value:.4f} bits (real {real:.4f})"
        if found.value <= 1.1 * real:
            return f"{line}: not told from real"
        if found.value > 1.1 * floors.get("iid", 0.0):
            return f"{line}: composition off, worse than independent letters"
        beaten = [model for model, floor in floors.items() if found.value <= 1.1 * floor]
        better = [model for model, floor in floors.items() if found.value > 1.1 * floor]
        return f"{line}: as good as {beaten[-1]} or better" + (f", worse than {better[0]}" if better else "")
