"""View `translations`: what was given, what is wanted, what was made of it, and the error."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Le
from numpy.typing import NDArray
from PIL import Image

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples, View
from gantk.spec import DataSpec
from gantk_cells.picture_grid import Picture, grey, grid, in_colours_of_error


class Translations(View):
    """A row for each tile: what was given, what is wanted, what was made, and the error, red too bright, blue too dark.

    Of two domains without pairs there is nothing to be wanted: what was given of each, and what was made of it.

    Args:
        spec: what one sample is.
        rows: tiles, at most.
        planes: channels of what was given, at most.
        scale: pixels of the picture for one of a tile; null: so that a tile is about 96 high.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        rows: Annotated[int, Ge(1)] = 6,
        planes: Annotated[int, Ge(1)] = 4,
        scale: Annotated[int, Ge(1), Le(16)] | None = None,
    ):
        if spec.unit_axes > 1 or len(spec.own_shape) != 3 or spec.condition_shape is None:
            raise DoesNotFit(
                f"cells/translations draws images that are made from images, not {spec.shape} with the condition "
                f"{spec.condition_shape}; use basics/images"
            )
        self.spec = spec
        self.rows = rows
        self.planes = planes
        self.scale = scale

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """Columns of what was given, wanted and made, and of the error, where `real` are the same pairs."""
        columns = self._two_domains(samples) if self.spec.unit_axes else self._pairs(samples, real)
        return grid(columns, caption, self.scale)

    def tiles(self, samples: Samples) -> list[Image.Image]:
        """Each sample alone, its channels side by side."""
        values = samples.samples.float().cpu().numpy()
        flat = values.reshape(len(values), -1, *values.shape[-2:])
        return [Image.fromarray(np.concatenate([grey(plane) for plane in each], 1)) for each in flat]

    def _pairs(self, samples: Samples, real: Samples | None) -> dict[str, list[Picture]]:
        condition, made = self._values(samples.condition), self._values(samples.samples)
        columns = self._given(condition) if condition is not None else {}
        names = self.spec.names.get("channel", tuple(map(str, range(self.spec.shape[0]))))
        assert made is not None
        origin = str(samples.attributes.get("origin", ""))
        word = "made" if origin.startswith("generated") else "real"
        wanted = self._values(real.samples) if _same_pairs(samples, real) and real is not None else None
        for channel, name in enumerate(names):
            if wanted is not None:
                columns[f"wanted {name}"] = [grey(each[channel]) for each in wanted]
            columns[f"{word} {name}"] = [grey(each[channel]) for each in made]
            if wanted is not None:
                differences = [one[channel] - other[channel] for one, other in zip(made, wanted, strict=True)]
                columns[f"error {name}"] = [in_colours_of_error(each) for each in differences]
        return columns

    def _given(self, condition: NDArray[np.floating]) -> dict[str, list[Picture]]:
        listed = self.spec.attributes.get("normalisation", {})
        known = [each.get("name", "") for each in listed.get("condition", [])] if isinstance(listed, dict) else []
        count = min(condition.shape[1], self.planes)
        names = [str(known[k]) if k < len(known) else str(k) for k in range(count)]
        return {f"given {names[k]}": [grey(each[k]) for each in condition] for k in range(count)}

    def _two_domains(self, samples: Samples) -> dict[str, list[Picture]]:
        names = self.spec.names.get(self.spec.axes[0], ("0", "1"))
        made, given = self._values(samples.samples), self._values(samples.condition)
        assert made is not None
        if given is None or (made.shape == given.shape and np.array_equal(made, given)):
            return {name: [self._side_by_side(each[unit]) for each in made] for unit, name in enumerate(names)}
        return {
            f"given {names[0]}": [self._side_by_side(each[0]) for each in given],
            f"made {names[1]}": [self._side_by_side(each[1]) for each in made],
            f"given {names[1]}": [self._side_by_side(each[1]) for each in given],
            f"made {names[0]}": [self._side_by_side(each[0]) for each in made],
        }

    @staticmethod
    def _side_by_side(planes: NDArray[np.floating]) -> Picture:
        return np.concatenate([grey(plane) for plane in planes], 1)

    def _values(self, values: torch.Tensor | None) -> NDArray[np.floating] | None:
        return None if values is None else values[: self.rows].detach().float().cpu().numpy()


def _same_pairs(samples: Samples, real: Samples | None) -> bool:
    if real is None or real.condition is None or samples.condition is None or real is samples:
        return False
    return torch.equal(samples.condition.cpu()[: len(real)], real.condition.cpu()[: len(samples)])
