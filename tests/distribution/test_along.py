"""The benchmark of quality along a run: when it is reached to the end, and a curve of a real run."""

from __future__ import annotations

from benchmarks import along
from benchmarks.along import Sought
from gantk.recipe.find_file import shipped

SOUGHT = Sought([], {"high": (">=", 2), "low": ("<=", 1)})


def points(*values: tuple[float, float]) -> list[dict[str, float]]:
    return [{"step": n, "seconds": 10.0 * n, "high": high, "low": low} for n, (high, low) in enumerate(values, 1)]


def test_it_is_had_from_where_it_is_not_lost_again() -> None:
    assert along.reached(points((2, 1), (1, 1), (2, 0), (3, 1)), SOUGHT) == 30
    assert along.reached(points((2, 1), (3, 0)), SOUGHT) == 10
    assert along.reached(points((2, 1), (2, 2)), SOUGHT) is None


def test_a_curve_has_the_bars_at_even_shares_of_the_steps() -> None:
    found = along.curve("toy_motif", 1, 2, ["train.steps=4", "train.batch=4", "data.samples=40"])
    assert [point["step"] for point in found] == [2, 4]
    assert 0 < found[0]["seconds"] < found[1]["seconds"]
    assert all(0 <= point["motif_rate.hits"] <= 1000 for point in found)
    lines = along.table("toy_motif", {1: found}).splitlines()
    assert lines[0] == "| `toy_motif`, step | processor seconds | motif_rate.hits |"
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["2", "4"]
    assert lines[-1] == "motif_rate.hits >= 990: seed 1: not"
    assert set(along.SOUGHT) <= set(shipped())
