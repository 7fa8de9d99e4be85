"""Metrics by gene and of pairs of genes: means, variances, zeros, and the structure of correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value
from gantk_expression.metrics.floors import compared, logs_of, values_of_sides

Floats = NDArray[np.float64]


def pearson(one: Floats, other: Floats) -> float:
    """Pearson's r of two vectors; 0 where one of them is constant.

    Args:
        one: (N,).
        other: (N,).
    """
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


class Genes(Metric):
    """Means, variances and zero shares by gene, generated against held-out, beside as many real samples and floors.

    Of logarithms of expression: Pearson's r over genes of means and of standard deviations, and the mean difference
    over genes, in sd of a gene (means), as a ratio (standard deviations) and in shares (zeros). r forgives a constant
    factor, so read the differences. Each gene on its own is right in `independent`, which says nothing else.

    Args:
        samples: how many generated samples, and as many held-out ones.
    """

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 1000):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`mean_r`, `sd_r`, `mean_difference`, `sd_ratio` and, where there are zeros, `zero_difference`."""
        sides = compared(inputs, self.samples, "expression/genes")
        known = moments(sides.held_out)
        found = {name: against(moments(make()), known) for name, make in sides.sides().items() if name != "copula"}
        values: dict[str, Value] = {}
        for name, better in (
            ("mean_r", "higher"),
            ("sd_r", "higher"),
            ("mean_difference", "lower"),
            ("sd_ratio", "near"),
            ("zero_difference", "lower"),
        ):
            if name in found[""]:
                numbers = {side: each[name] for side, each in found.items()}
                values |= values_of_sides(name, numbers, better, len(sides.made))  # type: ignore[arg-type]
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """How far means, spreads and zeros are off."""
        mean, ratio = values["mean_difference"], values["sd_ratio"]
        text = (
            f"means of genes are {mean.value:.2f} sd off (real samples {mean.reference:.2f}), they spread "
            f"{ratio.value:.2f} times as widely as real ones"
        )
        if "zero_difference" in values:
            zeros = values["zero_difference"]
            text += f", shares of zeros differ by {zeros.value:.3f} (real samples {zeros.reference:.3f})"
        return text


def moments(samples: Samples) -> dict[str, Floats]:
    """Mean, standard deviation (of logarithms) and share of zeros of each gene, (G,) each."""
    logs = logs_of(samples).astype(np.float64)
    zeros = (samples.samples.cpu() == 0).double().mean(0).numpy()
    return {"mean": logs.mean(0), "sd": logs.std(0), "zeros": zeros}


def against(made: Mapping[str, Floats], known: Mapping[str, Floats]) -> dict[str, float]:
    """Numbers that compare two sets of `moments`; of genes that are constant in `known`, zeros and means' r alone."""
    varies = known["sd"] > 1e-6
    if not varies.any():
        raise DoesNotFit("expression/genes: every gene is constant among the held-out samples")
    found = {
        "mean_r": pearson(made["mean"], known["mean"]),
        "sd_r": pearson(made["sd"], known["sd"]),
        "mean_difference": float((np.abs(made["mean"] - known["mean"])[varies] / known["sd"][varies]).mean()),
        "sd_ratio": float(np.median(made["sd"][varies] / known["sd"][varies])),
    }
    if known["zeros"].any():
        found["zero_difference"] = float(np.abs(made["zeros"] - known["zeros"]).mean())
    return found


class Correlation(Metric):
    """Whether genes hang together as in real samples: γ, Pearson's r between two gene × gene correlation structures.

    D is the matrix of 1 - r of all pairs of genes, of logarithms; γ(Dx, Dz) is Pearson's r of the upper triangles of
    the real D and the generated one (Viñas et al. 2022). Real samples of the same number do not reach 1, since
    correlations of so few samples are noisy: `share` is γ over theirs. Genes that are constant on a side are left out.

    Args:
        samples: how many generated samples, and as many held-out ones: γ grows with it.
        genes: at most so many, drawn at random.
    """

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 1000, genes: Annotated[int, Ge(3)] = 2000):
        self.samples = samples
        self.genes = genes

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`gamma`, `share`, and `constant_genes` that were left out.

        Raises:
            DoesNotFit: fewer than three genes vary on all sides.
        """
        sides = compared(inputs, self.samples, "expression/correlation")
        logs = {name: logs_of(make()) for name, make in sides.sides().items()}
        held_out = logs_of(sides.held_out)
        total = held_out.shape[1]
        chosen = torch.randperm(total, generator=inputs.rng)[: self.genes].sort().values.numpy()
        varies = np.all([each[:, chosen].std(0) > 1e-6 for each in (held_out, logs["real"], logs[""])], axis=0)
        kept = chosen[varies]
        if len(kept) < 3:
            raise DoesNotFit("expression/correlation: fewer than three genes vary among generated and held-out samples")
        known = structure(held_out[:, kept])
        numbers = {name: gamma(structure(each[:, kept]), known) for name, each in logs.items()}
        n = len(sides.made)
        values = values_of_sides("gamma", numbers, "higher", n)
        values["share"] = Value(
            numbers[""] / max(numbers["real"], 1e-9), "higher", 1.0, "γ over that of real samples", n, n
        )
        values["constant_genes"] = Value(
            float((~varies).sum()), None, None, f"left out of {len(chosen)}; constant on a side", n, n
        )
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """γ beside real samples and floors."""
        found = values["gamma"]
        text = f"correlations of genes: γ = {found.value:.3f} (as many real samples {found.reference:.3f}"
        if "gamma_copula" in values:
            text += f", Gaussian copula {values['gamma_copula'].value:.3f}"
        if found.value <= (values["gamma_independent"].value if "gamma_independent" in values else 0) + 0.05:
            return f"{text}): genes do not hang together"
        return f"{text})"


def structure(logs: NDArray[np.floating]) -> Floats:
    """1 - Pearson's r of each pair of genes, (N, G) to the upper triangle, (G (G - 1) / 2,); constant ones: r = 0."""
    centred = logs.astype(np.float64) - logs.mean(0, dtype=np.float64)
    size = np.sqrt((centred**2).sum(0))
    scaled = centred / np.where(size > 0, size, 1)
    r = scaled.T @ scaled
    return 1 - r[np.triu_indices(len(r), 1)]


def gamma(made: Floats, known: Floats) -> float:
    """γ(Dx, Dz) of two structures (Viñas et al. 2022)."""
    return pearson(made, known)
