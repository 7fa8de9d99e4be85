"""gantk from Python: runs, samples, tables, pictures in notebooks; clear errors; types that mypy believes."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hatchling.builders.wheel import WheelBuilder
from PIL import Image

import gantk
from gantk import randomness
from gantk.errors import ComponentError, DoesNotFit, FileError, RecipeError
from gantk.interfaces import draw_latent
from gantk.spec import DataSpec

ROOT = Path(__file__).parents[2]
RING = {
    "seed": 3,
    "data": {"use": "basics/ring", "samples": 500},
    "generator": {"use": "basics/mlp", "latent": 8, "hidden": [16]},
    "critic": {"use": "basics/mlp", "hidden": [16]},
    "loss": {"use": "basics/gan"},
    "train": {"steps": 20, "batch": 16, "checkpoint_every": 5},
    "evaluate": [{"use": "basics/ring_modes", "samples": 200}],
}
QUICK = {"train.steps": 6, "train.sample_every": 3}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gantk.Run:
    """A trained run that no test changes."""
    return gantk.run(RING, QUICK, out=tmp_path_factory.mktemp("api") / "trained", quiet=True)


def test_every_public_name_is_there_and_shown() -> None:
    assert set(gantk.__all__) <= set(dir(gantk))
    for name in gantk.__all__:
        assert getattr(gantk, name).__doc__
    with pytest.raises(AttributeError, match="runn"):
        gantk.runn  # noqa: B018


class Told(gantk.Callback):
    def __init__(self) -> None:
        self.happened: list[str] = []

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        self.happened.append(f"start {folder}")

    def on_end(self, folder: Path) -> None:
        self.happened.append(f"end {folder}")


def test_callbacks_are_told_of_every_step(tiny: Path) -> None:
    seen: dict[int, dict[str, float]] = {}

    def remember(step: int, values: Mapping[str, float]) -> None:
        if "generator" in values:
            seen[step] = dict(values)

    told = Told()
    run = gantk.run(tiny, QUICK, out="told", callbacks=[remember, told], quiet=True)
    written = {line["step"]: line for line in run.metrics if "generator" in line}
    assert list(seen) == list(range(1, 7))
    assert all(written[step][name] == value for step, values in seen.items() for name, value in values.items())
    assert told.happened == ["start told", "end told"]
    seen.clear()
    run.resume({"train.steps": 8}, callbacks=[remember], quiet=True)
    assert list(seen) == [7, 8]


def test_quiet_is_quiet_and_ends(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gantk.run(tiny, {"train.steps": 2, "train.sample_every": 50}, out="one", quiet=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "step 2 of 2" not in captured.err
    run.resume({"train.steps": 3})
    assert "step 3 of 3" in capsys.readouterr().err


def test_samples_are_tensors_arrays_and_files(run: gantk.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples = run.sample(7, seed=3)
    assert samples.samples.shape == (7, 2)
    assert (samples.numpy() == samples.samples.numpy()).all()
    assert isinstance(samples[:3], gantk.Drawn)
    assert len(samples[torch.tensor([0, 2])]) == 2
    assert repr(samples) == "<7 samples of 2 coordinate, generated, modelled on simulated data, step 6>"
    read = gantk.read(samples.save("samples.h5"))
    assert (read.samples == samples.samples).all()
    assert (read.spec, read.attributes["latent_seed"]) == (samples.spec, 3)
    with pytest.raises(FileError, match="overwrite=True"):
        samples.save("samples.h5")
    with Image.open(samples.save("samples.png")) as picture:
        assert picture.width > 50
    assert (gantk.load(run.path).sample(7, seed=3).samples == samples.samples).all()


def test_letters_are_the_largest_at_each_position() -> None:
    spec = DataSpec(
        shape=(5, 3), axes=("base", "position"), categorical=True, names={"base": ("A", "C", "G", "T", "exon")}
    )
    samples = torch.zeros(2, 5, 3)
    for row, word in enumerate(("GAT", "CCA")):
        for position, letter in enumerate(word):
            samples[row, "ACGT".index(letter), position] = 0.6
    samples[:, 4] = 1  # an annotation is no letter
    assert gantk.Drawn(samples, spec=spec).letters() == ["GAT", "CCA"]


def test_rendering_the_latents_of_samples_gives_these_samples(run: gantk.Run) -> None:
    model = run.model
    latents = draw_latent(model.generator, 5, randomness.generator(4, "sample"))
    assert latents is not None
    expected = run.sample(5, seed=4).samples
    assert (model.render(latents).samples == expected).all()
    assert (model.render(np.asarray(latents)).samples == expected).all()


def test_real_samples_come_from_the_split_that_was_asked_for(run: gantk.Run) -> None:
    held_out = {tuple(row) for row in run.real(10_000, split="test").samples.tolist()}
    assert len(run.real(5)) == 5
    assert {tuple(row) for row in run.real(5).samples.tolist()} <= held_out
    assert not {tuple(row) for row in run.real(50, split="train").samples.tolist()} & held_out


def test_evaluating_again_gives_the_numbers_of_the_run(run: gantk.Run) -> None:
    assert run.evaluate() == run.evaluation
    assert run.evaluation.flat().keys() == run.evaluate(seed=9).flat().keys()
    assert run.evaluate("diversity") == run.evaluate({"use": "basics/diversity"})
    assert run.evaluate("diversity") != run.evaluate({"use": "basics/diversity", "samples": 50})
    bar = run.evaluate({"use": "basics/ring_modes", "samples": 50, "require": {"high_quality": {">=": 1.1}}})
    assert re.match(r"ring_modes.high_quality is .*, required >= 1.1", bar.missed[0])
    assert run.evaluate(overrides={"evaluate.0.samples": 50}).missed == []
    shown = repr(run.evaluation).splitlines()
    assert {line.split()[0] for line in shown} >= {"metric", *run.evaluation.flat()}


def test_numbers_over_training(run: gantk.Run) -> None:
    steps, values = run.series("generator")
    assert steps == [1, 2, 3, 4, 5, 6]
    assert values == [line["generator"] for line in run.metrics if "generator" in line]


def images_in(html: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_a_run_shows_itself(tiny: Path) -> None:
    run = gantk.run(tiny, {**QUICK, "about": "<script>alert(1)</script>"}, quiet=True)
    html = run._repr_html_()
    picture, curves = images_in(html)
    assert picture.size == run.picture().size
    assert 100 < curves.width <= 760
    for shown in ("ring_modes.high_quality", "step 6 of 6", str(run.path), "&lt;script&gt;"):
        assert shown in html
    assert "<script>" not in html
    assert repr(run) == f"gantk.Run('{run.path}')"
    assert "step 6" in repr(run.model)
    assert run.curves().width > 100
    assert run.picture("data").size != (0, 0)


def test_samples_tables_and_recipes_show_themselves(run: gantk.Run) -> None:
    shown = run.sample(3)._repr_png_()
    assert shown is not None
    assert Image.open(io.BytesIO(shown)).width <= 760
    assert "ring_modes.high_quality" in run.evaluation._repr_html_()
    recipe = gantk.load_recipe("toy_motif", {"train.batch": 8})
    assert "command line" in recipe._repr_html_()
    assert len(repr(recipe)) < 100


def test_a_run_without_an_end_shows_what_there_is(run: gantk.Run, tmp_path: Path) -> None:
    run = gantk.Run(shutil.copytree(run.path, tmp_path / "copy"))
    run.folder.evaluation.unlink()
    (run.folder.samples / "generated.png").unlink()
    assert run.evaluation == {}
    html = run._repr_html_()
    assert len(images_in(html)) == 2
    assert "ring_modes" not in html


def test_recipes_from_files_mappings_and_recipes(tiny: Path) -> None:
    from_file = gantk.load_recipe(tiny, {"train.steps": 3})
    from_mapping = gantk.load_recipe(yaml.safe_load(tiny.read_text()), ["train.steps=3"])
    changed = gantk.load_recipe(gantk.load_recipe(tiny), "train.steps=3")
    assert from_file.values == from_mapping.values == changed.values
    assert gantk.load_recipe(from_file) is from_file
    assert gantk.run(from_file, quiet=True).recipe.values == from_file.values


def test_what_an_override_drops_is_told(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gantk.load_recipe(tiny, {"data.use": "basics/digits"})
    assert "data.samples" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (lambda run: gantk.run("toy_motiff"), FileError, "toy_motif"),
        (lambda run: gantk.run("toy_motif", {"train.stepz": 3}), RecipeError, "steps"),
        (lambda run: gantk.run("toy_motif", "train.steps=x"), RecipeError, "integer"),
        (lambda run: gantk.run({"data": {"use": "basics/rng"}}), RecipeError, "basics/ring"),
        (lambda run: gantk.run("toy_motif", callbacks=[3]), gantk.GantkError, "gantk.Callback"),
        (lambda run: gantk.Run("nowhere"), FileError, "not a run folder"),
        (lambda run: gantk.load("nowhere"), FileError, "nowhere"),
        (lambda run: gantk.read("nowhere.h5"), FileError, "nowhere.h5"),
        (lambda run: gantk.resume("nowhere"), FileError, "nowhere"),
        (lambda run: run.resume({"data.radius": 3}), RecipeError, "another model"),
        (lambda run: run.sample(0), gantk.GantkError, "from 1"),
        (lambda run: run.sample(1).letters(), DoesNotFit, "letters"),
        (lambda run: run.sample(1).save("samples.xyz"), FileError, ".h5"),
        (lambda run: run.model.render(torch.zeros(2, 3)), DoesNotFit, "N × 8"),
        (lambda run: run.sample(2, label="7"), DoesNotFit, "cannot draw '7'"),
        (lambda run: run.real(1, split="valid"), gantk.GantkError, "validation"),
        (lambda run: run.evaluate("divrsity"), ComponentError, "basics/diversity"),
        (lambda run: run.series("generatr"), gantk.GantkError, "'generator'"),
        (lambda run: run.picture("genrated"), FileError, "generated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_say_what_to_write(
    run: gantk.Run, wrong: Callable[[gantk.Run], object], kind: type, words: str
) -> None:
    with pytest.raises(kind, match=re.escape(words)):
        wrong(run)


def test_the_wheel_says_that_it_is_typed() -> None:
    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert "gantk/py.typed" in shipped


SCRIPT = """
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gantk


def tell(step: int, values: Mapping[str, float]) -> None:
    pass


class Watch(gantk.Callback):
    def on_end(self, folder: Path) -> None:
        pass


recipe: gantk.Recipe = gantk.load_recipe("toy_motif", {"train.steps": 2})
run: gantk.Run = gantk.run(recipe, callbacks=[tell, Watch(), lambda step, values: print(step)])
samples: gantk.Drawn = run.sample(16, reject=2)
array: NDArray[np.float32] = samples[:4].numpy()
numbers: dict[str, float] = run.evaluation.flat()
better: float = run.evaluate("basics/diversity")["diversity"]["distance"].value
steps, values = run.series("generator")
last: float = values[-1] + steps[-1]
path: Path = gantk.load(run.path).sample(2).save("two.h5")
width: int = run.resume({"train.steps": 3}).picture().width
"""


MISTAKES = {"right": ("", None), "type": ('run.sample("16")', "arg-type"), "name": ("run.smaple(16)", "attr-defined")}
"""A line behind the script, and what mypy calls it."""


@pytest.mark.slow
def test_mypy_strict_believes_a_users_script(tmp_path: Path) -> None:
    for name, (line, _) in MISTAKES.items():
        (tmp_path / f"{name}.py").write_text(f"{SCRIPT}{line}\n")
    cache = ROOT / ".mypy_cache" / "strict"
    scripts = [f"{name}.py" for name in MISTAKES]
    done = subprocess.run(  # all at once, as it reads torch's types for some seconds
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={cache}", "--config-file=", *scripts],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ""},
        check=False,
    )
    *found, last = done.stdout.splitlines()
    assert last.startswith("Found 2 errors in 2 files"), done.stdout
    for name, (_, mistake) in MISTAKES.items():
        said = [line for line in found if line.startswith(f"{name}.py:")]
        assert len(said) == (mistake is not None)
        assert all(f"[{mistake}]" in line for line in said)
