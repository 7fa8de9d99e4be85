"""From a resolved recipe to the parts of a run: data sets, nets, loss, optimisers, metrics, callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

from gantk import console, machine, randomness
from gantk.components.construct import RESERVED, resolved_component
from gantk.components.registry import installed_registry
from gantk.components.schedules import found_in
from gantk.data import as_dataset
from gantk.errors import DataError, DoesNotFit, GantkError
from gantk.interfaces import SPLITS, Dataset, Loss, declares
from gantk.interfaces.optional_members import member
from gantk.messages import byte_size
from gantk.spec import DataSpec
from gantk.training import memory_estimate
from gantk.training.cuda_graphs import Graphs
from gantk.training.engine import Eager
from gantk.training.groups import build_optimizer, check_groups, split_into_groups
from gantk.training.settings import keeps_average
from gantk.training.state import State, trainable_parameters
from gantk.training.weight_average import average_of


def datasets(values: Mapping[str, Any]) -> dict[str, Dataset]:
    """The three splits of the recipe's data.

    Raises:
        DataError: the data are missing, damaged, or the training split is empty.
    """
    _refuse_absurd_data(values["data"])
    with console.once():
        found = {split: as_dataset(resolved_component("dataset", values["data"], split=split)) for split in SPLITS}
    if not len(found["train"]):
        raise DataError(f"the training split of {values['data']['use']} is empty")
    _refuse_without_classes(values, found["train"].spec)
    return found


def _refuse_without_classes(values: Mapping[str, Any], spec: DataSpec) -> None:
    """What a recipe does class by class needs data that have some."""
    if values["train"]["balance"] == "classes" and not spec.classes:
        raise DoesNotFit(
            f"train.balance is classes, but {values['data']['use']} names no classes: take train.balance=none"
        )
    for entry in values["evaluate"]:
        if entry.get("by_class") and not spec.classes:
            raise DoesNotFit(
                f"evaluate: {entry['name']} is asked for by_class, but {values['data']['use']} names no classes: leave "
                "by_class out"
            )


def _refuse_absurd_data(block: Mapping[str, Any]) -> None:
    """Data that are made, not read, may say by a static method `bytes_needed(**parameters)` how large they will be."""
    declared = installed_registry().find("dataset", block["use"])
    needed = member(installed_registry().load(declared), "bytes_needed")
    if needed is not None:
        size = needed(**{name: value for name, value in block.items() if name not in RESERVED})
        machine.refuse_above_memory(size, f"data: {declared.full} with these numbers")


def initial_state(
    values: Mapping[str, Any], spec: DataSpec, device: torch.device | str, *, fits: bool = False
) -> State:
    """Nets, loss, average and optimisers as they are before the first step; weights depend on the seed alone.

    Args:
        values: the resolved recipe.
        spec: the DataSpec of its data.
        device: where to put it all.
        fits: whether `refuse_absurd_sizes` has found that these nets fit into memory; otherwise they are first built
            on the meta device, since a checkpoint's recipe may come from anybody.

    Raises:
        DoesNotFit: the parts cannot work together, or need more memory than there is.
    """
    if not fits:
        _shadows(values, spec, device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(randomness.derive(values["seed"], "weights"))
        generator, critic, loss = _nets(values, spec)
    for module in (generator, critic, loss):
        if module is not None:
            module.to(device)

    def optimizer(side: Literal["generator", "critic"], net: nn.Module | None) -> torch.optim.Optimizer | None:
        if net is None:
            return None
        block = values["play"][f"{side}_optimizer"]
        trained = trainable_parameters(net, loss, f"with_{side}")  # type: ignore[arg-type]  # one of the two
        return split_into_groups(build_optimizer(block, trained), block, side, net, loss)

    ema = average_of(generator) if generator is not None and keeps_average(values["train"]) else None
    return State(generator, critic, loss, ema, optimizer("generator", generator), optimizer("critic", critic))


def _nets(values: Mapping[str, Any], spec: DataSpec) -> tuple[nn.Module | None, nn.Module | None, Loss]:
    generator = resolved_component("generator", values["generator"], spec=spec) if values.get("generator") else None
    critic = resolved_component("critic", values["critic"], spec=spec) if values.get("critic") else None
    loss: Loss = resolved_component("loss", values["loss"], spec=spec)  # for nets within it (an encoder)
    _refuse_other_sides(loss, generator, critic, values["loss"]["use"])
    generator, critic = loss.prepare(generator, critic, spec)
    if any(entry.get("by_class") for entry in values["evaluate"]):
        refuse_untold(generator)
    check_groups(values["play"]["generator_optimizer"], "generator", generator, loss)
    check_groups(values["play"]["critic_optimizer"], "critic", critic, loss)
    return generator, critic, loss


def _refuse_other_sides(loss: Loss, generator: nn.Module | None, critic: nn.Module | None, name: str) -> None:
    """Refuses a recipe whose nets are not those that its loss trains."""
    nets: dict[Literal["generator", "critic"], nn.Module | None] = {"generator": generator, "critic": critic}
    for side, net in nets.items():
        if net is None and loss.trains(side):
            raise DoesNotFit(
                f"{name} trains a {side}, and this recipe has none ({side}: null): name one, or choose a loss without"
            )
        if net is not None and not loss.trains(side):
            raise DoesNotFit(f"{name} trains no {side}: write {side}: null, or choose a loss that does")


def refuse_untold(generator: nn.Module | None) -> None:
    """Raises DoesNotFit where a generator is not told the class: nobody then knows of which its samples are."""
    if generator is not None and not declares(generator, "labels"):
        raise DoesNotFit(
            "by_class needs a generator that is told the class, and this one is not: nobody knows the classes of its "
            "samples. Leave by_class out, or take a generator with labels"
        )


def check_fit(values: Mapping[str, Any], spec: DataSpec) -> dict[str, int]:
    """Builds the nets without memory (meta device), and says how many parameters each side has.

    Raises:
        DoesNotFit: the parts cannot work together, or no machine has the memory.
    """
    generator, critic, _ = _shadows(values, spec, "cpu")
    if values["view"] is not None:
        resolved_component("view", values["view"], spec=spec)
    counted = {"generator": generator, "critic": critic}
    return {name: sum(p.numel() for p in net.parameters()) for name, net in counted.items() if net is not None}


def memory_needed(
    values: Mapping[str, Any], spec: DataSpec, device: torch.device | str, data_bytes: int | None = None
) -> memory_estimate.Estimate:
    """What training needs, found by playing one update without memory. Takes some seconds.

    Args:
        values: the resolved recipe.
        spec: the DataSpec of its data.
        device: where it is to run.
        data_bytes: what the resident training split takes; None: it is read as it is needed.

    Raises:
        DoesNotFit: what it cannot do without is more than the device has. Where only the estimate is, that is a
            warning: convolutions may keep less than is thought.
    """
    found = memory_estimate.estimate(values, spec, _shadows(values, spec, device), data_bytes)
    machine.refuse_above_memory(found.least, f"this recipe ({found.reasons})", device=device)
    limit = machine.memory_limit(device)
    if limit is not None and found.total > limit:
        console.warn(
            f"this recipe may need about {byte_size(found.total)} of memory ({found.reasons}), and this machine has "
            f"{byte_size(limit)}. That is an estimate; should memory run out, take a smaller train.batch or width"
        )
    return found


def refuse_absurd_sizes(
    values: Mapping[str, Any], spec: DataSpec, device: torch.device | str, data_bytes: int | None = None
) -> None:
    """Refuses a recipe that needs more memory than there is, before any is taken; quick where it is far from that.

    Raises:
        DoesNotFit: the message has the numbers.
    """
    nets = _shadows(values, spec, device)
    limit = machine.memory_limit(device)
    if limit is None:
        return
    known = memory_estimate.estimate(values, spec, nets, data_bytes, quick=True)
    batch = MANY * (known.weights + known.training + memory_estimate.bytes_of_batch(values, spec))
    if known.total + batch > limit:
        memory_needed(values, spec, device, data_bytes)


MANY = 100
"""Times what weights and samples of a batch take: below that, whatever a batch keeps for its backward pass will fit."""


def _shadows(
    values: Mapping[str, Any], spec: DataSpec, device: torch.device | str
) -> tuple[nn.Module | None, nn.Module | None, Loss]:
    """Generator, critic and loss on the meta device."""
    with memory_estimate.within_memory(machine.memory_limit(device)):
        return _nets(values, spec)


Name = Literal["auto", "eager", "graphs"]


def check_engine(name: Name, device: torch.device, loss: Mapping[str, Any] | None = None) -> None:
    """Before anything is made of a run: whether this device can have the engine of this name.

    Raises:
        GantkError: graphs without a CUDA device, or under a loss whose numbers change.
    """
    changing = [path for path, _ in found_in(loss, "loss")] if name == "graphs" else []
    if changing:
        raise GantkError(f"machine.engine is graphs, which cannot replay what {changing[0]} changes: take eager")
    if name == "graphs" and device.type != "cuda":
        raise GantkError(
            f"machine.engine is graphs, which needs a CUDA device; this run is on {device.type}: take eager"
        )


def make_engine(name: Name, device: torch.device, precision: str = "float32") -> Eager:
    """The engine of this name. "auto" is eager: docs/decisions/061-speed.md has the measurements.

    Raises:
        GantkError: graphs without a CUDA device.
    """
    check_engine(name, device)
    return {"auto": Eager, "eager": Eager, "graphs": Graphs}[name](precision)
