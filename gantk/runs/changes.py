"""What may differ between a run and its continuation, and in what two resolved recipes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gantk.errors import RecipeError
from gantk.messages import shown

MAY_CHANGE = (
    "about",
    "machine",
    "evaluate",
    "view",
    "train.steps",
    "train.epochs",
    "train.sample_every",
    "train.samples",
    "train.checkpoint_every",
    "train.checkpoint_minutes",
    "train.keep",
    "train.keep_best",
    "train.patience",
    "train.callbacks",
    "train.on_divergence",
    "train.restore_times",
    "train.restore_rate",
)
"""What may differ between a run and its continuation; anything else would make it another model."""


def may_change(key: str) -> bool:
    """Whether a value of a recipe may differ between a run and its continuation."""
    return any(key == may or key.startswith(f"{may}.") for may in MAY_CHANGE)


def is_there(values: Any, key: str) -> bool:
    """Whether a resolved recipe has a value at a dotted path."""
    for word in key.split("."):
        if not isinstance(values, Mapping) or word not in values:
            return False
        values = values[word]
    return True


def value_at(values: Any, key: str) -> Any:
    """The value of a resolved recipe at a dotted path where it has one."""
    for word in key.split("."):
        values = values[word]
    return values


def value_shown(values: Any, key: str) -> str:
    """The value at a dotted path as a message shows it; "nothing" where there is none."""
    return shown(value_at(values, key)) if is_there(values, key) else "nothing"


def changed_keys(before: Any, after: Any, path: str = "") -> set[str]:
    """Dotted paths of the values in which two resolved recipes differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = before.keys() | after.keys()
        inner = (changed_keys(before.get(key), after.get(key), f"{path}.{key}" if path else key) for key in keys)
        return set().union(*inner)
    return set() if before == after else {path}


def refuse_other_values(where: Path, there: Any, asked: Any, free: Sequence[str] = ("machine",)) -> None:
    """Refuses values of a recipe that are not those of the folder which is to be gone on with.

    Args:
        where: the folder.
        there: the values of its recipe.
        asked: the values that were asked for.
        free: blocks in which they may differ.

    Raises:
        RecipeError: they differ; names the keys.
    """
    differing = [key for key in sorted(changed_keys(there, asked)) if key.partition(".")[0] not in free]
    if differing:
        told = "\n".join(
            f"  {key}: {value_shown(there, key)} there, {value_shown(asked, key)} asked for" for key in differing[:8]
        )
        raise RecipeError(
            f"--resume: {where} was begun with another recipe:\n{told}\nGive another --out for a new run. What may "
            "change in a run (steps, pictures, evaluation), `gantk resume RUN KEY=VALUE` changes"
        )
