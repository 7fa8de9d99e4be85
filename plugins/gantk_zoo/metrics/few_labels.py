"""Metric `few_labels`: what unlabelled samples add to a classifier that is told a few labels."""

from __future__ import annotations

import numpy as np
import torch
from gantk_basics.metrics.intervals import wilson
from sklearn.linear_model import LogisticRegression
from torch import nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk.sampling import evaluating
from gantk_zoo.conditional.semi_supervised import LABELLED, ClassCritic
from gantk_zoo.metrics.fine_tuning import accuracy


class FewLabels(Metric):
    """Test accuracy of the classes of zoo/semi_supervised's critic, beside classifiers of the same labels alone.

    `alone` is the critic's net from new weights with a linear layer on top, trained on the labelled samples alone by
    Adam(1e-3), batches of 32; `pixels` a logistic regression of the samples themselves (L2 penalty 1), by the same
    labels. `gain` is the critic's accuracy less that of the better of the two.

    Args:
        steps: updates of the classifier `alone`.
        seeds: how often it is trained, from other weights; the mean counts.
    """

    learns_classes = True

    def __init__(self, *, steps: int = 300, seeds: int = 3):
        self.steps = steps
        self.seeds = seeds

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`gain`, `accuracy`, `alone` and `pixels`.

        Raises:
            DoesNotFit: a critic without classes, or samples without labels.
        """
        net = inputs.nets.get("critic")
        critic = next((each for each in net.modules() if isinstance(each, ClassCritic)), None) if net else None
        if critic is None:
            raise DoesNotFit("zoo/few_labels asks for the critic's classes: take the loss zoo/semi_supervised")
        train, test = (take(each, len(each)) for each in (inputs.train, inputs.test))
        if train.labels is None or test.labels is None or not len(test):
            raise DoesNotFit("zoo/few_labels needs training and test samples with labels")
        told = train.truth.get(LABELLED)
        chosen = torch.arange(len(train)) if told is None else told.nonzero().squeeze(1)
        known, asked = (train.samples[chosen], train.labels[chosen]), (test.samples, test.labels)
        at = next(critic.parameters()).device
        with evaluating(critic):
            said = torch.cat([critic.class_scores(part.to(at)).argmax(1).cpu() for part in asked[0].split(256)])
        right = (said == asked[1]).double().mean().item()
        seeds = torch.randint(2**62, (self.seeds,), generator=inputs.rng).tolist()
        alone = float(np.mean([self._alone(critic.critic, known, asked, seed) for seed in seeds]))
        linear = LogisticRegression(max_iter=1000).fit(known[0].flatten(1).numpy(), known[1].numpy())
        pixels = float(linear.score(asked[0].flatten(1).numpy(), asked[1].numpy()))
        low, high = wilson(right, len(test))
        note, counts = f"{len(chosen)} labels", {"n_reference": len(test)}
        return {
            "gain": Value(right - max(alone, pixels), "higher", 0.0, f"over the better of these, {note}", **counts),
            "accuracy": Value(right, "higher", max(alone, pixels), note, low=low, high=high, **counts),
            "alone": Value(alone, None, None, f"the same net, {note} alone", **counts),
            "pixels": Value(pixels, None, None, f"logistic regression, {note} alone", **counts),
        }

    def _alone(self, net: nn.Module, known: tuple, asked: tuple, seed: int) -> float:
        """Accuracy of the net from new weights."""
        count = int(torch.cat([known[1], asked[1]]).max()) + 1
        given = {"classes": count, "updates": self.steps, "new": True, "seed": seed}
        return accuracy(net, lambda body, samples: body.features(samples), known, asked, **given)
