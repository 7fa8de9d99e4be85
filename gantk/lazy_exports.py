"""Public names of a package, imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy_exports(
    package: str, modules: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose public names lie in its modules.

    Args:
        package: its `__name__`.
        modules: each module within the package to the public names that it holds, perhaps as "name as public_name"; ""
            stands for the package itself, whose names are modules.
    """
    homes = {name.rpartition(" as ")[2]: (module, name.split(" ")[0]) for module in modules for name in modules[module]}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, own_name = homes[name]
        if not module:
            return importlib.import_module(f"{package}.{own_name}")
        return getattr(importlib.import_module(f"{package}.{module}"), own_name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return find, names
