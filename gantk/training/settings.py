"""How a recipe trains: the settings of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantk.errors import RecipeError


def step_count(values: Mapping[str, Any], length: int) -> int:
    """How many steps the recipe means; `epochs` counts what the critic sees of a data set of `length` samples."""
    train, play = values["train"], values["play"]
    if train.get("steps") is not None:
        return train["steps"]
    if train.get("epochs") is None:
        raise RecipeError("train: give either steps or epochs")
    return max(1, round(train["epochs"] * length / (train["batch"] * play["critic_steps"])))
