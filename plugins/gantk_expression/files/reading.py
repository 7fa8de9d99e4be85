"""Reads an expression file by its ending: h5ad, GCT, CSV or TSV."""

from __future__ import annotations

import stat
from collections.abc import Collection, Hashable
from pathlib import Path

from gantk.errors import DataError, MissingData
from gantk.files import refuse_devices
from gantk.messages import printable
from gantk_expression.files.delimited import GenesIn, read_delimited, with_annotation
from gantk_expression.files.gct import read_gct
from gantk_expression.files.h5ad import read_h5ad
from gantk_expression.matrix import ExpressionMatrix

PACKED = (".gz", ".bz2", ".xz")
TABLES = (".csv", ".tsv", ".tab", ".txt")


def kind_of(path: Path) -> str:
    """The ending that says what a file is, without that of a compression: ".h5ad", ".gct", ".csv", …"""
    name = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return name.suffix.lower()


def is_expression_file(path: Path) -> bool:
    """Whether a file's ending is one of those that are read."""
    return kind_of(path) in (".h5ad", ".gct", *TABLES)


def check_file(path: Path) -> None:
    """Raises where there is no such plain file: MissingData where there is nothing, else DataError."""
    named = printable(str(path.absolute()))
    if not path.exists():
        raise MissingData(
            f"no such file: {named}\nPaths are relative to the working directory: give data.path=FILE with a file of "
            "yours. The recipe\nexpression_simulated needs no file at all."
        )
    if path.is_dir():
        raise DataError(f"{named} is a folder; give the file in it: data.path={printable(str(path / 'FILE'))}")
    refuse_devices(path, DataError)


def state_of(path: Path) -> Hashable:
    """What says that a file is still the same: which one it is, how large, and when it was changed.

    Raises:
        DataError: there is no such file, or it cannot be looked at.
    """
    check_file(path)
    about = path.stat()
    assert stat.S_ISREG(about.st_mode)
    return str(path.resolve()), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def read_expression(
    path: Path,
    *,
    layer: str | None = None,
    genes_in: GenesIn = "auto",
    annotation: Collection[str] = (),
    obs: Path | None = None,
) -> tuple[ExpressionMatrix, str]:
    """The numbers of a file with what is known of samples and genes, and how it was read, in words ("" as usual).

    Args:
        path: .h5ad, .gct, .csv, .tsv, .tab or .txt; tables also compressed.
        layer: of an h5ad file: None is X, "raw" or the name of a layer.
        genes_in: of a table.
        annotation: columns of a table that are annotation of samples, though they be numbers.
        obs: a table of annotation, by the samples' names in its first column.

    Raises:
        DataError: it is missing, damaged, of another ending, or has no such layer.
    """
    check_file(path)
    kind = kind_of(path)
    if layer is not None and kind != ".h5ad":
        raise DataError(f"{path}: has no layers; data.layer is for h5ad files")
    how = ""
    if kind == ".h5ad":
        found = read_h5ad(path, layer)
    elif kind == ".gct":
        found = read_gct(path)
    elif kind in TABLES:
        found, how = read_delimited(path, genes_in, annotation)
    else:
        raise DataError(f"{printable(str(path))}: expression is read from .h5ad, .gct, .csv and .tsv (tables also .gz)")
    if not found.genes or not found.samples:
        raise DataError(f"{printable(str(path))}: holds {len(found.samples)} samples of {len(found.genes)} genes")
    return (found if obs is None else with_annotation(found, obs)), how
