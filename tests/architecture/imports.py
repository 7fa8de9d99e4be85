"""What each module of gantk imports, read from its source: nothing is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.documents import ROOT

PACKAGE = ROOT / "gantk"
MODULES = {
    ".".join(("gantk", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "templates" not in path.parts
}


def imported_names(path: Path, prefix: str) -> Iterator[str]:
    """Dotted names that a file imports, as far as they begin with `prefix`: not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _at_run_time(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith(prefix))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and node.module.startswith(prefix):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _at_run_time(child)


def imported_modules(module: str) -> set[str]:
    """The modules of gantk that this one imports; a public name of a package counts as the module that holds it."""
    found = set()
    for name in imported_names(MODULES[module], "gantk"):
        if name in MODULES and name not in FRONTS:
            found.add(name)
            continue
        owner, _, last = name.rpartition(".")
        found.add(FRONTS.get(owner, {}).get(last, owner if owner in MODULES else name))
    return {each for each in found if each in MODULES} - {module}


def _homes(front: str) -> dict[str, str]:
    """Public name to the module that holds it, as the TYPE_CHECKING block of a package's front says."""
    homes = {}
    for node in ast.walk(ast.parse(MODULES[front].read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("gantk")
            and front != node.module
        ):
            homes |= {each.asname or each.name: node.module for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == front:
            homes |= {each.name: f"{front}.{each.name}" for each in node.names}
    homes.pop("lazy_exports", None)
    return homes


FRONTS: dict[str, dict[str, str]] = {}
for _module, _path in MODULES.items():
    if _path.name == "__init__.py" and "lazy_exports(" in _path.read_text(encoding="utf-8"):
        FRONTS[_module] = _homes(_module)
