"""What samples can be asked for: parameters of sampling, and latents and conditions from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantk import console
from gantk.api.samples import read_samples
from gantk.components.signature import Parameter, parameters
from gantk.errors import DoesNotFit, FileError
from gantk.files.latents import Latents
from gantk.files.whole import refuse_devices
from gantk.interfaces import declares
from gantk.interfaces.optional_members import member
from gantk.messages import did_you_mean, shown
from gantk.spec import DataSpec


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


def labels_for(generator: nn.Module, spec: DataSpec, n: int, label: str | Tensor | None) -> Tensor | None:
    """Labels of n samples, (n,); None for a generator that takes none.

    Args:
        generator: whether it takes labels, its `forward` says.
        spec: knows the classes.
        n: how many.
        label: the class of all of them; the number of the class of each, (n,); or None: every class in turn.

    Raises:
        DoesNotFit: no such class, or a generator that takes no labels.
    """
    if not (declares(generator, "labels") and spec.classes):
        if isinstance(label, str):
            raise DoesNotFit(f"this generator does not draw one class or another, so it cannot draw '{label}'")
        return None
    if label is None:
        return torch.arange(n) % len(spec.classes)
    if isinstance(label, Tensor):
        if tuple(label.shape) != (n,) or not bool(((label >= 0) & (label < len(spec.classes))).all()):
            raise DoesNotFit(f"labels are {n} numbers from 0 to {len(spec.classes) - 1}, one for each latent")
        return label.long()
    if label not in spec.classes:
        raise DoesNotFit(f"no class is called '{label}'; there are {', '.join(spec.classes)}")
    return torch.full((n,), spec.classes.index(label))


def in_turn(generator: nn.Module, spec: DataSpec, condition: Tensor, n: int) -> Tensor:
    """n conditions, the given ones in turn.

    Args:
        generator: takes a condition.
        spec: says what a condition is.
        condition: (N, *spec.condition_shape).
        n: how many.

    Raises:
        DoesNotFit: a generator that takes none, or a condition of another shape.
    """
    if not declares(generator, "condition"):
        raise DoesNotFit("this generator takes no condition")
    if tuple(condition.shape[1:]) != tuple(spec.condition_shape or ()) or not len(condition):
        raise DoesNotFit(f"a condition has the shape {spec.condition_shape}, not {tuple(condition.shape[1:])}")
    return condition[torch.arange(n) % len(condition)]


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


def _array(path: Path) -> Tensor:
    try:
        refuse_devices(path, FileError)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # refuses a file shorter than its heading says
        return torch.from_numpy(np.array(mapped)).float()
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"{path}: cannot be read as a numpy array: {error}") from error
