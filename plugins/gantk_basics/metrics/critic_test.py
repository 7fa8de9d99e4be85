"""Metric `critic_test`: how far a fresh critic can tell generated from held-out real samples (Osokin et al. 2017)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gantk.components import fill
from gantk.data import any_version, take
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Dataset, GeneratorWrapper, Metric, MetricInput, Samples, Value
from gantk.sampling import draw
from gantk_basics.metrics.two_sample_tests import (
    Objective,
    StoredSamples,
    device_of,
    fresh_critic,
    learn,
    scores,
    split,
    unit_names,
)

Anchors = Literal["none", "same", "all"]


@dataclass(frozen=True)
class Found:
    """Scores of several splits.

    Args:
        scores: (S, U).
        n: how many generated samples were scored in a split.
        n_real: how many real ones.
    """

    scores: Tensor
    n: int
    n_real: int

    def together(self) -> tuple[float, float]:
        """Mean and standard deviation over splits of the mean over units."""
        return self._of(self.scores.mean(1))

    def unit(self, number: int) -> tuple[float, float]:
        """Mean and standard deviation over splits of one unit."""
        return self._of(self.scores[:, number])

    @staticmethod
    def _of(values: Tensor) -> tuple[float, float]:
        return values.mean().item(), values.std(correction=1).item() if len(values) > 1 else 0.0


class CriticTest(Metric):
    """Classifier two-sample test by a critic: about 0 where generated samples cannot be told from real ones.

    A fresh critic is trained, by the same loop as every training and with the generator frozen, to tell generated
    samples from one part of the held-out real ones; its mean score of the other part minus that of new generated
    samples is the score. Each unit has a critic of its own. The mean over several random splits is reported, and real
    training samples in place of generated ones give the reference. With WGAN-GP the score estimates the Wasserstein
    distance, in units of the samples' own range, and grows with `steps`: compare equal settings only.

    Osokin et al. 2017, section 5; Lopez-Paz & Oquab 2017.

    Args:
        steps: updates of the critic; the paper has 5000.
        splits: how many random splits of the held-out samples; the paper has 10.
        batch: samples of each kind in an update.
        objective: how the critic is trained.
        critic: of one unit, as a recipe writes it: `{use: basics/dcgan, width: 64}`; null takes basics/dcgan for
            images and basics/mlp for everything else.
        rate: learning rate; null takes the optimiser of the objective as it is: Adam(1e-4, 0, .9) for WGAN-GP.
        share: of the held-out samples, which the critic is trained on; the others are scored.
        images: how many held-out samples take part, at most.
        samples: how many generated samples there are where they come from a file; a generator draws new ones.
        anchors: what real data score: `same`: training samples against held-out ones; `all`: also each pair of units
            (proteins) against each other; `none`: nothing.
    """

    costly = True

    def __init__(
        self,
        *,
        steps: Annotated[int, Ge(1)] = 5000,
        splits: Annotated[int, Ge(1)] = 10,
        batch: Annotated[int, Ge(1)] = 64,
        objective: Objective = "wgan_gp",
        critic: dict[str, Any] | None = None,
        rate: Annotated[float, Gt(0)] | None = None,
        share: Annotated[float, Gt(0), Lt(1)] = 0.5,
        images: Annotated[int, Ge(4)] = 5000,
        samples: Annotated[int, Ge(4)] = 1000,
        anchors: Anchors = "same",
    ):
        self.steps = steps
        self.splits = splits
        self.batch = batch
        self.objective = objective
        self.critic = None if critic is None else fill("critic", critic)
        self.rate = rate
        self.share = share
        self.images = images
        self.samples = samples
        self.anchors = anchors
        self._real: WeakKeyDictionary[Dataset, dict[str, Found]] = WeakKeyDictionary()

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`score` (mean over units), its `std` over splits, then each unit's score and the anchors."""
        device = device_of(inputs.nets)
        if inputs.test not in self._real:  # the same for every model of these data
            self._real[inputs.test] = self._anchors(inputs.train, inputs.test, device, torch.Generator().manual_seed(0))
        real = self._real[inputs.test]
        held = take(inputs.test, self.images, inputs.rng)
        found = self._score(
            inputs.nets.get("generator", inputs.generated), held, inputs.train, inputs.rng, device, "critic test"
        )
        names = unit_names(inputs.test.spec)
        same = real.get("same")
        mean, std = found.together()
        values = {
            "score": _value(found, found.together(), None if same is None else same.together()),
            "std": Value(std, note="over splits", n=found.n, n_reference=found.n_real),
        }
        for number, name in enumerate(names):
            values[f"score_{name}"] = _value(found, found.unit(number), None if same is None else same.unit(number))
        for number, pair in enumerate(combinations(names, 2) if "between" in real else ()):
            mean, std = real["between"].unit(number)
            values[f"real_{'_'.join(pair)}"] = Value(
                mean,
                note=f"± {std:.2g}, real against real of another kind",
                n=real["between"].n,
                n_reference=real["between"].n_real,
            )
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """The score between the anchors."""
        score, std = values["score"], values["std"].value
        text = f"critic test: generated {score.value:.3g} ± {std:.2g}"
        anchors = [] if score.reference is None else [f"real against real {score.reference:.3g}"]
        others = [value.value for name, value in values.items() if name.startswith("real_")]
        anchors += [f"kinds against each other {min(others):.3g} to {max(others):.3g}"] if others else []
        return f"{text} ({'; '.join(anchors)})" if anchors else text

    def _anchors(self, train: Dataset, test: Dataset, device: torch.device, rng: torch.Generator) -> dict[str, Found]:
        if self.anchors == "none":
            return {}
        others, held = take(train, self.images, rng), take(test, self.images, rng)
        found = {"same": self._score(others, held, train, rng, device, "real against real")}
        if self.anchors == "all" and len(unit_names(test.spec)) > 1:
            pairs = list(combinations(range(test.spec.unit_count), 2))
            one, other = _units(held, [a for a, _ in pairs]), _units(others, [b for _, b in pairs])
            found["between"] = self._score(other, one, train, rng, device, "kinds against each other")
        return found

    def _score(
        self,
        made: nn.Module | Samples,
        held: Samples,
        like: Dataset,
        rng: torch.Generator,
        device: torch.device,
        text: str,
    ) -> Found:
        """Scores of all splits: of what a generator makes, or of samples that are split as the real ones are."""
        units, found = held.spec.unit_count, []
        for number in range(self.splits):
            seed = int(torch.randint(2**62, (), generator=rng))
            known, judged = split(held, like, self.share, rng)
            real = judged.batch(torch.arange(len(judged)), rng)
            turning = torch.Generator(device).manual_seed(seed)
            generator: nn.Module
            if isinstance(made, nn.Module):
                generator, unseen = GeneratorWrapper(made, partial(any_version, like, rng=turning)), None
            else:
                seen, unseen = split(made, like, self.share, rng)
                generator = StoredSamples(seen.to(device))
            was_training = made.training if isinstance(made, nn.Module) else False
            generator.eval()
            critic = learn(
                fresh_critic(held.spec, self.critic, seed),
                GeneratorWrapper(generator, nn.Identity()),  # hides what a net does at each step of its own training
                known.to(device),
                self.objective,
                steps=self.steps,
                batch=min(self.batch, len(known)),
                rate=self.rate,
                seed=seed,
                device=device,
                text=f"{text}, split {number + 1} of {self.splits}",
            )
            fake: Batch
            if unseen is not None:
                fake = unseen.batch(torch.arange(len(unseen)), rng)
            else:
                fake = draw(
                    generator,
                    held.spec,
                    len(real),
                    seed=seed,
                    labels=real.labels,
                    condition=real.condition,
                    device=device,
                )
            generator.train(was_training)
            found.append(scores(critic, real, units, device).mean(0) - scores(critic, fake, units, device).mean(0))
        return Found(torch.stack(found), len(fake), len(real))


def _units(samples: Samples, chosen: list[int]) -> Samples:
    """Samples (N, U, …) with the units `chosen` only, (N, P, …)."""
    spec = samples.spec
    if spec.unit_axes != 1:
        raise DoesNotFit("kinds can be compared where a sample has one unit axis; give `anchors: same`")
    names = {axis: entries for axis, entries in spec.names.items() if axis != spec.axes[0]}
    return replace(
        samples,
        samples=samples.samples[:, chosen],
        spec=replace(spec, shape=(len(chosen), *spec.own_shape), names=names),
    )


def _value(found: Found, score: tuple[float, float], real: tuple[float, float] | None) -> Value:
    note = f"± {score[1]:.2g}" + ("" if real is None else f"; real against real ± {real[1]:.2g}")
    return Value(score[0], "lower", None if real is None else real[0], note, found.n, found.n_real)
