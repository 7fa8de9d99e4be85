"""Samples of given conditions, of given latents, and by what a generator declares as a parameter of sampling."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import gantk
from gantk.cli import run_command_line
from gantk.components import format_for
from gantk.components.registry import installed_registry
from gantk.errors import DoesNotFit, FileError, GantkError
from gantk.files.latents import Latents
from gantk.interfaces import Samples
from gantk.spec import DataSpec

PLUGIN = """
from gantk.plugin import Component, hookimpl

@hookimpl
def gantk_components():
    yield Component("generator", "shifted", "shifted_parts:Shifted", "")
    yield Component("generator", "treated", "shifted_parts:Treated", "")
    yield Component("dataset", "pairs", "shifted_parts:Pairs", "")
"""
PARTS = '''
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor, nn

from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.spec import DataSpec


class Shifted(nn.Module):
    """Latents, and conditions where there are some, moved together."""

    def __init__(self, spec: DataSpec):
        super().__init__()
        self.latent_shape = (2,)
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, latent: Tensor, condition: Tensor, *, shrink: Annotated[float, Gt(0)] = 1.0) -> Tensor:
        """(B, 2) and (B, 2) to (B, 2).

        Args:
            shrink: what latents are multiplied with.
        """
        return shrink * latent * self.weight + 100 * condition


class Treated(Shifted):
    """A condition is a sample times a dose, to which a drug adds a number."""

    condition_settings = {"drug": ("aspirin", "trametinib"), "dose": ()}

    def condition_from(self, samples, settings):
        """(N, 2) of samples, or of ones where there are none."""
        if "drug" not in settings:
            raise DoesNotFit("say which drug")
        first = torch.ones(1, 2) if samples is None else samples.samples
        return first * settings.get("dose", 1) + 10 * self.condition_settings["drug"].index(settings["drug"])


class Pairs(Resident):
    """Points beside points."""

    def __init__(self, split: str):
        points = torch.randn(60, 2, generator=torch.Generator().manual_seed(len(split)))
        spec = DataSpec((2,), ("coordinate",), range=None, condition_shape=(2,), view="basics/points")
        super().__init__(spec, points, condition=points.round())
'''
RECIPE = """
data: {use: shifted/pairs}
generator: {use: shifted/shifted}
critic: {use: basics/mlp, hidden: [4]}
loss: {use: basics/gan}
train: {steps: 1, batch: 4}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gantk.Run]:
    """A run of one step of a plugin that is installed while it is needed."""
    folder = tmp_path_factory.mktemp("site")
    about = folder / "shifted-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shifted\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[gantk]\nshifted = shifted_plugin\n")
    for name, text in {"shifted_plugin.py": PLUGIN, "shifted_parts.py": PARTS, "one.yaml": RECIPE}.items():
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        installed_registry.cache_clear()
        yield gantk.run(folder / "one.yaml", out=folder / "run", quiet=True)
    installed_registry.cache_clear()
    for name in ("shifted_plugin", "shifted_parts"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def treated(run: gantk.Run, tmp_path_factory: pytest.TempPathFactory) -> gantk.Run:
    """The same of a generator that makes conditions itself."""
    folder = tmp_path_factory.mktemp("treated")
    return gantk.run(run.recipe, {"generator.use": "shifted/treated"}, out=folder / "run", quiet=True)


CONDITIONS = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_conditions_are_given_in_turn(run: gantk.Run) -> None:
    samples = run.sample(7, condition=CONDITIONS)
    assert torch.equal(samples.condition, CONDITIONS[torch.arange(7) % 3])
    assert torch.equal((samples.samples / 100).round(), samples.condition)


def test_a_parameter_of_sampling(run: gantk.Run) -> None:
    usual, half = run.sample(3, condition=CONDITIONS), run.sample(3, condition=CONDITIONS, settings={"shrink": 0.5})
    far = usual.samples - 100 * CONDITIONS
    assert torch.allclose(half.samples - 100 * CONDITIONS, far / 2, atol=1e-4)
    assert not torch.equal(run.sample(3).samples, run.sample(3, settings={"shrink": 0.5}).samples)  # of test samples


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"shrnk": 1}, "did you mean 'shrink'"), ({"shrink": -1}, "number > 0"), ({"labels": 1}, "it has shrink")],
)
def test_settings_that_it_does_not_take(run: gantk.Run, settings: dict, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        run.sample(2, condition=CONDITIONS, settings=settings)


def test_the_command_reads_both_from_files(run: gantk.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("conditions.npy", CONDITIONS.numpy())
    Latents(torch.zeros(4, 2)).write(Path("latents.h5"))
    where = [str(run.path), "--condition", "conditions.npy"]
    assert run_command_line(["sample", *where, "-n", "3", "--set", "shrink=0.001", "-o", "a.h5"]) == 0
    assert torch.allclose(gantk.read("a.h5").samples, 100 * CONDITIONS, atol=0.1)
    assert run_command_line(["sample", *where, "--latents", "latents.h5", "-o", "b.h5"]) == 0
    assert torch.equal(gantk.read("b.h5").samples, 100 * CONDITIONS[torch.arange(4) % 3])
    # Samples of a file are conditions themselves, where they have none.
    assert run_command_line(["sample", str(run.path), "--condition", "b.h5", "-n", "4", "-o", "c.h5"]) == 0
    assert torch.equal(gantk.read("c.h5").condition, gantk.read("b.h5").condition)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--latents", "conditions.npy"], "this generator makes samples from a condition"),
        (["--condition", "wide.npy"], r"a condition has the shape \(2,\), and here is \(3,\)"),
        (["--condition", "nowhere.npy"], "nowhere.npy: cannot be read"),
        (["--condition", "text.npy"], "text.npy: cannot be read as a numpy array"),
        (["--condition", "conditions.npy", "--reject", "2"], "reject must be 1"),
        (["--condition", "conditions.npy", "--set", "shrink"], "write key=value"),
        (["--latents", "conditions.npy", "-n", "5"], "there is a sample of each latent"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    run: gantk.Run,
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("conditions.npy", CONDITIONS.numpy())
    np.save("wide.npy", np.zeros((2, 3)))
    Path("text.npy").write_text("no array")
    assert run_command_line(["sample", str(run.path), *words]) in (1, 2)
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(told, said), said
    assert not Path("samples.h5").exists()


CONTROLS = Samples(CONDITIONS, spec=DataSpec((2,), ("coordinate",)), names=["a", "b", "c"])


def test_conditions_are_made_of_samples_and_settings(treated: gantk.Run) -> None:
    said = {"drug": "trametinib", "dose": 2}
    made = treated.sample(condition=CONTROLS, settings=said | {"shrink": 0.5})  # one of each
    assert torch.equal(made.condition, 2 * CONDITIONS + 10)
    assert made.names == ["a", "b", "c"]
    again = treated.sample(5, condition=CONTROLS, settings=said)
    assert again.names == ["a", "b", "c", "a_2", "b_2"]
    assert torch.equal(treated.sample(2, settings={"drug": "trametinib"}).condition, torch.full((2, 2), 11.0))
    assert torch.equal(treated.sample(2, condition=CONDITIONS).condition, CONDITIONS[:2])  # as they are
    assert torch.equal(
        treated.model.sample_seeds([4], condition=CONTROLS, settings=said).condition, made.condition[1:2]
    )


@pytest.mark.parametrize(
    ("condition", "settings", "told"),
    [
        (CONTROLS, {"drug": "trametinb"}, "no drug \"trametinb\"; did you mean 'trametinib'"),
        (CONTROLS, {"drug": "aspirin", "dose": "much"}, 'dose must be a number, not "much"'),
        (CONTROLS, {"drog": "aspirin"}, "no parameter of sampling called 'drog': did you mean 'drug'"),
        (CONTROLS, {"dose": 1}, "say which drug"),
        (CONTROLS[:0], {"drug": "aspirin"}, "holds no conditions"),
        (CONDITIONS, {"drug": "aspirin"}, "drug cannot be set beside a condition that is given as numbers"),
    ],
)
def test_conditions_that_cannot_be_made(
    treated: gantk.Run, condition: Samples | torch.Tensor, settings: dict, told: str
) -> None:
    with pytest.raises(DoesNotFit, match=told):
        treated.sample(condition=condition, settings=settings)


def test_neither_a_number_nor_conditions(run: gantk.Run) -> None:
    with pytest.raises(GantkError, match="say how many samples"):
        run.sample()


def test_the_command_makes_one_of_each_condition(
    treated: gantk.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    format_for(Path("controls.h5")).write(Path("controls.h5"), CONTROLS)
    where = ["sample", str(treated.path), "--condition", "controls.h5", "-o", "made.h5"]
    assert run_command_line([*where, "--set", "drug=aspirin"]) == 0
    made = gantk.read("made.h5")
    assert torch.equal(made.condition, CONDITIONS)
    assert run_command_line([*where, "--force"]) == 1
    assert "controls.h5: say which drug" in capsys.readouterr().err


def test_a_generator_without_a_condition(tiny: Path) -> None:
    model = gantk.run(tiny, {"train.steps": 1, "evaluate": []}, out="run", quiet=True).model
    with pytest.raises(DoesNotFit, match="takes no condition"):
        model.sample(2, condition=CONDITIONS)
    with pytest.raises(DoesNotFit, match="'size': it declares none"):
        model.sample(2, settings={"size": 3})
    with pytest.raises(FileError):
        Latents.read(Path("nowhere.h5"))
