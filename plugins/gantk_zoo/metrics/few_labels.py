"""Metric `few_labels`: what unlabelled samples add to a classifier that is told a few labels."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from gantk_basics.metrics.intervals import wilson
from gantk_basics.metrics.small_classifier import Pool, Standardised, predicted, small_classifier, train_classifier
from sklearn.linear_model import LogisticRegression

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value
from gantk.sampling import evaluating
from gantk_zoo.conditional.semi_supervised import LABELLED, ClassCritic


class FewLabels(Metric):
    """Test accuracy of the classes of zoo/semi_supervised's critic, beside classifiers of the same labels alone.

    `alone` is the small fixed classifier of basics/augmentation (two convolutions for images), trained on the labelled
    samples alone by batches of 32; `pixels` a logistic regression of the samples themselves (L2 penalty 1). `gain` is
    the critic's accuracy less that of the better of the two.

    Args:
        steps: updates of the classifier `alone`.
        seeds: how often it is trained, from other weights; the mean counts.
    """

    learns_classes = True

    def __init__(self, *, steps: Annotated[int, Ge(1)] = 300, seeds: Annotated[int, Ge(1)] = 3):
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
        known = Pool(train.samples[chosen].float(), train.labels[chosen])
        at = next(critic.parameters()).device
        with evaluating(critic):
            said = torch.cat([critic.class_scores(part.to(at)).argmax(1).cpu() for part in test.samples.split(256)])
        right = (said == test.labels).double().mean().item()
        seeds = torch.randint(2**62, (self.seeds,), generator=inputs.rng).tolist()
        alone = float(np.mean([self._alone(known, test, seed) for seed in seeds]))
        linear = LogisticRegression(max_iter=1000).fit(known.samples.flatten(1).numpy(), known.labels.numpy())
        pixels = float(linear.score(test.samples.flatten(1).numpy(), test.labels.numpy()))
        low, high = wilson(right, len(test))
        note, counts = f"{len(chosen)} labels", {"n_reference": len(test)}
        return {
            "gain": Value(right - max(alone, pixels), "higher", 0.0, f"over the better of these, {note}", **counts),
            "accuracy": Value(right, "higher", max(alone, pixels), note, low=low, high=high, **counts),
            "alone": Value(alone, None, None, f"small classifier, {note} alone", **counts),
            "pixels": Value(pixels, None, None, f"logistic regression, {note} alone", **counts),
        }

    def _alone(self, known: Pool, test: Samples, seed: int) -> float:
        """Accuracy of a small classifier that saw the labelled samples alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = Standardised(small_classifier(test.spec), known.samples)
        rng, at = torch.Generator().manual_seed(seed), torch.device("cpu")
        train_classifier(net, [known.draw], steps=self.steps, batch=32, rng=rng, device=at)
        assert test.labels is not None
        return predicted(net, test.samples.float(), at).eq(test.labels).double().mean().item()
