"""Metric `prediction`: how well a predictor ranks held-out scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import roc_auc_score
from torch import nn

from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_dna.losses import scores_of


class Prediction(Metric):
    """How well a predictor orders sequences it has not seen: Spearman's and Pearson's correlation, or AUROC.

    Args:
        samples: how many generated samples it takes: none.
        by: "score", or "label" where the classes are 0 and 1.
    """

    def __init__(self, *, samples: Annotated[int, Ge(0)] = 0, by: Literal["score", "label"] = "score"):
        self.samples = samples
        self.by = by

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`spearman` and `pearson`, or `auroc`, of the critic's scores on the held-out and on the training split."""
        held_out = agreement(inputs.nets["critic"], inputs.test, self.by)
        known = agreement(inputs.nets["critic"], inputs.train, self.by).values
        what = "labels" if self.by == "label" else "scores"
        note = f"held-out {what}; beside it on training ones"
        if held_out.nothing:
            note = f"{held_out.nothing}: nothing is known of the predictor"
        first, *others = (
            Value(value, "higher", known[name], note, n_reference=held_out.n) for name, value in held_out.values.items()
        )
        values = [replace(first, low=held_out.low, high=held_out.high), *others]
        return dict(zip(held_out.values, values, strict=True))

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether the predictor orders sequences better than chance does."""
        name, value = next(iter(values.items()))
        if value.low is None or value.high is None:
            return f"prediction: {value.note}"
        found = _in_words(name, value.value, value.low, value.high, value.n_reference or 0)
        return f"prediction: {found}: no better than chance" if value.low <= CHANCE[name] else f"prediction: {found}"


CHANCE = {"spearman": 0.0, "auroc": 0.5}
"""What a predictor reaches that knows nothing."""
FEW = 10
"""Fewer held-out sequences say nothing of a predictor."""


@dataclass(frozen=True)
class Agreement:
    """How well a net's scores agree with those of a data set.

    Args:
        values: "spearman" and "pearson", or "auroc"; that of chance where nothing can be said.
        n: sequences that they were measured on.
        low: lower end of the 95 % confidence interval of the first of them; None where nothing can be said.
        high: its upper end.
        nothing: why nothing can be said of the predictor, else "".
    """

    values: Mapping[str, float]
    n: int
    low: float | None = None
    high: float | None = None
    nothing: str = ""

    @property
    def doubt(self) -> str:
        """Why the predictor should not be believed, else ""."""
        if self.nothing:
            return f"{self.nothing}: nothing is known of the predictor"
        name, value = next(iter(self.values.items()))
        if self.low is None or self.high is None or self.low > CHANCE[name]:
            return ""
        return f"{_in_words(name, value, self.low, self.high, self.n)}: no better than chance"


def _in_words(name: str, value: float, low: float, high: float, n: int) -> str:
    return f"{name} {value:.2f} ({low:.2f} to {high:.2f}) of {n:,} held-out sequences"


def agreement(net: nn.Module, dataset: Dataset, by: str = "score", most: int = 5000) -> Agreement:
    """How well a net's scores agree with those of (`most` of) a data set.

    Args:
        net: a predictor.
        dataset: with scores, or labels.
        by: "score" or "label".
        most: sequences that are looked at.

    Raises:
        DoesNotFit: the data have no scores (or labels).
    """
    found, truth = _said_and_true(net, dataset, by, most)
    n, what = len(truth), "labels" if by == "label" else "scores"
    nothing = ""
    if n < FEW:
        nothing = f"only {n} held-out sequences, fewer than {FEW}"
    elif (truth == truth[0]).all():
        nothing = f"all {what} of {n:,} held-out sequences are equal"
    elif (found == found[0]).all():
        nothing = f"it says the same of all {n:,} held-out sequences"
    constant = n < 2 or (truth == truth[0]).all() or (found == found[0]).all()
    if by == "label":
        values = {"auroc": CHANCE["auroc"] if constant else float(roc_auc_score(truth, found))}
        error = np.sqrt((n + 1) / (12 * max(truth.sum(), 1) * max(n - truth.sum(), 1)))  # of chance, Mann and Whitney
        low, high = values["auroc"] - 1.96 * error, values["auroc"] + 1.96 * error
    else:
        spearman = 0.0 if constant else float(spearmanr(found, truth).statistic)
        values = {"spearman": spearman, "pearson": 0.0 if constant else float(pearsonr(found, truth).statistic)}
        error = 1.96 * np.sqrt((1 + spearman**2 / 2) / max(n - 3, 1))  # Bonett and Wright 2000
        low, high = np.tanh(np.arctanh(np.clip(spearman, -1 + 1e-9, 1 - 1e-9)) + np.array([-error, error]))
    if nothing:
        return Agreement(values, n, nothing=nothing)
    return Agreement(values, n, float(low), float(min(high, 1)))


def _said_and_true(
    net: nn.Module, dataset: Dataset, by: str, most: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a net says of sequences, and what the data say of them: (n,) each."""
    was_training, device = net.training, next(net.parameters()).device
    net.eval()
    said, wanted = [torch.zeros(0)], [torch.zeros(0)]
    with torch.no_grad():
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))  # files are often sorted
        for chosen in order[:most].split(512):
            batch = dataset.batch(chosen, None)
            if len(chosen):
                said.append(net(batch.samples.to(device)).cpu())
                wanted.append(scores_of(batch.truth, batch.labels, "class" if by == "label" else "squared").cpu())
    net.train(was_training)
    return torch.cat(said).numpy(), torch.cat(wanted).numpy()
