"""Tables of runs with several seeds: means and spreads side by side, and differences over the seeds that they share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gantk.evaluation.results import ARROWS, Results
from gantk.repeats.folder import RepeatsFolder
from gantk.repeats.report import tables_of
from gantk.repeats.statistics import Difference, Spread, by_name, difference, spread

Tables = Mapping[str, Mapping[int, Results]]
"""Name of a recipe's runs, to seed, to the metric table of that run."""


def mean_rows(folder: RepeatsFolder) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text: a number's mean ± sd (number of seeds), direction and reference."""
    rows = []
    for name, found in spreads(tables_of(folder)).items():
        reference = "" if found.reference is None else f"{found.reference:.4g}"
        rows.append([name, str(found), ARROWS[found.better], reference])
    return ["metric", "mean ± sd (seeds)", "better", "reference"], rows


def spreads(tables: Mapping[int, Results]) -> dict[str, Spread]:
    """The spread of each number over the seeds that have it."""
    return {name: spread(values) for name, values in by_name(tables).items()}


def spread_table(tables: Tables) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text: a row a number, a column for each recipe with its mean ± sd (number of seeds)."""
    found = {name: spreads(of_seeds) for name, of_seeds in tables.items()}
    titles = list(dict.fromkeys(title for each in found.values() for title in each))
    rows = []
    for title in titles:
        there = [each[title] for each in found.values() if title in each]
        references = {None if each.reference is None else f"{each.reference:.4g}" for each in there}
        reference = next(iter(references)) if len(references) == 1 else None
        cells = [str(each[title]) if title in each else "" for each in found.values()]
        rows.append([title, ARROWS[there[0].better], *cells, reference or ""])
    return ["metric", "better", *found, "reference"], rows


def paired_differences(tables: Tables) -> dict[str, dict[str, Difference]]:
    """The first recipe minus each of the others, over shared seeds: {"a - b": {"motif_rate.hits": Difference}}."""
    (first, of_first), *others = tables.items()
    mine = spreads(of_first)
    found: dict[str, dict[str, Difference]] = {}
    for name, of_other in others:
        theirs = spreads(of_other)
        pairs = {title: difference(mine[title].by_seed, theirs[title].by_seed) for title in mine if title in theirs}
        found[f"{first} - {name}"] = {title: each for title, each in pairs.items() if each is not None}
    return {name: each for name, each in found.items() if each}


def difference_table(found: Mapping[str, Difference]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text of one pair of recipes."""
    rows = [[title, f"{each.mean:+.4g}", _interval(each), str(each.n), each.verdict] for title, each in found.items()]
    return ["metric", "mean difference", "95 % (t)", "seeds", "verdict"], rows


def _interval(each: Difference) -> str:
    return "" if math.isnan(each.low) else f"{each.low:+.3g} … {each.high:+.3g}"


def spreads_as_json(tables: Tables) -> dict[str, Any]:
    """Spreads and differences as JSON values."""
    return {
        "spreads": {
            name: {title: each.as_json() for title, each in spreads(of_seeds).items()}
            for name, of_seeds in tables.items()
        },
        "differences": {
            pair: {title: _as_json(each) for title, each in found.items()}
            for pair, found in paired_differences(tables).items()
        },
    }


def _as_json(each: Difference) -> dict[str, Any]:
    finite = {name: None if math.isnan(value) else value for name, value in (("low", each.low), ("high", each.high))}
    return {"mean": each.mean, **finite, "n": each.n, "verdict": each.verdict}


def seeds_of(folders: Sequence[RepeatsFolder]) -> list[str]:
    """A line on each folder whose runs have not all come to their ends."""
    lines = []
    for folder in folders:
        missing = [seed for seed in folder.seeds if seed not in tables_of(folder)]
        if missing:
            lines.append(f"{folder.path}: not evaluated yet: seed {', '.join(map(str, missing))}")
    return lines
