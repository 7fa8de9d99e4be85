"""Sets of designed sequences and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest, t

from gantk.interfaces import Dataset, Samples
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES, one_hot
from gantk_dna.codes import Codes, first_version
from gantk_dna.design.known import Known
from gantk_dna.motifs import Motif

NEARBY = 1.0
"""Letters by which a rival may lie farther from what is known than designs do, and still be compared with them."""


@dataclass
class Designed:
    """A set of sequences and its numbers; each (N,) but `distinct`.

    Args:
        name: "designs", "hill climb", …
        codes: (N, L).
        score: of the hard letters, by the objectives.
        held_out: by the second objectives, which were not optimised; where there are none, as `score`.
        distance: Levenshtein, to the nearest known sequence.
        nearest: the name of that one.
        plausibility: share of real sequences that the critic scores lower; None without a GAN.
        meets: whether each meets every constraint.
        nearest_other: Levenshtein, to the nearest other sequence of the set; (0,) of a single one.
        composition: total variation distance of the frequencies of the bases from those of real sequences.
        auroc: of a classifier that tells the set from real sequences; None of few.
        like: the data set that says which versions of a sequence are the same.
        soft: of the soft samples; None where there were none.
        latent_norms: |z| / √d; None without latents.
        candidate: which candidate it was; None for baselines.
    """

    name: str
    codes: Codes
    score: NDArray[np.float64]
    held_out: NDArray[np.float64]
    distance: NDArray[np.int64]
    nearest: list[str]
    plausibility: NDArray[np.float64] | None
    meets: NDArray[np.bool_]
    nearest_other: NDArray[np.int64]
    composition: float
    auroc: float | None
    like: Dataset
    soft: NDArray[np.float64] | None = None
    latent_norms: NDArray[np.float64] | None = None
    candidate: NDArray[np.int64] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean of `held_out`, of other sequences made in the same way; None of a single one."""
        return mean_interval(self.held_out)

    @property
    def distinct(self) -> float:
        """Share of sequences that are not repeats."""
        return len(np.unique(first_version(self.codes, self.like), axis=0)) / len(self.codes)


@dataclass
class Report:
    """What a design run found.

    Args:
        sets: the designs first, then the baselines.
        bar: what the second predictor says of the known sequence that it finds best.
        training_bar: what it says of the sequence of the training split that it finds best.
        error: by how much it is wrong of held-out scores, root mean square; None where that cannot be said.
        best_measured: the best score in any split of any of the data; None where they state none.
        quality: how well the predictors predict held-out scores.
        second: whether there is a second predictor, that is, whether anything was learned.
        scored: how many sequences the search scored.
        digest: of the GAN's checkpoint, or else of the file of predictors; None: nothing was learned.
        spec: what one sequence is.
        known: every split of the data and of the held-out data.
        wanted: how many designs were asked for.
        train: the training split.
        test: held-out real sequences.
        seed: of the search.
        folder: of the search.
        motifs: known ones, whose hits are marked.
        own_motifs: those that the predictors have learned; empty where nothing was learned.
    """

    sets: list[Designed]
    bar: float
    training_bar: float
    error: float | None
    best_measured: float | None
    quality: dict[str, float]
    second: bool
    scored: int
    digest: str | None
    spec: DataSpec
    known: Known
    wanted: int
    train: Dataset
    test: Dataset
    seed: int
    folder: Path
    motifs: list[Motif] = field(default_factory=list)
    own_motifs: list[Motif] = field(default_factory=list)

    @property
    def designs(self) -> Designed:
        """The designs themselves."""
        return self.sets[0]

    def above_known(self, found: Designed) -> float:
        """Share of sequences of which the second predictor says more than of every known one."""
        return float((found.held_out > self.bar).mean())

    def above_training(self, found: Designed) -> tuple[float, float, float]:
        """Share of sequences of which it says more than of every training sequence, and its 95 % interval (Wilson)."""
        test = binomtest(int((found.held_out > self.training_bar).sum()), len(found.held_out))
        interval = test.proportion_ci(method="wilson")
        return float(test.statistic), float(interval.low), float(interval.high)

    @property
    def strongest(self) -> Designed | None:
        """The rival of which it says most, of those no farther from what is known than designs are; None: no such."""
        near = self.designs.distance.mean() + NEARBY
        rivals = [each for each in self.sets[1:] if each.distance.mean() <= near]
        return max(rivals, key=lambda each: float(each.held_out.mean()), default=None)

    def above_best_score(self, found: Designed) -> float | None:
        """Share of which it says more than the best score in the data; None where scores and objectives differ."""
        if self.best_measured is None or not self.second:
            return None
        return float((found.held_out > self.best_measured).mean())

    def samples(self) -> Samples:
        """The designs as samples, with everything that is known of each: what `gantk design -o` writes."""
        found = self.designs
        truth = {"score": found.score, "distance": found.distance}
        if self.second:
            truth["second"] = found.held_out
        if found.plausibility is not None:
            truth["plausibility"] = found.plausibility
        if found.soft is not None:
            truth["soft"] = found.soft
        if found.candidate is not None:
            truth["latent_index"] = found.candidate
        channels = one_hot(torch.from_numpy(found.codes))
        empty = channels.new_zeros(len(channels), self.spec.shape[0] - BASES, channels.shape[2])
        attributes: dict[str, Any] = {"origin": "designed"}
        if self.digest is not None:
            attributes["model"] = self.digest
        attributes["nearest"] = found.nearest
        tensors = {name: torch.as_tensor(np.round(values, 5)) for name, values in truth.items()}
        return Samples(samples=torch.cat([channels, empty], 1), truth=tensors, spec=self.spec, attributes=attributes)


def mean_interval(values: NDArray[np.float64], less: NDArray[np.float64] | None = None) -> tuple[float, float] | None:
    """95 % interval of a mean, or of the difference of two means, by Student's t; None of fewer than two values.

    Args:
        values: (N,).
        less: (M,) values whose mean is subtracted; None: nothing.
    """
    groups = [values] if less is None else [values, less]
    n = min(len(each) for each in groups)
    if n < 2:
        return None
    reach = float(t.ppf(0.975, n - 1)) * float(np.sqrt(sum(each.var(ddof=1) / len(each) for each in groups)))
    middle = float(values.mean()) - (0.0 if less is None else float(less.mean()))
    return middle - reach, middle + reach
