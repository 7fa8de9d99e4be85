"""Mixtures of Gaussians on a line or in a plane, whose density is known."""

from collections.abc import Mapping, Sequence
from math import log, pi
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Len
from torch import Tensor

from gantk import randomness
from gantk.data import Resident
from gantk.errors import DataError
from gantk.spec import DataSpec

Means = Annotated[Sequence[Annotated[Sequence[float], Len(1, 2)]], Len(1)]
Positive = Annotated[float, Gt(0)]


class Mixture(Resident):
    """Points on a line or in a plane from a mixture of round Gaussians: p(x) = Σ_k w_k N(x; μ_k, σ_k² I).

    Label: the Gaussian. The means, standard deviations and weights are in `spec.attributes`, so that metrics know p.

    Args:
        split: "train", "validation" or "test"; the last two have a fifth of the samples each, drawn apart.
        means: μ of each Gaussian, one number (a line) or two (a plane).
        sigmas: σ of each, or one number for all.
        weights: w of each, in any unit; by default they are equal.
        samples: how many points the training split has.
        seed: of the points.

    Raises:
        DataError: means of different lengths, or another number of sigmas or weights than of means.
    """

    @staticmethod
    def bytes_needed(*, samples: int, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return samples * 48

    def __init__(
        self,
        split: str,
        *,
        means: Means = ((-1.5,), (1.5,)),
        sigmas: Annotated[Sequence[Positive], Len(1)] = (0.5,),
        weights: Sequence[Positive] | None = None,
        samples: Annotated[int, Ge(5)] = 20000,
        seed: int = 0,
    ):
        count, axes = len(means), len(means[0])
        widths = list(sigmas) * count if len(sigmas) == 1 else list(sigmas)
        shares = [1.0] * count if weights is None else list(weights)
        if {len(each) for each in means} != {axes}:
            raise DataError("data: the means of basics/mixture must all have one number (a line) or all two (a plane)")
        if len(widths) != count or len(shares) != count:
            raise DataError(
                f"data: basics/mixture has {count} means, but {len(sigmas)} sigmas and {len(shares)} weights; "
                "give as many of each, one sigma for all, or no weights for equal ones"
            )
        shares = [each / sum(shares) for each in shares]
        rng = randomness.generator(seed, f"mixture/{split}")
        drawn = samples if split == "train" else samples // 5
        labels = torch.multinomial(torch.tensor(shares), drawn, replacement=True, generator=rng)
        noise = torch.randn(drawn, axes, generator=rng) * torch.tensor(widths)[labels, None]
        spec = DataSpec(
            shape=(axes,),
            axes=("coordinate",),
            range=None,
            names={"coordinate": ("x", "y")[:axes]},
            classes=tuple(f"Gaussian {number}" for number in range(count)),
            view="basics/points",
            formats=("basics/hdf5", "basics/table"),
            origin="simulated",
            attributes={"means": [list(each) for each in means], "sigmas": widths, "weights": shares},
        )
        super().__init__(spec, torch.tensor(means)[labels] + noise, labels=labels)


def log_density(points: Tensor, known: Mapping[str, Any]) -> Tensor:
    """log p of points, (N, D) to (N,), in nats.

    Args:
        points: (N, D) with D = 1 or 2.
        known: `means`, `sigmas` and `weights`, as `spec.attributes` has them.
    """
    means, sigmas, weights = (torch.tensor(known[name]).to(points) for name in ("means", "sigmas", "weights"))
    apart = (points[:, None] - means).square().sum(-1)  # (N, K)
    of_each = -apart / (2 * sigmas**2) - means.shape[1] * (sigmas.log() + 0.5 * log(2 * pi))
    return torch.logsumexp(of_each + weights.log(), dim=1)
