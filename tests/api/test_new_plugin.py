"""`gantk new-plugin`: what it writes can be built, installed, run and tested as it stands; names it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gantk.api.new_plugin import BadName, package_name, write_package
from gantk.cli import run_command_line as run
from gantk.errors import FileError
from gantk.plugin import KINDS
from tests.helpers.forks import run_forked


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("class", "word of the Python language; say class_gan"),
        ("json", "Python has a module of that name; say json_gan"),
        ("3d-gan", "the first of them a letter; for instance d_gan"),
        ("AcmeGan", "lower case letters"),
        ("acme gan", "for instance acme_gan"),
        ("acme--gan", "stand singly"),
        ("../acme", "lower case letters"),
        ("basics", r"plugin 'basics' \(gantk"),
        ("torch", "a package of that name is installed"),
        ("", "my_gan"),
    ],
)
def test_refuses_names_that_cannot_be_packages(name: str, reason: str) -> None:
    with pytest.raises(BadName, match=reason):
        package_name(name)


def test_dashes_become_underscores() -> None:
    assert package_name("acme-gan") == "acme_gan"


def test_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "acme-gan").mkdir()
    with pytest.raises(FileError, match="exists already"):
        write_package("acme-gan", KINDS, tmp_path)
    assert list((tmp_path / "acme-gan").iterdir()) == []


def test_prints_the_folder_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new-plugin", "acme-gan", "--kind", "loss", "--into", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'acme-gan'}\n"
    assert "pip install" in err
    assert sorted(path.name for path in (tmp_path / "acme-gan" / "acme_gan").glob("*.py")) == [
        "__init__.py",
        "loss.py",
        "plugin.py",
    ]


def test_names_the_nearest_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new-plugin", "acme-gan", "--kind", "generator,critics", "--into", str(tmp_path)]) == 2
    assert "did you mean 'critic'?" in capsys.readouterr().err


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A package of every kind, and one of each: "all" or the kind to its folder. Each is named after it."""
    folder = tmp_path_factory.mktemp("packages")
    asked = {"all": list(KINDS)} | {kind: [kind] for kind in KINDS}
    return {name: write_package(f"gan-{name}", kinds, folder) for name, kinds in asked.items()}


def test_what_it_writes_is_in_style(packages: dict[str, Path]) -> None:
    for check in (["check", "--select", "E,F,W,I,B,UP"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--isolated", "--line-length", "120", *map(str, packages.values())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def in_installed_packages(packages: dict[str, Path], folder: Path, *words: str | Path) -> str:
    """What a process prints in which the packages are installed: found on its path, each with its entry point.

    Args:
        packages: their folders.
        folder: an empty one, for what says that they are installed.
        words: what Python is called with.
    """
    for path in packages.values():
        name = path.name.replace("-", "_")
        about = folder / f"{name}-0.1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {path.name}\nVersion: 0.1.0\n")
        (about / "entry_points.txt").write_text(f"[gantk]\n{name} = {name}.plugin\n")
    places = os.pathsep.join(map(str, [folder, *packages.values()]))
    environment = {**os.environ, "PYTHONPATH": places, "GANTK_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_their_tests(packages: dict[str, Path], folder: Path) -> int:
    """Runs each package's own recipe, in one process, by its test that reads what was written; how many passed."""
    tests = [path / "tests" / "test_recipe.py" for path in packages.values()]
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", folder / "pytest.ini"]
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = in_installed_packages(packages, folder, "-m", "pytest", *options, *tests)
    found = re.search(r"(\d+) passed", done)
    assert found and "failed" not in done and "skipped" not in done, done
    return int(found[1])


def test_one_of_every_kind_runs_to_its_end_and_what_it_writes_is_right(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    assert run_their_tests({"all": packages["all"]}, tmp_path / "site") == 6


@pytest.mark.long
def test_each_kind_alone_runs_to_its_end_and_what_it_writes_is_right(packages: dict[str, Path], tmp_path: Path) -> None:
    alone = {kind: packages[kind] for kind in KINDS}
    assert run_their_tests(alone, tmp_path / "site") == len(KINDS) + 5


def called(*words: str | Path, folder: Path) -> str:
    """What a process prints; it must succeed."""
    environment = {**os.environ, "GANTK_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def fresh(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the wheel of every kind, built here, is installed beside gantk."""
    folder = tmp_path_factory.mktemp("fresh")
    build = ("--no-deps", "--no-build-isolation", "-w", folder / "dist")
    called(sys.executable, "-m", "pip", "wheel", *build, packages["all"], folder=folder)
    called(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    here = sysconfig.get_paths()["purelib"]
    (site_of(folder) / "outer.pth").write_text(f"import site; site.addsitedir({here!r})\n")  # gantk, what it needs
    wheel = next((folder / "dist").glob("gan_all-*.whl"))
    install = ("--python", folder / "venv" / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    called(sys.executable, "-m", "pip", *install, folder=folder)
    return folder


def site_of(fresh: Path) -> Path:
    return fresh / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


@pytest.mark.slow
def test_in_a_fresh_environment(fresh: Path, forks: Path, tmp_path: Path) -> None:
    """A real process finds what the wheel brings; the other commands are those of forks that find it too."""

    def gantk(*words: str | Path) -> str:
        done = run_forked(forks, words, tmp_path, {**os.environ, "GANTK_CACHE": str(tmp_path)}, site_of(fresh))
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    listed = called(fresh / "venv" / "bin" / "python", "-m", "gantk", "list", folder=fresh)
    assert listed.count("gan_all/") == len(KINDS) + 1  # a net comes with a loss that takes it
    assert "gan_all/first" in gantk("list", "recipes")
    assert "valid" in gantk("validate", "gan_all/first")
    made = gantk("run", "gan_all/first", "--out", tmp_path / "run", "train.steps=30")
    assert (Path(made.strip()) / "report.html").exists()
    assert (tmp_path / "run" / "log.csv").read_text().startswith("step,name,value\n")
    gantk("design", "gan_all/design", "--out", tmp_path / "made.fa", "search.steps=5")
    assert (tmp_path / "made.fa").read_text().count(">") == 10


@pytest.mark.long
def test_its_tests_pass_in_a_fresh_environment(fresh: Path, packages: dict[str, Path]) -> None:
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", packages["all"] / "tests")
    passed = called(fresh / "venv" / "bin" / "python", "-m", "pytest", *options, folder=fresh)
    assert "passed" in passed and "failed" not in passed
