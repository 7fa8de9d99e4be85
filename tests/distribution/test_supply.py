"""What comes with gantk: licences, lower bounds, and the wheel that users install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PERMISSIVE = re.compile(
    r"MIT(-CMU)?|BSD|0BSD|BSD-[23]-Clause|Apache-2\.0|Apache Software|Zlib|CC0-1\.0|PSF-2\.0|ISC|HPND|BSL-1\.0|"
    r"Python Software Foundation|LicenseRef-Biopython-License-Agreement|LLVM-exception"
)
"""All that a dependency's licence may consist of; Biopython's own is BSD-like."""


def pinned(file: str) -> dict[str, str]:
    """Name -> version of a file of constraints."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines if line}


def licences() -> object:
    import importlib.util

    spec = importlib.util.spec_from_file_location("licences", ROOT / "docs" / "_licences.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_licence_surprises() -> None:
    found = licences()
    known = pinned("constraints.txt")
    for name in found.needed():
        if name.startswith("nvidia-"):
            continue  # of torch's CUDA build; the pinned one is for the CPU
        if metadata.version(name) != known.get(canonicalize_name(name), metadata.version(name)):
            continue  # older ones, of `make oldest`, say it in other words
        said = found.licence(name).replace(" License", "")
        parts = re.split(r" AND | OR | WITH |, |[()]", said)
        assert all(PERMISSIVE.fullmatch(part.strip()) for part in parts if part.strip()), (name, said)


def test_the_list_of_licences_has_every_dependency() -> None:
    text = (ROOT / "docs" / "licences.md").read_text()
    of_cuda = ("nvidia-", "triton")  # of torch's CUDA build; the pinned one is for the CPU
    missing = [name for name in licences().needed() if f"| {name} |" not in text and not name.startswith(of_cuda)]
    assert not missing, f"python docs/_licences.py writes it anew: {missing}"


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    oldest = pinned("constraints-oldest.txt")
    for text in PROJECT["dependencies"]:
        wanted = Requirement(text)
        lower = next(each.version for each in wanted.specifier if each.operator == ">=")
        found = oldest[canonicalize_name(wanted.name)]
        assert re.sub(r"(\.0)+$", "", found) == re.sub(r"(\.0)+$", "", lower), text


def test_every_dependency_is_pinned() -> None:
    known = pinned("constraints.txt")
    extras = [text for each in PROJECT["optional-dependencies"].values() for text in each]
    optional = {"atheris"}  # for `make fuzz` alone, and on Linux alone
    for text in [*PROJECT["dependencies"], *extras]:
        name = canonicalize_name(Requirement(text).name)
        assert name in known or name in optional, text


@pytest.mark.slow
def test_sdist_and_wheel_in_a_clean_environment(tmp_path: Path) -> None:
    """sdist from the tree, wheel from the sdist, installed where there is no source tree, and used."""
    environment = {**os.environ, "GANTK_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)

    def call(*words: str | Path, folder: Path = tmp_path) -> str:
        done = subprocess.run(
            [str(word) for word in words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    call(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path / "dist", folder=ROOT)
    sdist = next((tmp_path / "dist").glob("gantk-*.tar.gz"))
    call("tar", "xzf", sdist, "-C", tmp_path)
    source = tmp_path / sdist.name.removesuffix(".tar.gz")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", folder=source)
    wheel = next((tmp_path / "dist").glob("gantk-*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "docs/", "plugins/", "recipes/"))]
    for recipe in (ROOT / "recipes").rglob("*.yaml"):
        assert f"gantk/{recipe.relative_to(ROOT).as_posix()}" in names
    for template in (ROOT / "gantk" / "templates").rglob("*.j2"):
        assert template.relative_to(ROOT).as_posix() in names

    call(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    site = tmp_path / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "outer.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")  # dependencies; no .pth of theirs
    call(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    assert str(site) in call(python, "-c", "import gantk; print(gantk.__file__)")
    assert "basics/wgan_gp" in call(python, "-m", "gantk", "list")
    assert "toy_motif" in call(python, "-m", "gantk", "list", "recipes")
    call(python, "-m", "gantk", "new-plugin", "acme-gan")
    made = call(python, "-m", "gantk", "run", "ring_gan", "train.steps=3", "evaluate=[]", "--out", "run")
    assert (tmp_path / made.strip() / "report.html").exists()
