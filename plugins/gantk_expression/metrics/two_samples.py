"""Metrics that ask whether generated and real samples can be told apart: MMD, and a random forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray

from gantk.interfaces import Metric, MetricInput, Value
from gantk_expression.metrics.floors import compared, logs_of, numbers_of_sides, values_of_sides

Floats = NDArray[np.float64]

COMPONENTS = 50  # principal components
BANDWIDTHS = (0.5, 1.0, 2.0)  # times the median distance of real samples
FOLDS = 5
REDRAWS = 200


class Mmd(Metric):
    """Maximum mean discrepancy of generated and held-out samples, in 50 principal components of real logarithms.

    The squared MMD without bias (Gretton et al. 2012, equation 3) with the kernel k(x, y) = mean over w in {½, 1, 2} of
    exp(-‖x - y‖² / (2 w² m²)), m the median distance of two held-out samples. 0 is expected of equal distributions, so
    that it may be negative. Components are those of training samples.

    Args:
        samples: how many generated samples, and as many held-out ones.
    """

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 1000):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`mmd`, squared, beside that of real training samples and of floors."""
        sides = compared(inputs, self.samples, "expression/mmd")
        place = components_of(logs_of(sides.training))
        held_out = place(logs_of(sides.held_out))
        scale = median_distance(held_out)
        numbers = numbers_of_sides(sides, lambda each: squared_mmd(place(logs_of(each)), held_out, scale))
        return values_of_sides("mmd", numbers, "lower", len(sides.made))

    def summary(self, values: Mapping[str, Value]) -> str:
        """The number beside real samples and floors."""
        found = values["mmd"]
        floors = ", ".join(
            f"{words} {values[f'mmd_{name}'].value:.4f}"
            for name, words in (("independent", "independent genes"), ("copula", "Gaussian copula"))
            if f"mmd_{name}" in values
        )
        return f"squared MMD {found.value:.4f} (real samples {found.reference:.4f}, {floors})"


def components_of(logs: NDArray[np.floating], count: int = COMPONENTS):  # type: ignore[no-untyped-def]
    """A function from (N, G) to (N, C): principal components of these samples, C at most 50.

    Args:
        logs: what they are fitted on.
        count: how many.
    """
    from sklearn.decomposition import PCA

    most = min(count, len(logs) - 1, logs.shape[1])
    fitted = PCA(most, svd_solver="randomized", random_state=0).fit(logs.astype(np.float64))
    return lambda each: fitted.transform(each.astype(np.float64))


def median_distance(points: Floats) -> float:
    """Of all pairs of different points, (N, C); 1 where they are all the same."""
    from scipy.spatial.distance import pdist

    found = float(np.median(pdist(points)))
    return found if found > 0 else 1.0


def squared_mmd(one: Floats, other: Floats, scale: float) -> float:
    """Squared MMD without bias (Gretton et al. 2012, equation 3), Gaussian kernels of three widths.

    Args:
        one: (N, C).
        other: (M, C).
        scale: the middle width.
    """
    from scipy.spatial.distance import cdist

    def kernel(a: Floats, b: Floats) -> Floats:
        squares = cdist(a, b, "sqeuclidean")
        return np.mean([np.exp(-squares / (2 * (width * scale) ** 2)) for width in BANDWIDTHS], axis=0)

    n, m = len(one), len(other)
    within = 0.0
    for points, count in ((one, n), (other, m)):
        among = kernel(points, points)
        within += (among.sum() - np.trace(among)) / (count * (count - 1))
    return float(within - 2 * kernel(one, other).mean())


class Forest(Metric):
    """Whether a random forest tells generated from held-out samples: AUROC over five folds, .5 where it cannot.

    Equally many of both. `components`: it sees the first 50 principal components of the logarithms, fitted in each
    fold on the samples that it learns from, as in published evaluations (Marouf et al. 2020 and Zinati et al. 2024 use
    a forest of 1,000 trees). `genes`: it sees all genes, and finds what components smooth over: that no count lies
    between 0 and 1, for instance. The interval is over samples (bootstrap). Beside it the AUROC of as many real
    training samples and, by a fifth of the trees, of floors: each gene drawn on its own, and a Gaussian copula of each
    class.

    Args:
        samples: how many generated samples at most, and as many held-out ones.
        trees: of each forest.
        on: what it sees.
        floors: whether floors are measured, too.
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(10)] = 500,
        trees: Annotated[int, Ge(1)] = 1000,
        on: Literal["components", "genes"] = "components",
        floors: bool = True,
    ):
        self.samples = samples
        self.trees = trees
        self.on = on
        self.floors = floors

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`auroc`, and that of the floors."""
        sides = compared(inputs, self.samples, "expression/forest")
        held_out = logs_of(sides.held_out)
        seed = int(torch.randint(2**31, (1,), generator=inputs.rng))
        numbers, low, high = {}, 0.0, 1.0
        for name, make in sides.sides().items():
            if name in ("", "real") or self.floors:
                trees = self.trees if name in ("", "real") else max(1, self.trees // 5)
                said = forest_scores(logs_of(make()), held_out, trees, self.on, seed)
                numbers[name] = auroc(*said)
                if not name:
                    low, high = auroc_interval(*said, inputs.rng)
        return values_of_sides("auroc", numbers, "lower", len(sides.made), low=low, high=high)

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether it tells them apart, and whether a floor does as well."""
        found = values["auroc"]
        text = (
            f"a random forest tells generated from real with AUROC {found.value:.3f} ({found.low:.3f} to "
            f"{found.high:.3f}; real samples {found.reference:.3f})"
        )
        if "auroc_copula" in values:
            copula, independent = values["auroc_copula"].value, values["auroc_independent"].value
            low, high = found.low or 0.0, found.high or 1.0
            rank = "worse" if copula > high else "better" if copula < low else "as well"
            text += f"; a Gaussian copula does {rank} ({copula:.3f}), independent genes {independent:.3f}"
        return text


def forest_scores(
    made: NDArray[np.floating], real: NDArray[np.floating], trees: int, on: str, seed: int
) -> tuple[Floats, Floats]:
    """What a forest that did not learn from a sample says of it, 1 for real: of generated, and of real ones.

    Args:
        made: (N, G) logarithms.
        real: (N, G).
        trees: of each fold's forest.
        on: "components" or "genes".
        seed: of folds and forests.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    samples = np.concatenate([made, real]).astype(np.float32)
    is_real = np.repeat([0, 1], [len(made), len(real)])
    said = np.zeros(len(samples))
    for number, (known, new) in enumerate(
        StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(samples, is_real)
    ):
        place = components_of(samples[known]) if on == "components" else lambda each: each
        forest = RandomForestClassifier(trees, n_jobs=1, random_state=seed + number)
        forest.fit(place(samples[known]), is_real[known])
        said[new] = forest.predict_proba(place(samples[new]))[:, 1]
    return said[: len(made)], said[len(made) :]


def auroc(made: Floats, real: Floats) -> float:
    """The chance that a real sample scores higher than a generated one; ties count half.

    Args:
        made: scores, (N,).
        real: scores, (M,).
    """
    order = np.sort(made)
    wins = np.searchsorted(order, real, "left") + np.searchsorted(order, real, "right")
    return float(wins.mean() / 2 / len(made))


def auroc_interval(made: Floats, real: Floats, rng: torch.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC, both sides redrawn.

    Args:
        made: scores, (N,).
        real: scores, (M,).
        rng: redraws.
    """
    found = [
        auroc(*(each[torch.randint(len(each), (len(each),), generator=rng).numpy()] for each in (made, real)))
        for _ in range(REDRAWS)
    ]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
