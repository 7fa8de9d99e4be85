"""Metric `class_agreement`: are generated samples of the class that was asked for, and as varied as that class is?"""

from collections.abc import Mapping
from typing import Annotated
from weakref import WeakKeyDictionary

import torch
from annotated_types import Ge
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_basics.metrics.classifier import Classifier, classifier_of
from gantk_basics.metrics.intervals import wilson

HALVINGS = 20  # of the held-out samples of a class, to be averaged over


def coverage(real: Tensor, made: Tensor, k: int) -> float:
    """The share of real samples with a generated one nearer than their k-th nearest other real one.

    Naeem et al. 2020, equation 5.

    Args:
        real: (N, F), more than k.
        made: (M, F).
        k: which neighbour.
    """
    apart = torch.cdist(real, real).fill_diagonal_(torch.inf)
    around = apart.kthvalue(k, dim=1).values
    return (torch.cdist(real, made) <= around[:, None]).any(1).double().mean().item()


def halved_coverage(real: Tensor, made: Tensor, k: int, rng: torch.Generator) -> tuple[float, float]:
    """Coverage of one half of the real samples by equally many generated ones, and by the other half.

    The mean over random halves; `nan` twice where a half would have no more than k samples.

    Args:
        real: (N, F).
        made: (M, F).
        k: which neighbour sets the size of a ball.
        rng: halves.
    """
    size = min(len(real) // 2, len(made))
    if size <= k:
        return float("nan"), float("nan")
    found = []
    for _ in range(HALVINGS):
        order, chosen = torch.randperm(len(real), generator=rng), torch.randperm(len(made), generator=rng)[:size]
        half, other = real[order[:size]], real[order[size : 2 * size]]
        found.append((coverage(half, made[chosen], k), coverage(half, other, k)))
    one, two = (sum(each) / HALVINGS for each in zip(*found, strict=True))
    return one, two


class ClassAgreement(Metric):
    """Whether generated samples are of the class that was asked for, and cover that class as real ones do.

    A convolutional classifier learns the classes of the training split, apart from the run. `agreement` is the share of
    generated samples in which it sees the class asked for, beside its accuracy on held-out samples. A generator that
    makes one typical sample of each class agrees best, so `coverage` stands beside it: Naeem et al. 2020, equation 5,
    in the classifier's features, each class on its own, of half of the held-out samples by equally many generated ones,
    beside that by the other half; averaged over halvings, and over classes. Copies of training samples pass both.

    Args:
        samples: how many generated samples, and at most as many held-out ones for the accuracy.
        learned: how many training samples the classifier learns from, at most.
        steps: updates of the classifier, of 64 samples.
        k: which neighbour sets the size of a ball.
    """

    learns_classes = True

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(1)] = 1000,
        learned: Annotated[int, Ge(10)] = 20_000,
        steps: Annotated[int, Ge(1)] = 600,
        k: Annotated[int, Ge(1)] = 5,
    ):
        self.samples = samples
        self.learned = learned
        self.steps = steps
        self.k = k
        self._known: WeakKeyDictionary[Dataset, Classifier] = WeakKeyDictionary()

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`agreement`; `agreement_share`, that over the accuracy on held-out samples; `coverage`, the mean over
        classes; `coverage_share`, that over the halves', of the class where it is least. The last two are there only
        where a class has more than 2 k held-out samples.

        Raises:
            DoesNotFit: the generator takes no labels, or the data have none.
        """
        made = inputs.generated
        if made.labels is None:
            raise DoesNotFit(
                "basics/class_agreement asks whether samples are of their class, and these have no labels: take a "
                "generator with labels (`labels: concat`) and data with classes"
            )
        if inputs.train not in self._known:
            self._known[inputs.train] = classifier_of(inputs.train, most=self.learned, steps=self.steps)
        classifier = self._known[inputs.train]
        real = take(inputs.test, len(inputs.test), inputs.rng)
        if real.labels is None or not len(real):
            raise DoesNotFit("basics/class_agreement needs held-out samples with labels, and there are none")
        (said, of_made), (named, of_real) = (classifier.judged(each.samples) for each in (made, real))
        right = (said == made.labels.cpu()).double().mean().item()
        accuracy = (named == real.labels).double().mean().item()
        counts = {"n": len(made), "n_reference": len(real)}
        low, high = wilson(right, len(made))
        values = {
            "agreement": Value(right, "higher", accuracy, "real test", **counts, low=low, high=high),
            "agreement_share": Value(right / max(accuracy, 1e-9), "higher", note="of the real ones'", **counts),
        }
        found = {}
        for label, name in enumerate(inputs.train.spec.classes):
            own = of_real[real.labels == label], of_made[made.labels.cpu() == label]
            one, other = halved_coverage(*own, self.k, inputs.rng)
            if one == one:
                found[name] = (one, other)
        if found:
            one, other = (sum(each) / len(found) for each in zip(*found.values(), strict=True))
            share, least = min((a / max(b, 1e-9), name) for name, (a, b) in found.items())
            values["coverage"] = Value(one, "higher", other, "real halves", **counts)
            values["coverage_share"] = Value(share, "higher", note=f"least: {least}", **counts)
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """What a classifier sees, and how good it is itself."""
        right = values["agreement"]
        told = (
            f"in {right.value:.1%} of generated samples a classifier sees the class that was asked for (in "
            f"{right.reference:.1%} of held-out real ones)"
        )
        if "coverage" not in values:
            return f"{told}; classes have too few held-out samples to say how varied they are"
        cover, share = values["coverage"], values["coverage_share"]
        return (
            f"{told}; they cover {cover.value:.0%} of a class (real halves {cover.reference:.0%}), "
            f"{share.note} with {share.value:.0%} of the real halves'"
        )
