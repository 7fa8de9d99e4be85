"""What of a set of images stays together when splits are made: cells of one field, fields of one plate."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gantk.errors import DataError
from gantk_basics.files.images.class_folder import ClassFolder, shown
from gantk_basics.files.images.name_patterns import compiled, words_of

TABLE = "cells.csv"
"""The table that `gantk crop` writes beside the cells: a row an image, with columns such as field and plate."""
FOLDER = "folder"


@dataclass(frozen=True)
class Grouping:
    """How the group of an image is found.

    Args:
        split_by: the recipe's word.
        table: name of each image's file to its group; None where the name itself says it.
        where: the table, for messages.
    """

    split_by: str
    table: Mapping[str, str] | None = None
    where: Path = field(default=Path(), compare=False)

    def of(self, name: str, file: str) -> str:
        """The group of an image of a class.

        Raises:
            DataError: nothing says it.
        """
        plain = file.partition("#")[0]
        if self.table is not None:
            if (own := self.table.get(Path(plain).name)) is None:
                raise DataError(f"data.split_by: {shown(self.where)} has no row of {shown(plain)}")
            return own
        if self.split_by == FOLDER:
            if "/" not in plain:
                raise DataError(f"data.split_by=folder: {shown(plain)} of {name} lies in no sub-folder of the class")
            return plain.partition("/")[0]
        fits = compiled(self.split_by, "data.split_by").fullmatch(plain)
        if fits is None:
            raise DataError(f"data.split_by={self.split_by}: {shown(plain)} of {name} is not called so")
        return "/".join(fits.groups())

    def too_few(self, there: int, needed: int) -> DataError:
        """The error of fewer groups than splits."""
        return DataError(
            f"data.split_by={self.split_by} gives {there} group{'s' * (there != 1)}, but train, validation and test "
            f"need {needed} or more; without it images are split one by one, those of one group into several splits"
        )

    def nothing_left(self, name: str, split: str) -> DataError:
        """The error of a class that has no image in the groups of a split."""
        return DataError(
            f"data.split_by={self.split_by}: {name} has no image in the groups of the {split} split; give larger "
            "data.validation and data.test, or split folders of your own (…_train, …_val, …_test)"
        )


def grouping(split_by: str, classes: Sequence[ClassFolder]) -> Grouping:
    """How images are grouped.

    Args:
        split_by: a column of the table `cells.csv` beside the images ("field"); "folder": their sub-folder; or a
            pattern of their names: "plate{plate}_*".
        classes: the class folders.

    Raises:
        DataError: no table, or no such column.
    """
    if split_by == FOLDER:
        return Grouping(split_by)
    if words_of(split_by):
        compiled(split_by, "data.split_by")
        return Grouping(split_by)
    places = [classes[0].path, *list(classes[0].path.parents)[:3]]
    path = next((place / TABLE for place in places if (place / TABLE).is_file()), None)
    if path is None:
        raise DataError(
            f"data.split_by={split_by}: there is no table {TABLE} beside the images, as `gantk crop` writes it. "
            "Write data.split_by=folder for sub-folders, or a pattern of the names: 'data.split_by=plate{plate}_*'"
        )
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{shown(path)} cannot be read: {error}") from error
    columns = list(rows[0]) if rows else []
    if split_by not in columns or "file" not in columns:
        wanted = "file" if split_by in columns else split_by
        raise DataError(f"data.split_by={split_by}: {shown(path)} has no column {wanted}; it has {', '.join(columns)}")
    return Grouping(split_by, {Path(row["file"]).name: row[split_by] for row in rows if row["file"]}, path)
