"""What `gantk reconstruct` tells: numbers for each class, a picture, and the latents with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from gantk import Model
from gantk.components import component
from gantk.data import evaluation_data, generated
from gantk.errors import DoesNotFit, GantkError
from gantk.files import Latents
from gantk.interfaces import GeneratorWrapper, Samples, View, member
from gantk.recipe import recipe_from_text, refuse_others
from gantk.spec import DataSpec
from gantk.training import datasets
from gantk_basics.reconstruction.search import (
    Reconstructions,
    Search,
    difference,
    encoded,
    reconstruct,
    typical_surprise,
)
from gantk_basics.reconstruction.targets import Targets, nearest_training, targets

SHOWN = 8  # samples of a class in the picture


@dataclass(frozen=True)
class Reconstructed:
    """Test samples, what was found for them, and the nearest training samples.

    Args:
        spec: of what the generator makes, as it is judged.
        wanted: the test samples.
        found: their reconstructions.
        nearest: the nearest training samples, (N, *own_shape).
        title: of the picture.
        digest: of the checkpoint.
    """

    spec: DataSpec
    wanted: Targets
    found: Reconstructions
    nearest: Tensor
    title: str
    digest: str

    @property
    def class_word(self) -> str:
        """What a class of these samples is called: "class", "protein"."""
        return self._view().class_word if self.spec.view else View.class_word

    def document(self) -> dict[str, Any]:
        """Mean and standard deviation of everything that was measured, for each class and for all."""
        near = difference(self.nearest, self.wanted.images, self.spec)
        measured = {"l2": self.found.error, "nearest_l2": near, "nll": self.found.surprise()}
        classes = {}
        together: list[tuple[int | None, str]] = [(None, "all")] if len(self.wanted.names) > 1 else []
        for number, name in [*enumerate(self.wanted.names), *together]:
            mine = torch.ones(len(near), dtype=torch.bool) if number is None else self.wanted.group == number
            if mine.any():
                numbers = {
                    key: [v[mine].mean().item(), v[mine].std(correction=0).item()] for key, v in measured.items()
                }
                classes[name] = {"images": int(mine.sum()), **numbers}
        word = self.class_word
        plural = f"{word}es" if word.endswith("s") else f"{word}s"
        return {"typical_nll": list(typical_surprise(self.found.latents.shape[1])), plural: classes}

    def picture(self, **parameters: Any) -> Image.Image:
        """For each class real samples, below them their reconstructions, and the nearest training samples.

        Args:
            parameters: of the view of such samples.

        Raises:
            DoesNotFit: samples that name no view, or parameters that it does not take.
        """
        if self.spec.view is None:
            raise DoesNotFit("these samples name no view to draw them with")
        view = self._view(**parameters)
        blocks = {}
        for number, name in enumerate(self.wanted.names):
            mine = (self.wanted.group == number).nonzero()[:SHOWN, 0]
            if len(mine):
                blocks[name] = {
                    f"{self.spec.origin} test samples": self._samples(self.wanted.images[mine]),
                    "reconstructions, generated": self._samples(self.found.images[mine]),
                    "nearest training samples": self._samples(self.nearest[mine]),
                }
        return view.blocks(blocks, self.title)

    def latents(self) -> Latents:
        """The latents with the class of the real sample and whatever else is known of it."""
        facts = {
            self.class_word: self.wanted.group,
            "l2": self.found.error,
            **(self._view().facts(self._samples(self.wanted.images)) if self.spec.view else {}),
            **{name: value for name, value in self.wanted.truth.items() if value.dim() == 1},
        }
        about = {"model": self.digest, "about": self.title, "names": {self.class_word: list(self.wanted.names)}}
        return Latents(self.found.latents, facts, about)

    def _own_spec(self) -> DataSpec:
        start = self.spec.unit_axes
        names = {axis: entries for axis, entries in self.spec.names.items() if axis in self.spec.axes[start:]}
        return replace(self.spec, shape=self.spec.own_shape, axes=self.spec.axes[start:], unit_axes=0, names=names)

    def _view(self, **parameters: Any) -> Any:
        return component("view", {"use": self.spec.view, **parameters}, spec=self._own_spec())

    def _samples(self, images: Tensor) -> Samples:
        return generated(images, self._own_spec())


def carry_out(model: Model, overrides: Sequence[str], each: int, search: Search | None, seed: int) -> Reconstructed:
    """Reconstructs test samples of a model's own data.

    Args:
        model: whose generator.
        overrides: of its recipe's data.
        each: how many samples of each class.
        search: how latents are looked for; None: the generator's encoder gives them.
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
    if search is None:
        found, way = encoded(generator, test.spec, wanted, device=model.device), "by the encoder"
    else:
        found = reconstruct(generator, test.spec, wanted, search, seed=seed, device=model.device)
        parts: Any = member(generator, "latent_parts")
        together = "red and green together" if {"red", "green"} <= set(parts) else "by search"
        way = "red first, then green" if search.red_first else together
    title = f"{model.recipe.values['about']}, step {model.checkpoint.step}: {way}"
    return Reconstructed(test.spec, wanted, found, nearest_training(wanted, train), title, model.checkpoint.digest)
