"""Asks PyPI which pins have wheels for a Python that is not here: `python -m tests.distribution.wheels 3.12 3.13 3.14`.

Nothing is installed and hardly anything downloaded: `pip install --dry-run --only-binary=:all: --python-version`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTRAS = (
    "",
    "test",
    "docs",
    "tiff",
    "expression",
    "onnx",
    "morphology",
    "tensorboard",
    "microscopy",
    "mlflow",
    "wandb",
    "explore",
)


def direct_pins(extras: tuple[str, ...] = EXTRAS) -> list[str]:
    """What pyproject.toml names, with the versions of constraints.txt: ["torch==2.13.0"].

    Args:
        extras: whose; "" is what everybody gets.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    names = {_plain(re.split(r"[\[<>=!~ ;]", text)[0]) for extra in extras for text in groups[extra]}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    return sorted(line for line in lines if _plain(line.split("==")[0]) in names)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def without_wheel(pins: list[str], python: str) -> list[str]:
    """Those of the pins that have no wheel for a version of Python, on the platform of this machine.

    Args:
        pins: ["torch==2.13.0"].
        python: "3.14".

    Raises:
        RuntimeError: pip fails for another reason; says which.
    """
    missing: list[str] = []
    while left := [pin for pin in pins if pin not in missing]:
        with tempfile.TemporaryDirectory() as folder:
            words = ["install", "--dry-run", "--no-deps", "--quiet", "--disable-pip-version-check", "--target", folder]
            words += ["--ignore-installed", "--only-binary=:all:", "--python-version", python, *left]
            done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        found = re.search(r"No matching distribution found for (\S+)", done.stderr)
        if found is None or found[1] not in left:
            raise RuntimeError(done.stderr)
        missing.append(found[1])
    return missing


if __name__ == "__main__":
    pins = direct_pins()
    lacking = {python: without_wheel(pins, python) for python in sys.argv[1:] or ["3.12", "3.13", "3.14"]}
    for python, missing in lacking.items():
        sys.stdout.write(f"Python {python}: {len(pins) - len(missing)} of {len(pins)} pins have wheels")
        sys.stdout.write(f"; not {', '.join(missing)}\n" if missing else "\n")
    sys.exit(any(lacking.values()))
