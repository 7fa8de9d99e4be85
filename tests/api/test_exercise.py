"""`gantk new-plugin --exercise`: what is open fails, and says so; what the documentation gives as solution passes."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from gantk.api.exercise import EXERCISES
from gantk.api.new_plugin import write_package
from gantk.cli import run_command_line
from gantk.components.registry import Registry, installed_entry_points
from gantk.spec import DataSpec
from gantk.testing import cases
from tests.helpers.documents import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "exercise.md"
DIGITS = DataSpec((1, 8, 8), ("channel", "y", "x"), range=(-1.0, 1.0), classes=tuple("0123456789"))
RULES = {"light", "documented", "builds", "shapes", "terms"}
"""Of the kit, those that are quick; `long` runs all."""


def solutions(name: str, folder: Path) -> dict[int, Path]:
    """The solutions of the documentation: gap to a folder that holds this one alone."""
    found = {}
    for block in blocks(PAGE):
        match = re.fullmatch(rf"solutions/{name}/(gap_(\d)\.py)", block.title or "")
        if match:
            own = folder / match[2]
            own.mkdir(parents=True)
            (own / match[1]).write_text(block.text)
            found[int(match[2])] = own
    return found


def fill() -> Callable[[Path, Path], None]:
    """The function by which the page fills gaps."""
    (hidden,) = [block.text for block in blocks(PAGE) if block.hidden and "def fill" in block.text]
    names: dict = {}
    exec(hidden, names)
    return names["fill"]


@pytest.fixture
def package(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an exercise, which can be imported."""
    name = request.param
    folder = write_package(f"my-{name}", [], tmp_path, EXERCISES[name])
    monkeypatch.syspath_prepend(folder)
    yield folder
    forget(f"my_{name}")


def forget(package: str) -> None:
    """Lets the modules be imported anew."""
    for name in [each for each in sys.modules if each.partition(".")[0] == package]:
        del sys.modules[name]
    importlib.invalidate_caches()


def outcomes(folder: Path) -> dict[int, str]:
    """Of each gap, "" or what its test raised."""
    name = folder.name.replace("-", "_")
    forget(name)
    spec = importlib.util.spec_from_file_location("exercise_tests", folder / "tests" / "test_exercise.py")
    assert spec and spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode  # files change within a second
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    found = {}
    for test, function in vars(module).items():
        if match := re.match(r"test_gap_(\d)_", test):
            try:
                function()
                found[int(match[1])] = ""
            except Exception as error:
                found[int(match[1])] = f"{type(error).__name__}: {error}"
    return found


def broken(folder: Path, every: bool = False) -> dict[str, str]:
    """Rules of the kit that are broken, with the text."""
    name = folder.name.replace("-", "_")
    forget(name)
    registry = Registry([*installed_entry_points(), EntryPoint(name, f"{name}.plugin", "gantk")])
    found = {}
    for case in cases(name, registry=registry, specs=[DIGITS], examples=5 if every else 1):
        outcome, text = case.outcome() if every or case.rule in RULES else ("ok", "")
        assert outcome != "not checked" or every, text
        if outcome == "broken":
            found[case.name] = text
    return found


EACH = pytest.mark.parametrize("package", EXERCISES, indirect=True)


@EACH
def test_what_is_open_fails_by_its_gap_and_what_is_filled_passes(package: Path, tmp_path: Path) -> None:
    name = package.name.removeprefix("my-")
    given = solutions(name, tmp_path / "solutions")
    gaps = EXERCISES[name].gaps
    inner = package / package.name.replace("-", "_")
    assert [*given] == [*range(1, len(gaps) + 1)]
    for number, gap in enumerate(gaps, 1):
        assert f"gap {number}: " in (inner / f"{gap.module}.py").read_text()

    assert outcomes(package).keys() == given.keys()
    assert all(text.startswith(f"NotImplementedError: gap {each}") for each, text in outcomes(package).items())
    rules = broken(package)
    assert {each.partition("-")[0] for each in rules} == {f"{part.kind}/{part.name}" for part in EXERCISES[name].parts}
    assert all("NotImplementedError: gap " in text for text in rules.values())

    for number in reversed(given):  # the parts do not wait for each other
        before = outcomes(package)
        fill()(given[number], inner)
        after = outcomes(package)
        needs_others = {each for each, text in after.items() if text}
        assert number not in needs_others or any(f"gap {each}:" in after[number] for each in range(1, number))
        assert {each for each, text in before.items() if not text} <= after.keys() - needs_others
    assert not any(outcomes(package).values())
    assert broken(package) == {}


@pytest.mark.parametrize(
    ("name", "module", "right", "wrong", "fails"),
    [
        ("gan", "loss", "softplus(fake)", "softplus(-fake)", {3}),
        (
            "gan",
            "loss",
            "softplus(-play.score(play.fake))",
            "-softplus(play.score(play.fake))",
            {4},
        ),  # the minimax form
        ("gan", "generator", "into_range(raw, self.spec)", "raw", {1}),
        ("gan", "critic", ".squeeze(-1)", "", {2}),
        ("acgan", "generator", "latent * self.classes(labels)", "latent", {1}),
        ("acgan", "loss", "play.critic, play.fake, play.labels", "play.critic, play.real, play.labels", {4, 5}),
        ("vae", "loss", "self.mean(codes), self.log_variance(codes)", "self.mean(codes), self.mean(codes)", {2}),
        ("vae", "loss", "log_variance / 2", "log_variance", {3}),  # the variance for the standard deviation
        ("vae", "loss", "- log_variance - 1", "+ log_variance - 1", {4}),
        ("vae", "loss", "each.flatten(1).sum(1)", "each.flatten(1).mean(1)", {5}),  # a beta in disguise
    ],
)
def test_what_is_wrong_fails_by_its_test(
    name: str, module: str, right: str, wrong: str, fails: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_package(f"my-{name}", [], tmp_path, EXERCISES[name])
    monkeypatch.syspath_prepend(folder)
    inner = folder / f"my_{name}"
    for each in solutions(name, tmp_path / "solutions").values():
        fill()(each, inner)
    path = inner / f"{module}.py"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    assert {gap for gap, told in outcomes(folder).items() if told} == fails
    forget(f"my_{name}")


@pytest.mark.long
@EACH
def test_solutions_keep_every_rule(package: Path, tmp_path: Path) -> None:
    for each in solutions(package.name.removeprefix("my-"), tmp_path / "solutions").values():
        fill()(each, package / package.name.replace("-", "_"))
    assert broken(package, every=True) == {}


@EACH
def test_what_is_written_is_in_style_and_a_notebook(package: Path, tmp_path: Path) -> None:
    for each in solutions(package.name.removeprefix("my-"), tmp_path / "solutions").values():
        fill()(each, package / package.name.replace("-", "_"))
    for check in (["check", "--select", "E,F,W,B,UP"], ["format", "--check"]):
        options = ["--isolated", "--line-length", "120", "--exclude", "*.ipynb"]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *options, package], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.reads((package / "exercise.ipynb").read_text(), as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            compile(cell.source, "cell", "exec")
    assert json.loads((package / "exercise.ipynb").read_text())["nbformat"] == 4


def test_mistakes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["new-plugin", "my-gan", "--into", str(tmp_path)]
    assert run_command_line([*line, "--exercise", "acgann"]) == 2
    assert "did you mean 'acgan'?" in capsys.readouterr().err
    assert run_command_line([*line, "--exercise", "gan", "--kind", "loss"]) == 2
    assert "leave out --kind" in capsys.readouterr().err
    assert run_command_line([*line, "--exercise", "gan"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'my-gan'}\n"
    assert "README.md" in err
    assert "| 4 | `my_gan/loss.py` | what the generator minimises |" in (tmp_path / "my-gan" / "README.md").read_text()
