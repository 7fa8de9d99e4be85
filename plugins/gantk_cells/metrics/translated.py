"""What a translator makes of held-out pictures, beside what is right and what simple rivals make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, declares, member
from gantk.sampling import render
from gantk.spec import DataSpec
from gantk_cells.data.paired import Paired
from gantk_cells.metrics.local_filters import rivals_of

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Translated:
    """One held-out picture.

    Args:
        name: of the field; "" where it has none.
        given: (C, H, W).
        right: (C', H, W).
        measured: which channels of it there are, (C',).
        made: what the generator makes of it, (C', H, W).
        ridge: what ridge regression makes of it; None where there is no such rival.
        single: what the best single plane makes of it, or the untranslated picture.
        back: of two domains, what the way back makes of what was made, (C, H, W).
    """

    name: str
    given: Array
    right: Array
    measured: NDArray[np.bool_]
    made: Array
    ridge: Array | None
    single: Array | None
    back: Array | None = None


def translations(inputs: MetricInput, most: int, metric: str) -> dict[str, list[Translated]]:
    """Held-out pictures by what they are translated to: "" or, of two domains, each.

    Of `cells/paired` these are the held-out regions, each whole, with what lies round it; else samples one by one.

    Args:
        inputs: of a metric.
        most: samples, at most.
        metric: named in messages.

    Raises:
        DoesNotFit: a generator that takes no condition, data without, or an empty split.
    """
    generator: Any = inputs.nets.get("generator")
    spec = inputs.test.spec
    if generator is None or not declares(generator, "condition") or spec.condition_shape is None:
        raise DoesNotFit(f"{metric} needs data with a condition, such as cells/paired, and a generator that takes it")
    if not len(inputs.test):
        raise DoesNotFit(f"{metric}: this split of the data is empty; hold some out: data.validation=0.1")
    if isinstance(inputs.test, Paired) and isinstance(inputs.train, Paired) and member(generator, "size_step"):
        return {"": _of_regions(generator, inputs.train, inputs.test)}
    return _of_samples(generator, inputs, spec, most)


def whole_picture(generator: nn.Module, spec: DataSpec, condition: Tensor) -> Tensor:
    """What a fully convolutional generator makes of a picture of any size: (C, H, W) to (C', H, W).

    Where sides are no multiples of `size_step`, the picture is continued by its edge, and cut again.
    """
    step = member(generator, "size_step") or 1
    height, width = condition.shape[1:]
    filled = pad(condition[None], (0, -width % step, 0, -height % step), mode="replicate")
    at = next(generator.parameters()).device
    made = render(generator, spec, None, 1, condition=filled, device=at).samples
    return made[0, :, :height, :width]


def _of_regions(generator: nn.Module, train: Paired, test: Paired) -> list[Translated]:
    rivals = rivals_of(train)
    found = []
    for region in test.regions():
        rows, columns = region.inside
        inside = (slice(None), rows, columns)
        condition = region.condition.numpy()
        found.append(
            Translated(
                region.field,
                condition[inside],
                region.target.numpy(),
                region.measured.numpy(),
                whole_picture(generator, test.spec, region.condition)[inside].numpy(),
                rivals.ridge(condition)[inside],
                rivals.single(condition)[inside],
            )
        )
    return found


def _of_samples(generator: nn.Module, inputs: MetricInput, spec: DataSpec, most: int) -> dict[str, list[Translated]]:
    real = take(inputs.test, most)
    at = next(generator.parameters()).device
    assert real.condition is not None

    def made_of(condition: Tensor) -> Tensor:
        return render(generator, spec, None, len(condition), condition=condition, device=at).samples

    made, right = made_of(real.condition), real.truth.get("translated", real.samples)
    channels = spec.own_shape[0]
    known = np.ones((len(real), channels), bool)
    if "measured" in real.truth:
        known = real.truth["measured"].numpy()
    if not spec.unit_axes:
        triples = zip(real.condition, right, known, made, strict=True)
        pictures = [
            Translated("", c.numpy(), r.numpy(), k, m.numpy(), None, c.numpy() if c.shape == r.shape else None)
            for c, r, k, m in triples
        ]
        return {"": pictures}
    if "translated" not in real.truth:
        raise DoesNotFit(
            "the right translations of these data are not known: without pairs only pictures can be looked at"
        )
    back = made_of(made)  # (F(G(x)), G(F(y)))
    names = spec.names.get(spec.axes[0], ("0", "1"))
    given = real.condition.flip(1)  # what becomes the domain of that place
    return {
        names[unit]: [
            Translated(
                "",
                given[k, unit].numpy(),
                right[k, unit].numpy(),
                known[k],
                made[k, unit].numpy(),
                None,
                given[k, unit].numpy(),
                back[k, 1 - unit].numpy(),
            )
            for k in range(len(real))
        ]
        for unit in (1, 0)
    }
