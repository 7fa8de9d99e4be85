"""The loop, its state, checkpoints, and several processes."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.training.checkpoint import write_checkpoint
    from gantk.training.from_recipe import datasets, initial_state
    from gantk.training.loop import train
    from gantk.training.settings import TrainSettings, step_count
    from gantk.training.state import State, modules_of, optimizers_of

__all__ = [
    "State",
    "TrainSettings",
    "datasets",
    "initial_state",
    "modules_of",
    "optimizers_of",
    "step_count",
    "train",
    "write_checkpoint",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "checkpoint": ["write_checkpoint"],
        "from_recipe": ["datasets", "initial_state"],
        "loop": ["train"],
        "settings": ["TrainSettings", "step_count"],
        "state": ["State", "modules_of", "optimizers_of"],
    },
)
