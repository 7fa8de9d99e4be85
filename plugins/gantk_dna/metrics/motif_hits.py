"""Metric `motif_hits`: how many sequences hold known motifs, on either strand, beside real ones and chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from torch import Tensor

from gantk.interfaces import Metric, MetricInput, Value
from gantk_dna.alphabet import BASES, one_hot
from gantk_dna.codes import Codes
from gantk_dna.files.motif_files import choose_motifs
from gantk_dna.metrics.baselines import Comparison, compared, floors_note
from gantk_dna.motifs import Motif, hits, least_score, threshold


class MotifHits(Metric):
    """Share of sequences that hold a motif on either strand, for each motif of a file of position weight matrices.

    A hit is a window whose log-odds score a random window (bases as frequent as in the training set, or all alike)
    reaches with a probability of at most `p_value`, which is computed exactly. For a motif so short that even its
    best word is more frequent than that, the best word is a hit.

    Args:
        file: matrices in JASPAR (.jaspar, .pfm), MEME (.meme) or TRANSFAC (.transfac) format.
        motifs: names or identities of those to look for; null: all in the file.
        p_value: of a hit at one position of one strand.
        background: "data": bases as in the training set; "uniform": a quarter each.
        samples: how many generated sequences are judged.
        rows: of how many motifs the rates are listed: those that real sequences hold most often.
    """

    def __init__(
        self,
        *,
        file: Path,
        motifs: Sequence[str] | None = None,
        p_value: Annotated[float, Interval(gt=0, lt=1)] = 1e-4,
        background: Literal["data", "uniform"] = "data",
        samples: Annotated[int, Ge(2)] = 5000,
        rows: Annotated[int, Ge(1)] = 12,
    ):
        self.motifs = choose_motifs(file, motifs)
        self.p_value = p_value
        self.background = background
        self.samples = samples
        self.rows = rows

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`difference`: mean over the motifs of |generated - real| hit rates; then the rate of each motif."""
        sets = compared(inputs, self.samples)
        frequencies = background_of(sets.training) if self.background == "data" else (0.25,) * BASES
        rates = {name: self._rates(codes, frequencies) for name, codes in self._sets(sets).items()}
        real = rates.pop("held out")  # (M,)
        differences = {name: float(np.abs(each - real).mean()) for name, each in rates.items()}
        sizes = {"n": len(sets.generated), "n_reference": len(sets.held_out)}
        values = {
            "difference": Value(
                differences["generated"], "lower", differences["real"], floors_note(differences), **sizes
            )
        }
        for k in np.argsort(-real, kind="stable")[: self.rows]:
            motif = self.motifs[k]
            floors = {name: float(each[k]) for name, each in rates.items()}
            note = floors_note(floors, "held-out real") + self._told(motif, frequencies)
            name = motif.name if sum(each.name == motif.name for each in self.motifs) == 1 else motif.identity
            values[f"rate_{name}"] = Value(float(rates["generated"][k]), "near", float(real[k]), note, **sizes)
        return values

    def _sets(self, sets: Comparison) -> dict[str, Codes]:
        return {**sets.all, "held out": sets.held_out}

    def _rates(self, codes: Codes, frequencies: Sequence[float]) -> NDArray[np.float64]:
        letters: Tensor = one_hot(torch.from_numpy(codes))  # (N, 4, L)
        found = []
        for motif in self.motifs:
            log_odds = motif.log_odds(frequencies)
            least = least_score(log_odds, self.p_value, frequencies)
            found.append(float(hits(letters, log_odds, least).float().mean()))
        return np.array(found)

    def _told(self, motif: Motif, frequencies: Sequence[float]) -> str:
        if math.isinf(threshold(motif.log_odds(frequencies), self.p_value, frequencies)):
            return "; best word only: too short for this p_value"
        return ""


def background_of(codes: Codes) -> tuple[float, ...]:
    """How frequent each base is, both strands together: A as T, C as G."""
    counts = np.bincount(codes[codes < BASES], minlength=BASES).astype(float) + 1
    both = counts + counts[::-1]
    return tuple(both / both.sum())
