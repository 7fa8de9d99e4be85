"""The shipped recipes of `basics`: twins, and a few steps of each."""

from pathlib import Path

import pytest
import yaml

import gantk

RECIPES = Path(__file__).parents[3] / "recipes"


def test_the_rings_differ_in_their_loss_alone() -> None:
    one, other = (yaml.safe_load((RECIPES / f"{name}.yaml").read_text()) for name in ("ring_gan", "ring_minibatch"))
    assert one.keys() == other.keys()
    assert {key for key in one if one[key] != other[key]} == {"about", "loss"}
    assert other["loss"]["loss"] == one["loss"]


@pytest.mark.parametrize(("name", "loss"), [("ring_minibatch", None), ("digits_dcgan", "basics/wgan_gp")])
def test_a_few_steps(name: str, loss: str | None, tmp_path: Path) -> None:
    overrides = {"train.steps": 2, "train.sample_every": 2, "train.batch": 8, "evaluate": []}
    if loss:
        overrides["loss.use"] = loss
    run = gantk.run(RECIPES / f"{name}.yaml", overrides=overrides, out=tmp_path / "run")
    assert run.sample(3).samples.isfinite().all()
    assert {path.name for path in run.path.glob("samples/*.png")} >= {"data.png", "step-000002.png", "generated.png"}


@pytest.mark.long
@pytest.mark.parametrize(("overrides", "reached"), [({}, True), ({"loss": {"use": "basics/hinge"}}, False)])
def test_stacked_mnist_reaches_its_bar_early_and_without_a_penalty_never(
    overrides: dict, reached: bool, test_data: Path, tmp_path: Path
) -> None:
    """2,500 of its 8,000 steps reach 1,000 modes; the twin, whose critic has no penalty, collapses to a few."""
    brief = {"data.root": test_data / "mnist", "train.steps": 2500, "train.schedule": "constant"}
    changes = {**brief, "evaluate": [], **overrides}
    run = gantk.run(RECIPES / "stacked_mnist.yaml", overrides=changes, out=tmp_path / "run")
    found = run.evaluate({"use": "basics/stacked_modes"})["stacked_modes"]
    assert found["accuracy"].value >= 0.97
    assert (found["modes"].value >= 990 and found["kl"].value <= 0.3) == reached
    assert reached or found["modes"].value < 100
