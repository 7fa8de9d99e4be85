"""Groups of an optimiser: submodules of a side whose rates, or other settings, are not those of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import nn

from gantk.components.carried import NAME, Carried, carried_by
from gantk.components.construct import resolved_component
from gantk.components.registry import installed_registry
from gantk.components.schedules import as_built, written
from gantk.components.signature import parameters
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss
from gantk.machine import leave_compiler_unloaded
from gantk.messages import did_you_mean

Side = Literal["generator", "critic"]


def submodules_of(side: Side, net: nn.Module | None, loss: Loss) -> dict[str, list[nn.Parameter]]:
    """Submodules of a side, those of its net and those that the loss trains with it, to their trainable parameters.

    Args:
        side: whose.
        net: the prepared net.
        loss: the loss that prepared it; a name that both have is the net's.
    """
    own = getattr(loss, f"with_{side}", None)
    of_loss = {id(weight) for weight in own.parameters()} if own is not None else set()
    found: dict[str, list[nn.Parameter]] = {}
    for module, wanted in ((loss, of_loss), (net, None)):
        for name, part in module.named_modules(remove_duplicate=False) if module is not None else ():
            weights = [each for each in part.parameters() if each.requires_grad]
            if name and weights and (wanted is None or {id(each) for each in weights} <= wanted):
                found[name] = weights
    return found


def check_groups(block: Mapping[str, Any] | None, side: Side, net: nn.Module | None, loss: Loss) -> None:
    """Checks that the groups of an optimiser name submodules of its side.

    Args:
        block: the optimiser, as a resolved recipe has it.
        side: whose.
        net: the prepared net.
        loss: the loss that prepared it.

    Raises:
        DoesNotFit: one does not, or has no weights of its own.
    """
    groups = (block or {}).get("groups") or {}
    known = submodules_of(side, net, loss) if groups else {}
    for name in groups:
        if name not in known:
            hint = did_you_mean(name, [*known], f"those are {', '.join([*known][:12])}")
            what = f"the {side}'s side has no submodule '{name}' with weights to train"
            raise DoesNotFit(f"play.{side}_optimizer.groups: {what}: {hint}")


def build_optimizer(block: Mapping[str, Any], weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser that a resolved recipe's block names, with one group of weights."""
    leave_compiler_unloaded()
    built: torch.optim.Optimizer = resolved_component("optimizer", block, parameters=weights)
    return built


def split_into_groups(
    optimizer: torch.optim.Optimizer, block: Mapping[str, Any], side: Side, net: nn.Module | None, loss: Loss
) -> torch.optim.Optimizer:
    """The optimiser, its weights split into the groups that a recipe names.

    Of two names, one within the other, the inner one holds for its weights.

    Args:
        optimizer: newly built, with one group.
        block: what it was built from, as a resolved recipe has it.
        side: whose.
        net: the prepared net.
        loss: the loss that prepared it.

    Raises:
        DoesNotFit: a group gives what this optimiser keeps for all weights alike.
    """
    known = submodules_of(side, net, loss) if block.get("groups") else {}
    registry = installed_registry()
    own = {each.name: each for each in parameters(registry.load(registry.find("optimizer", block["use"])))}
    rest = optimizer.param_groups[0]
    usual = {key: value for key, value in rest.items() if key != "params"}
    carried = list(carried_by(optimizer))
    for name, said in sorted((block.get("groups") or {}).items(), key=lambda each: (-each[0].count("."), each[0])):
        missing = sorted(said.keys() - usual.keys())
        if missing:
            raise DoesNotFit(
                f"play.{side}_optimizer.groups.{name}: {block['use']} has one {', '.join(missing)} for all weights"
            )
        chosen = {id(weight) for weight in known[name]}
        taken = [weight for weight in rest["params"] if id(weight) in chosen]
        if not taken:
            raise DoesNotFit(
                f"play.{side}_optimizer.groups.{name}: all of its weights are in the groups of submodules within it"
            )
        rest["params"] = [weight for weight in rest["params"] if id(weight) not in chosen]
        changed = {key: own[key].typed(as_built(own[key].annotation, value)) for key, value in said.items()}
        optimizer.add_param_group({**usual, **changed, "params": taken})
        follows = {key: Carried(own[key], value) for key, value in said.items() if written(own[key].annotation, value)}
        carried.append({key: value for key, value in carried[0].items() if key not in said} | follows)
    if any(carried):
        setattr(optimizer, NAME, carried)
    if not rest["params"]:
        optimizer.param_groups.pop(0)
        del carried[0]
    return optimizer
