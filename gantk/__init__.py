"""gantk: a plugin-based toolkit for generative adversarial networks. Importing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Run", "load", "resume", "run"]

if TYPE_CHECKING:
    from gantk.api import Run, load, resume, run


def __getattr__(name: str) -> Any:
    if name in __all__:
        from gantk import api  # torch is imported here, on first use, and not by `import gantk`

        return getattr(api, name)
    raise AttributeError(f"module 'gantk' has no attribute {name!r}")
