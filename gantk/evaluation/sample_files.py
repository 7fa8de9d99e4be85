"""`gantk evaluate` of a file of samples, made by any program: metrics against real data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gantk import console, randomness
from gantk.components import construct
from gantk.components.formats import FirstThatFits, format_for
from gantk.components.registry import installed_registry
from gantk.components.signature import parameters
from gantk.data import Resident, evaluation_data
from gantk.errors import ComponentError, DataError, DoesNotFit, RecipeError
from gantk.evaluation.by_class import of_samples, values_by_class
from gantk.evaluation.evaluate import JUDGED_BY, counted, left_out
from gantk.evaluation.representation import as_judged
from gantk.evaluation.results import Entry, Results, build_metrics
from gantk.interfaces import Dataset, Format, Metric, MetricInput, Samples
from gantk.interfaces.optional_members import member
from gantk.recipe.find_file import ENDINGS
from gantk.recipe.overrides import refuse_others
from gantk.recipe.recipe import entries_of, load
from gantk.spec import DataSpec
from gantk.training import from_recipe

HELD_OUT = 0.2
"""Share of a reference file that counts as held out."""


@dataclass(frozen=True)
class Reference:
    """The real data and the metrics that samples are evaluated with.

    Args:
        entries: the metrics.
        data: the splits "train" and "test".
        seed: of whatever is drawn.
    """

    entries: list[Entry]
    data: Mapping[str, Dataset]
    seed: int


def reference(name: str, overrides: Sequence[str], seed: int | None, like: DataSpec | None = None) -> Reference:
    """What samples are judged against.

    Args:
        name: a recipe, whose data and `evaluate` entries count; or a file of real samples, which is split at random.
        overrides: of the recipe; of a file, `evaluate=[…]`, without which all metrics of the plugin that such samples
            name are taken, as far as they need no parameter.
        seed: of split and metrics; None: the recipe's, or 0.
        like: of the samples that are to be judged; a file of real ones is brought into their form, where its format
            can (`read_as`).

    Raises:
        GantkError: no such recipe or file, mistakes in it, no metrics.
    """
    path = Path(name)
    if path.suffix.lower() in ENDINGS or not path.is_file():
        refuse_others(overrides, JUDGED_BY, "where a file of samples is judged")
        values = load(name, overrides).values
        entries = build_metrics(values)
        if not entries:
            raise RecipeError(f"{name}: has no `evaluate` entries; give some: 'evaluate=[{{use: plugin/metric}}]'")
        return Reference(entries, from_recipe.datasets(values), values["seed"] if seed is None else seed)
    samples = read_as(path, like)
    entries = build_metrics({"evaluate": entries_of(overrides)}) if overrides else metrics_for(samples.spec)
    return Reference(entries, split(samples, seed or 0, path), seed or 0)


def read_as(path: Path, like: DataSpec | None) -> Samples:
    """Real samples of a file, in the form of others where its format can bring them into it.

    Args:
        path: the file.
        like: of the others; None: as they stand.

    Raises:
        GantkError: no format has such an ending, it cannot be read, or cannot be brought into that form.
    """

    def read(each: Format) -> Samples:
        own = member(each, "read_as")
        return each.read(path) if own is None or like is None else own(path, like)

    found = format_for(path, like)
    return found.first(read) if isinstance(found, FirstThatFits) else read(found)


def _takes_minutes(target: Any) -> bool:
    return isinstance(target, type) and issubclass(target, Metric) and target.costly


def metrics_for(spec: DataSpec) -> list[Entry]:
    """Every metric of the plugin whose formats or view suit such samples, if it needs no parameter and is not costly.

    Metrics that look at no samples, but at a run, are not among them.

    Raises:
        RecipeError: there is none.
    """
    named = [name for name in (spec.view, *spec.formats) if name]
    plugins = list(dict.fromkeys(name.partition("/")[0] for name in named))
    for plugin in plugins:
        known = [each for each in installed_registry().of_kind("metric") if each.plugin == plugin]
        costly = [each for each in known if _takes_minutes(installed_registry().load(each))]
        needing = [each for each in known if any(p.required for p in parameters(installed_registry().load(each)))]
        entries = [
            Entry(each.name, construct.component("metric", {"use": each.full}), None)
            for each in known
            if each not in needing + costly
        ]
        entries = [entry for entry in entries if entry.metric.samples]
        if costly:
            names = ", ".join(each.full for each in costly)
            console.say(f"left out, since they take long: {names} (name them: 'evaluate=[{{use: …}}]')")
        if needing:
            names = ", ".join(each.full for each in needing)
            console.say(f"left out, since they need parameters: {names} (give 'evaluate=[{{use: …}}]')")
        if entries:
            return entries
    raise RecipeError(
        "these samples name no plugin with metrics; say which: 'evaluate=[{use: basics/diversity}]' "
        "(`gantk list metric` shows what there is)"
    )


def split(samples: Samples, seed: int, path: Path) -> dict[str, Dataset]:
    """Real samples as a training and a held-out part, at random; equal samples count once, so none is in both.

    Raises:
        DataError: there are fewer than two different ones.
    """
    flattened = samples.samples.reshape(len(samples), -1)
    first: dict[bytes, int] = {}
    for index, row in enumerate(flattened.contiguous().numpy()):
        first.setdefault(row.tobytes(), index)
    if len(first) < 2:
        raise DataError(f"{path}: has {len(first)} different samples; two or more are needed to hold some out")
    if len(first) < len(samples):
        console.say(f"{path}: {len(samples) - len(first)} of {len(samples)} samples are repeats and count once")
    order = torch.tensor(list(first.values()))[
        torch.randperm(len(first), generator=randomness.generator(seed, "split"))
    ]
    held_out = max(1, round(HELD_OUT * len(order)))
    return {"train": _dataset(samples[order[held_out:]]), "test": _dataset(samples[order[:held_out]])}


def _dataset(samples: Samples) -> Dataset:
    return Resident(
        samples.spec, samples.samples, labels=samples.labels, condition=samples.condition, truth=samples.truth
    )


def evaluate_samples(samples: Samples, against: Reference) -> Results:
    """Every metric on samples from a file, in random order, since metrics look at the first so many.

    Of several metrics, one that does not fit is left out with a warning.

    Raises:
        DoesNotFit: the samples are of another kind than these data, or no metric can compare them.
    """
    _refuse_another_kind(samples.spec, against.data["train"].spec)
    conform = member(against.data["train"], "conform")
    samples = samples if conform is None else conform(samples)
    samples = replace(samples, spec=_completed(samples.spec, against.data["train"].spec))
    order = torch.randperm(len(samples), generator=randomness.generator(against.seed, "order"))
    shuffled, data = _in_form(samples[order], against.data)
    results: Results = {}
    for entry in against.entries:
        with left_out(f"the metric {entry.name}", several=len(against.entries) > 1):
            results[entry.name] = _values(shuffled, entry, data, against.seed)
        if entry.by_class and entry.name in results:
            with left_out(f"the metric {entry.name} by class"):
                parts = of_samples(shuffled, data["train"], data["test"])
                results[entry.name] |= values_by_class(
                    entry, parts, data["train"], {}, seed=against.seed, purpose="evaluate"
                )
    return results


def _refuse_another_kind(spec: DataSpec, other: DataSpec) -> None:
    """Raises DoesNotFit where samples have other axes than the data that they are to be judged by."""
    own, wanted = spec.axes[spec.unit_axes :], other.axes[other.unit_axes :]
    if len(own) != len(wanted) or spec.categorical != other.categorical:
        raise DoesNotFit(
            f"these samples are of another kind than the data: {_in_words(spec)} and {_in_words(other)}. "
            "Name by --data the recipe, or the real samples, that they were made after"
        )


def _completed(spec: DataSpec, data: DataSpec) -> DataSpec:
    """What a file says of its samples and, where it does not say it (text, tables), what the data say.

    Args:
        spec: of the samples.
        data: of the data that they are judged by.
    """
    if spec.shape != data.shape:
        return spec
    return replace(spec, range=spec.range or data.range, attributes={**data.attributes, **spec.attributes})


def _in_words(spec: DataSpec) -> str:
    return " × ".join(f"{size} {axis}" for size, axis in zip(spec.shape, spec.axes, strict=True))


def _in_form(samples: Samples, data: Mapping[str, Dataset]) -> tuple[Samples, Mapping[str, Dataset]]:
    """Samples and data in the form in which the data are evaluated: that of the file, of the data, or of `present`."""
    if samples.spec.shape == data["train"].spec.shape:
        samples, _, train, test = as_judged(samples, {}, data["train"], data["test"])
        return samples, {"train": train, "test": test}
    seen = {name: evaluation_data(each) for name, each in data.items()}
    form, spec = member(data["train"], "as_judged"), seen["train"].spec
    if form is not None and samples.spec.shape != spec.shape:
        brought = form(samples.samples)
        if tuple(brought.shape[1:]) == spec.shape:
            samples = replace(samples, samples=brought, spec=spec)
    return samples, seen


def _values(samples: Samples, entry: Entry, data: Mapping[str, Dataset], seed: int) -> Any:
    rng = randomness.generator(seed, f"evaluate/{entry.name}")
    try:
        given = samples[: entry.metric.samples]
        return counted(entry.metric.compute(MetricInput(given, data["train"], data["test"], rng=rng, nets={})), given)
    except KeyError as error:
        raise ComponentError(f"{entry.name}evaluates nets, and a file of samples has none: {error}") from error
    except (RuntimeError, ValueError, IndexError) as error:
        shapes = samples.spec.shape, data["train"].spec.shape
        if shapes[0] == shapes[1]:
            raise
        raise DoesNotFit(f"{entry.name} cannot compare samples of {shapes[0]} with data of {shapes[1]}") from error
