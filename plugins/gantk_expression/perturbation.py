"""Pairs of an untreated and a treated profile: where control, drug and dose stand in a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantk.errors import DoesNotFit

if TYPE_CHECKING:
    from torch import Tensor

    from gantk.spec import DataSpec

DRUG, LOG_DOSE = "drug", "log10_dose"
DESCRIPTORS = "descriptors"
"""The attribute of a DataSpec that holds a list of numbers for each drug: which genes it hits."""

UNLABELLED = "unlabelled"
"""The class of pairs whose response nobody measured."""


def condition_columns(genes: Sequence[str], drugs: Sequence[str]) -> list[dict[str, Any]]:
    """What stands in the columns of a condition: the control's genes, the drug's number, log₁₀ of the dose.

    Args:
        genes: names, in the order of the samples.
        drugs: names, in the order of their numbers.
    """
    return [*({"name": gene} for gene in genes), {"name": DRUG, "values": [*drugs]}, {"name": LOG_DOSE}]


@dataclass(frozen=True)
class PairLayout:
    """Where a condition of pairs holds what.

    Args:
        genes: how many numbers, the first ones, are the control's.
        drugs: names of the drugs, in the order of their numbers.
        descriptors: of each drug a list of numbers; None where nothing is known of them.
    """

    genes: int
    drugs: tuple[str, ...]
    descriptors: Sequence[Sequence[float]] | None

    @classmethod
    def of(cls, spec: DataSpec) -> PairLayout:
        """That of a DataSpec.

        Raises:
            DoesNotFit: its samples are no pairs.
        """
        columns: list[Mapping[str, Any]] = list(spec.attributes.get("condition", ()))
        genes = spec.shape[0] if len(spec.shape) == 1 else 0
        names = [each.get("name") for each in columns]
        if not genes or names[genes:] != [DRUG, LOG_DOSE] or spec.condition_shape != (genes + 2,):
            raise DoesNotFit(
                "these data are no pairs of an untreated and a treated profile: take expression/simulated_perturbation "
                "or expression/pairs"
            )
        return cls(genes, tuple(columns[genes].get("values", ())), spec.attributes.get(DESCRIPTORS))

    def control(self, condition: Tensor) -> Tensor:
        """x₁, (B, genes)."""
        return condition[:, : self.genes]

    def drug(self, condition: Tensor) -> Tensor:
        """Numbers of the drugs, (B,)."""
        return condition[:, self.genes].round().long().clamp(0, len(self.drugs) - 1)

    def log_dose(self, condition: Tensor) -> Tensor:
        """log₁₀ of the doses, (B,)."""
        return condition[:, self.genes + 1]


def response_classes(spec: DataSpec) -> tuple[str, ...]:
    """The classes of a response, without that of pairs whose response nobody measured.

    Args:
        spec: of the pairs.

    Raises:
        DoesNotFit: fewer than two.
    """
    known = tuple(name for name in spec.classes if name != UNLABELLED)
    if len(known) < 2 or (UNLABELLED in spec.classes and spec.classes[-1] != UNLABELLED):
        raise DoesNotFit(
            "these pairs have no response with two classes or more, which Dr.VAE learns: take expression/pertvae"
        )
    return known
