"""Data set `stainings`: simulated cells in two stainings, without pairs, and what the right translations are."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from gantk_basics.data.image_splits import part
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from gantk.data import Resident
from gantk.interfaces import Batch
from gantk.spec import DataSpec
from gantk_cells.data import simulation
from gantk_cells.data.simulated import simulated_classes

DOMAINS = ("fluorescence", "absorption")
PROTEIN = "Tea1"
STRENGTH, BLUR, OFFSET = 8.0, 1.0, 0.06
"""Of the second staining: optical density of the brightest dye, sigma of its blur in pixels, light in the darkest."""

NOISE = 0.015


class Stainings:
    """Simulated cells: each either fluorescent, or stained and seen by the light that it leaves. No cell is in both.

    The first staining shows the growth zones and the protein Tea1 of `cells/simulated`, bright on a dark ground. The
    second is the light that passes through a dye of that density, by Beer and Lambert's law, blurred, with an offset;
    both have noise of their own. During training chance brings two cells together. `truth["translated"]` has the same
    cells in the other staining: for metrics; no net sees it.

    Args:
        split: "train", "validation" or "test".
        cells: how many there are for training and validation; every other one is of the first staining.
        test_cells: how many there are for the test; drawn apart from the others.
        height: of an image, pixels.
        width: of an image, pixels.
        validation: share of the training cells held out to choose by.
        seed: another seed gives other cells.
    """

    @staticmethod
    def bytes_needed(*, cells: int, test_cells: int, height: int, width: int, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return (cells + test_cells) * 10 * height * width

    def __init__(
        self,
        split: str,
        *,
        cells: Annotated[int, Ge(4)] = 1000,
        test_cells: Annotated[int, Ge(2)] = 200,
        height: Annotated[int, Ge(8)] = 32,
        width: Annotated[int, Ge(8)] = 48,
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        folder, count = ("test", test_cells) if split == "test" else ("train", cells)
        (images,) = simulated_classes(folder, count, [PROTEIN], seed, height, width)
        if split != "test":
            images = part(images, split, test=0, validation=validation)
        rng = np.random.default_rng((2, seed, ("train", "validation", "test").index(split)))
        both = torch.from_numpy(two_stainings(images.images, rng)).mul_(2).sub_(1)  # (N, 2, 1, H, W)
        shape = (2, 1, height, width)
        spec = DataSpec(
            shape=shape,
            axes=("domain", "channel", "y", "x"),
            unit_axes=1,
            names={"domain": DOMAINS},
            condition_shape=shape,
            view="cells/translations",
            formats=("cells/ome_tiff", "basics/hdf5"),
            origin="simulated",
            attributes={
                "pixel_size_um": simulation.PIXEL_MICROMETRES / min(height / 48, width / 80),
                "normalisation": {domain: [{"name": domain, "low": 0.0, "high": 255.0}] for domain in DOMAINS},
                "pixels": {"type": "uint8", "background": [0.0, 0.0], "white": [255.0, 255.0]},
            },
        )
        usable = len(both) // 2 * 2
        first, second = (Resident(_one(spec), both[start:usable:2], flips=("y", "x")) for start in (0, 1))
        self.spec = spec
        self.cells = first, second

    def __len__(self) -> int:
        return len(self.cells[0])

    @property
    def nbytes(self) -> int:
        """Bytes of the images."""
        return sum(each.nbytes for each in self.cells)

    def to(self, device: torch.device) -> Stainings:
        """Moves the images to `device`."""
        for each in self.cells:
            each.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """(B, 2, 1, H, W): cells of these numbers; of the second staining, with `rng`, any others. Turned over then."""
        partners = indices
        if rng is not None:
            partners = torch.randint(len(self), indices.shape, generator=rng, device=rng.device).cpu()
        x = self.cells[0].batch(indices, rng).samples  # (B, 2, 1, H, W): the same cell in both stainings
        y = self.cells[1].batch(partners, rng).samples
        shown = torch.stack([x[:, 0], y[:, 1]], 1)
        return Batch(shown, None, shown, {"translated": torch.stack([y[:, 0], x[:, 1]], 1)})


def two_stainings(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """The same cells in both stainings, from 0 to 1: (N, 2, 1, H, W).

    Args:
        images: growth zones and protein, (N, 2, H, W).
        rng: of the noise.
    """
    density = images.astype(np.float32).mean(axis=1) / 255  # (N, H, W)
    blurred = gaussian_filter(density, (0, BLUR, BLUR))
    passed = OFFSET + (0.92 - OFFSET) * np.exp(-STRENGTH * blurred)
    both = np.stack([density, passed], 1)[:, :, None]
    return np.clip(both + NOISE * rng.standard_normal(both.shape, np.float32), 0, 1).astype(np.float32)


def _one(spec: DataSpec) -> DataSpec:
    """Of one cell in both stainings, which is turned over as a whole."""
    return DataSpec(spec.shape, ("staining", "channel", "y", "x"))
