"""Samples to latents, by the encoder of a generator that has one (`encode`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gantk.data import take
from gantk.errors import DoesNotFit, FileError
from gantk.evaluation.sample_files import read_as
from gantk.files.latents import Latents
from gantk.interfaces import Dataset, Samples, call_encode, takes_encoded_labels
from gantk.interfaces.optional_members import has_member
from gantk.messages import did_you_mean
from gantk.sampling import CHUNK, evaluating
from gantk.spec import DataSpec

WHO = "choose a model whose loss has an encoder (zoo/vae, zoo/cvae, zoo/vaegan)"


def encode(
    generator: nn.Module, spec: DataSpec, samples: Samples | Tensor, label: str | None, device: torch.device
) -> Tensor:
    """The latents that a generator's encoder finds for samples, (N, *latent_shape), on the CPU.

    Args:
        generator: has `encode(samples)`, or `encode(samples, labels)` where it is told classes.
        spec: of the data that it was trained on.
        samples: (N, *spec.shape), with labels where there are some.
        label: the class of all of them, for an encoder that is told classes; None: their own labels.
        device: where the generator is.

    Raises:
        DoesNotFit: there is no encoder, samples are of another shape or range, or labels are missing.
    """
    if not has_member(generator, "encode"):
        raise DoesNotFit(f"this generator has no encoder (`encode`), so it finds no latents: {WHO}")
    values = samples if isinstance(samples, Tensor) else samples.samples
    if tuple(values.shape[1:]) != tuple(spec.shape):
        shapes = [" × ".join(map(str, shape)) for shape in (spec.shape, values.shape[1:])]
        raise DoesNotFit(f"this encoder takes samples of {shapes[0]}, and these are {shapes[1]}")
    if not isinstance(samples, Tensor) and samples.spec.range and spec.range and samples.spec.range != spec.range:
        raise DoesNotFit(f"this encoder takes samples within {spec.range}, and these are within {samples.spec.range}")
    labels = _labels(generator, spec, samples, label, len(values))
    found = []
    with evaluating(generator):
        for start in range(0, len(values), CHUNK):
            chunk = slice(start, start + CHUNK)
            told = None if labels is None else labels[chunk].to(device)
            found.append(call_encode(generator, values[chunk].to(device).float(), told).float().cpu())
    return torch.cat(found) if found else torch.zeros((0,))


def _labels(generator: Any, spec: DataSpec, samples: Samples | Tensor, label: str | None, n: int) -> Tensor | None:
    """Labels for an encoder that declares them, (n,), else None."""
    own = None if isinstance(samples, Tensor) else samples.labels
    if not takes_encoded_labels(generator):
        if label is not None:
            raise DoesNotFit(f"this encoder is told no classes, so it cannot be told '{label}': leave the label out")
        return None
    if label is not None and label not in spec.classes:
        there = did_you_mean(label, spec.classes, f"there are {', '.join(spec.classes)}")
        raise DoesNotFit(f"no class is called '{label}'; {there}")
    if label is None and own is None:
        raise DoesNotFit("this encoder is told the class of each sample, and these have no labels: give --label CLASS")
    return own if label is None else torch.full((n,), spec.classes.index(label))


def latents_of(model: Any, paths: Sequence[Path], label: str | None) -> Latents:
    """Latents of the samples in files, with the label of each and the file that it came from.

    Args:
        model: a `gantk.Model`.
        paths: files of samples; none: the test split of the recipe's data.
        label: as for `encode`.

    Raises:
        GantkError: a file cannot be read, or its samples do not fit.
    """
    if not has_member(model.generator, "encode"):
        raise DoesNotFit(f"this generator has no encoder (`encode`), so it finds no latents: {WHO}")
    names = [str(path) for path in paths] or ["test split"]
    read = (read_for(path, model.spec) for path in paths)
    found: list[Tensor] = []
    labels: list[Tensor | None] = []
    for name, samples in zip(names, read if paths else [_whole(model.data["test"])], strict=True):
        try:
            found.append(encode(model.generator, model.spec, samples, label, model.device))
        except DoesNotFit as error:
            raise DoesNotFit(f"{name}: {error}") from error
        chosen = None if label is None else torch.full((len(samples),), model.spec.classes.index(label))
        labels.append(samples.labels if chosen is None else chosen)
    facts = {"file": torch.cat([torch.full((len(each),), number) for number, each in enumerate(found)])}
    known = [each for each in labels if each is not None]
    if len(known) == len(found):
        facts["label"] = torch.cat(known)
    about = {"model": model.checkpoint.digest, "about": f"encoded samples of {', '.join(names)}", "files": names}
    return Latents(torch.cat(found), facts, about)


def _whole(dataset: Dataset) -> Samples:
    """All samples of a split, in its order, as they are."""
    return take(dataset, len(dataset))


def read_for(path: Path, spec: DataSpec) -> Samples:
    """The samples of a file as a model of this DataSpec takes them, where their format can bring them into that form.

    Raises:
        GantkError: no such file, it cannot be read, or its samples cannot be brought into that form.
    """
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    return read_as(path, spec)
