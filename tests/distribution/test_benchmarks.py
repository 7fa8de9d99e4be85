"""The baselines compute what gantk computes: losses and weights agree in float64, step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks import measure, prompt
from benchmarks.cases import Case
from gantk import randomness
from gantk.training import TrainSettings
from gantk.training.batches import Order
from gantk.training.loop import train

SEED, BATCH = 3, 4
CASES = [
    Case("dcgan", "gan", (3, 16, 16), 4, BATCH, 16),
    Case("dcgan", "wgan", (3, 16, 16), 4, BATCH, 16),
    Case("dcgan", "wgan_gp", (3, 16, 16), 4, BATCH, 16),
    Case("separable", "wgan_gp", (2, 48, 80), 2, BATCH, 16),
    Case("starshaped", "gan", (3, 2, 48, 80), 2, BATCH, 16),
    Case("starshaped", "wgan", (3, 2, 48, 80), 2, BATCH, 16),
    Case("starshaped", "wgan_gp", (3, 2, 48, 80), 2, BATCH, 16),
]


@pytest.fixture
def float64() -> Iterator[None]:
    """Everything is drawn and computed in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def draw(kind: str, shape: tuple[int, ...], purpose: str, step: int, update: int) -> torch.Tensor:
    """The numbers that gantk draws for this update."""
    rng = randomness.generator(SEED, purpose, step, update)
    return torch.randn(shape, generator=rng) if kind == "normal" else torch.rand(shape, generator=rng)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.loss}")
def test_baselines_do_the_same_mathematics(case: Case, float64: None) -> None:
    state, data = case.state(), case.data()
    for net in (state.generator, state.critic):
        net.double()
    samples = data.batch(torch.arange(len(data)), None).samples.double()
    data.stored = samples  # floating data are taken as they are
    baseline = case.baseline(state)
    for net in (baseline.generator, baseline.critic):
        net.double()
    order = Order(len(data), BATCH, SEED, "critic")
    steps, draws, units = 2, 0, (BATCH, *case.spec.units)
    latents = (BATCH, *state.generator.latent_shape)
    loop = train(state, data, TrainSettings(seed=SEED, steps=steps, batch=BATCH, critic_steps=baseline.critic_steps))
    for step, terms in enumerate(loop):
        for update in range(baseline.critic_steps):
            mixing = None
            if case.loss == "wgan_gp":
                mixing = draw("uniform", units, "critic/interpolation", step, update)
                mixing = mixing.reshape(*units, *[1] * len(case.spec.own_shape))
            latent = draw("normal", latents, "critic/latent", step, update)
            critic_loss = baseline.critic_update(samples[order.draw(draws)], latent, mixing)
            draws += 1
        generator_loss = baseline.generator_update(draw("normal", latents, "generator/latent", step, 0))
        ours = sum(float(value) for name, value in terms.items() if name.startswith("critic_") and "norm" not in name)
        ours += float(terms.get("penalty", 0.0))
        assert critic_loss == pytest.approx(ours, rel=1e-9, abs=1e-12)
        assert generator_loss == pytest.approx(float(terms["generator"]), rel=1e-9, abs=1e-12)
    if case.spec.unit_axes:  # in the layout of the baseline's towers
        fresh = case.baseline(state)
        expected = fresh.generator, fresh.critic
    else:
        expected = state.generator, state.critic
    for ours_net, theirs in zip(expected, (baseline.generator, baseline.critic), strict=True):
        for ours_weight, weight in zip(ours_net.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(ours_weight, weight, rtol=1e-7, atol=1e-9)


def test_a_comparison_tells_both_sides_and_the_ratio() -> None:
    calls: list[str] = []
    found = measure.compare(
        {"ours": lambda: calls.append("a"), "theirs": lambda: calls.append("b")}, rounds=4, warm=1, busy_ok=True
    )
    assert "".join(calls) == "ab" * 5, "both sides in turn, after one call of each that is not timed"
    assert found["seconds"]["ours"]["rounds"] == 4
    assert set(found["ratio"]) == {"theirs"}


def test_a_busy_machine_is_not_compared_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure.Watch, "others", lambda self: 0.9)
    sides = {"ours": lambda: None, "theirs": lambda: None}
    assert "0.90 cores" in measure.compare(sides)["refused"]
    assert "refused" not in measure.compare(sides, busy_ok=True)


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_seconds_of_a_part_inside_another_are_counted_once() -> None:
    parts = prompt.Parts()
    inner = parts.of("inner", lambda: busy(0.03))

    def call() -> None:
        busy(0.05)
        inner()
        busy(0.02)

    began = time.process_time()
    parts.of("outer", call)()
    elapsed = time.process_time() - began
    found = parts.all()
    assert found["outer"] == pytest.approx(0.07, abs=0.015) and found["inner"] == pytest.approx(0.03, abs=0.015)
    assert found["outer"] + found["inner"] == pytest.approx(elapsed, abs=0.01)
    assert sum(found.values()) == pytest.approx(time.process_time(), abs=0.01)


def test_a_part_that_fails_is_counted_and_closed() -> None:
    parts = prompt.Parts()
    with pytest.raises(ZeroDivisionError):
        parts.of("fails", lambda: 1 // 0)()
    before = parts.all()["fails"]
    busy(0.02)
    assert parts.all()["fails"] == before


@pytest.mark.slow
def test_the_parts_of_a_run(tmp_path: Path) -> None:
    words = ["run", "toy_motif", "train.steps=2", "machine.threads=1", "data.samples=2000"]
    found = prompt.measured(words, tmp_path / "cache", tmp_path / "there")
    assert {"imports", "data", "metric motif_rate", "report.html", "training, with checkpoints"} <= set(found)
    assert found["imports"] > 0.3 and prompt.beside_training(found) < sum(found.values())
