"""Metric `prediction`: how well a predictor ranks held-out scores."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge
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
        found, known = (
            prediction_quality(inputs.nets["critic"], inputs.test, self.by),
            prediction_quality(inputs.nets["critic"], inputs.train, self.by),
        )
        note = f"held-out {'labels' if self.by == 'label' else 'scores'}; beside it on training ones"
        return {name: Value(value, "higher", known[name], note) for name, value in found.items()}


def prediction_quality(net: nn.Module, dataset: Dataset, by: str = "score", most: int = 5000) -> dict[str, float]:
    """How well a net's scores agree with those of (`most` of) a data set: "spearman", "pearson" or "auroc".

    Raises:
        DoesNotFit: the data have no scores (or labels).
    """
    was_training, device = net.training, next(net.parameters()).device
    net.eval()
    said, wanted = [], []
    with torch.no_grad():
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))  # files are often sorted
        for chosen in order[:most].split(512):
            batch = dataset.batch(chosen, None)
            said.append(net(batch.samples.to(device)).cpu())
            wanted.append(scores_of(batch.truth, batch.labels, "class" if by == "label" else "squared").cpu())
    net.train(was_training)
    found, truth = torch.cat(said).numpy(), torch.cat(wanted).numpy()
    if by == "label":
        return {"auroc": float(roc_auc_score(truth, found))}
    if len(truth) < 2 or truth.std() == 0 or found.std() == 0:
        return {"spearman": 0.0, "pearson": 0.0}
    return {"spearman": float(spearmanr(found, truth).statistic), "pearson": float(pearsonr(found, truth).statistic)}
