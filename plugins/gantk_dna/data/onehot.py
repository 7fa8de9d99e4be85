"""Sequences as a data set: codes stay on the device as bytes, and become one-hot columns batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gantk.data import Resident
from gantk.interfaces import SPLITS, Batch
from gantk.spec import DataSpec
from gantk_dna.alphabet import one_hot, reverse_complement


class OneHot(Resident):
    """Sequences of one length. A base for data sets; samples are (4 + annotation channels, L).

    Args:
        spec: what `sequence_spec` gave.
        codes: (N, L) uint8, 0 … 14; see `gantk_dna.alphabet`.
        annotations: (N, channels, L) uint8 of 0 and 1, or None.
        labels: (N,) integers or None.
        truth: facts for metrics, (N, …) each.
        both_strands: each sample of a training batch is turned into its reverse complement half of the time.
        copies: (N,) how often each sequence counts; the data set then is as long as their sum, and has each sequence
            so often. None: once each.
        names: (N,) what each is called; None: they have no names.
    """

    def __init__(
        self,
        spec: DataSpec,
        codes: Tensor,
        *,
        annotations: Tensor | None = None,
        labels: Tensor | None = None,
        truth: Mapping[str, Tensor] | None = None,
        both_strands: bool = False,
        copies: Tensor | None = None,
        names: Sequence[str] | None = None,
    ):
        if both_strands:  # views know no data set, but what samples are
            spec = replace(spec, attributes={**spec.attributes, "both_strands": True})
        super().__init__(spec, codes, labels=labels, truth=truth)
        self.annotations = annotations
        self.both_strands = both_strands
        self.names = names
        self.rows: Tensor | None = None  # (sum of copies,) which sequence each sample is, in an order of no meaning
        if copies is not None:
            rows = torch.repeat_interleave(torch.arange(len(codes)), copies)
            self.rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]

    def __len__(self) -> int:
        return super().__len__() if self.rows is None else len(self.rows)

    def row_of(self, indices: Tensor) -> Tensor:
        """Which sequences these samples are: (B,) to (B,)."""
        return indices if self.rows is None else self.rows[indices]

    def first_of_each(self) -> Tensor:
        """A sample of each sequence, in the order of the sequences: (N,), which is all but where some count often."""
        if self.rows is None:
            return torch.arange(len(self.stored))
        return torch.from_numpy(np.unique(self.rows.numpy(), return_index=True)[1])

    @property
    def class_counts(self) -> dict[str, int] | None:
        """Of sequences that count more than once, how many different ones there are."""
        return None if self.rows is None else {"": len(self.stored)}

    def sample_names(self, indices: Tensor) -> list[str] | None:
        """What the records of these samples are called in their file."""
        return None if self.names is None else [self.names[row] for row in self.row_of(indices).tolist()]

    def to(self, device: torch.device) -> OneHot:
        """Moves everything to `device`."""
        super().to(device)
        self.annotations = None if self.annotations is None else self.annotations.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The sequences of `indices`, (B,) on the CPU; on a random strand where `rng` is given and both count."""
        indices = self.row_of(indices)
        batch = super().batch(indices, rng)
        samples = one_hot(batch.samples.to(torch.uint8))  # (B, 4, L)
        if self.annotations is not None:
            samples = torch.cat([samples, self.annotations[indices.to(samples.device)].float()], 1)
        if rng is not None and self.both_strands:
            turned = torch.rand((len(samples), 1, 1), generator=rng, device=samples.device) < 0.5
            samples = torch.where(turned, reverse_complement(samples), samples)
        batch.samples = samples
        return batch

    def variants(self, samples: Tensor) -> list[Tensor]:
        """Samples (N, 4 + annotation, L), and where both strands count their reverse complements."""
        return [samples, reverse_complement(samples)] if self.both_strands else [samples]

    def finish(self, stored: Tensor, rng: torch.Generator | None) -> Tensor:
        """Codes as they are: `batch` makes columns of them."""
        return stored


def chosen_side(split: str, sides: np.ndarray) -> np.ndarray:
    """Numbers of the sequences that stand on this side: of 0 train, 1 validation, 2 test."""
    return np.flatnonzero(sides == SPLITS.index(split))


def pick(values: np.ndarray | None, chosen: np.ndarray) -> Tensor | None:
    """Those rows as a tensor; None stays None."""
    return None if values is None else torch.from_numpy(np.ascontiguousarray(values[chosen]))


def counts_in_words(total: int, told: Mapping[str, int], sides: np.ndarray) -> str:
    """What became of `total` sequences, in one line. Reasons that end in `*` are changes, the others removals.

    Args:
        total: how many there were.
        told: counts by reason.
        sides: side of each sequence that is left.
    """
    gone = [f"{count:,} {reason}" for reason, count in told.items() if count and not reason.endswith("*")]
    changed = [f"{count:,} {reason.rstrip(' *')}" for reason, count in told.items() if count and reason.endswith("*")]
    parts = [f"{total:,} sequences"]
    if gone:
        parts.append(f"removed: {', '.join(gone)}; left: {len(sides):,}")
    parts += changed
    numbers = np.bincount(sides, minlength=len(SPLITS))
    return "; ".join([*parts, ", ".join(f"{name} {number:,}" for name, number in zip(SPLITS, numbers, strict=True))])
