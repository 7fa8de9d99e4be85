"""Metric `c2st`: can a classifier tell generated from real sequences that it has not seen?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge
from gantk_basics.optimizers import Adam
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_dna.alphabet import BASES, one_hot
from gantk_dna.codes import Codes, versions
from gantk_dna.kmers import kmer_numbers
from gantk_dna.metrics.baselines import compared, floors_note, too_few

LONGEST = 4
Method = Literal["kmers", "cnn"]
EPOCHS, BATCH, LEAST_STEPS = 10, 64, 120


class C2st(Metric):
    """Classifier two-sample test: AUROC of telling generated from held-out real sequences; .5 where it cannot.

    Lopez-Paz & Oquab 2017 (arXiv 1610.06545). Half of each set trains the classifier, the other half is judged; the
    regression also the other way round. With few hundred sequences the number is uncertain by some hundredths: the
    reference, real against real, shows by how much.

    Args:
        samples: how many generated sequences, and held-out ones where there are as many.
        by: "kmers": logistic regression on counts of 1- to 4-mers and the base at each position; "cnn": a small
            convolutional net, which sees longer words wherever they stand.
    """

    def __init__(self, *, samples: Annotated[int, Ge(20)] = 2000, by: Method = "kmers"):
        self.samples = samples
        self.by = by

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`auroc`; the reference is real against real, and the note has what Markov models reach.

        Raises:
            DoesNotFit: generated and real sequences differ in length, or are too few.
        """
        sets = compared(inputs, self.samples)
        if sets.generated.shape[1] != sets.held_out.shape[1]:
            raise DoesNotFit("dna/c2st needs generated sequences as long as the real ones, or length alone tells them")
        if min(len(sets.generated), len(sets.held_out)) < 4:
            raise DoesNotFit("dna/c2st needs 4 sequences or more of each kind to train a classifier")
        found = {name: auroc(each, sets.held_out, inputs.rng, inputs.train, self.by) for name, each in sets.all.items()}
        n = min(len(sets.generated), len(sets.held_out))
        (low, high), (_, top) = interval(found["generated"], n), interval(found["real"], n)
        sizes = {"n": len(sets.generated), "n_reference": len(sets.held_out)}
        return {
            "auroc": Value(found["generated"], "lower", found["real"], floors_note(found), low=low, high=high, **sizes),
            "chance": Value(top, None, 0.5, "AUROC up to which real v. real goes by chance (95 %)", **sizes),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """How well generated sequences are told from real ones."""
        found = values["auroc"]
        real, chance = found.reference or 0.5, values["chance"].value
        line = f"AUROC {found.value:.3f} ({found.low:.3f} to {found.high:.3f}; real v. real {real:.3f})"
        few = too_few(found.n, found.n_reference)
        if few:
            return f"a classifier: {line}: {few}"
        if found.value <= max(chance, 0.55) or (found.low or 0.0) <= real:
            words = "cannot tell"
        else:
            words = "hardly tells" if found.value < 0.65 else "tells"
        return f"a classifier {words} generated from real: {line}"


def interval(area: float, n: int) -> tuple[float, float]:
    """95 % confidence interval of an AUROC of n sequences of each kind (Hanley & McNeil 1982, Radiology 143:29).

    Args:
        area: the AUROC.
        n: of each kind.
    """
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (n - 1) * (one - area**2) + (n - 1) * (two - area**2)) / n**2
    reach = 1.96 * max(variance, 0.0) ** 0.5
    return max(area - reach, 0.0), min(area + reach, 1.0)


def auroc(made: Codes, real: Codes, rng: torch.Generator, like: Dataset, by: Method = "kmers") -> float:
    """How well a classifier tells sequences from real ones that it has not seen: .5 not at all, 1 always.

    It is trained on all versions of a sequence that `like` treats as the same, and scores the mean over them.

    Args:
        made: (N, L).
        real: (M, L); as many of both are taken.
        rng: halves the sets, and draws the weights of a net.
        like: the data set that says which versions of a sequence are the same.
        by: the classifier; see `C2st`.
    """
    n = min(len(made), len(real))
    both = versions(np.concatenate([made[:n], real[:n]]), like)
    labels = np.repeat([0, 1], n)
    half = torch.cat([torch.randperm(n, generator=rng) % 2 for _ in range(2)]).numpy().astype(bool)
    fit = _by_cnn if by == "cnn" else _by_kmers
    halves = (half,) if by == "cnn" else (half, ~half)
    found = [roc_auc_score(labels[~part], fit(both, labels, part, rng)) for part in halves]
    return float(np.mean(found))


def _by_kmers(
    both: list[Codes], labels: NDArray[np.int64], known: NDArray[np.bool_], rng: torch.Generator
) -> NDArray[np.float64]:
    features = [kmer_features(codes) for codes in both]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(np.concatenate([each[known] for each in features]), np.tile(labels[known], len(features)))
    return np.mean([model.decision_function(each[~known]) for each in features], axis=0)


def _by_cnn(
    both: list[Codes], labels: NDArray[np.int64], known: NDArray[np.bool_], rng: torch.Generator
) -> NDArray[np.float64]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=rng)))
        net = Classifier()
    samples, wanted = [one_hot(torch.from_numpy(codes)) for codes in both], torch.from_numpy(labels).float()
    net.learn(torch.cat([each[known] for each in samples]), wanted[known].repeat(len(samples)), rng)
    with torch.no_grad():
        return np.mean([net(each[~known]).numpy().astype(np.float64) for each in samples], axis=0)


def kmer_features(codes: Codes) -> NDArray[np.float32]:
    """Counts of all 1- to 4-mers of each sequence and its bases by position: (N, 340 + 4 L)."""
    n = len(codes)
    parts = []
    for k in range(1, LONGEST + 1):
        numbers = kmer_numbers(codes, k)  # (N, L - k + 1)
        rows = np.broadcast_to(np.arange(n)[:, None], numbers.shape)[numbers >= 0]
        counts = np.bincount(rows * 4**k + numbers[numbers >= 0], minlength=n * 4**k)
        parts.append(counts.reshape(n, 4**k).astype(np.float32))
    places = (codes[:, None] == np.arange(BASES)[:, None]).reshape(n, -1).astype(np.float32)
    return np.concatenate([*parts, places], 1)


class Classifier(nn.Module):
    """One convolution of 32 words of 9 letters, their maxima and means over the sequence, two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Conv1d(BASES, 32, 9, padding=4)
        self.dense = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, 4, L) to logits (B,)."""
        found = F.relu(self.words(samples))
        return self.dense(torch.cat([found.amax(2), found.mean(2)], 1))[:, 0]

    def learn(self, samples: Tensor, labels: Tensor, rng: torch.Generator) -> None:
        """Trains on samples (N, 4, L) with labels (N,) of 0 and 1."""
        optimizer = Adam(self.parameters(), lr=3e-3, weight_decay=1e-4)
        with torch.random.fork_rng(devices=[]), torch.enable_grad():  # dropout draws from the global stream
            torch.manual_seed(int(torch.randint(2**31, (), generator=rng)))
            self.train()
            for _ in range(max(EPOCHS, LEAST_STEPS * BATCH // len(samples))):
                for chosen in torch.randperm(len(samples), generator=rng).split(BATCH):
                    optimizer.zero_grad()
                    F.binary_cross_entropy_with_logits(self(samples[chosen]), labels[chosen]).backward()
                    optimizer.step()
        self.eval()
