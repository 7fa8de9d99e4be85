"""The recipes learn what they are for, go on bit for bit where they stopped, and can be sampled, judged and seen."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gantk
from gantk.data import take
from gantk.evaluation import results
from gantk.evaluation.evaluate import evaluate
from gantk.interfaces import Dataset, Value
from gantk.recipe import load
from gantk.reporting import pictures
from gantk.training import State, TrainSettings, checkpoint, datasets, initial_state, modules_of, optimizers_of, train

CELLS = ["data.of.cells=60", "data.of.test_cells=20", "data.of.height=16", "data.of.width=24"]
RECIPES = {
    "cells_pix2pix": CELLS,
    "digits_cyclegan": [],
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated cells are kept apart from the user's."""
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


class Scene:
    """A recipe's parts, to be trained for some steps.

    Args:
        recipe: its name.
        overrides: of the recipe.
    """

    def __init__(self, recipe: str, *overrides: str):
        self.values: Mapping[str, Any] = load(f"examples/{recipe}", [*RECIPES[recipe], *overrides]).values
        self.data: dict[str, Dataset] = datasets(self.values)
        self.state: State = initial_state(self.values, self.data["train"].spec, "cpu")

    def train(self, steps: int) -> list[dict[str, float]]:
        """Terms of each step up to `steps`."""
        settings = replace(TrainSettings.from_recipe(self.values, 0), steps=steps)
        made = train(self.state, self.data["train"], settings)
        return [{name: float(value) for name, value in terms.items()} for terms in made]

    def judged(self) -> dict[str, Value]:
        """The first metric of the recipe, on the test split."""
        entries = results.build_metrics(self.values)[:1]
        nets = self.state.sampled(), self.state.critic
        found = evaluate(entries, *nets, self.data["train"], self.data["test"], seed=0, device="cpu")
        return found[entries[0].name]

    def tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint holds."""
        modules, optimizers = modules_of(self.state), optimizers_of(self.state)
        found = {
            f"{group}.{name}": value.clone()
            for group, module in modules.items()
            for name, value in module.state_dict().items()
        }
        for side, optimizer in optimizers.items():
            for number, values in optimizer.state_dict()["state"].items():
                found |= {f"{side}.{number}.{name}": torch.as_tensor(value).clone() for name, value in values.items()}
        return found


@pytest.mark.parametrize("recipe", RECIPES)
def test_resumed_is_the_run_that_never_stopped(recipe: str, tmp_path: Path) -> None:
    whole, half, resumed = (Scene(recipe, "train.batch=8") for _ in range(3))
    terms = whole.train(6)
    half.train(3)
    path = tmp_path / "step-3.h5"
    checkpoint.write_checkpoint(path, half.state, recipe="", spec=half.data["train"].spec, plugins={})
    checkpoint.restore(checkpoint.read_checkpoint(path), resumed.state)
    assert resumed.train(6) == terms[3:]
    one, other = whole.tensors(), resumed.tensors()
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_can_be_sampled_seen_and_judged(recipe: str, tmp_path: Path) -> None:
    few = ["train.steps=3", "train.sample_every=2", "train.batch=8"]
    run = gantk.run(f"examples/{recipe}", [*RECIPES[recipe], *few], out=tmp_path / "run")
    for file in ("samples/data.png", "samples/step-000002.png", "samples/generated.png", "report.html"):
        assert (run.path / file).stat().st_size > 0
    assert run.evaluation
    drawn, again = run.sample(5, seed=2), run.sample(5, seed=2)
    assert torch.equal(drawn.samples, again.samples)
    spec = drawn.spec
    assert tuple(drawn.samples.shape) == (5, *spec.shape)
    if spec.condition_shape is None:
        return
    assert drawn.condition is not None  # those of test samples
    data = datasets(load(run.path / "resolved.yaml").values)["test"]
    known = data.batch(torch.arange(len(data)), None).condition
    assert known is not None
    assert all(bool((known == each).flatten(1).all(1).any()) for each in drawn.condition)


@pytest.mark.parametrize(("recipe", "rows"), [("cells_pix2pix", (2, 3)), ("digits_cyclegan", (2, 4))])
def test_pictures_show_what_was_given(recipe: str, rows: tuple[int, int]) -> None:
    scene = Scene(recipe)
    real = take(scene.data["train"], 4)
    view: Any = pictures.build_view(real.spec)
    made = replace(real, samples=-real.samples, attributes={"origin": "generated"})
    one = view.scale * real.spec.own_shape[1] + 2
    assert view.draw(real).height == 20 + rows[0] * one  # the data alone
    assert view.draw(made, real=real).height == 20 + rows[1] * one  # given, made, and right ones where not given


def test_pix2pix_comes_nearer_than_the_mean_image() -> None:
    scene = Scene("cells_pix2pix")
    scene.train(150)
    error = scene.judged()["error"]
    assert error.reference is not None and error.value < 0.9 * error.reference


def test_cyclegan_finds_the_way_there_and_back_without_pairs() -> None:
    scene = Scene("digits_cyclegan")
    before = scene.judged()
    scene.train(400)
    after = scene.judged()
    assert after["cycle"].value < 0.3 * before["cycle"].value
    assert after["error"].reference is not None and after["error"].value < 0.5 * after["error"].reference
    images = scene.data["test"].batch(torch.arange(50), None)
    assert scene.state.generator is not None
    with torch.no_grad():
        made = scene.state.generator(None, condition=images.condition)
    assert bool((made[:, 0].mean((1, 2, 3)) < 0).all())  # digits are light on a dark ground …
    assert bool((made[:, 1].mean((1, 2, 3)) > 0).all())  # … and their negatives dark on a light one
