"""Everything that a resolved recipe builds for a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gantk import machine
from gantk.components.construct import resolved_component
from gantk.evaluation import results
from gantk.files.run_folder import checkpoint_of
from gantk.interfaces import Callback, Dataset, View
from gantk.interfaces.optional_members import member
from gantk.recipe.recipe import Recipe
from gantk.reporting import pictures
from gantk.training import checkpoint, from_recipe
from gantk.training.distributed.ranks import ALONE, Ranks
from gantk.training.generator_file import read_any
from gantk.training.loop import train
from gantk.training.settings import TrainSettings, step_count
from gantk.training.state import State


@dataclass
class Parts:
    """What a run is made of.

    Args:
        values: the resolved recipe.
        resolved: the same as YAML text.
        data: the three splits; the training split is on the device.
        state: what training changes.
        steps: at how many steps training ends.
        device: where it computes.
        metrics: the entries of `evaluate`.
        callbacks: who is told of the run.
        view: what draws samples, where the data name one.
        best: what `keep_best` has seen: {"metric", "value", "step"}, or {}.
        ranks: the processes that train it together.
        evaluate_test: whether the end of training is evaluated on the test split.
    """

    values: Mapping[str, Any]
    resolved: str
    data: dict[str, Dataset]
    state: State
    steps: int
    device: torch.device
    metrics: list[results.Entry]
    callbacks: list[Callback]
    view: View | None
    best: dict[str, Any]
    ranks: Ranks = ALONE
    evaluate_test: bool = True

    def begin(self, last: checkpoint.Checkpoint | None = None) -> None:
        """Gives the newly built state what it begins with: a checkpoint, or the weights of `train.start_from`.

        Raises:
            FileError: a checkpoint is damaged, or does not fit.
        """
        if last is not None:
            checkpoint.restore(last, self.state)
        elif self.values["train"]["start_from"] is not None:
            path = checkpoint_of(Path(self.values["train"]["start_from"]))
            checkpoint.load_weights(read_any(path), self.state)

    def build_anew(self) -> None:
        """Makes the state what it was before anything was trained or loaded."""
        self.state = from_recipe.initial_state(self.values, self.data["train"].spec, self.device, fits=True)

    def train(self) -> Iterator[dict[str, Tensor]]:
        """The loop, from where the state stands; see `gantk.training.loop.train`."""
        values = self.values
        return train(
            self.state,
            self.data["train"],
            TrainSettings.from_recipe(values, len(self.data["train"])),
            held_out=self.data.get("validation"),
            engine=from_recipe.make_engine(values["machine"]["engine"], self.device, values["train"]["precision"]),
            ranks=self.ranks,
            device=self.device,
        )


def prepare(recipe: Recipe, ranks: Ranks = ALONE) -> Parts:
    """Builds everything a recipe names. Nothing is written, so that a mistake leaves nothing behind.

    Args:
        recipe: resolved and free of mistakes.
        ranks: the processes that train it together.

    Raises:
        GantkError: data or parts are not right.
    """
    values = recipe.values
    of_one = ranks.of_one(values)
    where = ranks.place(machine.find_device(values["machine"]["device"]))
    from_recipe.check_engine(values["machine"]["engine"], where, values["loss"])
    machine.set_threads(values["machine"]["threads"])
    with ranks.first_on_each_machine(), machine.freed_memory_kept():  # a fifth of the time of simulated cells
        data = from_recipe.datasets(values)
    from_recipe.refuse_absurd_sizes(of_one, data["train"].spec, where, member(data["train"], "nbytes"))
    data["train"] = data["train"].to(where)
    return Parts(
        values=values,
        resolved=recipe.to_yaml(),
        data=data,
        state=from_recipe.initial_state(values, data["train"].spec, where, fits=True),
        steps=step_count(values, len(data["train"])),
        device=where,
        metrics=results.build_metrics(values),
        callbacks=[resolved_component("callback", each) for each in values["train"]["callbacks"] if ranks.first],
        view=pictures.build_view(data["train"].spec.shown_by(values["view"])),
        best={},
        ranks=ranks,
    )
