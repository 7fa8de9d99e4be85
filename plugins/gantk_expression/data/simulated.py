"""Data set `simulated`: cells or bulk samples of a gene-regulatory network with known truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval, Lt, MinLen

from gantk import randomness
from gantk.data import Resident
from gantk.errors import DataError
from gantk.interfaces import Samples
from gantk_expression.data import simulation
from gantk_expression.data.landmarks import Landmarks, with_landmarks
from gantk_expression.data.simulation import Drawn, Network
from gantk_expression.fitting import fit, scale_rows
from gantk_expression.numbers import Numbers
from gantk_expression.profiles import conformed, expression_spec
from gantk_expression.transforms import Step, check_steps, split_steps

Form = Literal["cells", "bulk"]
RAREST = 0.02


class Simulated(Resident):
    """Simulated expression: single cells or bulk samples of a random gene-regulatory network. Label: the type.

    Master regulators, on or off in each type, act on the other genes by Hill functions, with intrinsic noise that goes
    on to what a gene regulates. `cells` are counts: molecules are caught by chance, cells differ in how many, and
    genes drop out. `bulk` is log2(1 + molecules per million) of a type that is mixed with a part of another one; half
    of the samples have a trait, independent of the type, that five genes carry and nothing else does
    (`spec.attributes["trait"]`).

    The truth, for metrics: `masters`, production of each master regulator; `depth` of cells, how many molecules were
    caught at the median of chance; `trait` of bulk samples, 0 or 1. The network is the attribute `network`.

    Args:
        split: "train", "validation" or "test"; each is drawn apart.
        form: `cells` or `bulk`.
        genes: how many.
        samples: how many cells or bulk samples the training split has.
        held_out: how many each of the validation and the test split has.
        types: of cells, or of bulk samples.
        rarest: share of the rarest type; the others fall by a factor of .65. null: .02 of cells, and bulk samples have
            all types equally often.
        depth: molecules caught in a cell, at the median.
        depth_spread: sd of its natural logarithm.
        dropout: chance of a gene with one expected count to drop out of a cell; of more, it falls.
        spread: of bulk samples, sd of the natural logarithm of a master regulator.
        error: of bulk samples, sd of what measurement adds, in log2.
        transform: steps from counts (cells) or log2 values (bulk) to what nets see: library_size, log1p, log2,
            standardise, unit; fitted on the training split. null: [library_size] of cells, none of bulk samples.
        target: sum of a cell after the step library_size.
        labels: what the label is: `type`, `trait` (bulk alone), or `none`.
        covariates: what a generator is told as its condition: `type`, `trait` (bulk alone), or both.
        condition: genes that it is told instead, to infer the others: {landmarks: 100, seed: 0}, or their names.
        seed: another seed gives another network and other samples.

    Raises:
        DataError: fewer samples than types, or a trait of cells.
        DoesNotFit: steps of `transform` that do not follow each other.
    """

    @staticmethod
    def bytes_needed(*, genes: int, samples: int, held_out: int, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return 4 * genes * (samples + 2 * held_out)

    def __init__(
        self,
        split: str,
        *,
        form: Form = "cells",
        genes: Annotated[int, Ge(20)] = 1000,
        samples: Annotated[int, Ge(10)] = 8000,
        held_out: Annotated[int, Ge(5)] = 2000,
        types: Annotated[int, Ge(2)] = 6,
        rarest: Annotated[float, Gt(0), Lt(0.5)] | None = None,
        depth: Annotated[float, Ge(10)] = 3000.0,
        depth_spread: Annotated[float, Ge(0)] = 0.35,
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
        spread: Annotated[float, Ge(0)] = 0.5,
        error: Annotated[float, Ge(0)] = 0.2,
        transform: Sequence[Step] | None = None,
        target: Annotated[float, Gt(0)] = 20000.0,
        labels: Literal["type", "trait", "none"] = "type",
        covariates: Annotated[Sequence[Literal["type", "trait"]], MinLen(1)] | None = None,
        condition: Landmarks | None = None,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        if form == "cells" and (labels == "trait" or "trait" in (covariates or ())):
            raise DataError(
                "data.labels and data.covariates: single cells have no trait; take data.form=bulk, or type alone"
            )
        share = RAREST if rarest is None and form == "cells" else rarest
        made = (form, genes, types, share, depth, depth_spread, dropout, spread, error, seed)
        self.network, carriers = _network(genes, types, seed)
        drawn = _drawn(*made, split, samples if split == "train" else held_out)
        steps = (["library_size"] if form == "cells" else []) if transform is None else list(transform)
        numbers: Numbers = "counts" if form == "cells" else "log2"
        rows, others = split_steps(steps)
        after = check_steps(steps, numbers, f"data.form={form}")
        values = drawn.values
        learnt = drawn.values if split == "train" else _drawn(*made, "train", samples).values
        both = values if learnt is values else np.concatenate([learnt, values])
        training = np.arange(len(learnt))
        scaled, first = scale_rows(rows, both, training, numbers, target=target)
        fitted = fit(others, scaled, training, first[-1].after if first else numbers, before=first)
        values = fitted.values if both is values else fitted.values[len(learnt) :]
        more: dict[str, Any] = {"form": form}
        if form == "cells":
            more["depth"] = depth_of(values=learnt)
        names = self.network.names
        if form == "bulk":
            more["trait"] = {"genes": [names[gene] for gene in carriers], "effects": list(simulation.EFFECTS)}
        facts: dict[str, Any] = {"type": drawn.types, "trait": drawn.truth.get("trait"), "none": None}
        words = {"type": _type_names(types), "trait": ("without trait", "with trait"), "none": ()}
        found, classes = facts[labels], words[labels]
        told = list(dict.fromkeys(covariates or ()))
        spec = expression_spec(
            names,
            after,
            steps=fitted.steps,
            classes=classes,
            label=labels if classes else None,
            condition=[{"name": name, "values": list(words[name])} for name in told],
            origin="simulated",
            **more,
        )
        given = torch.tensor(np.stack([facts[name] for name in told], 1)).float() if told else None
        spec, values, _, given = with_landmarks(spec, values, np.arange(len(values)), condition, condition=given)
        super().__init__(
            spec,
            torch.from_numpy(np.ascontiguousarray(values)),
            condition=given,
            labels=None if found is None else torch.from_numpy(found),
            truth={name: torch.from_numpy(fact) for name, fact in drawn.truth.items()},
        )

    def conform(self, samples: Samples) -> Samples:
        """Samples of a file in the form of these: the same genes, transformed alike."""
        return conformed(samples, self.spec)


def depth_of(values: np.ndarray) -> dict[str, float]:
    """How many molecules are counted in a cell: the median, and the sd of the natural logarithm.

    Args:
        values: counts, (N, G).
    """
    sums = np.maximum(values.sum(1), 1.0)
    return {"median": round(float(np.median(sums)), 3), "spread": round(float(np.log(sums).std()), 6)}


def _type_names(types: int) -> tuple[str, ...]:
    return tuple(f"type {chr(ord('A') + number) if types <= 26 else number + 1}" for number in range(types))


@lru_cache(maxsize=4)
def _network(genes: int, types: int, seed: int) -> tuple[Network, np.ndarray]:
    """The network, and the genes that carry the trait."""
    rng = np.random.default_rng(randomness.derive(seed, "expression/network"))
    network = simulation.draw_network(genes, types, rng)
    return network, simulation.trait_genes(network, rng)


@lru_cache(maxsize=3)
def _drawn(
    form: Form,
    genes: int,
    types: int,
    rarest: float | None,
    depth: float,
    depth_spread: float,
    dropout: float,
    spread: float,
    error: float,
    seed: int,
    split: str,
    count: int,
) -> Drawn:
    """The samples of one split; kept, since the steps of another split may be fitted on them."""
    if count < types:
        raise DataError(f"data: {count} {split} samples are fewer than {types} types; ask for more, or for fewer types")
    network, carriers = _network(genes, types, seed)
    shares = np.full(types, 1 / types) if rarest is None else simulation.type_shares(types, rarest)
    rng = np.random.default_rng(randomness.derive(seed, f"expression/{split}"))
    chosen = simulation.draw_types(count, shares, rng)
    if form == "cells":
        return simulation.draw_cells(network, chosen, rng, depth=depth, depth_spread=depth_spread, dropout=dropout)
    return simulation.draw_bulk(network, chosen, rng, carriers, spread=spread, error=error)
