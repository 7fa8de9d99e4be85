"""The plugin's own nets, beside which a loss is looked at that refuses the kit's."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss
from gantk.spec import DataSpec
from gantk.testing.rule import NotChecked
from gantk.testing.subject import Subject

Match = tuple[DataSpec, Loss, nn.Module, nn.Module]


def matching(subject: Subject, refusal: NotChecked) -> Match:
    """A DataSpec, the loss, and the first of the plugin's own nets that it takes, as it prepares them.

    Args:
        subject: the loss.
        refusal: what it said of the kit's nets.

    Raises:
        NotChecked: it takes none of them either.
    """
    if "match" not in subject.found:
        subject.found["match"] = next(_pairs(subject), None)
    if subject.found["match"] is None:
        raise NotChecked(f"{refusal}; nor does it take a generator and a critic of its own plugin, with its data")
    match = _prepared(subject, *subject.found["match"])
    assert match is not None
    return match


def _pairs(subject: Subject) -> Iterator[tuple[DataSpec, Subject, Subject]]:
    plugin = subject.plugin
    nets = [each for each in plugin.subjects() if each.declared.kind in ("generator", "critic")]
    for spec in (*plugin.specs, *(data["train"].spec for data in plugin.datasets)):
        taking = [each for each in nets if each.takes(spec)]
        for generator in (each for each in taking if each.declared.kind == "generator"):
            for critic in (each for each in taking if each.declared.kind == "critic"):
                if _prepared(subject, spec, generator, critic) is not None:
                    yield spec, generator, critic


def _prepared(subject: Subject, spec: DataSpec, generator: Subject, critic: Subject) -> Match | None:
    torch.manual_seed(2)
    loss: Loss = subject.build(spec=spec)
    try:
        made, judge = loss.prepare(generator.net(spec), critic.net(spec), spec)
    except DoesNotFit:
        return None
    return None if made is None or judge is None else (spec, loss, made, judge)
