"""Metric `augmentation`: whether generated samples help a classifier that has few real ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from annotated_types import Ge, MinLen
from PIL import Image
from scipy.stats import t as student
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value
from gantk.plots import COLOURS, MADE, REAL, new_figure, to_image
from gantk_basics.metrics.small_classifier import (
    Drawn,
    Pool,
    Standardised,
    Varied,
    predicted,
    small_classifier,
    train_classifier,
)
from gantk_basics.metrics.two_sample_tests import device_of

log = logging.getLogger(__name__)

CONFIDENCE = 0.95
MOST = 5000  # training and test samples that take part, at most
ALL = "all"


class Augmentation(Metric):
    """Whether generated samples help: accuracy on real test samples of classifiers that learnt from few real samples.

    With n real samples of each class, and with all there are (`all`), a classifier learns from the real ones alone
    (`real_n`), from real and generated ones, half of each batch from either (`both_n`), and from the real ones varied
    as is classical (`classical_n`): images shifted by up to an eighth of their side, and all in the versions that the
    data set says are the same (flips, the other strand); where there are none it is left out. `generated` learns from
    generated samples alone. Each is trained equally long, by `seeds` seeds: each draws its n samples and its weights,
    both the same for all. `gain_n` is both_n less real_n seed by seed, `classical_gain_n` likewise. Intervals (95 %,
    Student's) are over seeds: of the choice of samples and of training, not of the test samples. Classes count as
    they do in the test split.

    The generator has seen all training samples, so with n of them generated ones hand on what the n do not say: only
    `all` compares what both have seen. To ask what a generator of n samples is worth, train it on n.

    The classifier is small and fixed: two convolutions of 32 and 64 channels with pooling for images and sequences,
    two dense layers of 64 for all else, Adam(1e-3), on samples standardised by the real training ones. Better ones need
    fewer samples: compare the columns, not the accuracy with what others report.

    Args:
        samples: how many generated samples.
        real: how many real ones of each class; a class that has fewer takes part with all it has.
        seeds: how often each is repeated.
        steps: updates of each classifier.
        batch: samples in an update.
    """

    costly = True
    learns_classes = True

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(2)] = 2000,
        real: Annotated[Sequence[Annotated[int, Ge(1)]], MinLen(1)] = (10, 30, 100),
        seeds: Annotated[int, Ge(2)] = 5,
        steps: Annotated[int, Ge(1)] = 300,
        batch: Annotated[int, Ge(2)] = 64,
    ):
        self.samples = samples
        self.real = sorted(set(real))
        self.seeds = seeds
        self.steps = steps
        self.batch = batch
        self.found: dict[str, Value] = {}

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`gain_all`, then what each classifier reached.

        Raises:
            DoesNotFit: no labels, one class, or a generator that is not told the class.
        """
        known, test = (take(each, MOST, inputs.rng) for each in (inputs.train, inputs.test))
        pool, held_out, made = (_labelled(each) for each in (known, test, inputs.generated))
        if len(held_out.labels.unique()) < 2 or len(pool.labels.unique()) < 2:
            raise DoesNotFit("basics/augmentation needs samples of two classes or more, in training and in test split")
        device = device_of(inputs.nets)
        counts = pool.labels.bincount()
        levels = {str(n): n for n in self.real if n < int(counts.max())} | {ALL: len(pool.labels)}
        accuracies: dict[str, list[float]] = {}
        for seed in torch.randint(2**62, (self.seeds,), generator=inputs.rng).tolist():

            def accuracy(sources: Sequence[Drawn], seed: int = seed) -> float:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    net = Standardised(small_classifier(inputs.test.spec), pool.samples).to(device)
                rng = torch.Generator().manual_seed(seed)
                train_classifier(net, sources, steps=self.steps, batch=self.batch, rng=rng, device=device)
                right = predicted(net, held_out.samples, device) == held_out.labels
                return right.double().mean().item()

            accuracies.setdefault("generated", []).append(accuracy([made.draw]))
            for level, n in levels.items():
                chosen = few_of_each(pool.labels, n, torch.Generator().manual_seed(seed))
                few = Pool(pool.samples[chosen], pool.labels[chosen])
                varied = Varied(few, inputs.train)
                sources = {"real": [few.draw], "both": [few.draw, made.draw], "classical": [varied.draw]}
                for name, each in sources.items():
                    if name != "classical" or varied.differs:
                        accuracies.setdefault(f"{name}_{level}", []).append(accuracy(each))
        self.found = _values(accuracies, list(levels), counts[counts > 0], len(made.labels), len(held_out.labels))
        return self.found

    def pictures(self, inputs: MetricInput) -> dict[str, Image.Image]:
        """`accuracy`: of each kind of classifier over the number of real samples of a class."""
        levels = [name.removeprefix("real_") for name in self.found if name.startswith("real_")]
        figure = new_figure()
        axes = figure.add_subplot()
        lines = (
            ("real", "real alone", REAL),
            ("classical", "real, varied", COLOURS[0]),
            ("both", "real + generated", MADE),
        )
        for number, (kind, label, colour) in enumerate(lines):
            values = [self.found[f"{kind}_{level}"] for level in levels if f"{kind}_{level}" in self.found]
            if values:
                places = [place + 0.06 * (number - 1) for place in range(len(levels))]
                reach = [[v.value - (v.low or 0) for v in values], [(v.high or 0) - v.value for v in values]]
                axes.errorbar(
                    places, [v.value for v in values], reach, color=colour, label=label, marker=".", capsize=2
                )
        axes.axhline(self.found["generated"].value, color=MADE, linestyle="--", label="generated alone")
        axes.set_xticks(range(len(levels)), levels)
        axes.set(xlabel="real samples of a class", ylabel="accuracy on real test samples")
        axes.grid(alpha=0.25)
        figure.legend(loc="outside upper center", ncols=2)
        return {"accuracy": to_image(figure)}

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether generated samples help here, where all real ones are known, and with how many they do."""
        gain = values[f"gain_{ALL}"]
        verdict = "help" if (gain.low or 0) > 0 else "do harm" if (gain.high or 0) < 0 else "do not help"
        real, both = values[f"real_{ALL}"].value, values[f"both_{ALL}"].value
        text = (
            f"generated samples {verdict} here: {real:.1%} with all real samples, {both:.1%} with generated ones, too"
        )
        if f"classical_{ALL}" in values:
            text += f", {values[f'classical_{ALL}'].value:.1%} with real ones varied"
        levels = [name.removeprefix("real_") for name in values if name.startswith("real_") and name != f"real_{ALL}"]
        few = [
            f"{values[f'real_{n}'].value:.1%} to {values[f'both_{n}'].value:.1%} with {n} of a class" for n in levels
        ]
        return f"{text}; with fewer real ones (the generator saw all): {', '.join(few)}" if few else text


def few_of_each(labels: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Numbers of n random samples of each class, all of a class that has fewer, rising, (m,).

    Args:
        labels: (N,).
        n: how many.
        rng: chooses; of the same stream, fewer are a part of more.
    """
    order = torch.randperm(len(labels), generator=rng)
    parts = [order[labels[order] == each][:n] for each in labels.unique()]
    return torch.cat(parts).sort().values


def over_seeds(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval (Student's t) of numbers that differ by their seed alone."""
    found = torch.tensor(values, dtype=torch.float64)
    mean, count = found.mean().item(), len(values)
    reach = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * found.std().item() / count**0.5
    return mean, mean - reach, mean + reach


def _labelled(samples: Samples) -> Pool:
    if samples.labels is None or not len(samples):
        raise DoesNotFit("basics/augmentation needs data with labels, and a generator that is told the class")
    return Pool(samples.samples.float(), samples.labels.long())


def _values(
    accuracies: Mapping[str, list[float]], levels: Sequence[str], counts: Tensor, made: int, test: int
) -> dict[str, Value]:
    found = {name: over_seeds(each) for name, each in accuracies.items()}

    def value(name: str, reference: float | None, note: str, better: bool = True) -> Value:
        mean, low, high = found[name]
        return Value(mean, "higher" if better else None, reference, note, made, test, max(low, 0.0), min(high, 1.0))

    def gain(level: str, kind: str) -> Value:
        pairs = zip(accuracies[f"{kind}_{level}"], accuracies[f"real_{level}"], strict=True)
        mean, low, high = over_seeds([other - real for other, real in pairs])
        return Value(mean, "higher" if kind == "both" else None, 0.0, "no gain", made, test, low, high)

    values = {f"gain_{ALL}": gain(ALL, "both")}
    for level in levels:
        of_class = f"{int(counts.min())} to {int(counts.max())}" if level == ALL else level
        real = found[f"real_{level}"][0]
        values[f"real_{level}"] = value(f"real_{level}", None, f"{of_class} of a class", better=False)
        values[f"both_{level}"] = value(f"both_{level}", real, "real alone")
        values[f"gain_{level}"] = gain(level, "both")
        if f"classical_{level}" in found:
            values[f"classical_{level}"] = value(f"classical_{level}", real, "real alone", better=False)
            values[f"classical_gain_{level}"] = gain(level, "classical")
    return values | {"generated": value("generated", found[f"real_{ALL}"][0], "all real samples")}
