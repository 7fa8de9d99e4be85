"""What `gantk reconstruct` tells: numbers for each protein, a picture, and the latents with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gantk import Model
from gantk.data import evaluation_data, generated
from gantk.errors import GantkError
from gantk.files import Latents
from gantk.interfaces import GeneratorWrapper, Samples, member
from gantk.recipe import recipe_from_text, refuse_others
from gantk.spec import DataSpec
from gantk.training import datasets
from gantk_cells.reconstruction.search import Reconstructions, Search, difference, reconstruct, typical_surprise
from gantk_cells.reconstruction.targets import Targets, nearest_training, targets
from gantk_cells.segmentation import inside, red_state
from gantk_cells.stack import shows_growth_zones
from gantk_cells.views.composite import Colours, Composite, brightness
from gantk_cells.views.sheet import Line, SheetBlock, sheet

SHOWN = 8  # images of a protein in the picture


@dataclass(frozen=True)
class Reconstructed:
    """Test images, what was found for them, and the nearest training images.

    Args:
        spec: of what the generator makes, as it is judged.
        wanted: the test images.
        found: their reconstructions.
        nearest: the nearest training images, (N, C, H, W).
        title: of the picture.
        digest: of the checkpoint.
    """

    spec: DataSpec
    wanted: Targets
    found: Reconstructions
    nearest: Tensor
    title: str
    digest: str

    def document(self) -> dict[str, Any]:
        """Mean and standard deviation of everything that was measured, for each protein and for all."""
        near = difference(self.nearest, self.wanted.images, self.spec)
        measured = {"l2": self.found.error, "nearest_l2": near, "nll": self.found.surprise()}
        proteins = {}
        together: list[tuple[int | None, str]] = [(None, "all")] if len(self.wanted.names) > 1 else []
        for number, name in [*enumerate(self.wanted.names), *together]:
            mine = torch.ones(len(near), dtype=torch.bool) if number is None else self.wanted.protein == number
            numbers = {key: [v[mine].mean().item(), v[mine].std(correction=0).item()] for key, v in measured.items()}
            proteins[name] = {"images": int(mine.sum()), **numbers}
        return {"typical_nll": list(typical_surprise(self.found.latents.shape[1])), "proteins": proteins}

    def picture(self, colours: Colours = "red/green", scale_bar: float | None = None) -> Image.Image:
        """For each protein real cells, below them their reconstructions, and the nearest training images.

        Args:
            colours: of the two channels.
            scale_bar: micrometres; 0 draws none, None takes a round length that fits.
        """
        view = Composite(self._images(self.wanted.images).spec, colours=colours, scale_bar=scale_bar)
        blocks = []
        for number, name in enumerate(self.wanted.names):
            mine = (self.wanted.protein == number).nonzero()[:SHOWN, 0]
            lines = [
                Line([title], [view.composite(image) for image in brightness(self._images(images[mine]))])
                for title, images in (
                    (f"{self.spec.origin} test cells", self.wanted.images),
                    ("reconstructions, generated", self.found.images),
                    ("nearest training cells", self.nearest),
                )
            ]
            blocks.append(SheetBlock(name, lines))
        return sheet(self.title, blocks, view.scale, view.bar)

    def latents(self) -> Latents:
        """The latents with protein and length of the real cell, of LIN its red state, and what else is known of it."""
        bright = brightness(self._images(self.wanted.images))
        cell = inside(bright)
        facts = {
            "protein": self.wanted.protein,
            "l2": self.found.error,
            "length": torch.from_numpy(lengths(cell)),
            **({"red_state": torch.from_numpy(red_state(bright[:, 0], cell))} if shows_growth_zones(self.spec) else {}),
            **{name: value for name, value in self.wanted.truth.items() if value.dim() == 1},
        }
        return Latents(self.found.latents, facts, {"model": self.digest, "about": self.title})

    def _images(self, images: Tensor) -> Samples:
        start = self.spec.unit_axes
        names = {axis: entries for axis, entries in self.spec.names.items() if axis in self.spec.axes[start:]}
        spec = replace(self.spec, shape=self.spec.own_shape, axes=self.spec.axes[start:], unit_axes=0, names=names)
        return generated(images, spec)


def lengths(cell: np.ndarray) -> np.ndarray:
    """How many pixels each cell is long along x, (N,).

    Args:
        cell: inside, (N, H, W).
    """
    return cell.any(axis=1).sum(axis=1)


def carry_out(model: Model, overrides: Sequence[str], each: int, search: Search, seed: int) -> Reconstructed:
    """Reconstructs test images of a model's own data.

    Args:
        model: whose generator.
        overrides: of its recipe's data.
        each: how many images of each protein.
        search: how.
        seed: of the starts.

    Raises:
        GantkError: no generator, or data that cannot be read.
    """
    generator: nn.Module | None = model.state.sampled()
    if generator is None:
        raise GantkError(f"{model.checkpoint.path}: has no generator to reconstruct with")
    refuse_others(overrides, ("data",), "where a trained model reconstructs")
    values = recipe_from_text(model.checkpoint.recipe, name=model.checkpoint.path.name, overrides=overrides).values
    data = datasets(values)
    form: Any = member(data["train"], "as_judged")
    train, test = (evaluation_data(data[split]) for split in ("train", "test"))
    if form is not None and train is not data["train"]:
        generator = GeneratorWrapper(generator, form)
    wanted = targets(test, each)
    found = reconstruct(generator, test.spec, wanted, search, seed=seed, device=model.device)
    way = "red first, then green" if search.red_first else "red and green together"
    title = f"{model.recipe.values['about']}, step {model.checkpoint.step}: {way}"
    return Reconstructed(test.spec, wanted, found, nearest_training(wanted, train), title, model.checkpoint.digest)
