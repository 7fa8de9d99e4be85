"""Metric `categories`: what the categories of a critic that was told no classes say of the classes of real samples."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from gantk.interfaces import Metric, MetricInput, Value
from gantk_zoo.games.catgan import CategoryCritic
from gantk_zoo.metrics.wrapped_critic import critic_and_splits, likeliest


class Categories(Metric):
    """How much zoo/catgan's categories of held-out real samples say of their classes, beside k-means.

    Adjusted mutual information (Vinh et al. 2010): 0 by chance, 1 where each category is one class. The reference is
    what k-means of as many clusters, fitted to training samples, says of the same held-out ones. `used` is the number
    of categories that hold 1 % of the held-out samples or more, `error` the share of samples that are not of the
    class that their category has most of among training samples: the paper's way to name categories.

    Args:
        learned: how many training samples k-means and the names of the categories see, at most.
    """

    samples = 0  # of generated ones: it sorts real samples
    learns_classes = True

    def __init__(self, *, learned: Annotated[int, Ge(10)] = 5000):
        self.learned = learned

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`information`, `error` and `used`.

        Raises:
            DoesNotFit: a critic without categories, or data without classes.
        """
        wanted = "categories: take the loss zoo/catgan"
        critic, train, test = critic_and_splits(
            inputs, CategoryCritic, "zoo/categories", wanted, most=self.learned, rng=inputs.rng
        )
        assert train.labels is not None and test.labels is not None
        count = critic.categories.out_features
        known, seen = (likeliest(critic, critic.category_scores, side.samples) for side in (train, test))
        seed = int(torch.randint(2**31, (), generator=inputs.rng))
        means = KMeans(count, n_init=10, random_state=seed).fit(train.samples.flatten(1).double().numpy())
        groups = [torch.from_numpy(means.labels_).long()]
        groups.append(torch.from_numpy(means.predict(test.samples.flatten(1).double().numpy())).long())
        found, usual = (adjusted_mutual_info_score(test.labels.numpy(), each.numpy()) for each in (seen, groups[1]))
        classes = len(inputs.train.spec.classes)
        error, plain = (
            self._error(of_train, train.labels, of_test, test.labels, classes)
            for of_train, of_test in ((known, seen), (groups[0], groups[1]))
        )
        note, counts = f"k-means, {count} clusters", {"n_reference": len(test)}
        used = int((seen.bincount(minlength=count) >= len(seen) / 100).sum())
        return {
            "information": Value(float(found), "higher", float(usual), note, **counts),
            "error": Value(error, "lower", plain, note, **counts),
            "used": Value(float(used), "higher", float(count), "categories there are", **counts),
        }

    @staticmethod
    def _error(known: torch.Tensor, named: torch.Tensor, seen: torch.Tensor, true: torch.Tensor, classes: int) -> float:
        """Share of wrong names where each category bears the class that is most frequent in it, (N,) each."""
        count = int(max(known.max(), seen.max())) + 1
        table = torch.zeros(count, classes).index_put_((known, named), torch.ones(len(known)), accumulate=True)
        return table.argmax(1)[seen].ne(true).double().mean().item()
