"""Metric `reconstruction`: how far a sample is from what the generator makes of its code."""

from typing import Annotated, Any

import torch
from annotated_types import Ge

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value, call, call_encode, has_member
from gantk.sampling import evaluating


class Reconstruction(Metric):
    """How far G(E(x)) is from x on the test split: mean absolute difference.

    The reference is what a shuffled pairing gives, G(E(x')) with x' another test sample: an encoder that says nothing
    of its sample is no better.

    Args:
        looked_at: how many test samples, at most.
    """

    samples = 0

    def __init__(self, *, looked_at: Annotated[int, Ge(2)] = 500):
        self.looked_at = looked_at

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`error`.

        Raises:
            DoesNotFit: a generator without an encoder.
        """
        generator: Any = inputs.nets.get("generator")
        if not has_member(generator, "encode"):
            raise DoesNotFit("zoo/reconstruction needs a generator with `encode`, as zoo/bigan makes it")
        taken = take(inputs.test, self.looked_at, inputs.rng)
        real, at = taken.samples, next(generator.parameters()).device
        labels = None if taken.labels is None else taken.labels.to(at)
        with evaluating(generator):
            back = call(generator, call_encode(generator, real.to(at), labels), labels=labels).cpu()
        shuffled = back[torch.randperm(len(back), generator=inputs.rng)]
        apart = [float((real - other).abs().mean()) for other in (back, shuffled)]
        return {"error": Value(apart[0], "lower", apart[1], "shuffled")}
