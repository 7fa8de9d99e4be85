"""Landmark genes as the condition, and the other genes as the samples: one piece for all data sets of expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, MinLen
from numpy.typing import NDArray
from torch import Tensor

from gantk import randomness
from gantk.errors import DataError
from gantk.interfaces import Samples
from gantk.messages import did_you_mean
from gantk.spec import DataSpec
from gantk_expression.matching import as_trained, of_genes
from gantk_expression.matrix import Values, dense_rows
from gantk_expression.profiles import LANDMARK_STEPS
from gantk_expression.transforms import Transform, transforms_from, transforms_of


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """Which genes are the condition; the others are the samples.

    Args:
        landmarks: how many, drawn by seed; or their names.
        seed: of the draw.
    """

    landmarks: Annotated[int, Ge(1)] | Annotated[list[str], MinLen(1)]
    seed: Annotated[int, Ge(0)] = 0


def landmark_columns(genes: Sequence[str], chosen: Landmarks) -> tuple[Tensor, Tensor]:
    """Numbers of the landmark genes and of the target genes, each in the order of the genes.

    Args:
        genes: all, by name.
        chosen: which are landmarks.

    Raises:
        DataError: no gene is left to predict, or a name is not there or there twice.
    """
    wanted = chosen.landmarks
    count = wanted if isinstance(wanted, int) else len(wanted)
    if count >= len(genes):
        raise DataError(
            f"data.condition.landmarks: {count:,} of {len(genes):,} genes leave none to predict; take fewer"
        )
    if isinstance(wanted, int):
        rng = randomness.generator(chosen.seed, "expression/landmarks")
        landmarks = torch.randperm(len(genes), generator=rng)[:count]
    else:
        at = {name: number for number, name in enumerate(genes)}
        for name in wanted:
            if name not in at:
                hint = did_you_mean(name, genes, f"there are {', '.join(list(genes)[:5])}, …")
                raise DataError(f"data.condition.landmarks: there is no gene '{name}'; {hint}")
        if len(set(wanted)) < len(wanted):
            twice = next(name for name in wanted if wanted.count(name) > 1)
            raise DataError(f"data.condition.landmarks has '{twice}' twice")
        landmarks = torch.tensor([at[name] for name in wanted])
    landmarks = landmarks.sort().values
    others = torch.ones(len(genes), dtype=torch.bool)
    others[landmarks] = False
    return landmarks, others.nonzero().squeeze(1)


def landmark_spec(spec: DataSpec, landmarks: Tensor, targets: Tensor) -> DataSpec:
    """The DataSpec of profiles whose landmark genes are their condition.

    Args:
        spec: of whole profiles, with names of genes.
        landmarks: numbers of the genes that become the condition.
        targets: numbers of the genes that stay.
    """
    genes, steps = spec.names["gene"], transforms_of(spec)
    attributes: dict[str, Any] = {
        **spec.attributes,
        "transform": _documents(of_genes(steps, targets)),
        "condition": [{"name": genes[at]} for at in landmarks.tolist()],
        LANDMARK_STEPS: _documents(of_genes(steps, landmarks)),
    }
    return replace(
        spec,
        shape=(len(targets),),
        names={**spec.names, "gene": tuple(genes[at] for at in targets.tolist())},
        condition_shape=(len(landmarks),),
        attributes=attributes,
    )


def with_landmarks(
    spec: DataSpec,
    values: Values,
    rows: NDArray[Any],
    chosen: Landmarks | None,
    *,
    late: Sequence[Transform] = (),
    condition: Tensor | None = None,
) -> tuple[DataSpec, Values, NDArray[Any], Tensor | None]:
    """The DataSpec, the samples, their numbers, and the condition of one split, as `Profiles` takes them.

    Args:
        spec: of whole profiles.
        values: (all samples, G), dense or sparse.
        rows: numbers of the samples of this split, (N,).
        chosen: which genes are the condition; None: none, and all is as it was given. Otherwise the samples are dense.
        late: steps that sparse samples still go through.
        condition: of all samples, where they have another one, (all samples, C).

    Raises:
        DataError: as `landmark_columns`, or a second condition.
    """
    if chosen is None:
        return spec, values, rows, None if condition is None else condition[rows]
    if condition is not None:
        raise DataError("data.condition and data.covariates: a sample has one condition; leave one of them out")
    landmarks, targets = landmark_columns(spec.names["gene"], chosen)
    whole = dense_rows(values, rows)
    for step in late:
        whole = step.apply(whole)
    parted = landmark_spec(spec, landmarks, targets)
    return parted, whole[:, targets].numpy(), np.arange(len(rows)), whole[:, landmarks]


def _documents(steps: Sequence[Transform]) -> list[dict[str, Any]]:
    return [step.to_json() for step in steps]


def landmarks_of(samples: Samples, spec: DataSpec) -> Tensor:
    """The landmark genes of profiles of a file, as a model was trained on them, (N, *spec.condition_shape).

    Args:
        samples: profiles with names of their genes.
        spec: of the model's samples, as `landmark_spec` made it.

    Raises:
        DoesNotFit: genes that are missing or doubled, or numbers of another kind.
    """
    genes = [each["name"] for each in spec.attributes.get("condition", ())]
    steps = transforms_from(spec.attributes.get(LANDMARK_STEPS, ()))
    return as_trained(samples, genes, steps)
