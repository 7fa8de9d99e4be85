"""The ring of Gaussians, on which mode collapse can be watched, and how many of its modes a generator found."""

from math import pi
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt

from gantk import randomness
from gantk.data import Resident
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
            formats=("basics/hdf5", "basics/table"),
            origin="simulated",
            attributes={"centres": centres.tolist(), "sigma": sigma},
        )
        points = centres[labels] + sigma * torch.randn(count, 2, generator=rng)
        super().__init__(spec, points, labels=labels)
