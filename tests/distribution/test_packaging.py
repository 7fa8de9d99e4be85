"""What lies beside the code: Dockerfile, workflows, conda recipe, wheels. Programs that look at them are `long`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.distribution.wheels import direct_pins, without_wheel

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def program(name: str) -> str:
    """Where it is installed."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_actions_are_pinned_and_may_do_little() -> None:
    assert [path.name for path in WORKFLOWS] == ["publish.yml", "tests.yml"]
    for path in WORKFLOWS:
        text = path.read_text()
        for action in re.findall(r"uses: (\S+)(.*)", text):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action[0]) and re.match(r" # v\d", action[1]), action
        assert yaml.safe_load(text)["permissions"] == {}
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text())["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"} and "secrets" not in str(jobs)


def test_the_matrix_covers_three_systems_and_what_is_allowed() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]["run"]
    matrix = job["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert any(step.get("run") == ".ci/run" for step in job["steps"])


def test_the_dockerfile_has_the_pinned_torch() -> None:
    [pin] = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")]
    text = (ROOT / "Dockerfile").read_text()
    assert f'"{pin}+cpu"' in text and "--constraint constraints.txt" in text
    for names in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for each in names.split():
            assert (ROOT / each).exists() and f"!{each}\n" in (ROOT / ".dockerignore").read_text()


def test_the_conda_recipe_needs_what_the_wheel_needs() -> None:
    text = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text()
    recipe = yaml.safe_load(text)
    other = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    wanted = [Requirement(each) for each in PROJECT["dependencies"]]
    expected = {f"{other.get(each.name, canonicalize_name(each.name))} {each.specifier}" for each in wanted}
    assert set(recipe["requirements"]["run"]) == {*expected, "python >=3.11"}
    assert "never been built" in text


@pytest.mark.long
@pytest.mark.parametrize("words", [["hadolint", "Dockerfile"], ["zizmor", "--offline", ".github/workflows"]])
def test_a_program_that_knows_better_finds_nothing(words: list[str]) -> None:
    done = subprocess.run([program(words[0]), *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("python", ["3.12", "3.13", "3.14"])
def test_what_everybody_gets_has_wheels(python: str) -> None:
    assert without_wheel(direct_pins(("",)), python) == []


@pytest.mark.long
def test_a_pin_without_a_wheel_is_found() -> None:
    assert without_wheel(["click==8.5.1", "docopt==0.6.2"], "3.13") == ["docopt==0.6.2"]  # it has a source alone
