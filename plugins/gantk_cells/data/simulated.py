"""Data set `simulated`: simulated fission-yeast cells, which stand in for LIN but are not LIN."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval, Len, Lt
from gantk_basics.data.image_splits import part
from gantk_basics.files.images import cache
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.image_augmentation import Augmentation
from torch import Tensor

from gantk.errors import DataError
from gantk_cells.data import simulation
from gantk_cells.data.layouts import CellImages, Layout
from gantk_cells.data.lin import LIN_CHANNELS
from gantk_cells.data.whole_cells import simulate_whole


class Simulated(CellImages):
    """Simulated fission-yeast cells in the form of LIN: red is Bgs4 (growth zones), green one of six proteins.

    A phase of the cell cycle gives the cell's shape, its growth zones and the protein, so the truth about the
    dependence of green on red is known: `truth` holds `phase` (0 … 1) and `red_state` (0 one end, 1 two ends, 2 band).
    The same cells as `gantk simulate-cells` writes, so that `cells/lin` on that folder is this same data set.

    Args:
        split: "train", "validation" or "test".
        cells: how many of each protein there are for training and validation.
        test_cells: how many of each protein there are for the test; drawn apart from the others.
        proteins: which, in this order; null takes all six.
        layout: `pairs`: a sample is one image, labelled with its protein; `per_class`: one image of each protein;
            `composite`: one cell as a stack of red and all greens, those it lacks from the cells with the nearest red.
        height: of an image, in pixels; cells are scaled to the frame.
        width: of an image, in pixels.
        validation: share of the training cells held out to choose by.
        seed: another seed gives other cells.
        augment: what is done to training images at random besides (a mapping: flips, rotations, shift, zoom,
            brightness, noise); null: flips along both axes alone.
        shared_grain: of whole cells (`whole_cells`), which nothing is trained on: the share of the greens' texture that
            all proteins of a cell have in common. 0: beyond the red they have nothing in common.
    """

    @staticmethod
    def bytes_needed(
        *, cells: int, test_cells: int, height: int, width: int, proteins: list[str] | None, **_: Any
    ) -> int:
        """Of memory, to make these data with these parameters."""
        return (cells + test_cells) * len(proteins or simulation.PROTEINS) * 2 * height * width

    def __init__(
        self,
        split: str,
        *,
        cells: Annotated[int, Ge(2)] = 1500,
        test_cells: Annotated[int, Ge(1)] = 500,
        proteins: Annotated[list[str], Len(1)] | None = None,
        layout: Layout = "pairs",
        height: Annotated[int, Ge(8)] = 48,
        width: Annotated[int, Ge(8)] = 80,
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        seed: Annotated[int, Ge(0)] = 0,
        augment: Augmentation | None = None,
        shared_grain: Annotated[float, Interval(ge=0, le=1)] = 0.0,
    ):
        folder, n = ("test", test_cells) if split == "test" else ("train", cells)
        classes = simulated_classes(folder, n, proteins or simulation.PROTEINS, seed, height, width)
        if split != "test":
            classes = [part(images, split, test=0, validation=validation) for images in classes]
        zoom = min(height / 48, width / 80)
        pixel_size = simulation.PIXEL_MICROMETRES / zoom
        super().__init__(classes, layout, LIN_CHANNELS, "simulated", pixel_size, augment=augment)
        self._whole = (2 * seed + 1, height, width, shared_grain)

    def whole_cells(self, n: int) -> Tensor:
        """Cells with all of these proteins at once, red first, from -1 to 1: (n, 1 + K, H, W). The same in every split.

        Args:
            n: how many.
        """
        images = simulate_whole(n, self.names, *self._whole).images
        return torch.from_numpy(images).float().mul_(2 / 255).sub_(1)


def simulated_classes(
    folder: str, n: int, proteins: list[str] | tuple[str, ...], seed: int, height: int, width: int
) -> list[ClassImages]:
    """Simulated cells of each protein, with the names of the files that `gantk simulate-cells` writes them to.

    Args:
        folder: "train" or "test"; the two have no cell in common.
        n: cells of each protein.
        proteins: which.
        seed: of all random choices.
        height: pixels.
        width: pixels.

    Raises:
        DataError: a protein that is not simulated, or named twice.
    """
    for name in proteins:
        if name not in simulation.PROTEINS or list(proteins).count(name) > 1:
            wrong = "named twice" if name in simulation.PROTEINS else "not simulated"
            raise DataError(f"data.proteins: {name!r} is {wrong}; choose from {', '.join(simulation.PROTEINS)}")
    stream = 2 * seed + (folder == "test")
    return [_cells_of(name, n, stream, height, width) for name in proteins]


def _cells_of(protein: str, n: int, stream: int, height: int, width: int) -> ClassImages:
    files = [f"cell{100000 + i}.png" for i in range(n)]
    key = cache.digest("simulated", protein, n, stream, height, width)
    source = cache.made_by_module(simulation.__file__)  # the key says all else
    kept = cache.load(key, source)
    if kept is not None:
        arrays = kept[0]
    else:
        drawn = simulation.simulate(n, [protein], stream, height, width)
        arrays = {"images": drawn.images, "phase": drawn.phase, "red_state": drawn.red_state}
        cache.save(key, source, arrays, None)
    truth = {name: arrays[name] for name in ("phase", "red_state")}
    return ClassImages(protein, files, arrays["images"], truth)
