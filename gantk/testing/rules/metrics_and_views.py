"""Rules of metrics and views."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gantk.data import generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Nearest, Panel, Samples, Value, overrides
from gantk.spec import DataSpec
from gantk.testing import specs, toys
from gantk.testing.rule import NotChecked, demand, rule
from gantk.testing.subject import Subject

MOST = 200
FIT_FOR_A_FILE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class Setting:
    """Real data, and nets, that a metric takes.

    Args:
        data: split to data set.
        critic: a critic of such samples.
        count: how many samples are judged.
    """

    data: Mapping[str, Dataset]
    critic: nn.Module
    count: int

    def compute(self, metric: Any, samples: Samples, seed: int = 0) -> dict[str, Value]:
        """What the metric says of these samples, and of a generator that makes them."""
        return metric.compute(self.given(samples, seed))

    def given(self, samples: Samples, seed: int) -> MetricInput:
        """What a metric is given of these samples, and of a generator that makes them."""
        rng = torch.Generator().manual_seed(seed)
        nets = {"generator": toys.Replay(samples.samples), "critic": self.critic}
        return MetricInput(samples, self.data["train"], self.data["test"], rng=rng, nets=nets, log=toys.log)

    def made(self, samples: Tensor, labels: Tensor | None) -> Samples:
        """Samples as a generator would have made them."""
        return replace(generated(samples, self.data["train"].spec), labels=labels)

    def good(self, seed: int = 0) -> Samples:
        """Real samples that stand in for generated ones; with another `seed`, others of the same data."""
        real = take(self.data["validation"], self.count, torch.Generator().manual_seed(seed))
        return self.made(real.samples, real.labels)

    def planted(self) -> dict[str, Samples]:
        """Worse ones: one sample over and over, chance, and copies of the training data."""
        good, spec = self.good(), self.data["train"].spec
        count = len(good)
        copies = take(self.data["train"], count, torch.Generator().manual_seed(0))
        return {
            "one sample over and over": self.made(good.samples[:1].expand_as(good.samples).clone(), good.labels),
            "noise": self.made(toys.noise(spec, count, seed=9), good.labels),
            "training samples": self.made(copies.samples, copies.labels),
        }


def setting(subject: Subject) -> Setting:
    """The first data that the metric takes: the plugin's own, then the kit's.

    Raises:
        NotChecked: it takes none of them.
    """
    if "setting" in subject.found:
        return subject.found["setting"]
    metric = subject.build()
    refusal = ""
    for data in _data(subject):
        spec = data["train"].spec
        torch.manual_seed(0)
        critic = toys.SmallCritic(spec)
        wanted = metric.samples
        most = max(1, len(data["validation"]) // 2)  # so that there are others
        found = Setting(data, critic, min(wanted, MOST, most, len(data["train"])))
        try:
            found.compute(metric, found.good())
        except DoesNotFit as error:
            refusal = str(error)
        else:
            subject.found["setting"] = found
            return found
    raise NotChecked(
        f"it refuses every data set of the plugin and of the kit, the last one because {refusal}; declare a data set "
        "that it takes, or tell `conformance` the parameters of one"
    )


def _data(subject: Subject) -> Iterator[Mapping[str, Dataset]]:
    yield from sorted(subject.plugin.datasets, key=lambda data: -len(data["validation"]))  # chance plays less in many
    for spec in (*subject.plugin.specs, *(specs.at_random(1, [family])[0] for family in specs.FAMILIES)):
        yield toys.data(spec)
        yield toys.data(replace(spec, classes=("one", "two", "three")))


@rule("values", "metric", says="It says how many `samples` it wants, and `compute` gives finite `Value`s by name.")
def values(subject: Subject) -> None:
    """Numbers, and a summary where there is one."""
    metric = subject.build()
    wanted = metric.samples
    demand(isinstance(wanted, int) and wanted >= 0, "`samples`, a whole number", wanted)
    found = setting(subject)
    numbers = found.compute(metric, found.good())
    demand(isinstance(numbers, dict) and bool(numbers), "a dict of values", numbers)
    for name, value in numbers.items():
        demand(isinstance(value, Value), f"'{name}' as a gantk.interfaces.Value", type(value).__name__)
        right = isinstance(value.value, int | float) and isfinite(value.value)
        demand(right, f"'{name}' as a finite number", repr(value.value))
    summary = metric.summary(numbers)
    demand(isinstance(summary, str), "a summary that is text", type(summary).__name__)


@rule(
    "pictures",
    "metric",
    says="Behind `compute`, `pictures` of the same input gives PIL pictures, the same each time, by names fit for a "
    "file.",
)
def metric_pictures(subject: Subject) -> None:
    """What a metric draws beside its numbers."""
    if not overrides(subject.build(), Metric.pictures):
        return
    found = setting(subject)
    drawn = []
    for seed in (1, 2):
        metric = subject.build()
        given = found.given(found.good(), seed=0)
        metric.compute(given)
        _disturb(seed)
        drawn.append(metric.pictures(given))
    demand(isinstance(drawn[0], Mapping), "pictures by name", type(drawn[0]).__name__)
    wrong = [name for name in drawn[0] if not (isinstance(name, str) and FIT_FOR_A_FILE.fullmatch(name))]
    demand(not wrong, "names of letters, digits, _ and -", wrong)
    wrong = [name for name, each in drawn[0].items() if not isinstance(each, Image.Image)]
    demand(not wrong, "PIL pictures", wrong)
    same = drawn[0].keys() == drawn[1].keys()
    same = same and all(np.array_equal(np.asarray(each), np.asarray(drawn[1][name])) for name, each in drawn[0].items())
    demand(same, "the same pictures for the same rng", "others: it draws random numbers elsewhere")


@rule(
    "direction",
    "metric",
    says="At least one value says what is `better`, and tells real samples from planted worse ones that way: one "
    "sample repeated, noise, or copies of the training data. No value with a direction favours the planted ones only.",
)
def direction(subject: Subject) -> None:
    """Compares real samples with planted worse ones."""
    found = setting(subject)
    metric = subject.build()
    if not found.count:
        raise NotChecked("it evaluates no generated samples")
    good = found.compute(metric, found.good())
    directed = [name for name, value in good.items() if value.better is not None]
    demand(bool(directed), "a value with a direction", "none")
    others = [found.compute(metric, found.good(seed)) for seed in (1, 2, 3)]
    worse = {}
    for plant, samples in found.planted().items():
        try:
            worse[plant] = found.compute(metric, samples)
        except DoesNotFit:  # a metric may refuse to judge one sample over and over
            continue
    telling = False
    for name in directed:
        chance = 1e-9 + 2 * max(abs(_lead(good[name], each[name])) for each in others if name in each)
        leads = {plant: _lead(good[name], values[name]) for plant, values in worse.items() if name in values}
        wins = any(lead > chance for lead in leads.values())
        telling |= wins
        wrong = not wins and any(lead < -chance for lead in leads.values())
        said = "; ".join(f"{values[name].value:.4g} for {plant}" for plant, values in worse.items() if name in values)
        came = f"{good[name].value:.4g} for real samples; {said}"
        demand(not wrong, f"'{name}' ({good[name].better} is better) to favour real samples over some others", came)
    demand(telling, "a value by which real samples are better than worse ones", "none that differs by more than chance")


def _lead(good: Value, bad: Value) -> float:
    """By how much `good` is better than `bad`."""
    if good.better == "near":
        return abs(bad.value - (bad.reference or 0)) - abs(good.value - (good.reference or 0))
    return good.value - bad.value if good.better == "higher" else bad.value - good.value


@rule("repeatable", "metric", says="The same `rng` gives the same numbers, and the samples stay as they were.")
def metric_repeatable(subject: Subject) -> None:
    """Global random numbers change nothing."""
    found = setting(subject)
    samples = found.good()
    before = samples.samples.clone()
    numbers = []
    for seed in (1, 2):
        _disturb(seed)
        numbers.append({name: value.value for name, value in found.compute(subject.build(), samples).items()})
    changed = [name for name in numbers[0] if numbers[0][name] != numbers[1].get(name)]
    demand(not changed, "the same numbers for the same rng", f"others for {', '.join(changed)}: it draws elsewhere")
    demand(torch.equal(before, samples.samples), "samples that are left alone", "changed samples")


def _disturb(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@rule("pictures", "view", says="`draw` gives a picture for 1 and for 64 samples, with and without real ones beside.")
def pictures(subject: Subject) -> None:
    """Draws pictures of each kind of samples that the view takes."""
    _on_samples(subject, _pictures)


def _pictures(view: Any, spec: DataSpec) -> None:
    data = toys.data(spec, 64)["test"]
    for count in (1, 64):
        samples = take(data, count)
        for real in (None, take(data, min(count, 8))):
            picture = view.draw(samples, real=real, caption="a caption")
            size = getattr(picture, "size", (0, 0))
            right = hasattr(picture, "save") and min(size) > 0
            demand(right, f"a PIL picture of {count} samples", type(picture).__name__)
    wrong = [name for name, each in view.pictures(take(data, 4), "a caption").items() if not hasattr(each, "save")]
    demand(not wrong, "pictures from `pictures`", wrong)
    panels = view.panels(replace(take(data, 8), attributes={"origin": "generated"}), take(data, 8))
    wrong = [name for name, each in panels.items() if not (isinstance(each, Panel) and each.title and each.caption)]
    demand(not wrong, "panels with a title and a caption from `panels`", wrong)
    few = take(data, 2)
    found = Nearest(few, torch.tensor([[0.0], [1.5]]), len(data))
    with suppress(DoesNotFit):  # which says why such samples are not drawn so
        picture = view.beside_nearest(few, found, found)
        demand(hasattr(picture, "save"), "a PIL picture from `beside_nearest`", type(picture).__name__)


@rule("repeatable", "view", says="The same samples give the same picture, and stay as they were.")
def view_repeatable(subject: Subject) -> None:
    """Draws the same samples twice."""
    _on_samples(subject, _drawn_twice)


def _drawn_twice(view: Any, spec: DataSpec) -> None:
    samples = take(toys.data(spec, 8)["test"], 4)
    kept = deepcopy(samples.samples)
    drawn = []
    for seed in (1, 2):
        _disturb(seed)
        drawn.append(np.asarray(view.draw(samples)))
    demand(np.array_equal(drawn[0], drawn[1]), "the same picture of the same samples", "another picture")
    demand(torch.equal(kept, samples.samples), "samples that are left alone", "changed samples")


def _on_samples(subject: Subject, check: Callable[[Any, DataSpec], None]) -> None:
    subject.insist()
    for spec in subject.some_specs():
        try:
            check(subject.build(spec=spec), spec)
        except DoesNotFit:
            continue
