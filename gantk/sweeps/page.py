"""sweep.html: the trials of a sweep as a table, parallel coordinates, importance and slices. It needs no network."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from gantk import plots
from gantk.files.atomic import write_json, write_text
from gantk.reporting.report import page
from gantk.sweeps.folder import SweepFolder
from gantk.sweeps.results import TrialResult, best_recipe, best_results, fresh_seeds, trial_results, trial_rows
from gantk.sweeps.space import Dimension
from gantk.sweeps.study import import_optuna
from gantk.sweeps.worker import Sweep

if TYPE_CHECKING:
    import optuna

ENOUGH_FOR_IMPORTANCE = 6  # finished trials


def write_results(sweep: Sweep, folder: SweepFolder, study: optuna.Study) -> list[TrialResult]:
    """Writes trials.json, the best recipes and the page of a sweep; returns the best trials."""
    results = trial_results(study)
    best = best_results(sweep, results)
    write_json(folder.path / "trials.json", [asdict(each) for each in results])
    for each in best:
        name = "best.yaml" if len(sweep.objectives) == 1 else f"best-{each.number}.yaml"
        write_text(folder.path / name, best_recipe(sweep, results, each))
    write_page(sweep, folder, study, results, best)
    return best


def write_page(
    sweep: Sweep, folder: SweepFolder, study: optuna.Study, results: Sequence[TrialResult], best: Sequence[TrialResult]
) -> None:
    """Writes the page of a sweep."""
    headings, rows = trial_rows(sweep, results)
    finished = [each for each in results if each.values]
    counts = {state: sum(each.state == state for each in results) for state in ("pruned", "failed", "running")}
    told = [f"{len(finished)} trials finished", *(f"{count} {state}" for state, count in counts.items() if count)]
    where = shlex.quote(str(folder.path))
    content: dict[str, Any] = {
        "name": folder.path.name,
        "about": sweep.values["about"],
        "headline": f"{', '.join(told)}. {_seconds(results)}",
        "honest": honest_words(sweep, results),
        "headings": headings,
        "rows": rows,
        "best": [str(each.number) for each in best],
        "figures": _figures(sweep, study, finished) if len(finished) > 1 else [],
        "importances": _importances(sweep, study) if len(finished) >= ENOUGH_FOR_IMPORTANCE else [],
        "commands": [
            f"gantk run {where}/best{'' if len(sweep.objectives) == 1 else f'-{each.number}'}.yaml "
            f"--seeds {fresh_seeds(sweep, 5)}"
            for each in best
        ],
        "failures": [(each.number, each.reason) for each in results if each.reason],
        "folders": {str(each.number): each.folder for each in results},
    }
    write_text(folder.report, page("sweep.html.j2", content))


def honest_words(sweep: Sweep, results: Sequence[TrialResult]) -> str:
    """What the best of many is worth."""
    finished = sum(bool(each.values) for each in results)
    return (
        f"The best of {finished} trials on the validation split is better than it will prove: it was chosen for it, "
        "luck included. The test split was not looked at. Run the best recipe with seeds that the sweep has not used, "
        f"once, and report that: gantk run …/best.yaml --seeds {fresh_seeds(sweep, 5)}"
    )


def _seconds(results: Sequence[TrialResult]) -> str:
    seconds = [each.seconds for each in results if each.seconds is not None]
    return f"A trial took {np.median(seconds):.0f} s (median)." if seconds else ""


def _importances(sweep: Sweep, study: optuna.Study) -> list[tuple[str, list[str]]]:
    """Share of the variance of each objective that a key explains (functional ANOVA, Hutter 2014)."""
    optuna = import_optuna()
    found: dict[str, list[str]] = {each.name: [] for each in sweep.space}
    for at in range(len(sweep.objectives)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                shares = optuna.importance.get_param_importances(study, target=lambda trial, at=at: trial.values[at])
            except (ValueError, RuntimeError):  # all trials alike: nothing to explain
                shares = {}
        for name, column in found.items():
            column.append(f"{100 * shares[name]:.0f} %" if name in shares else "")
    return [(name, column) for name, column in found.items() if any(column)]


def _figures(sweep: Sweep, study: optuna.Study, finished: Sequence[TrialResult]) -> list[dict[str, Any]]:
    found = []
    number = 0
    trials = {each.number: each for each in study.get_trials(deepcopy=False)}
    for at, objective in enumerate(sweep.objectives):
        for each in sweep.space:
            points = [
                (trials[x.number].params[each.name], x.by_seed[at] if x.by_seed else [x.values[at]])
                for x in finished
                if each.name in trials[x.number].params
            ]
            if points:
                found.append(_figure(f"{objective.value} by {each.name}", draw_slice, number, each, points))
                number += 1
    if len(sweep.space) > 1:
        found.insert(0, _figure("Parallel coordinates", _parallel, number, sweep, trials, finished) | {"wide": True})
        number += 1
    if len(sweep.objectives) == 2:
        found.insert(0, _figure("Both objectives", _front, number, sweep, finished))
    return found


def _figure(title: str, draw: Any, number: int, *arguments: Any) -> dict[str, Any]:
    wide = draw is _parallel
    with matplotlib.rc_context(plots.STYLE):
        figure = plots.new_figure(2 * plots.WIDTH, 1.3 * plots.HEIGHT) if wide else plots.new_figure()
        draw(figure.add_subplot(), *arguments)
        return {"title": title, "svg": Markup(plots.to_svg(figure, f"sweep-{number}")), "wide": wide}


def draw_slice(axes: Axes, dimension: Dimension, points: Sequence[tuple[Any, Sequence[float]]]) -> None:
    """A point a trial; where it had several seeds a stroke from the lowest to the highest.

    Of a grid over one key, which has one trial for each of its numbers, these are a curve with a band.

    Args:
        axes: to draw in.
        dimension: the key.
        points: of each trial what it tried (of a choice its label), and the objective of each seed.
    """
    if dimension.kind == "choice":
        labels = dimension.labels
        axes.set_xticks(range(len(labels)), [label[:24] for label in labels])
        at: list[float] = [labels.index(value) for value, _ in points]
        axes.set_xlim(-0.5, len(labels) - 0.5)
    else:
        at = [value for value, _ in points]
        axes.set_xscale("log" if dimension.kind == "loguniform" else "linear")
        if dimension.kind == "loguniform":  # matplotlib writes every minor tick where there is no decade, or one
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=6))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
    means, lows, highs = (np.array([each(seeds) for _, seeds in points]) for each in (np.mean, min, max))
    order = np.argsort(at)
    if all(type(each) in (int, float) for each in dimension.choices or [""]) and len({*at}) == len(at):
        axes.plot(np.array(at)[order], means[order], color=plots.COLOURS[0], linewidth=1.2)
        axes.fill_between(
            np.array(at)[order], lows[order], highs[order], color=plots.COLOURS[0], alpha=0.15, linewidth=0
        )
    else:
        axes.vlines(at, lows, highs, plots.REAL, linewidth=0.8)
    darker = np.linspace(0.25, 1, len(points))  # later trials
    axes.scatter(at, means, c=[(0.11, 0.53, 0.80, alpha) for alpha in darker], s=18)
    axes.set_xlabel(dimension.name, parse_math=False)
    axes.grid(alpha=0.25)


def _front(axes: Axes, sweep: Sweep, finished: Sequence[TrialResult]) -> None:
    best = {each.number for each in best_results(sweep, finished)}
    for kept, colour, label in ((False, plots.REAL, "beaten in both"), (True, plots.MADE, "beaten by none")):
        chosen = [each.values for each in finished if (each.number in best) == kept]
        if chosen:
            axes.scatter([x for x, _ in chosen], [y for _, y in chosen], color=colour, s=18, label=label)
    axes.set_xlabel(sweep.objectives[0].value, parse_math=False)
    axes.set_ylabel(sweep.objectives[1].value, parse_math=False)
    axes.grid(alpha=0.25)
    plots.legend_above(axes)


def _parallel(axes: Axes, sweep: Sweep, trials: Any, finished: Sequence[TrialResult]) -> None:
    """A line a trial through all keys and the first objective, each axis from its lowest to its highest value."""
    columns = [each.name for each in sweep.space] + [sweep.objectives[0].value]
    heights = np.full((len(finished), len(columns)), np.nan)  # (trials, axes) from 0 to 1
    for at, each in enumerate(sweep.space):
        for row, result in enumerate(finished):
            params = trials[result.number].params
            if each.name in params:
                heights[row, at] = _height(each, params[each.name])
    values = np.array([each.values[0] for each in finished])
    spread = np.ptp(values)
    heights[:, -1] = (values - values.min()) / spread if spread else 0.5
    good = heights[:, -1] if sweep.objectives[0].direction == "maximize" else 1 - heights[:, -1]
    colours = matplotlib.colormaps["viridis"](good)
    for row in np.argsort(good):  # the best on top
        axes.plot(range(len(columns)), heights[row], color=colours[row], alpha=0.7, linewidth=1)
    axes.set_xticks(range(len(columns)), [_wrapped(name) for name in columns], parse_math=False, fontsize=7)
    axes.set_yticks([])
    for at, each in enumerate(sweep.space):
        low, high = (each.labels[0], each.labels[-1]) if each.kind == "choice" else (f"{each.low:g}", f"{each.high:g}")
        axes.text(at, -0.02, low[:16], ha="center", va="top", fontsize=7, parse_math=False)
        axes.text(at, 1.02, high[:16], ha="center", va="bottom", fontsize=7, parse_math=False)
    axes.text(len(columns) - 1, -0.02, f"{values.min():.3g}", ha="center", va="top", fontsize=7)
    axes.text(len(columns) - 1, 1.02, f"{values.max():.3g}", ha="center", va="bottom", fontsize=7)
    for at in range(len(columns)):
        axes.axvline(at, color=plots.REAL, linewidth=0.6)
    axes.set_ylim(-0.12, 1.12)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _wrapped(name: str) -> str:
    """A dotted name, or a factor on one, in lines that stand beside those of its neighbours."""
    parts = [part.replace(".", ".\n", 1) if len(part) > 18 else part for part in name.split(" / ")]
    return "\n/ ".join(parts)


def _height(dimension: Dimension, value: Any) -> float:
    if dimension.kind == "choice":
        return dimension.labels.index(value) / (len(dimension.labels) - 1)
    low, high = dimension.low, dimension.high
    if dimension.kind == "loguniform":
        return float(np.log(value / low) / np.log(high / low))
    return (value - low) / (high - low)
