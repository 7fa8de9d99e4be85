"""What samples can be asked for: parameters of sampling, conditions, seeds, classes, and latents from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from gantk import console, sampling
from gantk.api.samples import Drawn, read_samples
from gantk.components.signature import Parameter, parameters
from gantk.errors import DoesNotFit, FileError, GantkError
from gantk.files.latents import Latents
from gantk.files.whole import refuse_devices
from gantk.interfaces import Samples, declares
from gantk.interfaces.nets import inner_net
from gantk.interfaces.optional_members import has_member, member
from gantk.messages import did_you_mean, shown
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from gantk.api.model import Model


@dataclass(frozen=True)
class Conditions:
    """What samples are made from, and what else was set for them.

    Args:
        values: (N, *spec.condition_shape); None: those of real samples are taken.
        settings: parameters of sampling, checked.
        names: what the samples are called that the conditions were made of; None where they have no names.
    """

    values: Tensor | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] | None = None

    def count(self, n: int | None) -> int:
        """How many samples are wanted: n, or one of each condition. Raises GantkError where neither is said."""
        if n is None and self.values is None:
            raise GantkError("say how many samples: n, or conditions, of each of which there is then a sample")
        return len(self.values) if n is None and self.values is not None else int(n or 0)

    def in_turn(self, numbers: Sequence[int]) -> Tensor | None:
        """The condition of each sample, that of its number's remainder; None where none are given.

        Args:
            numbers: of the samples: 0, 1, …, or their seeds.
        """
        return None if self.values is None else self.values[torch.tensor(list(numbers)) % len(self.values)]

    def names_in_turn(self, n: int) -> list[str] | None:
        """What n samples are called: as what they were made of, with a number behind where that comes again."""
        if self.names is None:
            return None
        turns = [divmod(number, len(self.names)) for number in range(n)]
        return [f"{self.names[at]}_{turn + 1}" if turn else self.names[at] for turn, at in turns]


Condition = Tensor | Samples | str | Path | Conditions
"""Conditions themselves, samples that have or are some, or a file of either."""


def conditions_of(
    generator: nn.Module, spec: DataSpec, condition: Condition | None, said: Mapping[str, Any]
) -> Conditions:
    """Conditions for a generator, and the rest of what was set.

    A generator that defines `condition_from(samples, settings)` makes them itself of the samples of a file, and of the
    settings that its `condition_settings` name; of others, the samples have a condition of the right shape, or are one.

    Args:
        generator: what they are for.
        spec: of its samples; says what a condition is.
        condition: (N, *spec.condition_shape), samples or a file; None: none is given. What this function gave it gives
            again.
        said: name to value, JSON-like: parameters of sampling, and of the condition.

    Raises:
        FileError: the file cannot be read.
        DoesNotFit: a generator that takes no condition, one that it cannot take, or settings that it does not declare.
    """
    if isinstance(condition, Conditions):
        return condition
    known = _settings_of(generator)
    own = {name: _checked(name, value, known[name]) for name, value in said.items() if name in known}
    settings = checked_settings(generator, {name: value for name, value in said.items() if name not in own}, known)
    if condition is None and not own:
        return Conditions(settings=settings)
    if not declares(generator, "condition"):
        raise DoesNotFit("this generator takes no condition")
    if isinstance(condition, Tensor):
        if own:
            raise DoesNotFit(
                f"{', '.join(own)} cannot be set beside a condition that is given as numbers, as these hold it: give "
                "samples or a file of samples"
            )
        return Conditions(_of_right_shape(condition, spec), settings)
    at = f"{condition}: " if isinstance(condition, str | Path) else ""
    path = Path(condition) if isinstance(condition, str | Path) else None
    if path is not None and path.suffix.lower() == ".npy" and not own:
        return Conditions(_of_right_shape(array_in(path), spec, at), settings)
    samples = condition if isinstance(condition, Samples) else None if path is None else read_samples(path, spec)
    maker: Any = member(inner_net(generator), "condition_from")
    names = None if samples is None else samples.names
    if maker is None:
        assert samples is not None  # only a generator that makes conditions has settings of one
        return Conditions(_found_in(samples, spec, at), settings, names)
    try:
        made = _of_right_shape(maker(samples, own), spec)
    except DoesNotFit as error:
        raise DoesNotFit(f"{at}{error}") from error
    return Conditions(made, settings, names if names is not None and len(names) == len(made) else None)


def sampling_parameters(generator: nn.Module) -> dict[str, Parameter]:
    """The parameters that a generator's `forward` declares right of `*`, by name."""
    given = ("labels", "condition", "latent")
    return {each.name: each for each in parameters(type(inner_net(generator)).forward) if each.name not in given}


def checked_settings(generator: nn.Module, said: Mapping[str, Any], beside: Collection[str] = ()) -> dict[str, Any]:
    """Parameters of sampling, checked.

    Args:
        generator: declares them.
        said: name to value, JSON-like.
        beside: names of what may be set of its condition; for the message.

    Raises:
        DoesNotFit: the generator declares none of that name, or takes another kind of value.
    """
    known = sampling_parameters(generator)
    found = {}
    for name, value in said.items():
        if name not in known:
            names = [*known, *beside]
            there = did_you_mean(name, names, f"it has {', '.join(names)}") if names else "it declares none"
            raise DoesNotFit(f"this generator has no parameter of sampling called '{name}': {there}")
        try:
            found[name] = known[name].typed(value)
        except ValueError as error:
            raise DoesNotFit(f"{name} must be {known[name].type_text}, not {shown(value)}") from error
    return found


def _settings_of(generator: nn.Module) -> Mapping[str, Sequence[str]]:
    """What may be set of a condition: name to the values it takes, none where it takes numbers."""
    inner = inner_net(generator)
    return member(inner, "condition_settings") if has_member(inner, "condition_from") else {}


def _checked(name: str, value: Any, choices: Sequence[str]) -> Any:
    """A setting of a condition: one of its choices, or a number where there are none."""
    if not choices:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DoesNotFit(f"{name} must be a number, not {shown(value)}")
        return float(value)
    if str(value) not in choices:
        few = ", ".join(choices[:12]) + (f" … {len(choices)} in all" if len(choices) > 12 else "")
        raise DoesNotFit(f"there is no {name} {shown(value)}; {did_you_mean(str(value), choices, f'there are {few}')}")
    return str(value)


def _found_in(samples: Samples, spec: DataSpec, at: str) -> Tensor:
    """The condition of samples, or the samples themselves, whichever has the shape."""
    found = [each for each in (samples.condition, samples.samples) if each is not None]
    for each in found:
        if tuple(each.shape[1:]) == tuple(spec.condition_shape or ()):
            return _of_right_shape(each, spec, at)
    shapes = " and ".join(str(tuple(each.shape[1:])) for each in found)
    raise DoesNotFit(f"{at}a condition has the shape {spec.condition_shape}, and here is {shapes}")


def _of_right_shape(values: Tensor, spec: DataSpec, at: str = "") -> Tensor:
    if tuple(values.shape[1:]) != tuple(spec.condition_shape or ()):
        raise DoesNotFit(f"{at}a condition has the shape {spec.condition_shape}, and here is {tuple(values.shape[1:])}")
    if not len(values):
        raise DoesNotFit(f"{at}holds no conditions")
    return values


def array_in(path: Path) -> Tensor:
    """A numpy array from a file (.npy), in float32. Raises FileError where it cannot be read as such."""
    try:
        refuse_devices(path, FileError)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # refuses a file shorter than its heading says
        return torch.from_numpy(np.array(mapped)).float()
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"{path}: cannot be read as a numpy array: {error}") from error


def latents_in(path: Path, model: str = "") -> Latents:
    """Latents from a file: what `gantk reconstruct` and `gantk encode` write, or a numpy array (.npy).

    Args:
        path: the file.
        model: digest of the checkpoint that they are for; a warning where the file names another.

    Raises:
        FileError: it cannot be read as such.
    """
    if path.suffix.lower() == ".npy":
        return Latents(array_in(path))
    found = Latents.read(path)
    if found.attributes.get("model", model) != model:
        console.warn(f"{path}: these latents were found for another checkpoint, and mean something else to this one")
    return found


def labels_for(
    generator: nn.Module, spec: DataSpec, numbers: Sequence[int], label: str | Tensor | None
) -> Tensor | None:
    """The labels of samples, (n,); None for a generator that takes none.

    Args:
        generator: what they are for.
        spec: of the samples; names the classes.
        numbers: of the samples: 0, 1, …, or their seeds.
        label: name of the class of all of them; the number of the class of each, (n,); or None: of each its number's
            remainder, so that every class comes in turn.

    Raises:
        DoesNotFit: no such class, or a generator that does not draw one class or another.
    """
    if not (declares(generator, "labels") and spec.classes):
        if isinstance(label, str):
            raise DoesNotFit(f"this generator does not draw one class or another, so it cannot draw '{label}'")
        return None
    if label is None:
        return torch.tensor(list(numbers)) % len(spec.classes)
    if isinstance(label, Tensor):
        if tuple(label.shape) != (len(numbers),) or not bool(((label >= 0) & (label < len(spec.classes))).all()):
            raise DoesNotFit(
                f"labels are {len(numbers)} numbers from 0 to {len(spec.classes) - 1}, one for each latent"
            )
        return label.long()
    if label not in spec.classes:
        raise DoesNotFit(f"no class is called '{label}'; there are {', '.join(spec.classes)}")
    return torch.full((len(numbers),), spec.classes.index(label))


def samples_of_seeds(
    model: Model,
    seeds: Sequence[int],
    *,
    label: str | None = None,
    raw: bool = False,
    condition: Condition | None = None,
    settings: Mapping[str, Any] | None = None,
    units: Sequence[str] = (),
    truncation: float | None = None,
) -> Drawn:
    """A sample of each seed, from the latent that `model.sample(1, seed=seed)` draws, whatever is drawn beside it.

    The latent is the same bit for bit, the sample to rounding. Where labels or given conditions are taken in turn, a
    seed has that of its remainder: with ten classes, seed 23 has the fourth.

    Args:
        model: whose generator.
        seeds: one or more whole numbers from 0.
        label: as for `sample`.
        raw: as for `sample`.
        condition: as for `sample`.
        settings: as for `sample`.
        units: as for `sample`.
        truncation: as for `sample`.
    """
    if not seeds or min(seeds) < 0:
        raise GantkError("seeds are one or more whole numbers from 0")
    labels = labels_for(model.generator, model.spec, seeds, label)
    given = conditions_of(model.generator, model.spec, condition, settings or {})
    taken = given.in_turn(seeds)
    if taken is None and declares(model.generator, "condition"):
        labels, taken = sampling.given_to_seeds(model.generator, model.data["test"], seeds, label)
    drawn = sampling.draw_seeds(
        model.generator,
        model.spec,
        seeds,
        labels=labels,
        condition=taken,
        settings=given.settings,
        device=model.device,
        truncation=truncation,
    )
    drawn.attributes |= {"model": model.checkpoint.digest, "step": model.checkpoint.step}
    if units:
        drawn = sampling.pick_units(model.generator, drawn, units)
    return Drawn.of(drawn if raw else sampling.present(model.generator, drawn))
