"""What could run code, or turn bytes into objects, stands only where it is listed here with its reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("gantk", "plugins", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if "tests" not in path.parts
)
ALLOWED = {
    (
        "gantk/lazy_exports.py",
        "importlib.import_module",
    ): "modules of the package itself, by their names in a fixed table",
    ("gantk/cli/__init__.py", "importlib.import_module"): "a command of gantk's own, by its name in a fixed table",
    ("gantk/components/registry.py", "importlib.import_module"): "what an installed plugin declares",
    ("gantk/cli/export.py", "importlib.import_module"): "the exporter of an installed plugin, as it declares it",
    ("gantk/repeats/jobs.py", "subprocess"): "gantk itself, with the arguments it was given, for each seed or worker",
    ("plugins/gantk_basics/exporters/onnx.py", "importlib.import_module"): "the libraries of ONNX, by fixed names",
    (
        "plugins/gantk_cells/cropping/volumes.py",
        "importlib.import_module",
    ): "readers of bioio, by their names in a fixed table",
    ("plugins/gantk_cells/scikit_image.py", "importlib.import_module"): "parts of scikit-image, by fixed names",
    ("gantk/api/sampling_options.py", "np.load"): "latents and conditions of numpy, never pickled ones",
    ("gantk/machine.py", "ctypes"): "mallopt and malloc_trim of the C library that Python itself uses",
    (
        "gantk/training/distributed/launcher.py",
        "subprocess",
    ): "gantk itself, once for each rank, with the arguments it was given",
    ("gantk/testing/rules/all_kinds.py", "subprocess"): "Python, to see what a plugin imports",
    ("gantk/testing/rules/datasets.py", "pickle"): "bytes that were made in the same line",
    ("plugins/gantk_dna/objectives.py", "subprocess"): "dna/command, where GANTK_ALLOW_PROGRAMS=1 allows it",
}
MODULES = {
    "pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "subprocess",
    "pty",
    "ctypes",
    "code",
    "runpy",
}
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv",
    "importlib.import_module", "torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "numpy.load", "np.load",
    "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle", "pd.read_pickle",
}  # fmt: skip


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def suspects(text: str) -> set[str]:
    """What in a module's text could run code."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names if each.name.split(".")[0] in MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module.split(".")[0] in MODULES else set()
            found |= {f"{node.module}.{each.name}" for each in node.names if f"{node.module}.{each.name}" in CALLS}
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            found |= {name} if name in CALLS else set()
            values = {each.arg: each.value for each in node.keywords}
            for flag in ("shell", "allow_pickle"):
                if isinstance(values.get(flag), ast.Constant) and values[flag].value:
                    found.add(flag)
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_runs_code_but_what_is_listed(path: Path) -> None:
    found = suspects((ROOT / path).read_text(encoding="utf-8"))
    assert found <= {what for where, what in ALLOWED if where == path.as_posix()}


def test_every_exception_is_still_needed() -> None:
    for where, what in ALLOWED:
        assert what in suspects((ROOT / where).read_text(encoding="utf-8")), (where, what)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from pickle import loads", "eval('1')", "torch.load('x')", "np.load('x', allow_pickle=True)",
        "yaml.load(x)", "__import__('os')", "f(shell=True)", "from importlib import import_module", "os.system('x')",
    ],
)  # fmt: skip
def test_the_search_finds(text: str) -> None:
    assert suspects(text)
