"""The work of `gantk translate`: fields in, translated fields out, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gantk_basics.files.images.class_folder import shown
from gantk_basics.pixel_values import Levels

from gantk.console import progress, say, warn
from gantk.errors import DataError, DoesNotFit, FileError, GantkError
from gantk.files import refuse_devices
from gantk_cells.cropping.volumes import EXTRA
from gantk_cells.translation.inputs import InputField, Inputs, Part, find_inputs
from gantk_cells.translation.reading import KINDS, FieldPicture, Watched, open_field
from gantk_cells.translation.writing import (
    Output,
    OutputKind,
    digest_of,
    has_zarr,
    made_from,
    remove_unfinished,
    write_all,
)

if TYPE_CHECKING:
    from gantk import Model

SPREAD = "_spread"
FAR = 0.5
"""Shares of the range that the mean of a channel may lie outside of what was trained on, without a warning."""
MOST_OF_PNG = 89_000_000
"""Pixels; of more, Pillow warns when it opens them."""
State = Literal["translated", "there already", "failed"]


@dataclass(frozen=True)
class Wanted:
    """How fields are to be translated.

    Args:
        out: the folder.
        to: of two domains which is wanted.
        channels: which channels of each file are given; None: as the run has them.
        form: of the files; None: as the inputs.
        draws: of the noise.
        seed: of the first.
        tile: pixels between tiles; None: by the memory.
        overlap: of tiles, pixels; None: what the net needs.
        force: whether other files of these names are written over.
    """

    out: Path
    to: str | None = None
    channels: tuple[Part, ...] | None = None
    form: OutputKind | None = None
    draws: int = 1
    seed: int = 0
    tile: int | None = None
    overlap: int | None = None
    force: bool = False


@dataclass
class TranslatedField:
    """What became of a field.

    Args:
        name: of the field.
        state: in a word or two.
        files: what was written, or was there.
        reason: why it failed.
    """

    name: str
    state: State
    files: list[Path] = field(default_factory=list)
    reason: str = ""


class FieldTranslator:
    """Translates fields by one model.

    Args:
        model: trained on data whose normalisation is known.
        wanted: how.

    Raises:
        DoesNotFit: a model that does not translate pictures, or does not know the units of its data.
    """

    def __init__(self, model: Model, wanted: Wanted):
        self.model, self.wanted = model, wanted
        options: dict[str, Any] = {"to": wanted.to, "tile": wanted.tile, "overlap": wanted.overlap}
        self.translator = model.translator(**options, draws=wanted.draws, seed=wanted.seed)
        made, given = self.translator.made, self.translator.given
        if made is None or given is None:
            raise DoesNotFit(
                "this model does not know the units of its data (its DataSpec has no normalisation); "
                "model.translate(array) takes numbers as the net sees them"
            )
        self.made, self.given = made, given
        self.parts = parts_of(model.recipe.values["data"], given)
        self.told: set[str] = set()

    def inputs(self, paths: Sequence[Path]) -> Inputs:
        """The fields among files and folders.

        Raises:
            DataError: nothing to translate, or two fields that would be written to one file.
        """
        found = find_inputs(paths, self.parts)
        homes: dict[str, InputField] = {}
        for each in found.fields:
            other = homes.setdefault(each.name.casefold(), each)
            if other is not each:
                both = " and ".join(shown(one.files[0]) for one in (other, each))
                raise DataError(f"{both} would be written to one file; translate them into folders of their own")
        return found

    def run(self, fields: Sequence[InputField]) -> Iterator[TranslatedField]:
        """What becomes of each field, as it does."""
        many = len(fields) > 1
        remove_unfinished(self.wanted.out)
        for each in progress(fields, len(fields), "translating") if many else fields:
            try:
                yield self._one(each, many)
            except FileError:  # the disk is full, or the folder is gone: others would fail, too
                raise
            except (GantkError, OSError) as error:
                reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
                yield TranslatedField(each.name, "failed", reason=reason)

    def _one(self, each: InputField, many: bool) -> TranslatedField:
        for path in each.files:
            if not path.is_dir():
                refuse_devices(path, DataError)
        facts = {"model": self.model.checkpoint.digest, "inputs": digest_of(each.files), **self._settings()}
        picture: FieldPicture | None = None
        form = self.wanted.form
        if form is None or form == "png":
            picture = open_field(each, self.parts, self.translator.inputs, self.wanted.channels)
            form = form or self._form(picture)
            if form == "png" and not self._fits_png(picture):
                raise DataError(f"a PNG does not hold {self._described(picture)}: take --format ome.tif")
        if form == "ome.zarr" and not has_zarr():
            raise DataError(f"OME-Zarr is written by the library zarr: {EXTRA}")
        paths = [self.wanted.out / f"{each.name}.{form}"]
        if self.wanted.draws > 1:
            paths.append(self.wanted.out / f"{each.name}{SPREAD}.{'ome.zarr' if form == 'ome.zarr' else 'ome.tif'}")
        if all(path.exists() and made_from(path) == facts for path in paths):
            return TranslatedField(each.name, "there already", paths)
        for path in paths:
            if any(path.exists() and path.samefile(file) for file in each.files):
                raise DataError(f"{shown(path)} is itself the input; choose another folder for -o")
            if path.exists() and made_from(path) != facts and not self.wanted.force:
                what = "of another model, input or setting" if made_from(path) else "and is none of gantk translate"
                raise DataError(f"{shown(path)} exists already, {what}: --force writes over it")
        picture = picture or open_field(each, self.parts, self.translator.inputs, self.wanted.channels)
        self._write(each, picture, paths, form, facts, many)
        return TranslatedField(each.name, "translated", paths)

    def _write(
        self,
        each: InputField,
        picture: FieldPicture,
        paths: Sequence[Path],
        form: OutputKind,
        facts: dict[str, Any],
        many: bool,
    ) -> None:
        _, height, width = picture.shape
        plan = self.translator.plan(height, width)
        watched = Watched(picture)
        if not plan.exact:
            share = self.translator.difference(watched, plan)
            self._tell(
                f"an overlap of {plan.overlap} pixels is less than the {plan.reach} that the net sees: round the first "
                f"seams of {shown(each.name)}, tiles and whole differ by up to {share:.2g} of the range"
            )
        elif plan.tiles > 1:
            self._tell(
                f"in tiles {plan.core} pixels apart that overlap by {plan.overlap}: the net sees {plan.reach}: "
                "no seams",
                say,
            )
        elif plan.reach is None:
            self._tell("each picture is translated whole, since all of it matters to each of its pixels", say)
        strips = self.translator.strips(watched, plan)
        if not many and plan.tiles > 1:
            strips = progress(strips, -(-height // plan.core), "translating")
        lows, highs = (tuple(channel[end] for channel in self.made) for end in ("low", "high"))
        names = tuple(channel["name"] for channel in self.made)
        kind = self._type(picture)
        version = "0.4" if picture.first.kind == "zarr" and (picture.first.path / ".zgroup").exists() else "0.5"
        shape = (len(names), height, width)
        step = self.model.checkpoint.step
        words = (
            f"{', '.join(names)} as a trained net translates {', '.join(c['name'] for c in self.given)}, step {step}"
        )
        outputs = [
            Output(
                paths[0],
                form,
                shape,
                kind,
                names,
                picture.pixel_size,
                Levels(lows, highs, kind),
                facts,
                f"{words}: generated, not measured; gantk",
                version,
            )
        ]
        if len(paths) > 1:
            spans = tuple(high - low for low, high in zip(lows, highs, strict=True))
            levels = Levels((0.0,) * len(spans), spans, "float32")
            spread: OutputKind = "ome.zarr" if form == "ome.zarr" else "ome.tif"
            about = f"standard deviation of {self.wanted.draws} draws of {words}; gantk"
            outputs.append(
                Output(paths[1], spread, shape, "float32", names, picture.pixel_size, levels, facts, about, version)
            )
        write_all(outputs, strips)
        self._tell_far(each.name, watched)

    def _form(self, picture: FieldPicture) -> OutputKind:
        """The kind of file for a translation: that of the input, where it can hold it."""
        if picture.first.kind == "zarr":
            return "ome.zarr"
        if picture.first.kind == "tiff":
            return "ome.tif"
        if self._fits_png(picture):
            return "png"
        self._tell(f"{self._described(picture)} are written as OME-TIFF, since a PNG does not hold them")
        return "ome.tif"

    def _fits_png(self, picture: FieldPicture) -> bool:
        kind, channels = self._type(picture), len(self.made)
        small = picture.shape[1] * picture.shape[2] <= MOST_OF_PNG
        return small and ((channels == 1 and kind in ("uint8", "uint16")) or (channels == 3 and kind == "uint8"))

    def _described(self, picture: FieldPicture) -> str:
        _, height, width = picture.shape
        return f"{len(self.made)} × {height} × {width} pixels of {self._type(picture)}"

    def _type(self, picture: FieldPicture) -> str:
        """The type of the target's pixels where the run knows it, else that of the input."""
        known = Levels.of(self.model.spec)
        return known.type if known else picture.first.type if picture.first.type in KINDS else "float32"

    def _settings(self) -> dict[str, Any]:
        wanted = self.wanted
        chosen = None if wanted.channels is None else list(wanted.channels)
        draws = {"draws": wanted.draws, "seed": wanted.seed} if wanted.draws > 1 else {"draws": 1}
        return {"to": self.translator.to, "channels": chosen, "tile": wanted.tile, "overlap": wanted.overlap, **draws}

    def _tell(self, text: str, how: Callable[[str], None] = warn) -> None:
        if text not in self.told:
            self.told.add(text)
            how(text)

    def _tell_far(self, name: str, watched: Watched) -> None:
        for channel, mean in zip(self.given, watched.means(), strict=True):
            low, high = channel["low"], channel["high"]
            margin = FAR * (high - low)
            if not low - margin <= mean <= high + margin:
                warn(
                    f"{shown(name)}: {channel['name']} has a mean of {mean:.4g}, far from the {low:.4g} … {high:.4g} "
                    "that the model was trained on; is it the same stain, exposure and number of bits?"
                )


def parts_of(data: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    """What the data of a run call the channels that the model is given.

    Args:
        data: of the resolved recipe.
        given: the side of the normalisation that is given.
    """
    named = data.get("condition")
    return tuple(named) if isinstance(named, list) and named else tuple(str(each["name"]) for each in given)


def counted(done: Sequence[TranslatedField]) -> str:
    """How many fields became what, in words."""
    states = ("translated", "there already", "failed")
    counts = {state: sum(each.state == state for each in done) for state in states}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def announce(translator: FieldTranslator, inputs: Inputs) -> None:
    """Says what is about to happen."""
    given = ", ".join(each["name"] for each in translator.given)
    made = ", ".join(each["name"] for each in translator.made)
    count = len(inputs.fields)
    say(f"{count} field{'s' * (count != 1)}: {given} to {made}, step {translator.model.checkpoint.step}")
    for each in inputs.passed_over:
        say(each)
