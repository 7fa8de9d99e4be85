"""Arrays of a checkpoint into live nets and optimisers: every name, shape and type must be the one expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantk import console
from gantk.errors import FileError
from gantk.messages import printable


def stored_as(tensor: Tensor) -> np.dtype[Any]:
    """The type of such a tensor in a file: numpy has no bfloat16."""
    one = torch.empty(0, dtype=torch.float32 if tensor.dtype == torch.bfloat16 else tensor.dtype)
    return one.numpy().dtype


@torch.no_grad()
def load_module(module: nn.Module, tensors: Mapping[str, np.ndarray], what: str) -> None:
    """Copies `tensors` into the live module, which keeps its memory format and device.

    Raises:
        FileError: names, shapes or types differ; the message lists the differences.
    """
    own: dict[str, Tensor] = module.state_dict()
    differences = [f"{name}: missing in the file" for name in own.keys() - tensors.keys()]
    differences += [f"{name}: not in this {what}" for name in tensors.keys() - own.keys()]
    differences += [
        f"{name}: {tuple(tensors[name].shape)} in the file, {tuple(own[name].shape)} here"
        for name in own.keys() & tensors.keys()
        if tuple(tensors[name].shape) != tuple(own[name].shape)
    ]
    differences += [
        f"{name}: {tensors[name].dtype} in the file, {stored_as(own[name])} here"
        for name in own.keys() & tensors.keys()
        if tensors[name].dtype != stored_as(own[name])
    ]
    if differences:
        shown = "\n  ".join(sorted(differences)[:12])
        more = f"\n  … and {len(differences) - 12} more" if len(differences) > 12 else ""
        raise FileError(f"the weights do not fit this {what}:\n  {shown}{more}")
    for name, value in own.items():
        value.copy_(torch.as_tensor(tensors[name]))


def load_optimizer(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any], side: str) -> None:
    """Gives an optimiser its state; torch itself would take arrays of any shape for any parameter.

    Args:
        optimizer: over the parameters that the state is of.
        saved: {"groups": [...], "state": {parameter number: {name: array}}}.
        side: "generator" or "critic", for messages.

    Raises:
        FileError: the state is that of other parameters, or of another optimiser.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    here = [len(group["params"]) for group in optimizer.param_groups]
    there = [len(group["params"]) for group in saved["groups"]]
    if here != there or sum(there) != len({each for group in saved["groups"] for each in group["params"]}):
        raise FileError(f"the optimiser of the {side} has {here} parameters here, {there} in the file")
    groups = []
    for live, kept in zip(optimizer.param_groups, saved["groups"], strict=True):
        other = [key for key in live if key != "params" and key in kept and _kind(live[key]) != _kind(kept[key])]
        if other:
            raise FileError(f"the settings of the {side}'s optimiser are not those of this one: {', '.join(other[:8])}")
        missing = {key: value for key, value in live.items() if key not in kept and key != "initial_lr"}
        unknown = sorted(map(str, kept.keys() - live.keys() - {"initial_lr"}))
        if missing or unknown:  # torch adds and removes settings from version to version
            console.warn(f"the {side}'s optimiser was saved by another version of torch: {_changes(missing, unknown)}")
        groups.append({key: value for key, value in kept.items() if key not in unknown} | missing)
    for number, tensors in saved["state"].items():
        if number not in range(len(parameters)):
            raise FileError(f"the optimiser of the {side} has no parameter number {number}")
        for name, array in tensors.items():
            if array.ndim and array.shape != tuple(parameters[number].shape):
                where = f"{name} of parameter {number} of the {side}'s optimiser"
                raise FileError(f"{where}: {array.shape} in the file, {tuple(parameters[number].shape)} here")
    values = {
        number: {name: _laid_out_as(parameters[number], array) for name, array in tensors.items()}
        for number, tensors in saved["state"].items()
    }
    try:
        optimizer.load_state_dict({"state": values, "param_groups": groups})
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise FileError(f"the state of the {side}'s optimiser does not fit: {error}") from error


def _laid_out_as(parameter: Tensor, array: np.ndarray) -> Tensor:
    """The array as a tensor with the strides of its parameter: torch's fused optimisers walk memory, not indices."""
    value = torch.as_tensor(array)
    if value.shape != parameter.shape:
        return value  # a count of steps
    return torch.empty_like(parameter, dtype=value.dtype, device="cpu").copy_(value)


def _changes(missing: Mapping[str, Any], unknown: list[str]) -> str:
    taken = [f"{key} is {value} as today's default" for key, value in missing.items()]
    return printable("; ".join([*taken, *(f"{key} is unknown here, and left out" for key in unknown)]))


def _kind(value: Any) -> str:
    """What kind of setting a value is, alike before and after JSON; null may stand for a flag that is left open."""
    if isinstance(value, bool) or value is None:
        return "flag"
    if isinstance(value, int | float | Tensor):
        return "number"
    return f"{len(value)} values" if isinstance(value, list | tuple) else type(value).__name__
