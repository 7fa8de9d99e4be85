"""gantk: a plugin-based toolkit for generative adversarial networks. Importing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "Drawn",
    "Evaluation",
    "GantkError",
    "Model",
    "Recipe",
    "Run",
    "load",
    "load_recipe",
    "read",
    "resume",
    "run",
]

if TYPE_CHECKING:
    from gantk.api.run import (
        Callback,
        Drawn,
        Evaluation,
        GantkError,
        Model,
        Recipe,
        Run,
        load,
        load_recipe,
        read,
        resume,
        run,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        from gantk.api import run  # torch is imported here, on first use, and not by `import gantk`

        return getattr(run, name)
    raise AttributeError(f"module 'gantk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
