"""Formats of expression files: h5ad, GCT and CSV or TSV, with gene names, labels and what the numbers are."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from gantk import machine
from gantk.errors import DataError, DoesNotFit, FileError
from gantk.files import write_bytes
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_expression import fitting
from gantk_expression.files.h5ad import OURS, anndata_writer
from gantk_expression.files.latents import write_latents
from gantk_expression.files.reading import read_expression
from gantk_expression.files.written import Round, Written, spec_in, to_write
from gantk_expression.matrix import ExpressionMatrix, dense_rows
from gantk_expression.numbers import numbers_of_matrix, what_numbers
from gantk_expression.profiles import expression_spec, places_of
from gantk_expression.transforms import applied, transforms_of, undone

LABELS = ("label", "cell_type", "celltype", "cell_types")
"""Columns of obs that are taken for the classes where nothing says which is."""


class ExpressionFile:
    """A base of the formats: reads any such file, gantk's or not.

    Args:
        round: integers in place of real numbers, to the nearest one, or up or down at random (stochastic).
    """

    endings: tuple[str, ...] = ()

    def __init__(self, *, round: Round = "none"):
        self.round = round

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples, transforms undone.

        Args:
            path: never seen half written.
            samples: (N, G).

        Raises:
            DoesNotFit: samples that are no vectors.
            FileError: the file cannot be written.
        """
        written = to_write(samples, self.round)
        try:
            self._write(path, written)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error

    def _write(self, path: Path, written: Written) -> None:
        raise NotImplementedError

    def read(self, path: Path) -> Samples:
        """The samples of a file; of one that gantk wrote as they were before, transformed as its DataSpec says.

        Args:
            path: the file.

        Raises:
            DataError: it cannot be read.
        """
        matrix, _ = read_expression(path)
        spec = spec_in(matrix.facts, matrix.genes)
        values = _dense(matrix, path)
        if spec is not None:
            labels, classes = _labels(matrix, spec.attributes.get("label"))
            spec = replace(spec, classes=spec.classes or classes)
            number = {name: at for at, name in enumerate(spec.classes)}
            texts = [] if labels is None else [classes[at] for at in labels.tolist()]
            known = labels is not None and all(text in number for text in texts)
            found = torch.tensor([number[text] for text in texts]) if known else None
            return _samples(matrix, applied(values, spec), spec, found)
        labels, classes = _labels(matrix, None)
        numbers = numbers_of_matrix(matrix, values.numpy()).numbers
        return _samples(matrix, values, expression_spec(matrix.genes, numbers, classes=classes), labels)

    def read_as(self, path: Path, spec: DataSpec) -> Samples:
        """Real samples of a file in the form of others: the same genes, with the same fitted transform.

        Args:
            path: the file, as it came from a laboratory.
            spec: of the others.

        Raises:
            DataError: it cannot be read.
            DoesNotFit: genes are missing, or the numbers are others than those that the transform begins with.
        """
        genes = spec.names.get("gene")
        if genes is None or len(spec.shape) != 1:
            return self.read(path)
        layer = spec.attributes.get("layer") if path.suffix.lower() == ".h5ad" else None
        matrix, _ = read_expression(path, layer=layer)
        if spec_in(matrix.facts, matrix.genes) is not None:
            return self.read(path)
        steps = transforms_of(spec)
        looked = what_numbers(matrix.values).numbers
        wanted = steps[0].before if steps else spec.attributes.get("numbers", looked)
        if looked != wanted:
            raise DoesNotFit(
                f"{path}: its numbers are {looked}, and the samples were made after {wanted}: name a file, or by a "
                "recipe the layer, with such numbers"
            )
        places = np.array(places_of(genes, matrix.genes, str(path)))
        what = f"{path}: {len(matrix):,} samples of {len(genes):,} genes, dense,"
        machine.refuse_above_data_limit(4 * len(matrix) * len(genes), what, DataError)
        values = fitting.refitted(matrix, steps, places)
        labels, classes = _labels(matrix, spec.attributes.get("label"))
        found = replace(spec, classes=classes, origin="real")
        return _samples(matrix, values, found, labels)


def _dense(matrix: ExpressionMatrix, path: Path) -> torch.Tensor:
    what = f"{path}: {len(matrix):,} samples of {len(matrix.genes):,} genes, dense,"
    machine.refuse_above_data_limit(4 * len(matrix) * len(matrix.genes), what, DataError)
    values = dense_rows(matrix.values, slice(None))
    if not values.isfinite().all():
        raise DataError(f"{path}: numbers are missing; a recipe says what becomes of them (data.missing)")
    return values


def _labels(matrix: ExpressionMatrix, name: Any) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    """Class numbers and names by the column of this name, else by one that is called as classes are."""
    name = next((each for each in (name, *LABELS) if each in matrix.obs), None)
    if name is None or "" in matrix.obs[name].texts():
        return None, ()
    classes = matrix.obs[name].levels()
    number = {each: at for at, each in enumerate(classes)}
    return torch.tensor([number[text] for text in matrix.obs[name].texts()]), tuple(classes)


def _samples(matrix: ExpressionMatrix, values: torch.Tensor, spec: DataSpec, labels: Any) -> Samples:
    origin = matrix.facts.get("origin", matrix.origin)
    return Samples(samples=values, labels=labels, spec=spec, attributes={"origin": origin}, names=matrix.samples)


class H5ad(ExpressionFile):
    """AnnData (.h5ad), which scanpy opens: X, names, obs, and in `uns` the origin and what the numbers are.

    Args:
        round: integers in place of real numbers, to the nearest one, or up or down at random (stochastic).
    """

    endings = (".h5ad",)
    write_latents = staticmethod(write_latents)

    def _write(self, path: Path, written: Written) -> None:
        write_elem = anndata_writer(path)
        import anndata
        import pandas

        matrix = written.matrix
        values: NDArray[Any] = matrix.values
        columns = {
            name: pandas.Categorical(column.texts(), categories=list(written.categories[name]))
            if name in written.categories
            else (column.values if column.numeric else column.texts())
            for name, column in matrix.obs.items()
        }
        found = anndata.AnnData(
            X=sparse.csr_matrix(values) if (values == 0).mean() > 0.5 else values,
            obs=pandas.DataFrame(columns, index=pandas.Index(matrix.samples, dtype=object)),
            var=pandas.DataFrame(index=pandas.Index(matrix.genes, dtype=object)),
            uns={OURS: written.facts, "origin": matrix.origin, "numbers": written.numbers or "unknown"},
        )
        content = io.BytesIO()
        with h5py.File(content, "w") as file:
            write_elem(file, "/", found)
        write_bytes(path, content.getbuffer())


class TextFile(ExpressionFile):
    """A base of the text formats, which have no place for a DataSpec."""

    def as_written(self, samples: Samples) -> torch.Tensor:
        """The numbers that a file holds: those of samples, their transform undone."""
        return undone(samples.samples, samples.spec)[0]


class Gct(TextFile):
    """GCT 1.3 (.gct, .gct.gz): genes in rows, the label and the origin of each sample above the numbers.

    Args:
        round: integers in place of real numbers, to the nearest one, or up or down at random (stochastic).
    """

    endings = (".gct", ".gct.gz")

    def _write(self, path: Path, written: Written) -> None:
        matrix = written.matrix
        rows = [["id", *matrix.samples]]
        rows += [[name, *(text or "na" for text in column.texts())] for name, column in matrix.obs.items()]
        rows += [[gene, *_texts(row)] for gene, row in zip(matrix.genes, matrix.values.T, strict=True)]
        for row in rows:
            if any("\t" in text or "\n" in text for text in row):
                raise DoesNotFit(f"{path}: a name with a tab or a line break cannot stand in a GCT file; take .h5ad")
        head = f"#1.3\n{len(matrix.genes)}\t{len(matrix)}\t0\t{len(matrix.obs)}\n"
        _write_text(path, head + "\n".join("\t".join(row) for row in rows) + "\n")


class DelimitedTable(TextFile):
    """CSV or TSV (also .gz): samples in rows, genes in columns, the label and the origin of each sample first.

    Args:
        round: integers in place of real numbers, to the nearest one, or up or down at random (stochastic).
    """

    endings = (".csv.gz", ".tsv.gz", ".csv", ".tsv")

    def _write(self, path: Path, written: Written) -> None:
        matrix, text = written.matrix, io.StringIO()
        if numeric := [name for name, column in matrix.obs.items() if column.numeric]:
            raise DoesNotFit(
                f"{path}: {', '.join(map(repr, numeric[:5]))} are numbers of a sample, and in a table would read as "
                "genes: write .h5ad or .gct"
            )
        writer = csv.writer(text, delimiter="\t" if ".tsv" in path.name.lower() else ",", lineterminator="\n")
        writer.writerow(["sample", *matrix.obs, *matrix.genes])
        about = list(zip(*(column.texts() for column in matrix.obs.values()), strict=True))
        for name, known, row in zip(matrix.samples, about, matrix.values, strict=True):
            writer.writerow([name, *known, *_texts(row)])
        _write_text(path, text.getvalue())


def _texts(row: NDArray[Any]) -> list[str]:
    return [f"{value:.9g}" for value in row.tolist()]


def _write_text(path: Path, text: str) -> None:
    content = text.encode()
    write_bytes(path, gzip.compress(content, 6, mtime=0) if path.suffix.lower() == ".gz" else content)
