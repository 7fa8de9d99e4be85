"""Profiles: the DataSpec of expression samples, one number for each gene, and what stands in its attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_expression.numbers import Numbers
from gantk_expression.transforms import Transform, applied, undone

VIEW: str | None = "expression/heatmap"
"""Full name of the view that draws profiles."""

FORMATS: tuple[str, ...] = ("expression/h5ad", "expression/csv", "expression/gct")
"""Full names of the formats that hold profiles, the preferred one first."""


LANDMARK_STEPS = "condition_transform"
"""The attribute that holds the fitted steps of landmark genes, where genes are the condition."""


def expression_spec(
    genes: Sequence[str],
    numbers: Numbers | None,
    *,
    steps: Sequence[Transform] = (),
    classes: Sequence[str] = (),
    label: str | None = None,
    condition: Sequence[Mapping[str, Any]] = (),
    origin: str = "real",
    **more: Any,
) -> DataSpec:
    """What one profile is: a vector with a number for each gene.

    Args:
        genes: their names, in the order of the numbers.
        numbers: what the numbers are after all steps; None: nobody knows.
        steps: fitted transforms, undone where samples are written.
        classes: names of the labels.
        label: column of obs that the labels come from.
        condition: of each number of the condition its `name`, and of a categorical one its `values`, which the number
            indexes; a continuous one may say with which `mean` and `sd` it was standardised.
        origin: "real" or "simulated".
        more: further attributes.
    """
    attributes: dict[str, Any] = {"transform": [step.to_json() for step in steps], **more}
    if numbers is not None:
        attributes["numbers"] = numbers
    if label is not None:
        attributes["label"] = label
    if condition:
        attributes["condition"] = [dict(each) for each in condition]
    return DataSpec(
        shape=(len(genes),),
        axes=("gene",),
        range=(0.0, 1.0) if numbers == "unit" else None,
        names={"gene": tuple(genes)},
        classes=tuple(classes),
        condition_shape=(len(condition),) if condition else None,
        view=VIEW,
        formats=FORMATS,
        origin=origin,
        attributes=attributes,
    )


def file_numbers(spec: DataSpec) -> Numbers | None:
    """What the numbers are where such samples are written: after all steps that can be undone are."""
    return undone(torch.zeros(0, spec.shape[0]), spec)[1]


def conformed(samples: Samples, spec: DataSpec) -> Samples:
    """Samples of a file in the form of data: the same genes in the same order, transformed alike.

    Args:
        samples: whatever made them; their spec names the genes and may say what the numbers are.
        spec: of the data.

    Raises:
        DoesNotFit: genes are missing, or the numbers are others than those of the data, before or after its steps.
    """
    values, known = samples.samples.float(), samples.spec.names.get("gene")
    wanted = spec.names["gene"]
    if known is not None and known != wanted:
        values = values[:, torch.tensor(places_of(wanted, known, "the samples"))]
    elif values.shape[1] != len(wanted):
        return samples
    numbers = samples.spec.attributes.get("numbers")
    if numbers not in (None, spec.attributes.get("numbers")):
        if numbers != file_numbers(spec):
            raise DoesNotFit(
                f"the numbers of the samples are {numbers}, those of the data {spec.attributes.get('numbers')} (in a "
                f"file {file_numbers(spec)}): write them as the data are"
            )
        values = applied(values, spec)
    return replace(samples, samples=values, spec=replace(spec, classes=samples.spec.classes or spec.classes))


def places_of(wanted: Sequence[str], known: Sequence[str], what: str) -> list[int]:
    """Where these genes stand among those that are known.

    Raises:
        DoesNotFit: some do not.
    """
    at = {name: number for number, name in enumerate(known)}
    absent = [name for name in wanted if name not in at]
    if absent:
        raise DoesNotFit(
            f"{len(absent):,} of {len(wanted):,} genes are not in {what}: {', '.join(absent[:5])}"
            f"{', …' if len(absent) > 5 else ''}"
        )
    return [at[name] for name in wanted]
