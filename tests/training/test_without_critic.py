"""Without a critic (`critic: null`): what trains, what is written, and what is refused because of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import gantk
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit, GantkError
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.recipe.recipe import recipe_from_text
from gantk.testing.toys import POINTS, SmallGenerator
from gantk.testing.toys import play as toy_play
from gantk.training import checkpoint
from gantk.training.from_recipe import check_fit, initial_state, memory_needed
from gantk.training.settings import TrainSettings, picture_due, samples_a_step, step_count
from tests.helpers.wrong_components import RightAutoencoder

RECIPE: dict[str, Any] = {
    "about": "an autoencoder of points",
    "seed": 3,
    "data": {"use": "basics/ring", "samples": 200},
    "generator": {"use": "basics/mlp", "latent": 2, "hidden": [8]},
    "critic": None,
    "loss": {"use": "zoo/vae", "encoder": {"use": "basics/mlp", "outputs": 4, "hidden": [8]}},
    "train": {"steps": 6, "batch": 8, "ema": 0.9, "checkpoint_every": 3, "keep": 9, "samples": 2},
    "evaluate": [{"use": "basics/ring_modes", "samples": 20}],
    "machine": {"threads": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a critic in `vae`."""
    path = tmp_path_factory.mktemp("trained")
    gantk.run(RECIPE, out=path / "vae", quiet=True)
    return path


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which `vae` is that run."""
    monkeypatch.chdir(folder)


def tensors(path: Path) -> dict[str, bytes]:
    found = checkpoint.read_checkpoint(path)
    nets = {f"{net}.{name}": array.tobytes() for net, each in found.tensors.items() for name, array in each.items()}
    moments = found.optimizers["generator"]["state"].items()
    return nets | {f"{number}.{name}": array.tobytes() for number, each in moments for name, array in each.items()}


def test_the_resolved_recipe_is_one_that_repeats_the_run() -> None:
    text = Path("vae/resolved.yaml").read_text(encoding="utf-8")
    values = recipe_from_text(text).values
    assert values["critic"] is None and values["play"]["critic_optimizer"] is None
    assert values["play"]["critic_steps"] is None and values["play"]["generator_optimizer"]["lr"] == 1e-3
    assert recipe_from_text(recipe_from_text(text).to_yaml()).values == values


def test_a_checkpoint_holds_no_critic_and_a_resumed_run_is_the_one_that_never_stopped() -> None:
    from gantk.runs.start import resume

    whole = tensors(Path("vae/checkpoints/step-6.h5"))
    assert not any(name.startswith("critic") for name in whole) and any(name.startswith("ema") for name in whole)
    shutil.copytree("vae", "stopped")
    resume(Path("stopped"), older="step-3.h5")
    assert tensors(Path("stopped/checkpoints/step-6.h5")) == whole


def test_report_and_numbers_name_no_critic() -> None:
    from gantk.files.atomic import read_lines

    page = Path("vae/report.html").read_text(encoding="utf-8")
    assert "none: only a generator is trained" in page and "critic none, generator 1" in page
    names = {name for line in read_lines(Path("vae/metrics.jsonl")) for name in line}
    assert "generator_grad_norm" in names and not any("critic" in name for name in names)


def test_an_epoch_counts_what_the_generators_side_sees() -> None:
    values = recipe_from_text(
        gantk.load("vae").recipe.to_yaml(), overrides={"train.epochs": 2, "train.steps": None}
    ).values
    assert step_count(values, 80) == 2 * 80 // 8
    values["play"]["generator_steps"] = 2
    assert step_count(values, 80) == 80 // 8
    values["train"]["sample_every"] = "epoch"
    assert [step for step in range(1, 11) if picture_due(values, 80, 10, step)] == [5, 10]


def test_schedules_and_half_life_count_what_the_generators_side_sees() -> None:
    changes = {"train.ema": None, "train.ema_half_life": 16, "play.generator_steps": 2}
    values = recipe_from_text(gantk.load("vae").recipe.to_yaml(), overrides=changes).values
    settings = TrainSettings.from_recipe(values, 80)
    assert settings.span.samples == 2 * 8 == samples_a_step(values)
    assert settings.average_decay(50) == pytest.approx(0.5)  # 16 samples: a step


def test_memory_is_estimated_and_every_parameter_counted() -> None:
    values, spec = gantk.load("vae").recipe.values, gantk.load("vae").spec
    parameters = (2 * 8 + 8 + 8 * 2 + 2) + (2 * 8 + 8 + 8 * 4 + 4) + 1  # decoder, encoder, sigma
    assert check_fit(values, spec) == {"generator": parameters}
    needed = memory_needed(values, spec, "cpu")
    assert needed.batch is not None and needed.training == 4 * 3 * parameters  # gradients, and two moments of Adam


ADAM = "{generator_optimizer:\u00a0{use:\u00a0basics/adam}}"
PLAY = "play.critic_optimizer.use=basics/adam"
REFUSED = {
    "sample vae --reject 4": "leave out --reject",
    "evaluate vae evaluate=[{use:\u00a0basics/sliced_wasserstein,on:\u00a0features}]": "this run has none",
    f"validate vae/resolved.yaml loss.use=basics/gan play={ADAM}": "basics/gan trains a critic",
    f"validate vae/resolved.yaml critic.use=basics/mlp {PLAY} play.critic_steps=1": "write critic: null",
    "validate vae/resolved.yaml generator=null play.generator_optimizer=null": "nothing to train",
    "validate ring_gan critic=null": "remove critic_optimizer, or name a critic",
    "validate ring_gan generator=null": "remove generator_optimizer, or name a generator",
    "validate ring_gan generator=null loss.use=basics/hinge": "basics/hinge trains a generator",
}  # fmt: skip


@pytest.mark.parametrize("typed", list(REFUSED))
def test_what_needs_a_critic_says_so(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([each.replace("\u00a0", " ") for each in typed.split(" ")]) in (1, 2)
    said = capsys.readouterr()
    assert REFUSED[typed] in " ".join(said.err.split()) and "Traceback" not in said.err


@pytest.mark.parametrize(
    "typed", ["show vae/resolved.yaml", "compare vae", "evaluate vae", "bench vae/resolved.yaml --seconds 1"]
)
def test_commands_know_it(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(typed.split()) == 0, capsys.readouterr().err


def test_in_python() -> None:
    model = gantk.load("vae")
    assert model.critic_if_any is None
    with pytest.raises(GantkError, match="trained without a critic"):
        _ = model.critic
    with pytest.raises(DoesNotFit, match="leave out --reject"):
        model.sample(3, reject=2)


def test_a_play_has_no_scores() -> None:
    play = toy_play("generator", None, SmallGenerator(POINTS), POINTS, torch.randn(16, 3))
    for asked in (lambda: play.score(play.fake), play.scores):
        with pytest.raises(DoesNotFit, match=r"no critic \(critic: null\)"):
            asked()


def test_a_loss_says_which_sides_it_trains() -> None:
    class OfCritic(Loss):
        def critic_loss(self, play: Play) -> dict[str, torch.Tensor]:
            return {}

    from gantk_basics.losses.gan import Gan
    from gantk_basics.losses.minibatch_discrimination import MinibatchDiscrimination

    said = [(loss.trains("critic"), loss.trains("generator")) for loss in (OfCritic(), RightAutoencoder(), Gan())]
    assert said == [(True, False), (False, True), (True, True)]
    assert MinibatchDiscrimination(loss=Gan()).trains("critic")


def test_every_loss_of_basics_refuses_a_missing_critic() -> None:
    from gantk.components.registry import installed_registry

    losses = [each.full for each in installed_registry().of_kind("loss") if each.plugin == "basics"]
    assert len(losses) >= 6
    for name in losses:
        wrappers = ("augmented", "feature_matching", "instance_noise", "minibatch_discrimination")
        wraps = name.removeprefix("basics/") in wrappers
        inner = {"loss": {"use": "basics/gan"}} if wraps else {}
        recipe = {**RECIPE, "loss": {"use": name, **inner}, "play": {"generator_optimizer": {"use": "basics/adam"}}}
        from gantk.recipe.yaml_positions import dump

        values = recipe_from_text(dump(recipe)).values
        with pytest.raises(DoesNotFit, match=f"{name} trains a critic, and this recipe has none"):
            initial_state(values, gantk.load("vae").spec, "cpu")


@pytest.mark.long
def test_two_processes_are_one(tmp_path: Path) -> None:
    """Batches, latents and noise are drawn whole and shared; gradients are averaged."""
    for devices in (1, 2):
        overrides = [
            f"machine.devices={devices}",
            "train.steps=4",
            "play.generator_optimizer={use: basics/sgd, lr: 0.01}",
        ]
        assert (
            run_command_line(["run", "vae/resolved.yaml", *overrides, "--out", str(tmp_path / str(devices)), "-q"]) == 0
        )
    one, other = (checkpoint.read_checkpoint(tmp_path / each / "checkpoints" / "step-4.h5") for each in "12")
    for name, array in one.tensors["generator"].items():
        assert other.tensors["generator"][name] == pytest.approx(array, abs=1e-6), name


@pytest.mark.parametrize("optimizer", [{}, {"play": {"critic_optimizer": {"use": "basics/adam", "lr": 1e-3}}}])
def test_a_critic_that_the_loss_does_not_train_is_named(optimizer: dict[str, Any]) -> None:
    with pytest.raises(GantkError, match="zoo/vae trains no critic"):
        values = recipe_from_text(json.dumps({**RECIPE, "critic": {"use": "basics/mlp"}, **optimizer})).values
        check_fit(values, gantk.load("vae").spec)
