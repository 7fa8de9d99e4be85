"""Metrics of types: are samples of their type, do types differ as real ones do, can one learn them from samples?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from gantk_basics.metrics.augmentation import few_of_each, over_seeds
from gantk_basics.metrics.intervals import wilson
from numpy.typing import NDArray
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value
from gantk_expression.logarithms import gene_count
from gantk_expression.markers import fold_changes, marker_genes
from gantk_expression.metrics.floors import MOST_TRAINING, compared, logs_of, values_of_sides
from gantk_expression.metrics.genes import pearson

Labels = NDArray[np.int64]
FEWEST = 5  # held-out samples of a type
LEAST_OF = "rate over that of held-out ones, "


class TypeClassifier:
    """Logistic regression (L2) of the types on standardised logarithms of expression.

    Args:
        logs: (N, G) to learn from.
        labels: (N,), two types or more.
    """

    def __init__(self, logs: NDArray[np.floating], labels: Labels):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.net = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
        self.net.fit(logs.astype(np.float64), labels)

    def __call__(self, logs: NDArray[np.floating]) -> Labels:
        """(N, G) to types (N,)."""
        return np.asarray(self.net.predict(logs.astype(np.float64)))


def labelled(samples: Samples, metric: str) -> Labels:
    """The labels of samples, (N,).

    Args:
        samples: with labels.
        metric: named in the message.

    Raises:
        DoesNotFit: there are none.
    """
    if samples.labels is None or len(samples.spec.classes) < 2:
        raise DoesNotFit(
            f"{metric} needs data of two types or more, and samples that have labels: name a column of labels "
            "(data.label), and give the generator labels"
        )
    return samples.labels.cpu().numpy()


class Types(Metric):
    """Whether samples are of the type that was asked for, by a classifier that learnt from real ones; and type shares.

    Logistic regression on the logarithms of up to 4,000 training samples. `agreement`: the share of generated samples
    that it calls as asked, beside that of held-out ones; `worst`: the type with the lowest rate over that of held-out
    samples. A generator that takes no labels has shares of types all the same: `share_factor` is the largest factor,
    either way, between how often the classifier sees a type among generated and among held-out samples; 99 where it
    misses one. Types with fewer than five held-out samples are left out of both.

    Args:
        samples: how many generated samples; of those, each type has its share.
    """

    learns_classes = True

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 2000):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`agreement` and `worst` where samples have labels, `share_factor`, and the rate of each type.

        Raises:
            DoesNotFit: the data have no types.
        """
        gene_count(inputs.test.spec, "expression/types")
        training = take(inputs.train, MOST_TRAINING, inputs.rng)
        held_out = take(inputs.test, self.samples, inputs.rng)
        known, real = (labelled(each, "expression/types") for each in (training, held_out))
        if len(np.unique(known)) < 2:
            raise DoesNotFit("expression/types: all training samples are of one type")
        classifier = TypeClassifier(logs_of(training), known)
        made = inputs.generated[: self.samples]
        said = classifier(logs_of(Samples(samples=made.samples, spec=held_out.spec)))
        named = classifier(logs_of(held_out))
        count = len(inputs.test.spec.classes)
        enough = [label for label in range(count) if (real == label).sum() >= FEWEST]
        n, m = len(said), len(named)
        values: dict[str, Value] = {}
        if made.labels is not None and n:
            asked = made.labels.cpu().numpy()
            right = float((said == asked).mean())
            low, high = wilson(right, n)
            values["agreement"] = Value(right, "higher", float((named == real).mean()), "held out", n, m, low, high)
            rates = {}
            for label in enough:
                of_made, of_real = said[asked == label] == label, named[real == label] == label
                if len(of_made) and of_real.any():
                    rates[label] = (float(of_made.mean()), float(of_real.mean()), len(of_made), len(of_real))
            if rates:
                worst = min(rates, key=lambda label: rates[label][0] / rates[label][1])
                name = inputs.test.spec.classes[worst]
                share = rates[worst][0] / rates[worst][1]
                values["worst"] = Value(share, "higher", 1.0, LEAST_OF + name, *rates[worst][2:])
            for label, (rate, usual, size, others) in rates.items():
                low, high = wilson(rate, size)
                values[f"rate_{label}"] = Value(
                    rate, None, usual, inputs.test.spec.classes[label], size, others, low, high
                )
        shares = [((said == label).mean(), (named == label).mean()) for label in enough if n]
        factors = [99.0 if min(pair) == 0 else min(99.0, max(pair) / min(pair)) for pair in shares]
        values["share_factor"] = Value(float(max(factors, default=1.0)), "lower", 1.0, "of types, worst", n, m)
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """How many are as asked, or how types are shared out."""
        factor = f"shares of types are within a factor {values['share_factor'].value:.2f}"
        if "agreement" not in values:
            return factor
        right = values["agreement"]
        text = f"{right.value:.1%} of samples are of the type asked for (held-out ones {right.reference:.1%})"
        if "worst" in values:
            worst = values["worst"]
            text += f"; least of {worst.note.removeprefix(LEAST_OF)}, {worst.value:.2f} of the real rate"
        return f"{text}; {factor}"


class Markers(Metric):
    """Whether types differ in the genes, and by as much, as real ones: log2-fold changes of markers, r and slope.

    The strongest markers of each type against all others are chosen by Welch's t on training samples; their log2-fold
    changes are compared between generated and held-out samples, all types together. `r` does not see that all are too
    small by a factor: `slope`, of the line through the origin of generated on held-out, does. `overlap`: how many of
    the markers that held-out samples choose generated ones choose, too.

    Args:
        samples: how many generated samples, and held-out ones at most.
        markers: of each type.
    """

    learns_classes = True

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 2000, markers: Annotated[int, Ge(1)] = 10):
        self.samples = samples
        self.markers = markers

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`r`, `slope`, `overlap`, each beside real training samples and floors.

        Raises:
            DoesNotFit: no types, or fewer than two with five samples on each side.
        """
        sides = compared(inputs, self.samples, "expression/markers")
        kinds = [labelled(each, "expression/markers") for each in (sides.made, sides.held_out, sides.real)]
        training, held_out, spec = sides.training, sides.held_out, sides.held_out.spec
        assert training.labels is not None and held_out.labels is not None and sides.made.labels is not None
        enough = [label for label in range(len(spec.classes)) if all((each == label).sum() >= FEWEST for each in kinds)]
        if len(enough) < 2:
            raise DoesNotFit(
                f"expression/markers compares types with {FEWEST} samples or more on each side, and fewer than two have"
            )
        genes = marker_genes(training.samples, training.labels, spec, self.markers)
        known = _changes(held_out, genes, enough)
        own = marker_genes(held_out.samples, held_out.labels, spec, self.markers)
        found: dict[str, tuple[float, float, float]] = {}
        for name, make in sides.sides().items():
            side = make()
            changes = _changes(side, genes, enough)
            assert side.labels is not None
            others = marker_genes(side.samples, side.labels, spec, self.markers)
            common = [len(set(own[each].tolist()) & set(others[each].tolist())) / self.markers for each in enough]
            found[name] = (*line(changes, known), float(np.mean(common)))
        values: dict[str, Value] = {}
        for at, (name, better) in enumerate((("r", "higher"), ("slope", "near"), ("overlap", "higher"))):
            numbers = {side: each[at] for side, each in found.items()}
            values |= values_of_sides(name, numbers, better, len(sides.made))  # type: ignore[arg-type]
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """r, slope, and what is wrong with it."""
        slope = values["slope"].value
        verdict = "too small" if slope < 0.8 else "too large" if slope > 1.25 else "of the right size"
        return (
            f"log-fold changes of markers are {verdict}: slope {slope:.2f} (real samples "
            f"{values['slope'].reference:.2f}), r = {values['r'].value:.3f} ({values['r'].reference:.3f})"
        )


def _changes(samples: Samples, genes: Sequence[Tensor], types: Sequence[int]) -> NDArray[np.float64]:
    assert samples.labels is not None
    found = fold_changes(samples.samples, samples.labels.cpu(), samples.spec)
    return np.nan_to_num(torch.cat([found[each, genes[each]] for each in types]).numpy())


def line(made: NDArray[np.float64], known: NDArray[np.float64]) -> tuple[float, float]:
    """Pearson's r, and the slope of the least-squares line through the origin of `made` on `known`."""
    return pearson(made, known), float((made * known).sum() / max(float((known**2).sum()), 1e-30))


class Transfer(Metric):
    """Train on synthetic, test on real: accuracy of classifiers of types that learnt from generated samples.

    Logistic regression on logarithms, tested on held-out samples; types count equally (balanced accuracy). `synthetic`
    learnt from generated samples, and its reference from equally many real training ones. `real_50` learnt from fifty
    real samples, `both_50` from these and all generated ones; `gain_50` is the difference, seed by seed (each seed
    draws its samples; intervals are Student's over seeds). The generator saw all training samples, so with fifty it
    hands on what the fifty do not say: that is no augmentation. To ask that, train it on the fifty (`data.samples:
    50`, or a file of fifty) and read `gain_all` of basics/augmentation.

    Args:
        samples: how many generated samples.
        few: how many real ones.
        seeds: how often each is repeated.
    """

    learns_classes = True

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(10)] = 1000,
        few: Annotated[int, Ge(4)] = 50,
        seeds: Annotated[int, Ge(2)] = 5,
    ):
        self.samples = samples
        self.few = few
        self.seeds = seeds

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`synthetic`, `real_FEW`, `both_FEW` and `gain_FEW`.

        Raises:
            DoesNotFit: no types, or one alone.
        """
        gene_count(inputs.test.spec, "expression/transfer")
        training = take(inputs.train, MOST_TRAINING, inputs.rng)
        held_out = take(inputs.test, 2000, inputs.rng)
        made = inputs.generated[: self.samples]
        known, real = (labelled(each, "expression/transfer") for each in (training, held_out))
        if made.labels is None or len(np.unique(real)) < 2:
            raise DoesNotFit("expression/transfer needs two types or more, and a generator that is told the type")
        asked = made.labels.cpu().numpy()
        logs, tested = logs_of(training), logs_of(held_out)
        drawn = logs_of(Samples(samples=made.samples, spec=held_out.spec))
        n, m = len(asked), len(real)
        results: dict[str, list[float]] = {"synthetic": [], "real": [], "few": [], "both": []}
        for _ in range(self.seeds):
            rng = torch.Generator().manual_seed(int(torch.randint(2**62, (1,), generator=inputs.rng)))
            part = torch.randint(n, (n,), generator=rng).numpy()
            others = torch.randint(len(known), (n,), generator=rng).numpy()
            few = _few(known, self.few, rng)
            sources = {
                "synthetic": (drawn[part], asked[part]),
                "real": (logs[others], known[others]),
                "few": (logs[few], known[few]),
                "both": (np.concatenate([logs[few], drawn]), np.concatenate([known[few], asked])),
            }
            for name, (learnt, labels) in sources.items():
                results[name].append(balanced(TypeClassifier(learnt, labels)(tested), real))
        found = {name: over_seeds(each) for name, each in results.items()}
        gain = over_seeds([both - few for both, few in zip(results["both"], results["few"], strict=True)])
        few_name = f"{self.few} real samples"

        def value(name: str, reference: float | None, note: str, better: bool) -> Value:
            mean, low, high = found[name]
            return Value(mean, "higher" if better else None, reference, note, n, m, max(low, 0.0), min(high, 1.0))

        return {
            "synthetic": value("synthetic", found["real"][0], "as many real samples", True),
            f"real_{self.few}": value("few", None, few_name, False),
            f"both_{self.few}": value("both", found["few"][0], few_name, True),
            f"gain_{self.few}": Value(gain[0], "higher", 0.0, "no gain", n, m, gain[1], gain[2]),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """What generated samples teach."""
        found = values["synthetic"]
        few, both = (values[f"{name}_{self.few}"].value for name in ("real", "both"))
        return (
            f"a classifier that learnt types from generated samples is right on {found.value:.1%} of real ones (from "
            f"as many real {found.reference:.1%}); {self.few} real ones alone {few:.1%}, with generated {both:.1%} "
            "(the generator saw all)"
        )


def _few(labels: Labels, count: int, rng: torch.Generator) -> Labels:
    """Numbers of `count` samples: one of each type first, then others by chance."""
    first = few_of_each(torch.from_numpy(labels), 1, rng)
    others = torch.randperm(len(labels), generator=rng)
    chosen = torch.cat([first, others[~torch.isin(others, first)]])
    return chosen[: max(count, len(first))].numpy()


def balanced(said: Labels, real: Labels) -> float:
    """Balanced accuracy: the mean over types of the share that is right."""
    return float(np.mean([(said[real == each] == each).mean() for each in np.unique(real)]))
