"""The metric table as Python users get it: a mapping that shows itself as a table."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gantk import notebook
from gantk.components.construct import resolved_component
from gantk.components.registry import installed_registry
from gantk.errors import RecipeError
from gantk.interfaces import Metric, Value


class Evaluation(dict[str, dict[str, Value]]):
    """Entry to name to Value: `evaluation["motif_rate"]["motif_count"].value`.

    Args:
        results: what metrics found.
        title: what was judged.
        entries: the metrics, where they were computed now.
        summaries: the readable lines that some metrics put above their numbers; None: those of `entries`.
    """

    def __init__(
        self, results: Results, title: str = "", entries: Sequence[Entry] = (), summaries: Sequence[str] | None = None
    ):
        super().__init__(results)
        self.title = title
        self.entries = list(entries)
        self.summaries = summary_lines(self.entries, results) if summaries is None else list(summaries)

    def flat(self) -> dict[str, float]:
        """All numbers by their full names: {"motif_rate.motif_count": 991.0, …}."""
        return flat(self)

    def rows(self) -> list[list[str]]:
        """The table as text: name, value, direction (↑ ↓ ≈), reference, and what the reference is."""
        return rows(self)

    @property
    def missed(self) -> list[str]:
        """One line for each bar (`require` of an entry) that is not met; known where the metrics were computed now."""
        return missed_bars(self.entries, self)

    def _repr_html_(self) -> str:
        return "".join(map(notebook.html_line, [self.title, *self.summaries])) + notebook.html_table(
            HEADINGS, self.rows()
        )

    def __repr__(self) -> str:
        table = [list(HEADINGS), *self.rows()]
        widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
        return "\n".join([self.title, *self.summaries, *(line.rstrip() for line in lines)]).strip("\n")


Results = dict[str, dict[str, Value]]


COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def flat(results: Results) -> dict[str, float]:
    """Results as one mapping: "motif_rate.hits" to number."""
    return {f"{entry}.{name}": value.value for entry, values in results.items() for name, value in values.items()}


@dataclass(frozen=True)
class RequiredValue:
    """One bar that a recipe's `require` sets: `name` must be `sign` `bound`, and whether it is."""

    name: str
    sign: str
    bound: float
    met: bool


def bars(entry: str, require: Mapping[str, Any], values: Mapping[str, Value]) -> list[RequiredValue]:
    """The bars of an entry.

    Args:
        entry: its name.
        require: as the recipe has it: {">=": 0.9} is about the first value, {"hits": {"<": 9}} names one.
        values: what the metric found.

    Raises:
        RecipeError: a bar for a value that is not there.
    """
    found = []
    for key, bar in require.items():
        wanted = {next(iter(values)): {key: bar}} if key in COMPARE else {key: bar}
        for name, bounds in wanted.items():
            if name not in values:
                raise RecipeError(f"evaluate: {entry} has no value {name!r}; it has {', '.join(values)}")
            for sign, bound in (bounds if isinstance(bounds, Mapping) else {">=": bounds}).items():
                found.append(RequiredValue(name, sign, bound, COMPARE[sign](values[name].value, bound)))
    return found


def missed_bars(entries: Sequence[Entry], results: Results) -> list[str]:
    """One line for each `require` of the recipe that the results do not meet."""
    return [
        f"{entry.name}.{bar.name} is {results[entry.name][bar.name].value:.4g}, required {bar.sign} {bar.bound:g}"
        for entry in entries
        for bar in bars(entry.name, entry.require, results[entry.name])
        if not bar.met
    ]


ARROWS = {"higher": "↑", "lower": "↓", "near": "≈", None: ""}


def interval(value: Value) -> str:
    """The confidence interval of a number as text: "0.31 … 0.52", or "" where it is not known."""
    return "" if value.low is None or value.high is None else f"{value.low:.3g} … {value.high:.3g}"


def counts(value: Value) -> str:
    """How many generated and real samples stand behind a number and its reference: "500 / 36", or "" if unknown."""
    if value.n is None:
        return "" if value.n_reference is None else f"- / {value.n_reference:,}"
    return f"{value.n:,}" + ("" if value.n_reference is None else f" / {value.n_reference:,}")


def rows(results: Results) -> list[list[str]]:
    """The results as rows of text: name, value, direction, reference, note, interval, and how many of either side."""
    return [
        [
            f"{entry}.{name}",
            f"{value.value:.4g}",
            ARROWS[value.better],
            "" if value.reference is None else f"{value.reference:.4g}",
            value.note,
            interval(value),
            counts(value),
        ]
        for entry, values in results.items()
        for name, value in values.items()
    ]


HEADINGS = ("metric", "generated", "better", "reference", "which is", "95 %", "n")


def summary_lines(entries: Sequence[Entry], results: Results) -> list[str]:
    """The readable lines that some metrics put above their numbers."""
    lines = [entry.metric.summary(results[entry.name]) for entry in entries if entry.name in results]
    return [line for line in lines if line]


def as_json(results: Results) -> dict[str, Any]:
    """Results as JSON values."""
    return {entry: {name: asdict(value) for name, value in values.items()} for entry, values in results.items()}


def from_json(document: Mapping[str, Any]) -> Results:
    """Results that `as_json` wrote."""
    return {entry: {name: Value(**value) for name, value in values.items()} for entry, values in document.items()}


@dataclass
class Entry:
    """One entry of `evaluate`: a metric, how often, its bar, and whether it is computed of each class, too."""

    name: str
    metric: Metric
    every: int | None
    require: Mapping[str, Any] = field(default_factory=dict)
    by_class: bool = False
    classes_left_out: set[str] = field(default_factory=set)  # which have been told of


def build_metrics(values: Mapping[str, Any]) -> list[Entry]:
    """The metrics of the recipe, in its order."""
    return [
        Entry(
            block["name"],
            resolved_component("metric", block),
            block.get("every"),
            block.get("require") or {},
            bool(block.get("by_class")),
        )
        for block in values["evaluate"]
    ]


def metric_entry(metric: str | Mapping[str, Any]) -> dict[str, Any]:
    """A metric as a recipe's `evaluate` names it; a bare name becomes the full one."""
    block = {"use": metric} if isinstance(metric, str) else dict(metric)
    if "use" in block:
        block["use"] = installed_registry().find("metric", block["use"], allow_bare=True).full
    return block
