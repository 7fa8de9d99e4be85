"""A small distribution to start a plugin from: what `gantk new-plugin` writes."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gantk.api.exercise import Exercise, Part, as_notebook
from gantk.components.registry import installed_registry
from gantk.errors import FileError, GantkError
from gantk.plugin import KINDS

PARTS = (
    Part("generator", "dense", "generator", "DenseGenerator", "one hidden layer, any shape"),
    Part("critic", "dense", "critic", "DenseCritic", "one hidden layer, any shape"),
    Part("net", "encoder", "net", "DenseEncoder", "one hidden layer, from samples to numbers"),
    Part(
        "net", "matching", "matching", "Matching", "a loss around a loss and a net", "loss"
    ),  # a net is used by others
    Part("loss", "least_squares", "loss", "LeastSquares", "least squares (Mao 2017)"),
    Part("dataset", "stripes", "dataset", "Stripes", "simulated images of one stripe"),
    Part("optimizer", "lion", "optimizer", "Lion", "steps of one length (Chen 2023)"),
    Part("metric", "mean_and_spread", "metric", "MeanAndSpread", "differences of mean and spread"),
    Part("view", "mosaic", "view", "Mosaic", "images side by side, in grey"),
    Part("format", "npz", "format", "Npz", "numpy's .npz"),
    Part("objective", "letter_share", "objective", "LetterShare", "share of some letters"),
    Part("callback", "csv", "callback", "CsvTable", "what is logged, as a CSV table"),
    Part("command", "{plugin}_sizes", "command", "sizes", "how large the nets of a run are"),
)


class BadName(GantkError):
    """A name that cannot be the name of a package; the message says why."""


def package_name(name: str) -> str:
    """The Python package of a distribution called `name`: "acme-gan" to "acme_gan".

    Raises:
        BadName: it cannot be one, or is one already.
    """
    package = re.sub(r"[-.]", "_", name)
    near = re.sub(r"\W+", "_", name.lower()).strip("_0123456789") or "my_gan"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", package):
        raise BadName(
            f"'{name}' cannot be the name of a package: use lower case letters, digits, '-' and '_', the first of "
            f"them a letter; for instance {near}"
        )
    if package.endswith("_") or "__" in package:
        raise BadName(f"'{name}' cannot be the name of a distribution: '-' and '_' stand singly, between letters")
    if keyword.iskeyword(package):
        raise BadName(f"'{name}' cannot be the name of a package: it is a word of the Python language; say {name}_gan")
    if package in sys.stdlib_module_names:
        raise BadName(f"'{name}' cannot be the name of a package: Python has a module of that name; say {name}_gan")
    taken = {plugin.name: plugin for plugin in installed_registry().plugins}
    if package in taken:
        raise BadName(f"'{name}' is taken: {taken[package].title} is installed; give another name")
    if importlib.util.find_spec(package) is not None:
        raise BadName(f"'{name}' is taken: a package of that name is installed; give another name")
    return package


def write_package(name: str, kinds: Sequence[str], parent: Path, exercise: Exercise | None = None) -> Path:
    """Writes the distribution into a new folder of `parent`, all of it or nothing.

    Args:
        name: of the distribution.
        kinds: which components it has, of `gantk.plugin.KINDS`.
        parent: where its folder is made.
        exercise: written instead: its components, with gaps to fill.

    Returns:
        the folder.

    Raises:
        BadName: see `package_name`.
        FileError: the folder exists, or cannot be written.
    """
    package = package_name(name)
    folder = parent / package.replace("_", "-")
    if folder.exists():
        raise FileError(f"{folder} exists already, and nothing is overwritten; give another name, or --into FOLDER")
    texts = _texts(package, kinds) if exercise is None else _texts_of_exercise(package, exercise)
    try:
        for path, text in texts.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder


def _texts(package: str, kinds: Sequence[str]) -> dict[str, str]:
    """Path within the distribution to text."""
    components = [
        replace(part, name=part.name.format(plugin=package), kind=part.declared_as or part.kind)
        for part in PARTS
        if part.kind in kinds
    ]
    files = {
        "README.md": "README.md",
        ".github/workflows/tests.yml": "ci.yml",
        "{package}/recipes/first.yaml": "recipe.yaml",
        "tests/test_conformance.py": "test_conformance.py",
        "tests/test_recipe.py": "test_recipe.py",
    }
    files |= {f"{{package}}/{part.module}.py": f"{part.module}.py" for part in components}
    if "objective" in kinds:
        files["{package}/recipes/design.yaml"] = "design.yaml"
    return _rendered(
        package, "new_plugin", COMMON | files, components=components, kinds=[kind for kind in KINDS if kind in kinds]
    )


def _texts_of_exercise(package: str, exercise: Exercise) -> dict[str, str]:
    """Path within the distribution to text."""
    files = {
        "README.md": "README.md",
        "exercise.ipynb": "notebook.py",
        "{package}/recipes/first.yaml": "recipe.yaml",
        "tests/test_conformance.py": "test_conformance.py",
        "tests/test_exercise.py": f"test_{exercise.name}.py",
    }
    files |= {f"{{package}}/{part.kind}.py": f"{part.module}.py" for part in exercise.parts}
    components = [replace(part, module=part.kind) for part in exercise.parts]
    names = {part.kind: part.name for part in exercise.parts}
    classes = {part.kind: part.attribute for part in exercise.parts}
    given: dict[str, Any] = {"components": components, "kinds": [*names], "exercise": exercise}
    texts = _rendered(package, "exercise", files, names=names, classes=classes, **given)
    texts |= _rendered(package, "new_plugin", COMMON, **given)
    texts["exercise.ipynb"] = as_notebook(texts["exercise.ipynb"])
    return texts


COMMON = {
    "pyproject.toml": "pyproject.toml",
    "{package}/__init__.py": "init.py",
    "{package}/plugin.py": "plugin.py",
}
"""Path within any distribution to its template in the folder `new_plugin`."""


def _rendered(package: str, templates: str, files: Mapping[str, str], **given: Any) -> dict[str, str]:
    """Path within the distribution to text, of files that name their templates in the folder `templates`."""
    environment = Environment(
        loader=PackageLoader("gantk", f"templates/{templates}"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    given |= {
        "package": package,
        "plugin": package,
        "distribution": package.replace("_", "-"),
        "gantk_version": metadata.version("gantk"),
    }
    return {
        path.format(package=package): environment.get_template(f"{template}.j2").render(given)
        for path, template in files.items()
    }
