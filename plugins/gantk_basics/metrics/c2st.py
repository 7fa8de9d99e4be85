"""Metric `c2st`: the classical classifier two-sample test (Lopez-Paz & Oquab 2017), for any kind of data."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from scipy.stats import binomtest
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from gantk.components import fill
from gantk.data import take
from gantk.interfaces import Metric, MetricInput, Value
from gantk_basics.metrics.intervals import too_few
from gantk_basics.metrics.two_sample_tests import (
    StoredSamples,
    device_of,
    fresh_critic,
    learn,
    scores,
    split,
    unit_names,
)


class C2st(Metric):
    """Classifier two-sample test: the share of held-out samples that a classifier tells right; .5 where it cannot.

    Equally many generated and held-out real samples; a part of both trains the classifier, the rest is judged. Beside
    the accuracy stand its 95 % confidence interval (Wilson) and the probability of this or a higher one by chance
    alone (binomial). A sample with units has a classifier for each, and counts once for each.

    Lopez-Paz & Oquab 2017, sections 3 and 3.1.

    Args:
        samples: how many generated samples, and at most as many real ones.
        by: "net": a critic trained with cross-entropy by gantk's own loop; "neighbours": the √n nearest.
        steps: updates of the net.
        batch: samples of each kind in an update.
        critic: the net, of one unit, as a recipe writes it; null takes basics/dcgan for images, else basics/mlp.
        rate: learning rate of the net.
        share: of the samples, which the classifier is trained on.
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(8)] = 1000,
        by: Literal["net", "neighbours"] = "net",
        steps: Annotated[int, Ge(1)] = 500,
        batch: Annotated[int, Ge(1)] = 64,
        critic: dict[str, Any] | None = None,
        rate: Annotated[float, Gt(0)] = 2e-4,
        share: Annotated[float, Gt(0), Lt(1)] = 0.5,
    ):
        self.samples = samples
        self.by = by
        self.steps = steps
        self.batch = batch
        self.critic = None if critic is None else fill("critic", critic)
        self.rate = rate
        self.share = share

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`accuracy` over all units, its interval `low` … `high` and `p_value`, then each unit's accuracy."""
        count = min(len(inputs.generated), len(inputs.test))
        made_known, made_new = split(inputs.generated[:count], inputs.train, self.share, inputs.rng)
        real_known, real_new = split(take(inputs.test, count, inputs.rng), inputs.train, self.share, inputs.rng)
        units, size = inputs.test.spec.unit_count, min(len(made_new), len(real_new))
        new = [part.batch(torch.arange(size), inputs.rng) for part in (made_new, real_new)]
        if self.by == "net":
            device = device_of(inputs.nets)
            seed = int(torch.randint(2**62, (), generator=inputs.rng))
            critic = learn(
                fresh_critic(inputs.test.spec, self.critic, seed),
                StoredSamples(made_known.to(device)),
                real_known.to(device),
                "gan",
                steps=self.steps,
                batch=min(self.batch, len(real_known)),
                rate=self.rate,
                seed=seed,
                device=device,
                text="classifier",
            )
            guessed = [scores(critic, part, units, device) > 0 for part in new]
        else:
            made, real = (part.batch(torch.arange(len(part)), inputs.rng).samples for part in (made_known, real_known))
            guessed = [by_neighbours(made, real, part.samples, units) for part in new]
        right = torch.cat([~guessed[0], guessed[1]])  # (2 size, U)
        test_of_all = binomtest(int(right.sum()), right.numel(), 0.5, alternative="greater")
        interval = binomtest(int(right.sum()), right.numel()).proportion_ci(0.95, "wilson")
        share, low, high = right.float().mean().item(), float(interval.low), float(interval.high)
        values = {
            "accuracy": Value(share, "lower", 0.5, "by chance", size, size, low, high),
            "low": Value(low, note="of the 95 % confidence interval", n=size, n_reference=size),
            "high": Value(high, note="of the 95 % confidence interval", n=size, n_reference=size),
            "p_value": Value(float(test_of_all.pvalue), "higher", None, "of this accuracy by chance alone", size, size),
        }
        for number, name in enumerate(unit_names(inputs.test.spec)):
            own = right[:, number].float().mean().item()
            values[f"accuracy_{name}"] = Value(own, "lower", 0.5, "by chance", size, size)
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        accuracy, low, high, p = (values[name].value for name in ("accuracy", "low", "high", "p_value"))
        numbers = f"{accuracy:.1%} right ({low:.1%} to {high:.1%}), p = {p:.2g}"
        if p < 0.05:
            return f"a classifier tells generated from real: {numbers}"
        if few := too_few(values["accuracy"]):
            return f"whether generated can be told from real cannot be said ({few}): {numbers}"
        return f"a classifier cannot tell generated from real: {numbers}"


def by_neighbours(made: Tensor, real: Tensor, new: Tensor, units: int) -> Tensor:
    """Which new samples look real by most of the √n nearest known ones, unit by unit, (N, U).

    Args:
        made: known generated samples, (n, *shape).
        real: known real samples, (m, *shape).
        new: (N, *shape).
        units: U.
    """
    known = torch.cat([made, real]).reshape(len(made) + len(real), units, -1)
    labels = torch.cat([torch.zeros(len(made)), torch.ones(len(real))]).numpy()
    nearest = int(len(known) ** 0.5) // 2 * 2 + 1  # an odd number: no ties
    found = []
    for unit in range(units):
        classifier = KNeighborsClassifier(nearest).fit(known[:, unit].numpy(), labels)
        found.append(torch.from_numpy(classifier.predict(new.reshape(len(new), units, -1)[:, unit].numpy()) > 0.5))
    return torch.stack(found, 1)
