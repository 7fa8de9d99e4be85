"""Writes the samples of an expression file with their latents in `obsm`, where scanpy looks for representations."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import h5py
from torch import Tensor

from gantk.errors import DoesNotFit, FileError
from gantk.files import write_bytes
from gantk_expression.files.h5ad import anndata_writer
from gantk_expression.files.reading import kind_of, read_expression

KEY = "X_latent"
"""Where in `obsm` latents stand: `sc.pp.neighbors(data, use_rep="X_latent")`."""


def write_latents(path: Path, latents: Tensor, source: Path) -> None:
    """All that a file holds, as h5ad, with the latents of its samples as `obsm["X_latent"]`.

    Args:
        path: the file to write, never seen half written.
        latents: (N, …), one for each sample of the file.
        source: the file: h5ad, GCT, CSV or TSV.

    Raises:
        DataError: the source cannot be read.
        DoesNotFit: it has another number of samples.
        FileError: the file cannot be written, or anndata is not installed.
    """
    write_elem = anndata_writer(path)
    found = _whole(source)
    if found.n_obs != len(latents):
        raise DoesNotFit(f"{source}: holds {found.n_obs} samples, and there are {len(latents)} latents")
    found.obsm[KEY] = latents.flatten(1).cpu().numpy()
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write_elem(file, "/", found)
    try:
        write_bytes(path, content.getbuffer())
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def _whole(source: Path) -> Any:
    """A file as AnnData: an h5ad file with everything in it, of others numbers and annotation."""
    import anndata
    import pandas

    matrix, _ = read_expression(source)  # checks the file, and refuses a damaged one with a reason
    if kind_of(source) == ".h5ad":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old files a warning for each element
            return anndata.read_h5ad(source)

    def frame(columns: Any, names: list[str]) -> Any:
        values = {name: each.values if each.numeric else each.texts() for name, each in columns.items()}
        return pandas.DataFrame(values, index=pandas.Index(names, dtype=object))

    return anndata.AnnData(X=matrix.values, obs=frame(matrix.obs, matrix.samples), var=frame(matrix.var, matrix.genes))
