"""`gantk export` and `gantk cite`: other tools open what was written and give the same samples."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gantk
from gantk.api.model import Model
from gantk.cli import run_command_line
from gantk.components.registry import installed_registry
from gantk.errors import DoesNotFit
from gantk.export.citations import bibliography, papers_named
from gantk.export.exported import exported

SHORT = ["train.steps=2", "train.sample_every=null", "evaluate.0.samples=50"]


@pytest.fixture
def run(tiny: Path) -> Path:
    return gantk.run(tiny, SHORT, out="run", quiet=True).path


def samples_of(model: Model, n: int, seed: int) -> tuple[dict[str, torch.Tensor], np.ndarray]:
    """Inputs, and gantk's own samples of them."""
    made = exported(model, Path("run"))
    inputs = dict(made.draw(n, seed))
    with torch.no_grad():
        return inputs, made.net(*inputs.values()).numpy()


@pytest.mark.slow
def test_onnx_in_one_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    assert run_command_line(["export", str(run), "-o", "net.onnx"]) == 0
    said = capsys.readouterr()
    assert said.out == "net.onnx\n" and "differ by at most" in said.err
    assert sorted(path.name for path in Path().glob("net*")) == ["net.onnx"]
    session = onnxruntime.InferenceSession("net.onnx")
    inputs, own = samples_of(Model(run, "cpu"), 5, 11)
    (theirs,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    np.testing.assert_allclose(theirs, own, atol=1e-5)
    said_of_it = session.get_modelmeta().custom_metadata_map
    assert json.loads(said_of_it["axes"])["samples"] == ["batch", "coordinate"]
    assert "basics/ring" in json.loads(said_of_it["gantk"])["recipe"]
    assert run_command_line(["export", str(run), "-o", "net.onnx"]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.slow
def test_a_program_of_torch_export(run: Path) -> None:
    assert run_command_line(["export", str(run), "-o", "new/net.pt2", "-q"]) == 0
    program = torch.export.load("new/net.pt2").module()
    inputs, own = samples_of(Model(run, "cpu"), 4, 3)
    with torch.no_grad():
        np.testing.assert_allclose(program(*inputs.values()).numpy(), own, atol=1e-6)


def test_a_folder_goes_there_and_back(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    assert run_command_line(["export", str(run), "-o", "folder"]) == 0
    assert sorted(path.name for path in Path("folder").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    model, back = Model(run, "cpu"), gantk.load("folder", "cpu")
    weights = safetensors.load_file("folder/model.safetensors")
    own = model.generator.state_dict()
    assert weights.keys() == own.keys()
    for name, value in own.items():
        np.testing.assert_array_equal(weights[name], value.numpy())
    assert torch.equal(back.sample(7, seed=3).samples, model.sample(7, seed=3).samples)
    assert run_command_line(["sample", "folder", "-n", "3", "-o", "made.h5", "-q"]) == 0
    again = ["run", "tiny.yaml", *SHORT, "train.start_from=folder", "--out", "again"]
    assert run_command_line(again) == 2
    assert "holds a generator alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("config.json", b"{", "config.json"),
        ("config.json", b'{"model_type": "bert"}', "no description of a model of gantk's"),
        ("config.json", b'{"gantk": {"format": 99}}', "format 99"),
        ("model.safetensors", b"\xff" * 40, "damaged"),
        ("model.safetensors", b"", "damaged"),
    ],
)
def test_a_damaged_folder_is_named(
    run: Path, capsys: pytest.CaptureFixture[str], file: str, content: bytes, told: str
) -> None:
    assert run_command_line(["export", str(run), "-o", "folder", "-q"]) == 0
    (Path("folder") / file).write_bytes(content)
    assert run_command_line(["sample", "folder", "-n", "3", "-o", "made.h5"]) == 2
    said = capsys.readouterr().err
    assert told in said and "Traceback" not in said


def test_weights_that_are_not_finite_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    assert run_command_line(["export", str(run), "-o", "folder", "-q"]) == 0
    weights = safetensors.load_file("folder/model.safetensors")
    next(iter(weights.values()))[:] = np.nan
    safetensors.save_file(weights, "folder/model.safetensors")
    assert run_command_line(["sample", "folder", "-n", "3", "-o", "made.h5"]) == 2
    assert "not finite" in capsys.readouterr().err


def test_a_card_says_what_it_knows(run: Path) -> None:
    assert run_command_line(["export", str(run), "-o", "folder", "-q"]) == 0
    card = Path("folder/README.md").read_text(encoding="utf-8")
    for words in ("**The data are simulated, not real.**", "ring_modes.modes_covered", "seed 3", "@software{gantk"):
        assert words in card
    assert "Metz" in card  # basics/ring is of that paper
    recipe = re.search(r"```yaml\n(.*?)```", card, re.DOTALL)
    assert recipe is not None
    Path("again.yaml").write_text(recipe[1])
    assert gantk.load_recipe("again.yaml").values["seed"] == 3


def test_samples_that_differ_are_not_kept(run: Path) -> None:
    made = exported(Model(run, "cpu"), run)

    def off_by(width: float) -> Any:
        def other_tool(inputs: Any) -> np.ndarray:
            with torch.no_grad():
                return made.net(*inputs.values()).numpy() + width

        return other_tool

    span = 1.0 if made.spec.range is None else made.spec.range[1] - made.spec.range[0]
    assert "differ by at most" in made.compare(off_by(1e-6 * span), "a tool")
    with pytest.raises(DoesNotFit, match="no file was kept"):
        made.compare(off_by(1e-2 * span), "a tool")
    with pytest.raises(DoesNotFit, match="shape"):
        made.compare(lambda inputs: np.zeros(3), "a tool")

    def of_three(inputs: Any) -> np.ndarray:
        raise RuntimeError("Got: 1 Expected: 3")

    with pytest.raises(DoesNotFit, match=r"a batch of 1: Got: 1 Expected: 3.*x\.shape\[0\]"):
        made.compare(of_three, "a tool")


@pytest.mark.parametrize(
    ("package", "out", "extra"), [("onnxruntime", "n.onnx", "onnx"), ("safetensors.torch", "f", "safetensors")]
)
def test_a_missing_package_is_named(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], package: str, out: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run_command_line(["export", str(run), "-o", out]) == 2
    assert f"pip install 'gantk[{extra}]'" in capsys.readouterr().err
    assert not Path(out).exists()


def test_an_ending_that_nothing_writes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["export", str(run), "-o", "net.pth"]) == 2
    assert ".onnx" in capsys.readouterr().err


def test_every_paper_that_a_component_names_can_be_cited() -> None:
    known, missing = bibliography(), set()
    registry = installed_registry()
    first_party = {each.name for each in registry.plugins if each.distribution == "gantk"}
    for declared in registry.components:
        if declared.plugin in first_party and declared.kind not in ("command", "callback"):
            missing |= {(who, year) for who, year in papers_named(declared) if (who.lower(), year) not in known}
    assert not missing


def test_a_recipe_is_cited(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["cite", "lin_starshaped_wgan_gp"]) == 0
    said = capsys.readouterr().out
    entries = re.findall(r"^@\w+\{(\w+),", said, re.MULTILINE)
    assert {"gantk", "osokin2017", "gulrajani2017", "kingma2015"} <= set(entries)
    assert len(entries) == len(set(entries))
    assert said.count("{") == said.count("}")
    assert run_command_line(["cite", "nowhere"]) == 2


KINDS = {
    "digits_dcgan": ["data.samples=200"],
    "lin_starshaped": ["data.cells=24", "data.test_cells=6", "train.batch=2"],
    "toy_motif": [],
    "dna_planted": [],
    "expression_simulated": ["data.samples=200", "train.batch=16"],
    "zoo/digits_cgan": [],
    "zoo/digits_vae": [],
    "cells_cyclegan": ["data.cells=24", "data.test_cells=6", "train.batch=2", "generator.width=4", "critic.width=4"],
}
"""A first-party recipe of each kind of generator, and what makes it short."""


@pytest.mark.long
@pytest.mark.parametrize("recipe", KINDS)
def test_every_kind_of_generator_leaves(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known = gantk.load_recipe(recipe).values["data"]
    said = [each for each in KINDS[recipe] if not each.startswith("data.") or each[5:].partition("=")[0] in known]
    gantk.run(recipe, [*said, "train.steps=2", "evaluate=[]"], out="run", quiet=True)
    for out in ("net.onnx", "net.pt2", "folder"):
        assert run_command_line(["export", "run", "-o", out]) == 0, out
