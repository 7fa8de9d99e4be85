"""Reads AnnData files (h5ad), new and old, through the library anndata; sparse matrices stay sparse."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

from gantk.console import say
from gantk.errors import DataError, FileError
from gantk.messages import printable
from gantk_expression.files.h5ad_elements import Elements
from gantk_expression.matrix import Column, ExpressionMatrix, Values

EXTRA = "pip install 'gantk[expression]'"
_told: set[Path] = set()
"""Files of which it was said that they are old."""

OURS = "gantk"
"""The entry of `uns` where gantk says what it wrote."""


def anndata_reader() -> Callable[[Any], Any]:
    """The function of anndata that reads one element.

    Raises:
        DataError: anndata is not installed.
    """
    try:
        from anndata.io import read_elem
    except ImportError as error:
        raise DataError(f"h5ad files need the package anndata, which is not here: {EXTRA}") from error
    return read_elem


def anndata_writer(path: Path) -> Callable[..., None]:
    """The function of anndata that writes one element.

    Args:
        path: what is to be written, for the message.

    Raises:
        FileError: anndata is not installed.
    """
    try:
        from anndata.io import write_elem
    except ImportError as error:
        raise FileError(f"{path}: h5ad files need the package anndata, which is not here: {EXTRA}") from error
    return write_elem


def read_h5ad(path: Path, layer: str | None = None) -> ExpressionMatrix:
    """The numbers of one layer with names and annotation.

    Args:
        path: the file.
        layer: None: X; "raw": what was kept from before X was scaled or filtered; else a layer by name.

    Raises:
        DataError: it is missing, damaged, or holds no such layer.
    """
    read = anndata_reader()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with h5py.File(path, "r", locking=False) as file:
                found = _matrix(Elements(file, path), read, layer)
        except DataError:
            raise
        except Exception as error:  # a damaged file makes libhdf5, h5py, pandas and anndata raise nearly anything
            reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
            raise DataError(
                f"{printable(str(path))}: damaged, or no h5ad file: {reason[:300]}. Fetch or write it again"
            ) from error
    old = sum("old" in str(each.message).lower() or "encoding metadata" in str(each.message) for each in caught)
    if old and path not in _told:
        _told.add(path)
        say(f"{path}: an h5ad file of an old layout, which is read as well (anndata warned {old} times)")
    return found


def layers_of(path: Path) -> list[str]:
    """What `data.layer` may name in this file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            return Elements(file, path).layers()
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise DataError(f"{printable(str(path))}: damaged, or no h5ad file: {printable(str(error))[:300]}") from error


def _matrix(elements: Elements, read: Callable[[Any], Any], layer: str | None) -> ExpressionMatrix:
    stored = elements.matrix(layer)
    obs = _frame(elements, read, "obs")
    var = _frame(elements, read, *(("raw/var", "raw.var", "var") if layer == "raw" else ("var",)))
    values = _values(read(stored))
    if values.shape != (len(obs[0]), len(var[0])):
        raise DataError(
            f"{elements.named}: numbers of shape {values.shape} for {len(obs[0])} samples and {len(var[0])} genes"
        )
    facts = _facts(elements, read)
    origin = str(facts.get("origin", "real"))
    return ExpressionMatrix(
        values,
        genes=var[0],
        samples=obs[0],
        obs=obs[1],
        var=var[1],
        origin=origin if origin in ("real", "simulated", "generated") else "generated",
        facts=facts,
    )


def _values(found: Any) -> Values:
    """A matrix as float32, sparse ones as CSR."""
    if sparse.issparse(found):
        matrix = sparse.csr_matrix(found, dtype=np.float32)
        matrix.sum_duplicates()
        return matrix
    return np.ascontiguousarray(found, dtype=np.float32)


def _frame(elements: Elements, read: Callable[[Any], Any], *names: str) -> tuple[list[str], dict[str, Column]]:
    """Names and columns of a table of annotation, by the first of these names that there is."""
    stored = elements.find(*names)
    if stored is None:
        raise DataError(f"{elements.named}: has no '{names[0]}': not an h5ad file")
    frame = read(stored)
    if isinstance(frame, np.ndarray):  # the old layout: a table of HDF5, categories beside it in uns
        return _old_frame(elements, read, frame)
    columns = {}
    for name in frame.columns:
        series = frame[name]
        if hasattr(series, "cat"):
            values = series.astype(object).where(series.notna(), "").astype(str).to_numpy(dtype=object)
            columns[str(name)] = Column(values, tuple(map(str, series.cat.categories)))
        elif series.dtype.kind in "iuf":
            columns[str(name)] = Column(series.to_numpy(dtype=np.float64))
        elif series.dtype.kind == "b":
            columns[str(name)] = Column(series.astype(str).to_numpy(dtype=object))
        else:
            texts = series.astype(object).where(series.notna(), "").astype(str)
            columns[str(name)] = Column(texts.to_numpy(dtype=object))
    return [str(each) for each in frame.index], columns


def _old_frame(
    elements: Elements, read: Callable[[Any], Any], table: np.ndarray
) -> tuple[list[str], dict[str, Column]]:
    columns: dict[str, Column] = {}
    index: list[str] = []
    for name in table.dtype.names or ():
        values = table[name]
        texts = values.dtype.kind in "SUO"
        if texts:
            values = np.array([each.decode() if isinstance(each, bytes) else str(each) for each in values], object)
        if name in ("index", "_index"):
            index = [str(each) for each in values]
            continue
        stored = elements.find(f"uns/{name}_categories")
        if stored is not None and values.dtype.kind in "iu":
            known = np.atleast_1d(read(stored))
            names = tuple(each.decode() if isinstance(each, bytes) else str(each) for each in known)
            right = (values >= -1) & (values < len(names))
            if not right.all():
                raise DataError(f"{elements.named}: '{printable(name)}' has categories that are not there")
            columns[name] = Column(np.array([names[at] if at >= 0 else "" for at in values], object), names)
        elif texts:
            columns[name] = Column(values)
        elif values.dtype.kind == "b":
            columns[name] = Column(values.astype(str).astype(object))
        elif values.ndim == 1:
            columns[name] = Column(values.astype(np.float64))
    if not index:
        raise DataError(f"{elements.named}: a table of annotation has no column 'index'")
    return index, columns


def _facts(elements: Elements, read: Callable[[Any], Any]) -> Mapping[str, Any]:
    """What gantk said of a file that it wrote; nothing of others."""
    stored = elements.find(f"uns/{OURS}")
    if stored is None:
        return {}
    try:
        found = json.loads(str(read(stored)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
