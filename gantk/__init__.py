"""gantk: a plugin-based toolkit for generative adversarial networks. Importing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.api.model import Model
    from gantk.api.run import Run, load, load_recipe, resume, run
    from gantk.api.samples import Drawn
    from gantk.api.samples import read_samples as read
    from gantk.errors import GantkError
    from gantk.evaluation.results import Evaluation
    from gantk.interfaces import Callback
    from gantk.recipe import Recipe

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "Drawn",
    "Evaluation",
    "GantkError",
    "Model",
    "Recipe",
    "Run",
    "StopTraining",
    "load",
    "load_recipe",
    "read",
    "resume",
    "run",
]

__getattr__, __dir__ = lazy_exports(  # torch is imported on first use, and not by `import gantk`
    __name__,
    {
        "api.model": ["Model"],
        "api.run": ["Run", "load", "load_recipe", "resume", "run"],
        "api.samples": ["Drawn", "read_samples as read"],
        "errors": ["GantkError"],
        "evaluation.results": ["Evaluation"],
        "interfaces.callbacks": ["Callback", "StopTraining"],
        "recipe.recipe": ["Recipe"],
    },
)
