"""Predicting a score from a sequence: a net, the loss it is trained by (with no generator), and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Loss, Samples, Value
from gantk.interfaces.play import Play
from gantk.spec import DataSpec
from gantk_dna.nets.killoran import Count, Kernel
from gantk_dna.nets.layers import sequence_shape


class Predictor(nn.Module):
    """Convolution → global maximum and mean of each pattern → two dense layers → one number.

    As in Killoran et al. 2017 (section 4.2), where it predicts binding; it does not see where a pattern stands. Where
    that matters, `dna/pooled` with `pools: [mean, flat]` predicts better.

    Args:
        spec: what one sequence is: (4 + annotation channels, L).
        width: patterns.
        kernel: letters of a pattern; odd.
        hidden: numbers of each dense layer.
    """

    def __init__(self, spec: DataSpec, *, width: Count = 100, kernel: Kernel = 15, hidden: Count = 200):
        super().__init__()
        channels, _ = sequence_shape(spec, "dna/predictor")
        self.patterns = nn.Conv1d(channels, width, kernel, padding=kernel // 2)
        self.dense = nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.last = nn.Linear(hidden, 1)

    def features(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B, hidden)."""
        found = F.relu(self.patterns(samples))  # (B, width, L)
        return self.dense(torch.cat([found.amax(2), found.mean(2)], 1))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to scores (B,)."""
        return self.last(self.features(samples)).squeeze(-1)


class Regression(Loss):
    """Trains the critic to say the score of each real sample; a recipe with this loss has no generator.

    Args:
        kind: "squared": the mean squared difference; "ordinal": the score of the higher of two samples of the batch
            is to be higher, by logistic loss, so that only the order counts; "class": logistic loss on labels 0 and 1.
    """

    def __init__(self, *, kind: Literal["squared", "ordinal", "class"] = "squared"):
        super().__init__()
        self.kind = kind

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """One term, named after the kind.

        Raises:
            DoesNotFit: the data say no scores (or no labels).
        """
        found = play.score(play.real)  # (B, *units, *patches): each unit learns the same score
        wanted = scores_of(play.data.truth, play.labels, self.kind).to(found)
        wanted = wanted.reshape(-1, *[1] * (found.dim() - 1)).expand_as(found)
        if self.kind == "class":
            return {"class": play.mean(F.binary_cross_entropy_with_logits(found, wanted, reduction="none"))}
        if self.kind == "ordinal":
            order = torch.randperm(len(found), generator=play.rng("pairs"), device=play.device)
            sign = torch.sign(wanted - wanted[order])
            return {"ordinal": play.mean(sign.abs() * F.softplus(-sign * (found - found[order])))}
        return {"squared": play.mean((found - wanted) ** 2)}

    @classmethod
    def play_defaults(cls, **parameters: object) -> dict[str, object]:
        """Adam(1e-3)."""
        return {"critic_optimizer": {"use": "basics/adam", "lr": 1e-3}}


def scores_of(truth: Mapping[str, Tensor], labels: Tensor | None, kind: str) -> Tensor:
    """What is to be predicted: (B,).

    Raises:
        DoesNotFit: the data do not say it.
    """
    if kind == "class":
        if labels is None:
            raise DoesNotFit("there are no labels to predict: give data.label")
        return labels.float()
    if "score" not in truth:
        raise DoesNotFit("there are no scores to predict: give data.score, the column that holds them")
    return truth["score"].float()


class Prediction:
    """How well a predictor orders sequences it has not seen: Spearman's and Pearson's correlation, or AUROC.

    Args:
        samples: how many generated samples it takes: none.
        by: "score", or "label" where the classes are 0 and 1.
    """

    def __init__(self, *, samples: Annotated[int, Ge(0)] = 0, by: Literal["score", "label"] = "score"):
        self.samples = samples
        self.by = by

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`spearman` and `pearson`, or `auroc`, of the critic's scores on the held-out and on the training split."""
        found, known = judge(nets["critic"], test, self.by), judge(nets["critic"], train, self.by)
        note = f"held-out {'labels' if self.by == 'label' else 'scores'}; beside it on training ones"
        return {name: Value(value, "higher", known[name], note) for name, value in found.items()}


def judge(net: nn.Module, dataset: Dataset, by: str = "score", most: int = 5000) -> dict[str, float]:
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
