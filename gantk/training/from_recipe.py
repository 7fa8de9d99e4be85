"""From a resolved recipe to the parts of a run: data sets, nets, loss, optimisers, metrics, callbacks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from gantk import randomness
from gantk.components import validate
from gantk.components.registry import registry
from gantk.data import as_dataset, take
from gantk.errors import DataError, RecipeError
from gantk.interfaces import SPLITS, Dataset, Loss, Metric, View
from gantk.spec import DataSpec
from gantk.training import memory_estimate
from gantk.training.loop import State, average_of, side

RESERVED = ("use", "name", "every", "require")
"""Keys of a component's block that are not its parameters (all but `use` only in an `evaluate` entry)."""


def component(kind: str, block: Mapping[str, Any], **supplied: Any) -> Any:
    """The component that a block of a resolved recipe names, built with its parameters and what gantk supplies."""
    declared = registry().find(kind, block["use"])
    values = {name: value for name, value in block.items() if name not in RESERVED}
    return validate.build(declared, values, **supplied)


def datasets(values: Mapping[str, Any]) -> dict[str, Dataset]:
    """The three splits of the recipe's data.

    Raises:
        DataError: the data are missing, damaged, or the training split is empty.
    """
    _refuse_absurd_data(values["data"])
    found = {split: as_dataset(component("dataset", values["data"], split=split)) for split in SPLITS}
    if not len(found["train"]):
        raise DataError(f"the training split of {values['data']['use']} is empty")
    return found


def _refuse_absurd_data(block: Mapping[str, Any]) -> None:
    """Data that are made, not read, may say by a static method `bytes_needed(**parameters)` how large they will be."""
    declared = registry().find("dataset", block["use"])
    needed = getattr(registry().load(declared), "bytes_needed", None)
    if needed is not None:
        size = needed(**{name: value for name, value in block.items() if name not in RESERVED})
        memory_estimate.refuse_more_than_there_is(size, f"data: {declared.full} with these numbers")


def state(values: Mapping[str, Any], spec: DataSpec, device: torch.device | str) -> State:
    """Nets, loss, average and optimisers as they are before the first step; weights depend on the seed alone.

    Raises:
        DoesNotFit: the parts cannot work together, or need more memory than there is.
    """
    _shadows(values, spec, device)  # a checkpoint's recipe may come from anybody
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(randomness.derive(values["seed"], "weights"))
        generator, critic, loss = _nets(values, spec)
    for module in (generator, critic, loss):
        if module is not None:
            module.to(device)
    play = values["play"]
    generator_optimizer = None
    if generator is not None:
        generator_optimizer = component(
            "optimizer", play["generator_optimizer"], parameters=side(generator, loss, "with_generator")
        )
    critic_optimizer = component("optimizer", play["critic_optimizer"], parameters=side(critic, loss, "with_critic"))
    ema = average_of(generator) if generator is not None and values["train"]["ema"] is not None else None
    return State(generator, critic, loss, ema, generator_optimizer, critic_optimizer)


def _nets(values: Mapping[str, Any], spec: DataSpec) -> tuple[nn.Module | None, nn.Module, Loss]:
    generator = component("generator", values["generator"], spec=spec) if values.get("generator") else None
    critic = component("critic", values["critic"], spec=spec)
    loss: Loss = component("loss", values["loss"], spec=spec)  # for nets within it (an encoder)
    generator, critic = loss.prepare(generator, critic, spec)
    return generator, critic, loss


def check_fit(values: Mapping[str, Any], spec: DataSpec) -> dict[str, int]:
    """Builds the nets without memory (meta device), and says how many parameters each side has.

    Raises:
        DoesNotFit: the parts cannot work together, or no machine has the memory.
    """
    generator, critic, _ = _shadows(values, spec, "cpu")
    counted = {"generator": generator, "critic": critic}
    return {name: sum(p.numel() for p in net.parameters()) for name, net in counted.items() if net is not None}


def memory_needed(values: Mapping[str, Any], spec: DataSpec, device: torch.device | str) -> memory_estimate.Estimate:
    """What training needs, found by playing one update without memory. Takes some seconds.

    Raises:
        DoesNotFit: it is more than the device has.
    """
    found = memory_estimate.estimate(values, spec, _shadows(values, spec, device))
    memory_estimate.refuse_more_than_there_is(found.total, f"this recipe ({found.reasons})", device=device)
    return found


def refuse_absurd_sizes(values: Mapping[str, Any], spec: DataSpec, device: torch.device | str) -> None:
    """Refuses a recipe that needs more memory than there is, before any is taken; quick where it is far from that.

    Raises:
        DoesNotFit: the message has the numbers.
    """
    nets = _shadows(values, spec, device)
    limit = memory_estimate.there_is(device)
    if limit is not None and MANY * memory_estimate.estimate(values, spec, nets, quick=True).total > limit:
        memory_needed(values, spec, device)


MANY = 100
"""Times what weights and samples take: below that, whatever a batch keeps for its backward pass will fit."""


def _shadows(
    values: Mapping[str, Any], spec: DataSpec, device: torch.device | str
) -> tuple[nn.Module | None, nn.Module, Loss]:
    """Generator, critic and loss on the meta device."""
    with memory_estimate.counted(memory_estimate.there_is(device)):
        return _nets(values, spec)


@dataclass
class Entry:
    """One entry of `evaluate`: a metric, how often, and its bar."""

    name: str
    metric: Metric
    every: int | None
    require: Mapping[str, Any] = field(default_factory=dict)


def metrics(values: Mapping[str, Any]) -> list[Entry]:
    """The metrics of the recipe, in its order."""
    return [
        Entry(block["name"], component("metric", block), block.get("every"), block.get("require") or {})
        for block in values["evaluate"]
    ]


def view(spec: DataSpec, **parameters: Any) -> View | None:
    """The view that draws such samples, with parameters of its own, or None where the spec names none."""
    return None if spec.view is None else component("view", {**parameters, "use": spec.view}, spec=spec)


def steps(values: Mapping[str, Any], length: int) -> int:
    """How many steps the recipe means; `epochs` counts what the critic sees of a data set of `length` samples."""
    train, play = values["train"], values["play"]
    if train.get("steps") is not None:
        return train["steps"]
    if train.get("epochs") is None:
        raise RecipeError("train: give either steps or epochs")
    return max(1, round(train["epochs"] * length / (train["batch"] * play["critic_steps"])))


def fingerprint(found: Mapping[str, Dataset]) -> str:
    """A short digest of the data: sizes and the first samples of each split. Tells two data sets apart in env.json."""
    digest = hashlib.sha256()
    for split, dataset in found.items():
        digest.update(f"{split}/{len(dataset)}/".encode())
        if len(dataset):
            digest.update(take(dataset, 32).samples.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
