"""What generated expression is compared with: held-out samples, and floors that know less than all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Samples, Value
from gantk_expression.logarithms import gene_count, logarithms

MOST_TRAINING = 4000  # training samples that floors are fitted on
SHRINKAGE = 0.05  # of the copula's correlations, towards none: with fewer samples than genes they have no inverse
LEAST = 10  # samples on a side
FLOORS = {"independent": "independent genes", "copula": "Gaussian copula"}


@dataclass(frozen=True)
class Comparison:
    """Equally many samples on every side, in their own numbers.

    Args:
        made: generated ones.
        held_out: real ones that the generator never saw.
        real: as many training samples: what a perfect generator would give.
        training: all that floors are fitted on.
        seed: of the floors, so that they take nothing from the metric's own stream.
    """

    made: Samples
    held_out: Samples
    real: Samples
    training: Samples
    seed: int

    def sides(self) -> dict[str, Callable[[], Samples]]:
        """Generated, real and floor samples by name; floors are drawn when asked for."""
        return {
            "": lambda: self.made,
            "real": lambda: self.real,
            "independent": lambda: independent_genes(self.training, len(self.made), self._rng(0)),
            "copula": lambda: gaussian_copula(self.training, self.held_out.labels, len(self.made), self._rng(1)),
        }

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number])


def compared(inputs: MetricInput, most: int, metric: str) -> Comparison:
    """Generated, held-out and training samples, equally many.

    Args:
        inputs: of a metric.
        most: of generated samples, at most.
        metric: named in messages: "expression/genes".

    Raises:
        DoesNotFit: samples that are no profiles, or fewer than ten on a side.
    """
    gene_count(inputs.test.spec, metric)
    held_out = take(inputs.test, most, inputs.rng)
    training = take(inputs.train, MOST_TRAINING, inputs.rng)
    seed = int(torch.randint(2**62, (1,), generator=inputs.rng))
    n = min(len(inputs.generated), len(held_out), most)
    if min(n, len(training)) < LEAST:
        raise DoesNotFit(
            f"{metric} compares {LEAST} samples or more on each side; there are {len(inputs.generated)} generated, "
            f"{len(held_out)} held-out and {len(training)} training ones"
        )
    made = inputs.generated[:n]
    if made.spec.shape != inputs.test.spec.shape:
        raise DoesNotFit(
            f"{metric}: generated samples have {made.spec.shape[0]} genes, the data {held_out.spec.shape[0]}"
        )
    made = replace(made, spec=held_out.spec, labels=None if made.labels is None else made.labels.cpu())
    return Comparison(made, held_out[:n], training[:n], training, seed)


def independent_genes(training: Samples, n: int, rng: np.random.Generator) -> Samples:
    """Each gene drawn on its own from all training samples, so that nothing hangs together: n samples without labels.

    Args:
        training: where from.
        n: how many.
        rng: draws.
    """
    values = training.samples.cpu().numpy()
    rows = rng.integers(len(values), size=(n, values.shape[1]))
    drawn = torch.from_numpy(np.take_along_axis(values, rows, 0))
    labels = None if training.labels is None else training.labels[torch.from_numpy(rng.integers(len(values), size=n))]
    return replace(training, samples=drawn, labels=labels, condition=None, truth={}, names=None)


def gaussian_copula(training: Samples, labels: Tensor | None, n: int, rng: np.random.Generator) -> Samples:
    """A Gaussian copula of the training samples: the values that each gene has, and correlations of normal scores.

    Each class, where there are classes, has a copula of its own, as simulators of single cells have (Sun et al. 2021,
    scDesign2, without its count distributions). Ties have ranks by chance; correlations are shrunk by .05.

    Args:
        training: what it is fitted on.
        labels: of the samples to be drawn; None: none, and one copula for all.
        n: how many.
        rng: ranks ties, and draws.
    """
    values = training.samples.cpu().numpy()
    if labels is None or training.labels is None:
        drawn = torch.from_numpy(_one_copula(values, n, rng))
        return replace(training, samples=drawn, labels=None, condition=None, truth={}, names=None)
    wanted, known = labels[:n].cpu(), training.labels.cpu()
    drawn = torch.empty(len(wanted), values.shape[1])
    for label in wanted.unique().tolist():
        own = values[(known == label).numpy()]
        chosen = wanted == label
        source = own if len(own) else values
        drawn[chosen] = torch.from_numpy(_one_copula(source, int(chosen.sum()), rng))
    return replace(training, samples=drawn, labels=wanted, condition=None, truth={}, names=None)


def _one_copula(values: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Fitted on (N, G), drawn (n, G)."""
    count, genes = values.shape
    order = np.lexsort((rng.random(values.shape), values), axis=0)  # ties by chance
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(count)[:, None], 0)
    scores = ndtri((ranks + 0.5) / count)
    scores /= np.sqrt((scores**2).mean(0))
    # N(0, (1 - a) S'S / N + a I), drawn without the matrix of genes by genes
    drawn = np.sqrt((1 - SHRINKAGE) / count) * (rng.standard_normal((n, count)) @ scores)
    drawn += np.sqrt(SHRINKAGE) * rng.standard_normal((n, genes))
    places = np.minimum((ndtr(drawn) * count).astype(np.int64), count - 1)
    return np.take_along_axis(np.sort(values, 0), places, 0).astype(np.float32)


def numbers_of_sides(comparison: Comparison, number: Callable[[Samples], float]) -> dict[str, float]:
    """One number of generated, real training and floor samples, by their names.

    Args:
        comparison: the sides.
        number: of samples.
    """
    return {name: number(make()) for name, make in comparison.sides().items()}


def values_of_sides(
    name: str,
    numbers: Mapping[str, float],
    better: Literal["higher", "lower", "near"],
    n: int,
    *,
    low: float | None = None,
    high: float | None = None,
) -> dict[str, Value]:
    """The number beside that of real samples, and those of the floors, `NAME_independent` and `NAME_copula`.

    Args:
        name: of the number.
        numbers: by side, "" the generated one.
        better: which way.
        n: samples on each side.
        low: of the interval of the generated one.
        high: its upper end.
    """
    sizes = {"n": n, "n_reference": n}
    found = {name: Value(numbers[""], better, numbers["real"], "real training", **sizes, low=low, high=high)}
    for floor, words in FLOORS.items():
        if floor in numbers:
            found[f"{name}_{floor}"] = Value(numbers[floor], None, numbers["real"], f"floor: {words}", **sizes)
    return found


def logs_of(samples: Samples) -> np.ndarray:
    """Logarithms of expression as an array, (N, G).

    Args:
        samples: in the numbers of their data.
    """
    return logarithms(samples.samples, samples.spec).numpy()
