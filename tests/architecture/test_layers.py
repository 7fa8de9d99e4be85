"""Imports of gantk go down only, and in no circle: a package may import what its line of the table names, no more."""

from __future__ import annotations

import pytest

from tests.architecture.imports import MODULES, imported_modules

GROUND = ("errors", "lazy_exports", "messages", "notebook", "plugin", "randomness", "spec")
"""Import nothing of gantk, and every other module may import them."""
UPPER_GROUND = ("console", "machine", "plots")
"""Import the ground alone, and every other module may import them."""

INTERFACES = ("interfaces",)
TRAINING = ("class_counts", "components", "data", "files", "interfaces")
EVALUATION = ("class_counts", "components", "data", "interfaces", "recipe", "sampling", "training")
RUNS = ("components", "data", "evaluation", "files", "interfaces", "recipe", "reporting", "training")
MAY_IMPORT = {
    "class_counts": INTERFACES,
    "interfaces": (),
    "autograd": INTERFACES,
    "data": INTERFACES,
    "neighbours": ("data", "interfaces"),
    "sampling": ("data", "interfaces"),
    "translation": ("interfaces", "sampling"),
    "components": (),
    "files": (),
    "recipe": ("components", "files"),
    "training": TRAINING,
    "evaluation": EVALUATION,
    "latents": ("interfaces", "sampling"),
    "reporting": ("class_counts", *EVALUATION, "evaluation", "files", "latents", "neighbours"),
    "runs": ("class_counts", *RUNS),
    "repeats": ("evaluation", "files", "interfaces", "recipe", "reporting", "runs"),
    "sweeps": ("components", "files", "interfaces", "recipe", "reporting", "runs"),
    "api": (*RUNS, "latents", "runs", "sampling", "translation"),
    "explore": (*("api", "components", "evaluation", "interfaces", "latents", "recipe", "reporting", "training"),),
    "export": ("api", "components", "evaluation", "files", "interfaces", "recipe"),
    "testing": ("components", "data", "interfaces", "training"),
    "completions": ("components", "files", "recipe"),
    "cli_options": ("completions", "components", "recipe"),
    "cli": (
        *(
            "api",
            "class_counts",
            "cli_options",
            "completions",
            "components",
            "evaluation",
            "explore",
            "export",
            "files",
            "interfaces",
            "latents",
            "recipe",
            "repeats",
            "reporting",
            "runs",
            "sampling",
            "sweeps",
        ),
        *("testing", "training"),
    ),
    "__main__": ("cli",),
    "__init__": (),
}
"""What each package or module may import besides the ground."""


def part_of(module: str) -> str:
    """The package, or the module directly in gantk, that a module belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def test_every_module_has_a_line_in_the_table() -> None:
    assert {part_of(module) for module in MODULES} == {*GROUND, *UPPER_GROUND, *MAY_IMPORT}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    part = part_of(module)
    if part in GROUND:
        allowed: set[str] = set()
    elif part in UPPER_GROUND:
        allowed = {*GROUND, *UPPER_GROUND}
    else:
        allowed = {part, *GROUND, *UPPER_GROUND, *MAY_IMPORT[part]}
        if part == "cli":
            allowed.add("__init__")  # the version
    assert sorted(imported for imported in imported_modules(module) if part_of(imported) not in allowed) == []


def test_no_line_allows_more_than_it_needs() -> None:
    needed: dict[str, set[str]] = {part: set() for part in MAY_IMPORT}
    for module in MODULES:
        needed.get(part_of(module), set()).update(map(part_of, imported_modules(module)))
    spare = {part: sorted({*may} - needed[part]) for part, may in MAY_IMPORT.items()}
    assert {part: names for part, names in spare.items() if names} == {}


def test_no_circles() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for imported in sorted(imported_modules(module)):
                visit(imported, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())
