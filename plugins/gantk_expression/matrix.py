"""Expression matrices: samples or cells by genes, dense or sparse, with what is known of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

Values: TypeAlias = Any  # numpy.ndarray | scipy.sparse.csr_matrix, of which mypy knows nothing
"""Numbers (N, genes): a numpy array, or a sparse matrix of scipy, whose zeros take no memory."""

PIECE = 2**22
"""Numbers that are made dense at once."""


@dataclass(frozen=True)
class Column:
    """One column of annotation of samples or genes.

    Args:
        values: (N,) float64, NaN where there is none; or texts, "" where there is none.
        categories: the texts in the order that the file gives them; None: it gives no order.
    """

    values: NDArray[Any]
    categories: tuple[str, ...] | None = None

    @property
    def numeric(self) -> bool:
        """Whether these are numbers."""
        return self.values.dtype.kind == "f"

    def texts(self) -> list[str]:
        """The entries as texts, "" where there is none; whole numbers without a point."""
        if not self.numeric:
            return [str(value) for value in self.values]
        return ["" if np.isnan(value) else f"{value:.10g}" for value in self.values]

    def levels(self) -> list[str]:
        """The different entries, but for missing ones: in the file's order, else sorted, numbers by size."""
        found = set(self.texts()) - {""}
        if self.categories is not None:
            return [each for each in self.categories if each in found]
        return sorted(found, key=lambda each: (float(each), "") if self.numeric else (0.0, each))

    def __getitem__(self, rows: Any) -> Column:
        return Column(self.values[rows], self.categories)


def column_of(texts: list[str], missing: tuple[str, ...] = ("", "na", "nan", "null", "none")) -> Column:
    """A column of texts as numbers, where every entry that is not missing is one.

    Args:
        texts: as they stand in a file.
        missing: what stands there where there is no entry, in lower case.
    """
    clean = ["" if text.strip().lower() in missing else text.strip() for text in texts]
    try:
        numbers = np.array([float(text) if text else np.nan for text in clean])
    except ValueError:
        return Column(np.array(clean, dtype=object))
    if not np.isfinite(numbers).any():  # "inf", or nothing at all: no numbers to count with
        return Column(np.array(clean, dtype=object))
    return Column(numbers)


def origin_of(obs: Mapping[str, Column]) -> str:
    """Where samples come from, as gantk's formats write it into a column `origin`; "real" where nothing says so."""
    said = obs["origin"].levels() if "origin" in obs else []
    return said[0] if said in (["generated"], ["simulated"]) else "real"


@dataclass(frozen=True)
class ExpressionMatrix:
    """Expression of genes in samples or cells.

    Args:
        values: (N, G) float32, dense or sparse (CSR).
        genes: G names.
        samples: N names.
        obs: columns of annotation of the samples, by name.
        var: columns of annotation of the genes, by name.
        origin: "real", "simulated" or "generated".
        facts: what a file that gantk wrote says of itself.
    """

    values: Values
    genes: list[str]
    samples: list[str]
    obs: Mapping[str, Column] = field(default_factory=dict)
    var: Mapping[str, Column] = field(default_factory=dict)
    origin: str = "real"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def is_sparse(self) -> bool:
        """Whether zeros take no memory."""
        return sparse.issparse(self.values)

    def rows(self, chosen: NDArray[Any]) -> ExpressionMatrix:
        """The matrix of some samples: their numbers (n,), or a mask (N,)."""
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        if len(numbers) == len(self) and (numbers == np.arange(len(self))).all():
            return self
        return replace(
            self,
            values=self.values[numbers],
            samples=[self.samples[at] for at in numbers.tolist()],
            obs={name: column[numbers] for name, column in self.obs.items()},
        )

    def columns(self, chosen: NDArray[Any]) -> ExpressionMatrix:
        """The matrix of some genes: their numbers (g,), or a mask (G,)."""
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        if len(numbers) == len(self.genes) and (numbers == np.arange(len(self.genes))).all():
            return self
        return replace(
            self,
            values=self.values[:, numbers],
            genes=[self.genes[at] for at in numbers.tolist()],
            var={name: column[numbers] for name, column in self.var.items()},
        )


def dense_rows(values: Values, rows: NDArray[Any] | slice) -> Tensor:
    """Some rows as a dense tensor, (n, G) float32."""
    found = values[rows]
    return torch.from_numpy(np.ascontiguousarray(found.toarray() if sparse.issparse(found) else found))


def pieces(values: Values, rows: NDArray[Any] | None = None) -> Iterator[Tensor]:
    """The rows, dense, a few at a time: some (n, G) that together are all of `rows`; None: of all rows."""
    chosen = np.arange(values.shape[0]) if rows is None else rows
    step = max(1, PIECE // max(values.shape[1], 1))
    for start in range(0, len(chosen), step):
        yield dense_rows(values, chosen[start : start + step])


def row_sums(values: Values) -> NDArray[np.float64]:
    """The sum of each row, (N,)."""
    return np.asarray(values.sum(axis=1, dtype=np.float64)).ravel()
