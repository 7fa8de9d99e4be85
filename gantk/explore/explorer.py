"""What can be explored of a model, without a page: a choice, its sample, and the command line that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from gantk.api.places import samples_at
from gantk.api.run import Model
from gantk.api.samples import Drawn
from gantk.components.construct import component
from gantk.components.formats import format_for
from gantk.errors import DoesNotFit, GantkError
from gantk.interfaces import Dataset, Format, View, declares
from gantk.interfaces.priors import has_normal_prior
from gantk.latents.places import Between, LatentSpace, Place
from gantk.recipe.recipe import recipe_from_text
from gantk.reporting.grids import write_titled
from gantk.reporting.pictures import build_view
from gantk.training import from_recipe

LARGEST = 480  # pixels to which a small picture is enlarged


@dataclass(frozen=True)
class Choice:
    """One sample of a model.

    Args:
        place: where its latent lies.
        label: its class; None for a generator that takes none.
    """

    place: Place | Between = field(default_factory=Place)
    label: str | None = None

    @property
    def seed(self) -> Place | None:
        """The place, where it is the latent of a seed as that is drawn; `gantk sample --seeds` draws it, too."""
        return self.place if isinstance(self.place, Place) and self.place.is_plain else None

    @property
    def title(self) -> str:
        """What stands above the sample in a picture that is saved."""
        return str(self.place) if self.seed is None else f"seed {self.seed.seed}"


class Explorer:
    """What can be explored of a model.

    Args:
        model: has a generator.
        source: the run or checkpoint as it was typed, for command lines.
        moved: KEY=VALUE of `data`, where the data lie elsewhere by now.

    Raises:
        GantkError: there is no generator, or nothing to draw its samples with.
    """

    def __init__(self, model: Model, source: str, moved: Sequence[str] = ()):
        self.model = model
        self.source = source
        self.moved = moved
        generator = model.generator
        self.given = declares(generator, "condition")
        self.classes: Sequence[str] = model.spec.classes if declares(generator, "labels") and not self.given else ()
        self.truncates = has_normal_prior(generator)
        self.space: LatentSpace | None = None
        self.without_directions = ""
        try:
            self.space = LatentSpace(generator)
        except DoesNotFit as error:
            self.without_directions = str(error)
        first = self.sample(Choice(label=self.classes[0] if self.classes else None))
        view = build_view(first.spec)
        if view is None:
            raise GantkError(f"{source}: its samples name no view to draw them with (the recipe's key `view`)")
        self.view: View = view
        self.endings = self._endings(first)

    @cached_property
    def data(self) -> dict[str, Dataset]:
        """The splits of the data that the model learnt from. Raises DataError where they are not there."""
        if not self.moved:
            return self.model.data
        checkpoint = self.model.checkpoint
        values = recipe_from_text(checkpoint.recipe, name=checkpoint.path.stem, overrides=self.moved).values
        return from_recipe.datasets(values)

    def offered_moves(self, directions: int, dimensions: Sequence[int], label: str | None = None) -> dict[str, str]:
        """Moves that a page offers: name to title, some directions of each part of the latent, and single numbers.

        Args:
            directions: how many of each part.
            dimensions: numbers of the latent.
            label: the class that is drawn.

        Raises:
            DoesNotFit: there is no such number, or nothing can be moved.
        """
        if self.space is None:
            return {}
        found: dict[str, str] = {}
        reasons: list[str] = []
        number = self.number_of(label)
        for part in self.space.parts or [None]:
            try:
                known = self.space.directions(part, number)
            except DoesNotFit as error:
                reasons.append(str(error))
                continue
            for rank in range(1, min(directions, len(known)) + 1):
                name = f"direction{rank}"
                found[name if part is None else f"{part}.{name}"] = f"{part or ''} direction {rank}".strip()
        self.without_directions = "" if found else "; ".join(reasons[:1])
        for dimension in dimensions:
            name = f"dimension{dimension}"
            self.space.vector(name)
            found[name] = f"dimension {dimension}"
        return found

    def sample(self, choice: Choice, *, raw: bool = False) -> Drawn:
        """The sample of a choice: what `command` draws.

        Args:
            choice: which.
            raw: as the critic sees it.
        """
        seed = choice.seed
        if seed is not None:
            return self.model.sample_seeds([seed.seed], label=choice.label, truncation=seed.truncation, raw=raw)
        return self.samples([choice.place], choice.label, raw=raw)

    def samples(self, places: Sequence[Place | Between], label: str | None, *, raw: bool = False) -> Drawn:
        """Samples of places; see `samples_at`."""
        return samples_at(self.model, places, label=label, raw=raw, space=self.space)

    def picture(self, choice: Choice) -> Image.Image:
        """The sample as a picture: one of several units with their names, and a small one enlarged."""
        sample = self.sample(choice)
        if self.model.spec.unit_axes:
            return self.view.draw(sample, caption=choice.title).convert("RGB")
        return enlarged(self.view.tiles(sample)[0].convert("RGB"))

    def command(self, choice: Choice, ending: str) -> str:
        """The command line that draws the sample again.

        Args:
            choice: which.
            ending: of the file that it writes.
        """
        words = ["gantk", "sample", self.source]
        seed = choice.seed
        if seed is None:
            words += ["--at", str(choice.place)]
        else:
            words += ["--seeds", str(seed.seed)]
            words += [] if seed.truncation is None else ["--truncation", f"{seed.truncation:g}"]
        words += [] if choice.label is None else ["--label", choice.label]
        return shlex.join([*words, "-o", f"sample{ending}"])

    def save(self, choice: Choice, path: Path) -> None:
        """Writes the file that `command` writes.

        Args:
            choice: which sample.
            path: where to; its ending says the format.
        """
        samples = self.sample(choice)
        if path.suffix.lower() == ".png":
            write_titled(path, samples, [choice.title], f"step {self.model.checkpoint.step}")
        else:
            format_for(path, self.model.spec).write(path, samples)

    def number_of(self, label: str | None) -> int:
        """The number of a class; 0 of none."""
        return 0 if label is None else list(self.classes).index(label)

    def _endings(self, sample: Drawn) -> list[str]:
        """Endings of files that the sample can be written to."""
        own: list[Format] = [component("format", {"use": name}) for name in self.model.spec.formats]
        found = [".png"]
        with TemporaryDirectory() as folder:
            for ending in dict.fromkeys([*(each.endings[0] for each in own), ".h5"]):
                try:
                    format_for(Path(ending), self.model.spec).write(Path(folder) / f"sample{ending}", sample)
                except GantkError:
                    continue
                found.append(ending)
        return found


def enlarged(picture: Image.Image, size: int = LARGEST) -> Image.Image:
    """A small picture with each pixel as a square of several, until it is nearly so many pixels large."""
    times = max(1, size // max(picture.size))
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
