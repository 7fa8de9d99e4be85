"""Metric `mixture_density`: how far the density of generated points is from the one that is known."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, hypot, log, pi
from typing import Annotated, Any

import torch
from annotated_types import Ge
from PIL import Image
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk.plots import MADE, REAL, new_figure, to_image
from gantk_basics.data.mixture import log_density

FLOOR = 1e-3
"""Share of the even density that is added to the estimate, so that a Gaussian that is missed costs a finite number."""
REACH, FINEST, MOST = 5, 4, 400
"""The window reaches so many σ beyond the means; grid points in the narrowest σ; and on an axis, at most."""
AT_ONCE = 2**24


class MixtureDensity(Metric):
    """Kullback-Leibler divergences between the known density p of a mixture and the density q of generated points.

    q is a Gaussian kernel estimate from n points, whose width is that of the narrowest of K Gaussians times
    (n/K)^(-1/(D+4)) (Scott 1992); p is blurred by the same kernel, which is exact, so that blur is no error.
    `kl` is ∫ p log(p/q), by quadrature: large where a Gaussian is missed (q has .1 % of an even density, so that this
    stays finite). `reverse_kl` is the mean of log(q/p) over the generated points, each left out of its own estimate:
    large where there are points between the Gaussians. The references are what as many test points get: the error of
    the estimate, which is below 0 for `reverse_kl`.

    Args:
        samples: how many generated points are looked at.
    """

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 2000):
        self.samples = samples
        self._drawn: tuple[list[Tensor], Tensor, Tensor] | None = None

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`kl` and `reverse_kl`, in nats, beside those of test points.

        Raises:
            DoesNotFit: the density of the data is not known, or its Gaussians are too narrow for where they lie.
        """
        known = inputs.train.spec.attributes
        if not {"means", "sigmas", "weights"} <= set(known):
            raise DoesNotFit("basics/mixture_density needs data whose density is known, such as basics/mixture")
        axes = grid(known)
        points = torch.cartesian_prod(*axes).reshape(-1, len(axes))
        cell = float(torch.tensor([(axis[1] - axis[0]).item() for axis in axes]).prod())
        made = inputs.generated.samples.double()
        real = take(inputs.test, self.samples, inputs.rng).samples.double()
        found, estimate = _divergences(made, points, cell, known)
        expected, _ = _divergences(real, points, cell, known)
        self._drawn = (axes, log_density(points, known).exp(), estimate.exp())
        return {
            name: Value(found[at], "lower", expected[at], "real test", n=len(made), n_reference=len(real))
            for at, name in enumerate(("kl", "reverse_kl"))
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        found = values["kl"]
        return f"{found.value:.3g} nats from the known density; test points get {found.reference:.3g}"

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """The known density and the estimated one: curves on a line, contours in a plane.

        Args:
            inputs: those that `compute` was given just before.
        """
        assert self._drawn is not None
        axes, truth, made = self._drawn
        figure = new_figure(4.8, 4.8)
        plot = figure.add_subplot()
        for density, colour, name in ((truth, REAL, "known"), (made, MADE, "generated")):
            if len(axes) == 1:
                plot.plot(axes[0].numpy(), density.numpy(), color=colour, label=name)
                plot.set(xlabel="x", ylabel="density")
            else:
                levels = (truth.max() * torch.tensor([0.05, 0.2, 0.5, 0.8])).tolist()
                surface = density.reshape(len(axes[0]), len(axes[1])).T.numpy()
                plot.contour(axes[0].numpy(), axes[1].numpy(), surface, levels, colors=colour)
                plot.plot([], [], color=colour, label=name)
                plot.set(xlabel="x", ylabel="y", aspect="equal")
        plot.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        return {"density": to_image(figure, dpi=100)}


def grid(known: Mapping[str, Any]) -> list[Tensor]:
    """The even grid on which densities are summed, an axis each.

    Args:
        known: `means` and `sigmas`, as `spec.attributes` of basics/mixture has them.

    Raises:
        DoesNotFit: it would have too many points.
    """
    means, sigmas = torch.tensor(known["means"]).double(), torch.tensor(known["sigmas"]).double()
    low = (means - REACH * sigmas[:, None]).amin(0)
    high = (means + REACH * sigmas[:, None]).amax(0)
    counts = [ceil(FINEST * float(length) / float(sigmas.min())) + 1 for length in high - low]
    if max(counts) > MOST:
        raise DoesNotFit(
            f"basics/mixture_density looks at most at {MOST} places on an axis, and needs {FINEST} in the narrowest "
            f"sigma, which makes {max(counts)} here: give the data wider sigmas, or means that are nearer"
        )
    return [
        torch.linspace(start, end, count, dtype=torch.float64)
        for start, end, count in zip(low.tolist(), high.tolist(), counts, strict=True)
    ]


def _divergences(
    samples: Tensor, points: Tensor, cell: float, known: Mapping[str, Any]
) -> tuple[tuple[float, float], Tensor]:
    """KL(p‖q) and KL(q‖p), and log q at the grid's points."""
    width = min(known["sigmas"]) * (len(samples) / len(known["means"])) ** (-1 / (samples.shape[1] + 4))
    blurred = {**known, "sigmas": [hypot(each, width) for each in known["sigmas"]]}
    truth = log_density(points, blurred)
    estimate = _log_kernels(points, samples, width)
    even = torch.full_like(estimate, log(FLOOR / (len(points) * cell)))
    floored = torch.logaddexp(estimate + log(1 - FLOOR), even)
    forward = float((truth.exp() * (truth - floored)).sum() * cell)
    left_out = _log_kernels(samples, samples, width, itself=True)
    return (forward, float((left_out - log_density(samples, blurred)).mean())), estimate


def _log_kernels(points: Tensor, samples: Tensor, width: float, itself: bool = False) -> Tensor:
    """log of the kernel estimate at points, (P, D) and (N, D) to (P,); `itself`: each point is left out of its own."""
    axes, found = samples.shape[1], []
    rows = max(1, AT_ONCE // len(samples))
    for start in range(0, len(points), rows):
        apart = torch.cdist(points[start : start + rows], samples).square() / (2 * width**2)
        if itself:
            apart.diagonal(start).fill_(torch.inf)
        found.append(torch.logsumexp(-apart, dim=1))
    constant = log(len(samples) - itself) + axes * (log(width) + 0.5 * log(2 * pi))
    return torch.cat(found) - constant
