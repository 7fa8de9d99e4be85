"""Data that are trained on in one form and judged in another: what metrics see instead.

A data set may define `judged`, a data set of real samples as metrics want them, and `as_judged(samples)`, which brings
generated samples (B, *spec.shape) into that form (B, *judged.spec.shape): a net that draws one stack of channels is
then judged pair by pair, as nets that draw pairs are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gantk.interfaces import Dataset, Samples, call, draw_latent


class AsJudged(nn.Module):
    """A generator whose samples come in another form; its weights stay its own.

    Args:
        generator: what makes samples.
        form: what is done to a batch of them.
    """

    def __init__(self, generator: nn.Module, form: Callable[[Tensor], Tensor]):
        super().__init__()
        self.generator = generator
        self.form = form
        self.latent_shape: Any = getattr(generator, "latent_shape", None)
        self.latent_parts: Any = getattr(generator, "latent_parts", {})

    @property
    def passes_on_to(self) -> nn.Module:
        """The net that the labels and the condition are for."""
        return self.generator

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor | None:
        """n latents as the generator draws them."""
        return draw_latent(self.generator, n, rng)

    def forward(self, latent: Tensor | None, labels: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """Samples from these latents, given the labels and the condition where the generator takes them."""
        return self.form(call(self.generator, latent, labels=labels, condition=condition))


def as_judged(
    generated: Samples, nets: Mapping[str, nn.Module], train: Dataset, held_out: Dataset
) -> tuple[Samples, Mapping[str, nn.Module], Dataset, Dataset]:
    """What metrics are given: all as it is, or in the form that the data ask for.

    Args:
        generated: samples as the generator makes them.
        nets: "generator" and "critic" where there are any; in another form there is no critic, as it was not
            trained for that.
        train: the training split.
        held_out: the split that is judged against.
    """
    form: Any = getattr(train, "as_judged", None)
    seen: Any = [getattr(dataset, "judged", dataset) for dataset in (train, held_out)]
    if form is None or seen[0] is train:
        return generated, nets, train, held_out
    generated = replace(generated, samples=form(generated.samples), spec=seen[0].spec)
    return generated, {name: AsJudged(net, form) for name, net in nets.items() if name == "generator"}, *seen
