"""Samples of a few numbers as a table: CSV or TSV, one row a sample."""

import csv
import io
import math
import re
from pathlib import Path

import torch

from gantk.errors import DoesNotFit, FileError
from gantk.files import write_bytes
from gantk.interfaces import Samples
from gantk.spec import DataSpec

PLACE = re.compile(r"([a-z]\w*?)_(\d+)(?:\.([a-z]\w*?)_(\d+))?")  # position_5, channel_0.position_5


class NumberTable:
    """CSV or TSV: vectors and strings of numbers, a row for each sample, and a column `label` where there are classes.

    Columns are called as the data call their entries ("x", "y"), else by axis and place ("position_5",
    "channel_0.position_5"). Values have as many digits as float32 holds.
    """

    endings = (".csv", ".tsv")

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples.

        Args:
            path: never seen half written.
            samples: (N, K), or (N, C, L).

        Raises:
            DoesNotFit: units, letters, or more than two axes.
            FileError: the file cannot be written.
        """
        spec = samples.spec
        if spec.categorical or spec.unit_axes or len(spec.shape) > 2:
            raise DoesNotFit(f"a table of numbers holds vectors and strings of numbers, not {spec.axes}; take .h5")
        rows = [[f"{value:.9g}" for value in row] for row in samples.samples.detach().cpu().flatten(1).tolist()]
        heading = _heading(spec)
        if samples.labels is not None and spec.classes:
            heading = [*heading, "label"]
            rows = [[*row, spec.classes[label]] for row, label in zip(rows, samples.labels.tolist(), strict=True)]
        text = io.StringIO()
        csv.writer(text, delimiter=_delimiter(path), lineterminator="\n").writerows([heading, *rows])
        try:
            write_bytes(path, text.getvalue().encode())
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote, and any table of numbers with a heading.

        Args:
            path: the file.

        Raises:
            FileError: it cannot be read, or holds something else than numbers.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"{path}: cannot be read: {error}") from error
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=_delimiter(path)) if row]
        if len(rows) < 2:
            raise FileError(f"{path}: no table of numbers: a heading and a row for each sample are needed")
        heading, *body = rows
        named = "label" in heading
        columns = [number for number, name in enumerate(heading) if name != "label"]
        values, labels = [], []
        for number, row in enumerate(body, 2):
            if len(row) != len(heading):
                raise FileError(f"{path}, row {number}: {len(row)} fields under a heading of {len(heading)}")
            values.append([_number(path, number, heading[column], row[column]) for column in columns])
            labels += [row[heading.index("label")]] if named else []
        classes = tuple(dict.fromkeys(labels))
        names = [heading[column] for column in columns]
        spec = _spec(names, classes)
        return Samples(
            samples=torch.tensor(values, dtype=torch.float32).reshape(-1, *spec.shape),
            labels=torch.tensor([classes.index(label) for label in labels]) if named else None,
            spec=spec,
        )


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _number(path: Path, row: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileError(f"{path}, row {row}, column {column!r}: {text!r} is no finite number")
    return value


def _heading(spec: DataSpec) -> list[str]:
    """A name for each number of a sample."""
    if len(spec.shape) == 1:
        return list(spec.names.get(spec.axes[0]) or (f"{spec.axes[0]}_{place}" for place in range(spec.shape[0])))
    first, second = spec.axes
    return [f"{first}_{row}.{second}_{place}" for row in range(spec.shape[0]) for place in range(spec.shape[1])]


def _spec(names: list[str], classes: tuple[str, ...]) -> DataSpec:
    """What one sample is, from the names of its columns."""
    found = [PLACE.fullmatch(name) for name in names]
    if all(found):
        first, *_, last = found[0], found[-1]
        assert first is not None and last is not None
        if first[3] is None:
            spec = DataSpec((len(names),), (first[1],), range=None, classes=classes)
        else:
            shape = (int(last[2]) + 1, int(last[4]) + 1)
            spec = DataSpec(shape, (first[1], first[3]), range=None, classes=classes)
        if _heading(spec) == names:
            return spec
    view = "basics/points" if len(names) == 2 else None
    axis = "coordinate"
    return DataSpec((len(names),), (axis,), range=None, names={axis: tuple(names)}, classes=classes, view=view)
