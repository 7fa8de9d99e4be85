"""DataSpec: what one sample is. Datasets give it, nets are built from it, files carry it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any

VIEW_PARAMETERS = "view_parameters"
"""The attribute that holds the parameters with which `view` draws, where a recipe says some."""


@dataclass(frozen=True)
class DataSpec:
    """What one sample is.

    A sample is a tensor of shape `shape`. Its leading `unit_axes` axes enumerate *units*, the things judged on
    their own (one protein's image pair, for instance); the axes behind them are the sample's own, channels first.
    A score of a batch of B samples has the shape (B, *units) or (B, *units, *patches).

    Args:
        shape: sizes of one sample, units included: (2, 48, 80) or, with proteins as units, (6, 2, 48, 80).
        axes: a name for each axis: ("channel", "y", "x"), ("protein", "channel", "y", "x"), ("coordinate",).
        unit_axes: how many leading axes are units: 0 or more.
        range: lowest and highest value that a sample takes; nets scale their outputs to it. None: unbounded.
        categorical: True where the channels of one position are a one-hot choice (of letters).
        names: entry names of an axis: {"protein": ("Alp14", …), "channel": ("Bgs4", "protein")}.
        classes: names of the label values 0 … len-1; empty where there are no labels.
        condition_shape: shape of one sample's condition, or None where there is none.
        view: full name of the view that draws such samples.
        formats: full names of the file formats that suit such samples, the preferred one first.
        origin: "real" or "simulated"; shown wherever these data, or samples modelled on them, appear.
        attributes: anything else a view or a format needs, as JSON values: {"pixel_size_um": 0.1}.

    Raises:
        ValueError: axes or names that do not match the shape.
    """

    shape: tuple[int, ...]
    axes: tuple[str, ...]
    unit_axes: int = 0
    range: tuple[float, float] | None = (-1.0, 1.0)
    categorical: bool = False
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    condition_shape: tuple[int, ...] | None = None
    view: str | None = None
    formats: tuple[str, ...] = ()
    origin: str = "real"
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.axes):
            raise ValueError(
                f"shape {self.shape} has {len(self.shape)} axes, but {len(self.axes)} are named: {self.axes}"
            )
        if not 0 <= self.unit_axes < max(len(self.shape), 1):
            raise ValueError(f"unit_axes is {self.unit_axes}, but a sample has only {len(self.shape)} axes")
        for axis, entries in self.names.items():
            if axis in self.axes and len(entries) != self.shape[self.axes.index(axis)]:
                raise ValueError(f"axis {axis!r} has {self.shape[self.axes.index(axis)]} entries, but names {entries}")

    def shown_by(self, view: Mapping[str, Any] | None) -> DataSpec:
        """The same, drawn by another view.

        Args:
            view: as a recipe writes it: {"use": "basics/images", "columns": 4}; None: as the data say.
        """
        if view is None:
            return self
        parameters = {name: value for name, value in view.items() if name != "use"}
        return replace(self, view=view["use"], attributes={**self.attributes, VIEW_PARAMETERS: parameters})

    @property
    def units(self) -> tuple[int, ...]:
        """Sizes of the leading unit axes; () where a sample is judged as a whole."""
        return self.shape[: self.unit_axes]

    @property
    def own_shape(self) -> tuple[int, ...]:
        """Shape of what one unit is: the axes behind the units, channels first."""
        return self.shape[self.unit_axes :]

    @property
    def unit_count(self) -> int:
        """How many units one sample has: 1 where there are no unit axes."""
        return prod(self.units)

    def to_json(self) -> str:
        """This spec as one line of JSON, for a checkpoint or a sample file."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DataSpec:
        """The spec that `to_json` wrote.

        Raises:
            ValueError: the text is not such a spec.
        """
        try:
            raw = json.loads(text)
            for key in ("shape", "axes", "classes", "formats"):
                raw[key] = tuple(raw[key])
            for key in ("range", "condition_shape"):
                raw[key] = None if raw[key] is None else tuple(raw[key])
            raw["names"] = {axis: tuple(entries) for axis, entries in raw["names"].items()}
            return cls(**raw)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a DataSpec: {error}") from error
