"""The space of a sweep: what is refused, what is proposed, which trials are best."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from gantk.errors import RecipeError
from gantk.sweeps.page import draw_slice
from gantk.sweeps.results import TrialResult, best_results
from gantk.sweeps.space import dimensions, grid_choices, grid_size, suggest
from gantk.sweeps.study import SweepObjective
from gantk.sweeps.worker import Sweep

optuna = pytest.importorskip("optuna", reason="gantk[sweep] is not installed")

RATE = "play.generator_optimizer.lr"


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({}, "names no key"),
        ({"a": 3}, "is a mapping"),
        ({"a": {"logunifrom": [1, 2]}}, "did you mean 'loguniform'"),
        ({"a": {"step": 1}}, "needs one of"),
        ({"a": {"int": [1, 2], "uniform": [1, 2]}}, "int and uniform"),
        ({"a": {"loguniform": [0, 1]}}, "begins above 0"),
        ({"a": {"uniform": [2, 1]}}, "the lower first"),
        ({"a": {"uniform": [1, float("inf")]}}, "two numbers"),
        ({"a": {"int": [1.5, 2]}}, "whole numbers"),
        ({"a": {"int": [True, 2]}}, "whole numbers"),
        ({"a": {"int": [1, 9], "step": 0}}, "above 0"),
        ({"a": {"uniform": [1, 9], "step": 2}}, "goes with int"),
        ({"a": {"choice": [1]}}, "two or more different"),
        ({"a": {"choice": [1, 1]}}, "two or more different"),
        ({"a": {"int": [1, 2], "times": "b"}}, "loguniform, uniform or a choice of numbers"),
        ({"a": {"choice": [1, "x"], "times": "b"}}, "a choice of numbers"),
        ({"a": {"choice": [1, True], "times": "b"}}, "a choice of numbers"),
        ({"a": {"int": [1, 2], "when": {"b": 1}}, "b": {"choice": [1, 2]}}, "stand before it"),
    ],
)
def test_a_space_that_means_nothing_is_refused(space: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=r"space") as caught:
        dimensions(space)
    assert told in str(caught.value)


def test_conditions_and_factors() -> None:
    space = dimensions(
        {
            "loss.use": {"choice": ["basics/gan", "basics/wgan_gp"]},
            "loss.penalty": {"uniform": [1, 20], "when": {"loss.use": "basics/wgan_gp"}},
            RATE: {"loguniform": [1e-5, 1e-2]},
            "play.critic_optimizer.lr": {"times": RATE, "loguniform": [0.03, 3]},
            "generator.hidden": {"choice": [[16], [16, 32]]},
        }
    )
    proposed = {"loss.use": "basics/wgan_gp", "loss.penalty": 7.0, RATE: 1e-3, "generator.hidden": "[16, 32]"}
    proposed[f"play.critic_optimizer.lr / {RATE}"] = 0.1
    found = suggest(space, optuna.trial.FixedTrial(proposed), {})
    assert found == {
        "loss.use": "basics/wgan_gp",
        "loss.penalty": 7.0,
        RATE: 1e-3,
        "play.critic_optimizer.lr": pytest.approx(1e-4),
        "generator.hidden": [16, 32],
    }
    other = suggest(space, optuna.trial.FixedTrial(proposed | {"loss.use": "basics/gan"}), {})
    assert "loss.penalty" not in other


def test_a_factor_on_the_recipes_own_number() -> None:
    space = dimensions({"play.critic_optimizer.lr": {"times": RATE, "uniform": [1, 3]}})
    trial = optuna.trial.FixedTrial({f"play.critic_optimizer.lr / {RATE}": 2.0})
    values = {"play": {"generator_optimizer": {"lr": 0.25}}}
    assert suggest(space, trial, values) == {"play.critic_optimizer.lr": 0.5}
    with pytest.raises(RecipeError, match="no number to take a factor of"):
        suggest(space, trial, {"play": {"generator_optimizer": None}})


def test_factors_from_a_list_are_a_grid() -> None:
    space = dimensions({"play.critic_optimizer.lr": {"times": RATE, "choice": [0.1, 1, 3.0]}})
    assert grid_choices(space) == {f"play.critic_optimizer.lr / {RATE}": ["0.1", "1", "3.0"]}
    values = {"play": {"generator_optimizer": {"lr": 0.25}}}
    for label, rate in (("0.1", 0.025), ("1", 0.25), ("3.0", 0.75)):
        trial = optuna.trial.FixedTrial({space[0].name: label})
        assert suggest(space, trial, values) == {"play.critic_optimizer.lr": pytest.approx(rate)}


def test_a_grid_over_numbers_is_drawn_as_a_curve_and_anything_else_as_points() -> None:
    grid = dimensions({"a": {"choice": [1, 3, 10]}})[0]
    points = [("10", [2.0, 4.0]), ("1", [0.0, 1.0]), ("3", [1.0, 2.0])]
    axes = Figure().add_subplot()
    draw_slice(axes, grid, points)
    (curve,) = axes.lines
    np.testing.assert_array_equal(curve.get_xydata(), [[0, 0.5], [1, 1.5], [2, 3.0]])
    band = axes.collections[0].get_paths()[0].vertices
    assert {tuple(each) for each in band.tolist()} >= {(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 4)}
    ranges = dimensions({"a": {"uniform": [0, 10]}})[0]
    words = dimensions({"a": {"choice": ["1", "3", "10"]}})[0]
    for dimension, tried in (
        (grid, [*points, ("3", [9.0])]),  # a value twice: other keys were tried, too
        (ranges, [(float(value), seeds) for value, seeds in points]),
        (words, points),
    ):
        axes = Figure().add_subplot()
        draw_slice(axes, dimension, tried)
        assert not axes.lines


def test_a_grid_is_of_choices_alone() -> None:
    space = dimensions({"a": {"choice": [1, 2, 3]}, "b": {"choice": ["x", [1]]}})
    assert grid_choices(space) == {"a": ["1", "2", "3"], "b": ["x", "[1]"]}
    assert grid_size(space) == 6
    with pytest.raises(RecipeError, match="every combination of choices"):
        grid_choices(dimensions({"a": {"int": [1, 3]}}))


def result(number: int, *values: float) -> TrialResult:
    return TrialResult(number, "finished" if values else "failed", list(values), [], {}, "", None, "")


def test_the_best_are_those_that_none_beats_in_both() -> None:
    rng = np.random.default_rng(0)
    found = [result(at, *rng.integers(0, 6, 2).tolist()) for at in range(40)] + [result(40)]
    up_down = [SweepObjective("m.a", "maximize"), SweepObjective("m.b", "minimize")]
    sweep = Sweep({}, [], up_down, None)  # type: ignore[arg-type]  # no recipe is asked for
    best = best_results(sweep, found)
    points = {(each.values[0], -each.values[1]) for each in found if each.values}
    front = {
        p for p in points if not any(q != p and q[0] >= p[0] and q[1] >= p[1] for q in points)
    }  # the slow definition
    assert {(each.values[0], -each.values[1]) for each in best} == front
    assert len(best) == len(front)  # of equal trials the first alone
    assert all(first.number < later.number for first, later in itertools.pairwise(best))
    one = replace(sweep, objectives=up_down[1:])
    singles = [result(0, 3.0), result(1, 1.0), result(2, 1.0)]
    assert [each.number for each in best_results(one, singles)] == [1]
