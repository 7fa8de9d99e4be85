"""Metric `features`: what an encoder or critic has learnt, by how few labels a linear classifier needs on top of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value, call_encode, has_member, takes_encoded_labels
from gantk.sampling import evaluating
from gantk_zoo.metrics.fine_tuning import Features, pairs

Rows = NDArray[np.float64]
CHUNK = 256
"""Samples that are encoded at once."""


class LinearProbe(Metric):
    """Accuracy on test samples of a linear classifier on learnt features, fitted to few labelled training samples.

    Features are the latents of an encoder (a generator with `encode` that is told no classes), else the critic's;
    beside them stand those of the pixels (the reference of each number) and of as many principal components as there
    are features, of all training samples (`pca_<labels>`). Each is the mean over draws of the labelled samples, as many
    of each class as can be, with the 95 % interval of that mean; the classifier is a logistic regression with L2
    penalty 1 of standardised features.

    With `fine_tuning`, `classifier_<labels>` is the accuracy of a classifier that starts from the net that gives the
    features: a linear layer on top, all of it trained by Adam(1e-3) on batches of 32. Beside it, as the reference, the
    same net from new weights.

    Args:
        labels: numbers of labelled samples; those that the training split does not have are left out.
        draws: how often labelled samples are drawn.
        looked_at: training and test samples that take part, at most.
        fine_tuning: updates of each such classifier; 0: there is none.
    """

    samples = 0

    def __init__(
        self,
        *,
        labels: Sequence[Annotated[int, Ge(2)]] = (10, 30, 100, 300, 1000),
        draws: Annotated[int, Ge(2)] = 5,
        looked_at: Annotated[int, Ge(10)] = 2000,
        fine_tuning: Annotated[int, Ge(0)] = 0,
    ):
        self.labels = tuple(labels)
        self.draws = draws
        self.looked_at = looked_at
        self.fine_tuning = fine_tuning

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`features_<labels>` and `pca_<labels>` for each number of labels; with `fine_tuning` `classifier_<labels>`.

        Raises:
            DoesNotFit: data without classes, or a model without features.
        """
        net, made, name = _features(inputs.nets)
        train = take(inputs.train, self.looked_at, inputs.rng)
        test = take(inputs.test, self.looked_at, inputs.rng)
        if train.labels is None or test.labels is None:
            raise DoesNotFit("zoo/features asks for the classes of samples, and these data name none")
        sides = [_rows(net, each, made) for each in (train, test)]
        pixels = [each.samples.flatten(1).double().numpy() for each in (train, test)]
        components = PCA(min(sides[0].shape[1], *pixels[0].shape), random_state=0).fit(pixels[0])
        kinds = {"features": sides, "pca": [components.transform(each) for each in pixels], "pixels": pixels}
        answers = [each.labels.numpy() for each in (train, test) if each.labels is not None]
        found: dict[str, Value] = {}
        for count in self.labels:
            if count > len(train):
                continue
            chosen = [_balanced(answers[0], count, inputs.rng) for _ in range(self.draws)]
            scores = {kind: _accuracies(rows, answers, chosen) for kind, rows in kinds.items()}
            told = f"{count} labels; beside it pixels"
            for kind, note in (("features", name), ("pca", "principal components")):
                found[f"{kind}_{count}"] = _value(scores[kind], scores["pixels"], f"{note}, {told}", len(test))
            if self.fine_tuning:
                seed = int(torch.randint(2**62, (), generator=inputs.rng))
                known, asked = ((each.samples, each.labels) for each in (train, test) if each.labels is not None)
                started, new = pairs(
                    net,
                    made,
                    known,
                    asked,
                    chosen,
                    classes=len(inputs.test.spec.classes or ()),
                    updates=self.fine_tuning,
                    seed=seed,
                ).T
                note = f"classifier from these weights, {count} labels; beside it from new ones"
                found[f"classifier_{count}"] = _value(started, new, note, len(test))
        return found


def _value(scores: Rows, reference: Rows, note: str, n: int) -> Value:
    """The mean over draws, with its 95 % interval."""
    mean, half = float(scores.mean()), float(1.96 * scores.std(ddof=1) / len(scores) ** 0.5)
    return Value(mean, "higher", float(reference.mean()), note, low=mean - half, high=mean + half, n=n, n_reference=n)


def _features(nets: Any) -> tuple[Any, Features, str]:
    """The net that has features, what makes them of it and samples, and what they are called."""
    generator, critic = nets.get("generator"), nets.get("critic")
    if has_member(generator, "encode") and not takes_encoded_labels(generator):
        return generator, call_encode, "latents of the encoder"
    if has_member(critic, "features"):
        return critic, lambda net, samples: net.features(samples), "features of the critic"
    raise DoesNotFit("zoo/features needs an encoder that is told no classes, or a critic with `features`")


def _rows(net: nn.Module, samples: Samples, made: Features) -> Rows:
    at = next(net.parameters()).device
    with evaluating(net):
        parts = [made(net, part.to(at)).flatten(1).double().cpu() for part in samples.samples.split(CHUNK)]
    return torch.cat(parts).numpy()


def _balanced(answers: NDArray[np.int64], count: int, rng: torch.Generator) -> NDArray[np.int64]:
    """Indices of `count` samples, drawn class by class in turn: no class has more than its share if it can be."""
    order = torch.randperm(len(answers), generator=rng).numpy()
    of_class = [order[answers[order] == each] for each in np.unique(answers)]
    rank = np.concatenate([np.arange(len(each)) for each in of_class])
    return np.concatenate(of_class)[np.argsort(rank, kind="stable")][:count]


def _accuracies(rows: Sequence[Rows], answers: Sequence[NDArray[np.int64]], chosen: Sequence[Any]) -> Rows:
    found = []
    for indices in chosen:
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe.fit(rows[0][indices], answers[0][indices])
        found.append(probe.score(rows[1], answers[1]))
    return np.array(found)
