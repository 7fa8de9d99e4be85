"""The work of `gantk crop`: fields in, a folder of cells out."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gantk_basics.files.images.class_folder import shown
from gantk_basics.files.images.tiff_file import open_tiff
from numpy.typing import NDArray

from gantk.components import parameters
from gantk.console import progress, warn
from gantk.errors import DataError
from gantk_cells.cropping import pictures, writing
from gantk_cells.cropping.cutting import beyond, cut, fits, frame_of
from gantk_cells.cropping.fields import Field, corrected, illumination_of, read_fields
from gantk_cells.cropping.masks import masks_path, read_masks
from gantk_cells.cropping.measuring import BEYOND, FRAME, REASONS, Cell, leave_out, measure
from gantk_cells.cropping.patterns import FieldFiles, find_fields
from gantk_cells.cropping.segmenting import Found, segment, skimage
from gantk_cells.cropping.settings import CropBlocks, Drop, Segment

CELLS = "cells"
LABELS, OVERLAYS, SHEET, RECIPE, AGAIN = "labels", "overlays", "contact_sheet.png", "train.yaml", "crop.yaml"


@dataclass
class Cropped:
    """What was done.

    Args:
        folder: where everything lies.
        cells: all that were found, those left out, too.
        size: height and width of the pictures.
        pixel_size: of the pictures, micrometres; None where it is not known.
        channels: names.
        limits: the smallest and largest area and the least sharpness of cells that stayed.
        damaged: fields that could not be read, with the reason.
        notes: sentences on what was passed over.
        recipe: that trains on the cells.
    """

    folder: Path
    cells: list[Cell]
    size: tuple[int, int]
    pixel_size: float | None
    channels: tuple[str, ...]
    limits: tuple[float, float, float]
    damaged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    recipe: Path = Path()

    def counts(self) -> dict[str, Counter[str]]:
        """Of each field how many cells were kept (""), and left out for each reason."""
        found: dict[str, Counter[str]] = {}
        for cell in self.cells:
            found.setdefault(cell.field, Counter())[cell.reason] += 1
        return found


def settings_of(values: Mapping[str, Any]) -> CropBlocks:
    """The values of a recipe, as `gantk.recipe.load_as(CropBlocks, …)` reads them, typed."""
    typed = {each.name: each.typed(values[each.name]) for each in parameters(CropBlocks) if each.nested is None}
    inner = {"segment": Segment, "drop": Drop}
    for name, kind in inner.items():
        given = values[name]
        typed[name] = (
            None
            if given is None
            else kind(**{each.name: each.typed(given[each.name]) for each in parameters(kind) if each.name in given})
        )
    return CropBlocks(**typed)


def crop(values: Mapping[str, Any], out: Path) -> Cropped:
    """Cuts cells out of fields of view.

    Args:
        values: of the recipe, as `gantk.recipe.load_as(CropBlocks, …)` reads them.
        out: a folder that does not exist, or is empty.

    Raises:
        DataError: fields or masks that cannot be read or do not go together, no cells.
    """
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        done = Crop(settings_of(values), partial, out).run()
        writing.write_bytes(partial / AGAIN, writing.as_yaml(dict(values)).encode())
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return done


class Crop:
    """One crop, from settings to files.

    Args:
        settings: what the recipe says.
        folder: where files are written.
        out: what that folder will be called.
    """

    def __init__(self, settings: CropBlocks, folder: Path, out: Path):
        self.settings, self.folder, self.out = settings, folder, out
        self.top = settings.fields if isinstance(settings.fields, Path) and settings.fields.is_dir() else None
        self.found, self.notes = find_fields(settings.fields, settings.pattern)
        if settings.masks is not None and settings.segment is not None:
            raise DataError("masks and segment both say where the cells are; leave one of them out")
        if settings.masks is None and settings.segment is None:
            raise DataError(
                "nothing says where the cells are. To find them:   segment.nuclei=CHANNEL segment.cells=CHANNEL\n"
                "To take masks or ROIs of your own:                'masks=masks/field{field}.tif'"
            )
        if settings.segment is not None:
            skimage("segmentation")  # before anything is read
        self.damaged: list[str] = []
        self.illumination: NDArray[np.float32] | None = None
        self.names: tuple[str, ...] | None = None

    def run(self) -> Cropped:
        """All of it."""
        settings = self.settings
        found = self.found
        if settings.illumination == "fields":
            self.illumination = illumination_of(each.image for each in self._read(found, "illumination"))
        for name in (LABELS, OVERLAYS):
            (self.folder / name).mkdir()
        cells: list[Cell] = []
        for each in self._read(found, "finding cells"):
            cells += self._find(each)
        if not cells:
            raise DataError("no cells were found; look at the channel and the threshold of segment, or at the masks")
        limits = leave_out(cells, settings.drop)
        kept = [cell for cell in cells if not cell.reason]
        if not kept:
            reasons = Counter(cell.reason for cell in cells)
            listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            raise DataError(f"of {len(cells)} cells none is left: {listed}; drop.KEY says what is left out")
        size, turned = self._frame(kept)
        for cell in kept:
            cell.reason = "" if fits(cell, size, turned, self._scale(cell)) else FRAME
        self._splits(cells)
        drawn: dict[str, tuple[int, list[NDArray[Any]]]] = {}
        for each in self._read(found, "cutting"):
            own = [cell for cell in cells if cell.field == each.name]
            drawn[each.name] = self._write(each, own, size)
        if not any(pictures for _, pictures in drawn.values()):
            raise DataError("no cell has room in the frame; give a larger size=, or outside=black")
        caption = f"{self.out.name}: {sum(count for count, _ in drawn.values())} cells, {size[0]} by {size[1]} pixels"
        pictures.contact_sheet(caption, drawn).save(self.folder / SHEET)
        writing.write_table(self.folder / writing.TABLE, cells)
        recipe = self._recipe(cells)
        sizes = {self._pixel(cell) for cell in cells}
        assert self.names is not None
        done = Cropped(self.out, cells, size, sizes.pop() if len(sizes) == 1 else None, self.names, limits)
        done.damaged, done.notes, done.recipe = self.damaged, list(dict.fromkeys(self.notes)), recipe
        return done

    def _read(self, found: Sequence[FieldFiles], title: str) -> Iterator[Field]:
        """The fields, corrected; each of its files read anew, since not all need fit into memory."""
        for files in progress(found, len(found), title):
            try:
                opened = list(read_fields(files, self.settings))
            except DataError as error:
                if self.settings.damaged == "error":
                    raise
                if str(error) not in self.damaged:
                    self.damaged.append(str(error))
                continue
            for each in opened:
                self._check(each)
                self.notes += each.notes
                ground = self.settings.background
                image = corrected(each.image, self.illumination if title != "illumination" else None, ground)
                yield Field(each.name, each.tags, image if title != "illumination" else each.image, *_rest(each))

    def _check(self, each: Field) -> None:
        if self.names is None:
            self.names = each.channels
        if each.channels != self.names:
            raise DataError(
                f"field {each.name} has the channels {', '.join(each.channels)}, others {', '.join(self.names)}; "
                "say which and in what order: channels=[…]"
            )

    def _find(self, each: Field) -> list[Cell]:
        settings, looked_at = self.settings, 0
        if settings.masks is not None:
            found = Found(read_masks(masks_path(settings.masks, each.tags, self.top), each.image.shape[1:]), None, [])
        else:
            assert settings.segment is not None
            looked_at = self._channel(settings.segment.nuclei, each)
            body = None if settings.segment.cells is None else self._channel(settings.segment.cells, each)
            found = segment(each.image, looked_at, body, settings.segment, each.pixel_size)
        if not found.cells.any():
            warn(f"field {each.name}: no cells were found")
        writing.write_labels(self.folder / LABELS / f"{each.name}.tif", found.cells)
        return measure(each.name, each.tags, found, each.image[looked_at], each.pixel_size)

    def _channel(self, wanted: int | str, each: Field) -> int:
        if isinstance(wanted, str) and wanted in each.channels:
            return each.channels.index(wanted)
        if isinstance(wanted, int) and wanted < len(each.channels):
            return wanted
        raise DataError(f"segment: field {each.name} has no channel {wanted!r}; it has {', '.join(each.channels)}")

    def _scale(self, cell: Cell) -> float:
        """Pixels of the picture for each pixel of the field."""
        return 1.0 if self.settings.to_um is None else (cell.pixel_size or 1.0) / self.settings.to_um

    def _pixel(self, cell: Cell) -> float | None:
        return cell.pixel_size and (self.settings.to_um or cell.pixel_size)

    def _frame(self, kept: Sequence[Cell]) -> tuple[tuple[int, int], bool]:
        settings, turned = self.settings, self.settings.turn == "long_axis"
        if settings.to_um is None and len({cell.pixel_size for cell in kept}) > 1:
            listed = ", ".join(sorted({f"{cell.pixel_size or 0:g}" for cell in kept}))
            raise DataError(
                f"the fields have pixels of different sizes ({listed} µm); say which the cells get: to_um=…"
            )
        if settings.size is not None:
            return (settings.size[0], settings.size[1]), turned
        return frame_of(kept, settings.holds, turned, [self._scale(cell) for cell in kept]), turned

    def _splits(self, cells: Sequence[Cell]) -> None:
        """Which cells are the test split, where some groups were named."""
        settings = self.settings
        groups = {self._group(cell) for cell in cells}
        named = {str(each): {group for group in groups if _is_called(group, each)} for each in settings.test}
        if unknown := [each for each, found in named.items() if not found]:
            there = ", ".join(sorted(groups))
            raise DataError(f"test: there is no {settings.split_by} {unknown[0]}; there are {there}")
        held = set().union(*named.values())
        if held >= groups:
            raise DataError(f"test names every {settings.split_by}: nothing is left to train on")
        for cell in cells:
            cell.split = ("test" if self._group(cell) in held else "train") if held else ""

    def _group(self, cell: Cell) -> str:
        word = self.settings.split_by
        if word not in cell.tags:
            raise DataError(f"split_by={word} is no word of the pattern; there are {', '.join(cell.tags)}")
        return cell.tags[word]

    def _write(self, each: Field, own: Sequence[Cell], size: tuple[int, int]) -> tuple[int, list[NDArray[Any]]]:
        """Pictures of the cells of one field, and its overlay; how many, and some of them."""
        settings, turned = self.settings, self.settings.turn == "long_axis"
        black = settings.outside == "black"
        with open_tiff(self.folder / LABELS / f"{each.name}.tif") as tiff:
            labels = tiff.asarray().astype(np.int32)
        for cell in own:
            if not cell.reason and not black and beyond(cell, labels.shape, size, turned, self._scale(cell)):
                cell.reason = BEYOND
        kept = [cell for cell in own if not cell.reason]
        shown_ones = set(np.linspace(0, len(kept) - 1, pictures.ROW * pictures.ROWS).astype(int).tolist())
        drawn = []
        for number, cell in enumerate(kept):
            scale = self._scale(cell)
            picture = cut(each.image, labels, cell, size, turned=turned, scale=scale, black=black)
            folder = self._folder(cell)
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
            cell.file = f"{folder}/{each.name}_{cell.label:04d}.ome.tif"
            writing.write_cell(self.folder / cell.file, picture, cell, each.channels, self._pixel(cell))
            drawn += [picture] if number in shown_ones else []
        title = f"{self.out.name}: field {each.name}"
        pictures.overlay(title, each.image, labels, own).save(self.folder / OVERLAYS / f"{each.name}.png")
        return len(kept), drawn

    def _folder(self, cell: Cell) -> str:
        return "/".join(part for part in (CELLS, cell.split, cell.tags.get("class", "")) if part)

    def _recipe(self, cells: Sequence[Cell]) -> Path:
        kept = [cell for cell in cells if cell.file]
        classes = sorted({cell.tags["class"] for cell in kept if "class" in cell.tags})
        groups = {self._group(cell) for cell in kept if cell.split != "test"}
        enough = len(groups) >= (4 if not self.settings.test else 3)
        root = self.out.absolute() / CELLS
        assert self.names is not None
        text = writing.recipe_of(root, self.names, classes, self.settings.split_by if enough else None)
        writing.write_bytes(self.folder / RECIPE, text.encode())
        if not enough:
            self.notes.append(
                f"{len(groups)} {self.settings.split_by}{'s' * (len(groups) > 1)} to train on: too few to keep some "
                f"apart, so the recipe splits {'them ' if self.settings.test else ''}by cell"
            )
        return self.out / RECIPE


def _is_called(group: str, named: int | str) -> bool:
    """Whether a recipe means this group: 002 is the number 2 in YAML."""
    return group == str(named) or (group.isdigit() and isinstance(named, int) and int(group) == named)


def _rest(each: Field) -> tuple[tuple[str, ...], float | None, tuple[str, ...]]:
    return each.channels, each.pixel_size, each.notes


def reasons_in(done: Cropped) -> list[str]:
    """The reasons for which cells were left out, in order."""
    there = {cell.reason for cell in done.cells}
    return [reason for reason in REASONS if reason in there]


def fields_word(path: Path | list[Path]) -> str:
    """What the fields are called in messages."""
    return shown(path if isinstance(path, Path) else path[0])
