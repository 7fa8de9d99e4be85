"""Which parts of fields of view are held out: whole fields, or of each a strip with a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from gantk.errors import DataError
from gantk_cells.data.tiles import Window
from gantk_cells.files.paired_fields import SPLITS, Field


@dataclass(frozen=True)
class Cut:
    """How fields are divided between the splits.

    Args:
        size: height and width of a tile.
        held_out: whole fields, or of each a region; None: fields where there are three or more.
        test: share that is held out to report on.
        validation: share that is held out to choose by.
        fold: which of the parts is tested.
        gap: pixels between regions.
        along: of regions: strips of columns (x) or rows (y).
        given: splits that have folders.
    """

    size: tuple[int, int]
    held_out: Literal["fields", "region"] | None
    test: float
    validation: float
    fold: int
    gap: int
    along: Literal["x", "y"]
    given: frozenset[str] = frozenset({"train"})


@dataclass(frozen=True)
class Strips:
    """A field cut along one axis.

    Args:
        train: first and last row or column (exclusive) of each part that is trained on.
        validation: the same of the validation part; () where there is none.
        test: the same of the part that is reported on.
    """

    train: tuple[tuple[int, int], ...]
    validation: tuple[tuple[int, int], ...]
    test: tuple[tuple[int, int], ...]


def strips(length: int, least: int, gap: int, fold: int, test: float, validation: float) -> Strips:
    """Cuts a length: the test part is the `fold`-th of equal parts, the validation part at the far end of the rest.

    Args:
        length: rows or columns.
        least: the shortest part that is of use: a tile.
        gap: what is left out beside the test and the validation part.
        fold: which part is tested, from 0; there are 1 / test of them.
        test: share of the test part.
        validation: share of the validation part; 0: none.

    Raises:
        DataError: no such part, or parts that are shorter than a tile.
    """
    folds = max(1, round(1 / test))
    size = length // folds
    if not fold < folds:
        raise DataError(f"data.fold={fold}: with data.test={test:g} there are the folds 0 to {folds - 1}")
    start, end = fold * size, (fold + 1) * size
    before, after = (0, max(0, start - gap)), (min(length, end + gap), length)
    held: tuple[tuple[int, int], ...] = ()
    if validation:
        width = max(least, round(validation * length))
        if after[1] - after[0] >= before[1] - before[0]:
            held, after = ((length - width, length),), (after[0], length - width - gap)
        else:
            held, before = ((0, width),), (width + gap, before[1])
    train = tuple(each for each in (before, after) if each[1] - each[0] >= least)
    if size < least or not train or (held and held[0][0] < 0):
        raise DataError(
            f"{length} pixels are too few to hold out {size} for the test{' and some for validation' * bool(held)} "
            f"with gaps of {gap}, and to train on tiles of {least}: give a smaller data.size, data.gap, data.test or "
            "data.validation, or the other axis (data.along)"
        )
    return Strips(train, held, ((start, end),))


def windows_of(fields: Sequence[Field], first: int, part: str, cut: Cut) -> dict[str, list[Window]]:
    """The windows of each split in the fields of one folder.

    Args:
        fields: of the folder.
        first: number of the first of them.
        part: the split that the folder is of.
        cut: how the fields of the training folder are divided.

    Raises:
        DataError: too few fields, or too small ones.
    """
    every = [Window(first + k, 0, 0, *fields[k].planes.shape[1:]) for k in range(len(fields))]
    if part != "train":
        return {part: every}
    test = 0.0 if "test" in cut.given else cut.test
    validation = 0.0 if "validation" in cut.given else cut.validation
    if not test and not validation:
        return {"train": every}
    if (cut.held_out or ("fields" if len(fields) >= 3 else "region")) == "fields":
        return _by_field(fields, every, test, validation, cut.fold)
    if not test:
        raise DataError("where the test fields have a folder, no region is cut to choose by: data.validation=0")
    windows: dict[str, list[Window]] = {split: [] for split in SPLITS}
    for each in every:
        length, least = (each.width, cut.size[1]) if cut.along == "x" else (each.height, cut.size[0])
        parts = strips(length, least, cut.gap, cut.fold, test, validation)
        for split in SPLITS:
            for start, end in getattr(parts, split):
                span = (0, start, each.height, end - start) if cut.along == "x" else (start, 0, end - start, each.width)
                windows[split].append(Window(each.field, *span))
    return windows


def _by_field(
    fields: Sequence[Field], windows: Sequence[Window], test: float, validation: float, fold: int
) -> dict[str, list[Window]]:
    """Whole fields to the splits, by a hash of their names, which is always the same."""
    order = sorted(range(len(fields)), key=lambda k: blake2b(fields[k].name.encode(errors="surrogatepass")).digest())
    count = len(order)
    tested = max(1, round(test * count)) if test else 0
    validated = max(1, round(validation * count)) if validation else 0
    if tested + validated >= count:
        raise DataError(
            f"{count} fields are too few for {tested} to report on and {validated} to choose by: hold out a region of "
            "each, data.held_out=region, or give less data.test or data.validation"
        )
    if test and not fold < round(1 / test):
        raise DataError(f"data.fold={fold}: with data.test={test:g} there are the folds 0 to {round(1 / test) - 1}")
    order = order[fold * tested :] + order[: fold * tested]
    parts = {"test": order[:tested], "validation": order[tested : tested + validated]}
    parts["train"] = order[tested + validated :]
    return {split: [windows[k] for k in sorted(own)] for split, own in parts.items()}
