"""The comparison of R3GAN with the DCGAN: its judge ranks real cells before worse ones, and its table says medians."""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks import modern
from gantk.data import take
from gantk.interfaces import Samples
from gantk.recipe.find_file import shipped

SMALL = ["data.height=16", "data.width=24", "data.cells=40", "data.test_cells=20", "data.proteins=[Alp14, Tea1]"]


def test_the_recipes_are_shipped_and_each_task_has_one_data_set() -> None:
    for task, names in modern.TASKS.items():
        assert set(names) <= set(shipped())
        overrides = modern.LARGE if task == "large" else []
        data = [modern.recipe_of(name, overrides).values["data"] for name in names]
        assert all(each == data[0] for each in data[1:]), task


def test_the_judge_prefers_real_cells() -> None:
    referee = modern.Referee(modern.recipe_of("lin_dcgan", SMALL).values, "test")
    real = take(referee.data["train"], 40, torch.Generator().manual_seed(1))
    worse = replace(real, samples=real.samples[:1].expand_as(real.samples) * 0.5)
    good, bad = (referee.judge(Samples(each.samples, spec=referee.data["train"].spec)) for each in (real, worse))
    assert good["Fréchet"] < bad["Fréchet"]
    assert all(good[name] > bad[name] for name in ("recall", "coverage"))
    assert good["shares"] < 0.4 <= bad["shares"]  # one cell alone, of one of two proteins
    assert good["ragged"] <= 0.1
    known = referee.memorised(Samples(real.samples, spec=referee.data["train"].spec))
    assert known["copies"] == 1


def test_the_table_has_the_median_the_least_and_the_greatest() -> None:
    rows = [
        {"recipe": "mnist_r3gan", "seed": seed, "steps": 7, "batch": 64, "seconds": 5.0, "Fréchet": value}
        for seed, value in enumerate((4.0, 1.0, 2.5))
    ]
    lines = modern.table(rows, {"Fréchet": 0.5}).splitlines()
    assert lines[0] == "| recipe | steps × batch | seconds | Fréchet |"
    assert lines[2] == "| `mnist_r3gan` | 7 × 64 | 5 | 2.500 (1.000 … 4.000) |"
    assert lines[3] == "| real training samples | | | 0.500 |"
