"""`gantk bench`: what it measures adds up, and it leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gantk.api.benchmark import Bench, Clock, Watched, comes_from, faster
from gantk.cli import gantk
from gantk.recipe.recipe import load
from gantk.training import from_recipe

GP = ["loss.use=basics/wgan_gp"]


def test_one_document_and_no_folder(tiny: Path) -> None:
    before = torch.get_num_threads()
    made = CliRunner().invoke(gantk, ["bench", str(tiny), *GP, "--seconds", "1", "--json"])
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert found["steps"] == 20
    assert found["seconds_of_training"] == pytest.approx(20 / found["steps_per_second"])
    assert sum(found["parts"].values()) == pytest.approx(1)
    assert all(share > 0 for share in found["parts"].values()), found["parts"]
    assert not (tiny.parent / "runs").exists()
    assert torch.get_num_threads() == before


def test_said_in_words(tiny: Path) -> None:
    made = CliRunner().invoke(gantk, ["bench", str(tiny), "--seconds", "1"])
    assert made.exit_code == 0, made.output
    for word in ("steps a second", "20 steps", "MB", "penalty", "faster"):
        assert word in made.stdout


def test_where_there_is_no_penalty_none_is_counted(tiny: Path) -> None:
    assert Bench(load(str(tiny)).values, 1.0).parts(0.1)["penalty"] == 0


def test_a_gradient_in_a_term_is_seen() -> None:
    weight = torch.ones(3, requires_grad=True)
    point = torch.arange(3.0, requires_grad=True)
    score = (weight * point).tanh().sum()
    (gradient,) = torch.autograd.grad(score, point, create_graph=True)
    assert comes_from(gradient.square().sum(), {gradient.grad_fn})
    assert not comes_from((weight * point).tanh().sum(), {gradient.grad_fn})


def test_the_penalty_is_sent_back_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a critic whose convolutions are not torch's own (gantk/autograd/convolutions.py)."""
    calls, backward = [], torch.Tensor.backward
    monkeypatch.setattr(torch.Tensor, "backward", lambda *given, **named: (calls.append(1), backward(*given, **named)))
    bench = Bench(load("digits_dcgan", [*GP, "play.critic_steps=1", "critic.normalisation=none"]).values, 1.0)
    state = from_recipe.initial_state(bench.values, bench.data.spec, bench.device)
    next(bench.loop(state, Watched(Clock(bench.device), "float32"), batch=4))
    assert len(calls) == 3  # critic, penalty, generator


def test_only_what_is_noticeably_faster_is_said() -> None:
    tried = [{"a": 1, "times_as_fast": 1.02}, {"b": 1, "times_as_fast": 1.3}, {"c": 1, "times_as_fast": 1.9}]
    assert [next(iter(each)) for each in faster(tried)] == ["c", "b"]
