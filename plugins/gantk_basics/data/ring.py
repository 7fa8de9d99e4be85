"""The ring of Gaussians, on which mode collapse can be watched, and how many of its modes a generator found."""

from collections.abc import Mapping
from math import log, pi
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from gantk import randomness
from gantk.data import Resident, take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Samples, Value
from gantk.spec import DataSpec


class Ring(Resident):
    """Points in a plane, normally distributed around modes evenly spaced on a circle. Label: the mode.

    Metz et al. 2017, "Unrolled GANs", section 3.1: 8 modes, radius 2, standard deviation 0.02.

    Args:
        split: "train", "validation" or "test"; the last two have a fifth of the samples each, drawn apart.
        modes: how many.
        radius: of the circle.
        sigma: standard deviation of each mode, in each coordinate.
        samples: how many points the training split has.
        seed: of the points.
    """

    @staticmethod
    def bytes_needed(*, samples: int, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return samples * 48

    def __init__(
        self,
        split: str,
        *,
        modes: Annotated[int, Ge(1)] = 8,
        radius: Annotated[float, Gt(0)] = 2.0,
        sigma: Annotated[float, Gt(0)] = 0.02,
        samples: Annotated[int, Ge(5)] = 50000,
        seed: int = 0,
    ):
        angles = torch.arange(modes) * (2 * pi / modes)
        centres = radius * torch.stack([angles.cos(), angles.sin()], dim=1)  # (modes, 2)
        rng = randomness.generator(seed, f"ring/{split}")
        count = samples if split == "train" else samples // 5
        labels = torch.randint(modes, (count,), generator=rng)
        spec = DataSpec(
            shape=(2,),
            axes=("coordinate",),
            range=None,
            names={"coordinate": ("x", "y")},
            classes=tuple(f"mode {mode}" for mode in range(modes)),
            view="basics/points",
            formats=("basics/hdf5",),
            origin="simulated",
            attributes={"centres": centres.tolist(), "sigma": sigma},
        )
        points = centres[labels] + sigma * torch.randn(count, 2, generator=rng)
        super().__init__(spec, points, labels=labels)


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


class RingModes:
    """How many modes of the ring have a generated point within 3 sigma, and how many points are that near to one.

    Metz et al. 2017; counted as in Lin et al. 2018 (PacGAN), section 4.1, on 2,500 points. Beside it how evenly the
    modes are visited: the entropy of their shares over that of equal shares.

    Args:
        samples: how many generated points are looked at.
    """

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 2500):
        self.samples = samples

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`modes_covered` (a count), `high_quality` and `evenness` (shares in [0, 1]), each beside the test split's."""
        known = train.spec.attributes
        if "centres" not in known or "sigma" not in known:
            raise DoesNotFit("basics/ring_modes needs data whose modes are known, such as basics/ring")
        centres, sigma = torch.tensor(known["centres"]), float(known["sigma"])
        found = _measured(generated.samples, centres, sigma)
        real = _measured(take(test, self.samples, rng).samples, centres, sigma)
        return {name: Value(found[name], "higher", real[name], "real test") for name in found}

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
