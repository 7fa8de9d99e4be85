"""Metric `equilibrium`: are both losses flat, and how often is the critic right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray
from PIL import Image

from gantk import plots
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, TrainingLog, Value

LEAST = 20  # steps, below which noise cannot be told from a trend
SIDES = ("critic", "generator")


@dataclass(frozen=True)
class Flatness:
    """How flat a series of numbers is, in units of its own noise.

    Args:
        trend: by how much the line of least squares rises from the first step to the last one.
        scatter: standard deviation about that line: 1 where it is noise from step to step and no more, greater where
            the series swings, less where each step is paid back by the next.
        line: that line's first and last value, in the series' own unit.
    """

    trend: float
    scatter: float
    line: tuple[float, float]


def flatness(values: Sequence[float] | NDArray[np.float64]) -> Flatness:
    """Trend and scatter in units of the noise from step to step, which no trend and no slow swing has a part in.

    The noise is the standard deviation of the differences of neighbours over √2 (von Neumann et al. 1941). A series of
    n independent numbers has a trend of 0 ± √(12/n) and a scatter of 1.

    Args:
        values: (n,), finite, n of 3 or more.
    """
    series = np.asarray(values, np.float64)
    at = np.arange(len(series), dtype=np.float64)
    slope, start = np.polyfit(at, series, 1)
    smallest = np.finfo(np.float64).eps * max(1.0, float(np.abs(series).max()))  # of a series without any noise
    noise = max(float(np.diff(series).std()) / sqrt(2), smallest)
    about = float((series - (start + slope * at)).std(ddof=2))
    end = start + slope * at[-1]
    return Flatness(float(end - start) / noise, about / noise, (float(start), float(end)))


class Equilibrium(Metric):
    """Whether both losses are flat over the last part of the run, the usual sign that a GAN is in equilibrium.

    Of each side the `trend` is how far its loss rises over that part, and the `scatter` how widely it goes up and down,
    both in units of its own noise from step to step, so that losses of any size are compared: 0 ± √(12 / steps) and 1
    where it is flat. `drift` is the larger trend without its sign: 0 is best, a number for a bar or a search. The
    critic's loss is taken without penalties where the loss says which terms those are. `critic_right` is the share of
    updates in which the critic's loss is below that of a critic that tells nothing; at the theoretical equilibrium
    neither tells more, and it is .5.

    Flat losses say how the game stands, not how good the samples are: a collapsed generator may have them, too.

    Args:
        share: of the steps, the last ones, that are looked at.
    """

    def __init__(self, *, share: Annotated[float, Gt(0), Le(1)] = 0.5):
        self.share = share

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`drift`, then `…_trend` and `…_scatter` of each side, then `critic_right`.

        Raises:
            DoesNotFit: there is no run whose losses were logged, or it has too few steps.
        """
        log = _read(inputs)
        start = len(log.steps) - round(self.share * len(log.steps))
        count, sides = len(log.steps) - start, losses(log)
        if count < LEAST or not sides:
            raise DoesNotFit(
                f"basics/equilibrium needs {LEAST} steps or more, and finds {count}: train longer, or give it more of "
                f"the run (share: {self.share:g})"
            )
        found = {side: flatness(loss[start:]) for side, loss in sides.items()}
        note = f"over {count:,} steps; ± {1.96 * sqrt(12 / count):.2g} by chance"
        trends = {side: each.trend for side, each in found.items()}
        values = {"drift": Value(max(map(abs, trends.values())), "lower", 0.0, note)}
        for side, each in found.items():
            values[f"{side}_trend"] = Value(each.trend, "near", 0.0, note)
            values[f"{side}_scatter"] = Value(each.scatter, "near", 1.0, "noise alone")
        if log.indifferent and log.indifferent.keys() <= log.critic.keys():
            compared = sum(np.asarray(log.critic[name])[start:] for name in log.indifferent)
            right = float(np.mean(compared < sum(log.indifferent.values())))
            values["critic_right"] = Value(right, None, 0.5, "where nobody can tell real from fake")
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        sides = [
            f"{side} {values[f'{side}_trend'].value:+.2g} (scatter {values[f'{side}_scatter'].value:.2g})"
            for side in SIDES
            if f"{side}_trend" in values
        ]
        right = f"; the critic is right in {values['critic_right'].value:.0%}" if "critic_right" in values else ""
        return f"trend of the losses in units of their noise: {', '.join(sides)}{right}"

    def pictures(self, inputs: MetricInput) -> dict[str, Image.Image]:
        """`equilibrium`: the loss of each side over all steps, and its line over the last part."""
        log = _read(inputs)
        sides = losses(log)
        steps = np.asarray(log.steps)
        start = len(steps) - round(self.share * len(steps))
        figure = plots.new_figure(plots.WIDTH * max(len(sides), 1))
        for number, (side, loss) in enumerate(sides.items()):
            axes = figure.add_subplot(1, len(sides), number + 1)
            plots.draw_chart(plots.Chart(side, {side: (log.steps, loss.tolist())}, logarithmic=False), axes)
            each = flatness(loss[start:])
            axes.plot(steps[[start, -1]], each.line, color="black", linewidth=2)
            axes.set_title(f"{side}: trend {each.trend:+.2g}, scatter {each.scatter:.2g}", loc="left", fontsize=9)
        return {"equilibrium": plots.to_image(figure)}


def _read(inputs: MetricInput) -> TrainingLog:
    if inputs.log is None:
        raise DoesNotFit(
            "basics/equilibrium reads the losses of a run; here is none: evaluate a run folder, or a checkpoint in one"
        )
    return inputs.log()


def losses(log: TrainingLog) -> dict[str, NDArray[np.float64]]:
    """The loss of each side that was trained, (T,): the sum of its terms, without the critic's penalties.

    Args:
        log: of the run.
    """
    compared = {name: row for name, row in log.critic.items() if name in log.indifferent}
    sides = {"critic": compared or log.critic, "generator": log.generator}
    return {side: np.sum([np.asarray(row) for row in terms.values()], axis=0) for side, terms in sides.items() if terms}
