"""Profiles as a data set: dense ones stay on the device, sparse ones sparse in memory and made dense by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from gantk.data import Resident
from gantk.interfaces import Batch, Samples
from gantk.spec import DataSpec
from gantk_expression.matrix import Column, Values, dense_rows
from gantk_expression.profiles import conformed
from gantk_expression.transforms import Transform

GROUP = "group"
"""The fact that says which samples belong together: wells of one compound, cells of one donor."""


def group_of(column: Column | None, rows: NDArray[Any]) -> dict[str, Tensor]:
    """The truth `group`, a number for each entry of a column; nothing where there is no column.

    Args:
        column: of all samples.
        rows: numbers of those that are wanted.
    """
    if column is None:
        return {}
    numbers = np.unique(np.array(column.texts(), object).astype(str), return_inverse=True)[1]
    return {GROUP: torch.from_numpy(numbers[rows].astype(np.int64))}


class Profiles(Resident):
    """Expression profiles. A base for data sets; samples are (G,).

    Args:
        spec: what `expression_spec` gave.
        values: (all samples, G) float32, dense or sparse, shared by the splits and left as they are.
        rows: numbers of the samples of this split, (N,).
        late: steps that each batch of a sparse matrix still goes through.
        labels: (N,) integers or None.
        condition: (N, C) or None.
        truth: facts for metrics, (N, …) each.
        names: (N,) what each is called; None: they have no names.
        obs: columns of annotation, (N,) each, for views and metrics.
    """

    augments = False

    def __init__(
        self,
        spec: DataSpec,
        values: Values,
        rows: NDArray[Any],
        *,
        late: Sequence[Transform] = (),
        labels: Tensor | None = None,
        condition: Tensor | None = None,
        truth: Mapping[str, Tensor] | None = None,
        names: Sequence[str] | None = None,
        obs: Mapping[str, Column] | None = None,
    ):
        is_sparse = sparse.issparse(values)
        stored = torch.empty(0, *spec.shape) if is_sparse else torch.from_numpy(values[rows])
        super().__init__(spec, stored, labels=labels, condition=condition, truth=truth)
        self.rows = torch.from_numpy(np.ascontiguousarray(rows))
        self.sparse = values if is_sparse else None
        self.late = tuple(late)
        self.names = names
        self.obs = dict(obs or {})
        self.device = torch.device("cpu")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the samples; of a sparse matrix, those of this split's share of its entries."""
        if self.sparse is None:
            return super().nbytes
        whole = self.sparse.data.nbytes + self.sparse.indices.nbytes
        return whole * len(self) // max(self.sparse.shape[0], 1)

    def to(self, device: torch.device) -> Profiles:
        """Moves everything to `device`; a sparse matrix stays, and its batches are moved."""
        super().to(device)
        self.device = torch.device(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The profiles of `indices`, (B,) on the CPU."""
        if self.sparse is None:
            return super().batch(indices, rng)
        samples = dense_rows(self.sparse, self.rows[indices].numpy()).to(self.device)
        for step in self.late:
            samples = step.apply(samples)
        chosen = indices.to(self.device)
        return Batch(
            samples,
            None if self.labels is None else self.labels[chosen],
            None if self.condition is None else self.condition[chosen],
            {name: values[indices] for name, values in self.truth.items()},
        )

    def conform(self, samples: Samples) -> Samples:
        """Samples of a file in the form of these: the same genes, transformed alike."""
        return conformed(samples, self.spec)

    def sample_names(self, indices: Tensor) -> list[str] | None:
        """What these samples are called in their file."""
        return None if self.names is None else [self.names[at] for at in indices.tolist()]
