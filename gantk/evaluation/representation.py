"""Data that are trained on in one form and evaluated in another.

A data set may define `judged`, a data set of real samples as metrics want them, and `as_judged(samples)`, which brings
generated samples (B, *spec.shape) into that form (B, *judged.spec.shape): a net that draws one stack of channels is
then judged pair by pair, as nets that draw pairs are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from gantk.data import evaluation_data
from gantk.interfaces import Dataset, Samples
from gantk.interfaces.nets import GeneratorWrapper
from gantk.interfaces.optional_members import member


def as_judged(
    generated: Samples, nets: Mapping[str, nn.Module], train: Dataset, held_out: Dataset
) -> tuple[Samples, Mapping[str, nn.Module], Dataset, Dataset]:
    """Samples, nets and data in the form in which the data are evaluated.

    Args:
        generated: samples as the generator makes them.
        nets: "generator" and "critic" where there are any; in another form there is no critic, as it was not
            trained for that.
        train: the training split.
        held_out: the split that is judged against.
    """
    form: Any = member(train, "as_judged")
    seen: Any = [evaluation_data(dataset) for dataset in (train, held_out)]
    if form is None or seen[0] is train:
        return generated, nets, train, held_out
    generated = replace(generated, samples=form(generated.samples), spec=seen[0].spec)
    return generated, {name: GeneratorWrapper(net, form) for name, net in nets.items() if name == "generator"}, *seen
