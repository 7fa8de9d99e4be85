"""What samples can be asked for: parameters of sampling, seeds, and latents and conditions from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from gantk.interfaces import declares
from gantk.interfaces.optional_members import member
from gantk.messages import did_you_mean, shown
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from gantk.api.model import Model


def sampling_parameters(generator: nn.Module) -> dict[str, Parameter]:
    """The parameters that a generator's `forward` declares right of `*`, by name.

    Args:
        generator: a wrapper is looked into, where it says `passes_on_to`.
    """
    inner: Any = generator
    while member(inner, "passes_on_to") is not None:
        inner = member(inner, "passes_on_to")
    given = ("labels", "condition", "latent")
    return {each.name: each for each in parameters(type(inner).forward) if each.name not in given}


def checked_settings(generator: nn.Module, said: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of sampling, checked.

    Args:
        generator: declares them.
        said: name to value, JSON-like.

    Raises:
        DoesNotFit: the generator declares none of that name, or takes another kind of value.
    """
    known = sampling_parameters(generator)
    found = {}
    for name, value in said.items():
        if name not in known:
            there = did_you_mean(name, known, f"it has {', '.join(known)}") if known else "it declares none"
            raise DoesNotFit(f"this generator has no parameter of sampling called '{name}': {there}")
        try:
            found[name] = known[name].typed(value)
        except ValueError as error:
            raise DoesNotFit(f"{name} must be {known[name].type_text}, not {shown(value)}") from error
    return found


def latents_in(path: Path, model: str = "") -> Latents:
    """Latents from a file: what `gantk reconstruct` and `gantk encode` write, or a numpy array (.npy).

    Args:
        path: the file.
        model: digest of the checkpoint that they are for; a warning where the file names another.

    Raises:
        FileError: it cannot be read as such.
    """
    if path.suffix.lower() == ".npy":
        return Latents(_array(path))
    found = Latents.read(path)
    if found.attributes.get("model", model) != model:
        console.warn(f"{path}: these latents were found for another checkpoint, and mean something else to this one")
    return found


def condition_in(path: Path, spec: DataSpec) -> Tensor:
    """Conditions from a file of samples, or from a numpy array (.npy): (N, *spec.condition_shape).

    Args:
        path: the file. Samples that have a condition give that, others are one themselves.
        spec: of the generated samples; says what a condition is.

    Raises:
        FileError: it cannot be read.
        DoesNotFit: what it holds is no condition for such samples.
    """
    wanted = spec.condition_shape
    if wanted is None:
        raise DoesNotFit("these data have no condition, so there is none to give")
    if path.suffix.lower() == ".npy":
        found = [_array(path)]
    else:
        samples = read_samples(path)
        found = [each for each in (samples.condition, samples.samples) if each is not None]
    for each in found:
        if tuple(each.shape[1:]) == tuple(wanted):
            return each
    shapes = " and ".join(str(tuple(each.shape[1:])) for each in found)
    raise DoesNotFit(f"{path}: a condition has the shape {tuple(wanted)}, and here is {shapes}")


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


def in_turn(generator: nn.Module, spec: DataSpec, condition: Tensor | None, numbers: Sequence[int]) -> Tensor | None:
    """The condition of each sample: of given ones, that of its number's remainder.

    Args:
        generator: what they are for.
        spec: of the samples; says what a condition is.
        condition: (N, *spec.condition_shape); None: none is given.
        numbers: of the samples: 0, 1, …, or their seeds.

    Raises:
        DoesNotFit: conditions of another shape, or a generator that takes none.
    """
    if condition is None:
        return None
    if not declares(generator, "condition"):
        raise DoesNotFit("this generator takes no condition")
    if tuple(condition.shape[1:]) != tuple(spec.condition_shape or ()) or not len(condition):
        raise DoesNotFit(f"a condition has the shape {spec.condition_shape}, not {tuple(condition.shape[1:])}")
    return condition[torch.tensor(list(numbers)) % len(condition)]


def samples_of_seeds(
    model: Model,
    seeds: Sequence[int],
    *,
    label: str | None = None,
    raw: bool = False,
    condition: Tensor | None = None,
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
    if condition is not None:
        condition = in_turn(model.generator, model.spec, condition, seeds)
    elif declares(model.generator, "condition"):
        labels, condition = sampling.given_to_seeds(model.generator, model.data["test"], seeds, label)
    drawn = sampling.draw_seeds(
        model.generator,
        model.spec,
        seeds,
        labels=labels,
        condition=condition,
        settings=checked_settings(model.generator, settings or {}),
        device=model.device,
        truncation=truncation,
    )
    drawn.attributes |= {"model": model.checkpoint.digest, "step": model.checkpoint.step}
    if units:
        drawn = sampling.pick_units(model.generator, drawn, units)
    return Drawn.of(drawn if raw else sampling.present(model.generator, drawn))


def _array(path: Path) -> Tensor:
    try:
        refuse_devices(path, FileError)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # refuses a file shorter than its heading says
        return torch.from_numpy(np.array(mapped)).float()
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"{path}: cannot be read as a numpy array: {error}") from error
