"""Samples of chosen seeds, each of which depends on its own seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from gantk import sampling
from gantk.api.samples import Drawn
from gantk.api.sampling_options import checked_settings, in_turn, labels_for
from gantk.errors import GantkError
from gantk.interfaces import declares

if TYPE_CHECKING:
    from gantk.api.model import Model


def samples_of_seeds(
    model: Model,
    seeds: Sequence[int],
    *,
    label: str | None = None,
    raw: bool = False,
    condition: Tensor | None = None,
    settings: Mapping[str, Any] | None = None,
    units: Sequence[str] = (),
    truncation: float | None = None,
) -> Drawn:
    """A sample of each seed, from the latent that `model.sample(1, seed=seed)` draws, whatever is drawn beside it.

    The latent is the same bit for bit, the sample to rounding. Where labels or given conditions are taken in turn, a
    seed has that of its remainder: with ten classes, seed 23 has the fourth.

    Args:
        model: whose generator.
        seeds: one or more whole numbers from 0.
        label: as for `sample`.
        raw: as for `sample`.
        condition: as for `sample`.
        settings: as for `sample`.
        units: as for `sample`.
        truncation: as for `sample`.
    """
    if not seeds or min(seeds) < 0:
        raise GantkError("seeds are one or more whole numbers from 0")
    labels = labels_for(model.generator, model.spec, seeds, label)
    if condition is not None:
        condition = in_turn(model.generator, model.spec, condition, seeds)
    elif declares(model.generator, "condition"):
        labels, condition = sampling.given_to_seeds(model.generator, model.data["test"], seeds, label)
    drawn = sampling.draw_seeds(
        model.generator,
        model.spec,
        seeds,
        labels=labels,
        condition=condition,
        settings=checked_settings(model.generator, settings or {}),
        device=model.device,
        truncation=truncation,
    )
    drawn.attributes |= {"model": model.checkpoint.digest, "step": model.checkpoint.step}
    if units:
        drawn = sampling.pick_units(model.generator, drawn, units)
    return Drawn.of(drawn if raw else sampling.present(model.generator, drawn))
