"""The metric table as Python users get it: a mapping that shows itself as a table."""

from __future__ import annotations

from collections.abc import Sequence

from gantk import notebook
from gantk.evaluation.evaluate import HEADINGS, Results, flat, missed_bars, rows
from gantk.evaluation.evaluate import summaries as summaries_of
from gantk.interfaces import Value
from gantk.training.from_recipe import Entry


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
        self.summaries = summaries_of(self.entries, results) if summaries is None else list(summaries)

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
        return "".join(map(notebook.line, [self.title, *self.summaries])) + notebook.table(HEADINGS, self.rows())

    def __repr__(self) -> str:
        table = [list(HEADINGS), *self.rows()]
        widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
        return "\n".join([self.title, *self.summaries, *(line.rstrip() for line in lines)]).strip("\n")
