"""Metric `few_labels`: what unlabelled samples add to a classifier that is told a few labels."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from gantk_basics.metrics.intervals import wilson
from gantk_basics.metrics.small_classifier import Pool, Standardised, predicted, small_classifier, train_classifier
from sklearn.linear_model import LogisticRegression

from gantk.interfaces import Metric, MetricInput, Samples, Value
from gantk_zoo.conditional.semi_supervised import LABELLED, ClassCritic
from gantk_zoo.metrics.wrapped_critic import critic_and_splits, likeliest


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
        wanted = "classes: take the loss zoo/semi_supervised"
        critic, train, test = critic_and_splits(inputs, ClassCritic, "zoo/few_labels", wanted)
        assert train.labels is not None and test.labels is not None
        told = train.truth.get(LABELLED)
        chosen = torch.arange(len(train)) if told is None else told.nonzero().squeeze(1)
        known = Pool(train.samples[chosen].float(), train.labels[chosen])
        right = (likeliest(critic, critic.class_scores, test.samples) == test.labels).double().mean().item()
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
