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
