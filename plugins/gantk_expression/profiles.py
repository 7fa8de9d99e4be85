"""Profiles: the DataSpec of expression samples, one number for each gene, and what stands in its attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gantk.spec import DataSpec
from gantk_expression.numbers import Numbers
from gantk_expression.transforms import Transform

VIEW: str | None = "expression/heatmap"
"""Full name of the view that draws profiles."""

FORMATS: tuple[str, ...] = ()
"""Full names of the formats that hold profiles, the preferred one first."""


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
