"""Metric `ring_modes`: modes of the ring that are covered, and points near them."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Annotated

import torch
from annotated_types import Ge
from matplotlib.patches import Circle
from PIL import Image
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk.plots import MADE, REAL, new_figure, to_image


def near_modes(points: Tensor, centres: Tensor, sigma: float) -> Tensor:
    """How many points lie within 3 sigma of each mode, (modes,).

    Args:
        points: (N, 2).
        centres: (modes, 2).
        sigma: standard deviation of each mode.
    """
    apart = (points[:, None] - centres).square().sum(-1).sqrt()  # (N, modes)
    nearest, mode = apart.min(dim=1)
    return torch.bincount(mode[nearest <= 3 * sigma], minlength=len(centres))


class RingModes(Metric):
    """How many modes of the ring have a generated point within 3 sigma, and how many points are that near to one.

    Metz et al. 2017; counted as in Lin et al. 2018 (PacGAN), section 4.1, on 2,500 points. Beside it how evenly the
    modes are visited: the entropy of their shares over that of equal shares.

    Args:
        samples: how many generated points are looked at.
    """

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 2500):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`modes_covered` (a count), `high_quality` and `evenness` (shares in [0, 1]), each beside the test split's."""
        known = inputs.train.spec.attributes
        if "centres" not in known or "sigma" not in known:
            raise DoesNotFit("basics/ring_modes needs data whose modes are known, such as basics/ring")
        centres, sigma = torch.tensor(known["centres"]), float(known["sigma"])
        found = _measured(inputs.generated.samples, centres, sigma)
        real = _measured(take(inputs.test, self.samples, inputs.rng).samples, centres, sigma)
        return {name: Value(found[name], "higher", real[name], "real test") for name in found}

    def pictures(self, inputs: MetricInput) -> dict[str, Image.Image]:
        """`modes`: the points, and each mode's circle of 3 sigma, in colour where a point lies within it."""
        known = inputs.train.spec.attributes
        centres, sigma = torch.tensor(known["centres"]), float(known["sigma"])
        points = inputs.generated.samples.cpu()
        counts = near_modes(points, centres, sigma)
        near = (points[:, None] - centres).norm(dim=-1).amin(1) <= 3 * sigma
        figure = new_figure(4, 4.2)
        axes = figure.add_subplot()
        for kind, colour in ((~near, REAL), (near, MADE)):
            axes.scatter(points[kind][:, 0], points[kind][:, 1], 4, colour, linewidths=0)
        for centre, count in zip(centres.tolist(), counts.tolist(), strict=True):
            axes.add_patch(Circle(centre, 3 * sigma, fill=False, color=MADE if count else REAL))
        reach = 1.25 * float(centres.abs().max()) + 3 * sigma
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.set_title(f"{int((counts > 0).sum())} of {len(centres)} modes, {near.float().mean():.0%} within 3 sigma")
        return {"modes": to_image(figure)}

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        covered, near = values["modes_covered"], values["high_quality"]
        return (
            f"{covered.value:.0f} of {covered.reference:.0f} modes covered, {near.value:.1%} of points within 3 sigma"
        )


def _measured(points: Tensor, centres: Tensor, sigma: float) -> dict[str, float]:
    counts = near_modes(points, centres, sigma)
    near = int(counts.sum())
    shares = counts[counts > 0] / max(near, 1)
    entropy = abs((shares * shares.log()).sum().item())  # 0 where there are none
    return {
        "modes_covered": float((counts > 0).sum()),
        "high_quality": near / len(points),
        "evenness": entropy / log(len(centres)) if len(centres) > 1 else float(near > 0),
    }
