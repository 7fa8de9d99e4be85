"""Samples in HDF5: one dataset with named axes, and all that is known of them."""

import json
from collections.abc import Iterator
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantk import machine
from gantk.errors import FileError
from gantk.files import hdf5, whole_file
from gantk.interfaces import Samples
from gantk.spec import DataSpec

FORMAT = "gantk samples 1"
PART = 1024  # samples that are made one-hot at once
PIECE, MOST = 2**18, 4096  # bytes of a piece that is packed on its own, and samples in it
MAGIC = b"gantk samples\n"
CURE = "Draw or write it again"


class Hdf5:
    """Samples of any kind in an HDF5 file that other programs can read without gantk.

    Dataset `/samples` (N, *shape) with named axes; one-hot data without the channel axis, as indices with their
    alphabet in the attribute `alphabet`, but as they are where further channels are set beside the letter (annotation).
    Datasets `/labels`, `/condition`, `/truth/<name>` where there are any.
    Attributes: `spec` (the DataSpec, JSON), `range`, `class_names`, `<axis>_names`, `attributes` (JSON), `format`.
    The file begins with a user block of 512 bytes that holds the SHA-256 of the rest.
    """

    endings = (".h5", ".hdf5")

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples with their names and attributes.

        Args:
            path: never seen half written.
            samples: (N, *spec.shape).

        Raises:
            FileError: the file cannot be written.
        """
        self.write_parts(path, iter([samples]), len(samples))

    def write_parts(self, path: Path, parts: Iterator[Samples], count: int) -> None:
        """Writes samples that come part by part: they are never in memory all together.

        Args:
            path: never seen half written.
            parts: samples that follow each other, of one spec and with the same attributes.
            count: how many there are in all parts.

        Raises:
            FileError: the file cannot be written.
        """
        first = next(parts)
        spec = first.spec
        beside: dict[str, list[Tensor]] = {}
        names: list[str] = []
        try:
            with hdf5.sealed(path, MAGIC) as file:
                dataset = _empty(file, first, count)
                start = 0
                for part in chain([first], parts):
                    if len(part):
                        dataset[start : start + len(part)] = _stored(part.samples, spec)[0]
                    start += len(part)
                    names += part.names or []
                    known = {"labels": part.labels, "condition": part.condition}
                    known |= {f"truth/{name}": values for name, values in part.truth.items()}
                    for name, values in known.items():
                        if values is not None:
                            beside.setdefault(name, []).append(values.detach().cpu())
                for name, found in beside.items():
                    file[name] = torch.cat(found).numpy()
                if spec.classes:
                    file.attrs["class_names"] = list(spec.classes)
                if first.names is not None:
                    file["names"] = np.frombuffer(json.dumps(names).encode(), np.uint8)
                hdf5.write_string(file, "spec", spec.to_json())
                hdf5.write_string(file, "attributes", json.dumps(first.attributes, sort_keys=True))
                hdf5.write_string(file, "format", FORMAT)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error}") from error

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote.

        Args:
            path: the file.

        Raises:
            FileError: it cannot be read, is damaged, or holds something else.
        """
        try:
            content = whole_file(path, FileError)
        except FileNotFoundError as error:
            raise FileError(f"{path}: no such file") from error
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
        if not content.startswith(MAGIC):
            raise FileError(
                f"{path}: {'not a file of gantk samples' if content else 'is empty'}; a checkpoint is drawn from with "
                "`gantk sample`"
            )
        if hdf5.unsealed(content, MAGIC) is None:
            raise FileError(f"{path}: damaged: its SHA-256 is not the one it was written with. {CURE}")
        with hdf5.opened(content, path, "a file of samples", CURE) as file:
            return _samples(file)


def _samples(file: h5py.File) -> Samples:
    """What an open file says. Raises ValueError, among others, where that is not what `write` writes."""
    found = hdf5.read_string(file, "format")
    if found != FORMAT:
        raise hdf5.NotAsWritten(
            f"it says format {found!r}, and this gantk reads {FORMAT!r}; a newer one needs a newer gantk, and a "
            "checkpoint is drawn from with `gantk sample`"
        )
    spec = DataSpec.from_json(hdf5.read_string(file, "spec"))
    groups = hdf5.members(file)
    values = _restored(hdf5.array(groups["samples"]), spec)
    if values.shape[1:] != spec.shape:
        raise hdf5.NotAsWritten(f"samples of shape {tuple(values.shape[1:])}, announced as {spec.shape}")
    beside: dict[str, Tensor] = {
        name: _native(hdf5.array(groups[name])) for name in ("labels", "condition") if name in groups
    }
    truth = {name: _native(array) for name, array in hdf5.arrays(groups["truth"]).items()} if "truth" in groups else {}
    everything: dict[str, Tensor] = {"samples": values, **beside, **truth}
    for name, tensor in everything.items():
        if len(tensor) != len(values):
            raise hdf5.NotAsWritten(f"{len(tensor)} of '{name}' for {len(values)} samples")
        made = name == "samples" and spec.categorical  # of zeros and ones
        if tensor.is_floating_point() and not made and not tensor.isfinite().all():
            raise hdf5.NotAsWritten(f"'{name}' holds values that are not finite")
    labels = beside.get("labels")
    if (
        labels is not None
        and spec.classes
        and len(labels)
        and not 0 <= labels.min() <= labels.max() < len(spec.classes)
    ):
        raise hdf5.NotAsWritten(f"labels from {labels.min()} to {labels.max()} for {len(spec.classes)} classes")
    names = json.loads(hdf5.array(groups["names"]).tobytes()) if "names" in groups else None
    if names is not None and (len(names) != len(values) or not all(isinstance(name, str) for name in names)):
        raise hdf5.NotAsWritten(f"{len(names)} names for {len(values)} samples")
    attributes = json.loads(hdf5.read_string(file, "attributes"))
    if not isinstance(attributes, dict):
        raise hdf5.NotAsWritten("its attribute 'attributes' is not a mapping")
    return Samples(
        samples=values,
        labels=labels,
        condition=beside.get("condition"),
        truth=truth,
        spec=spec,
        attributes=attributes,
        names=names,
    )


def _empty(file: h5py.File, first: Samples, count: int) -> h5py.Dataset:
    """The data set `/samples` with room for `count` samples like the first ones, its axes named."""
    spec = first.spec
    stored, axes = _stored(first.samples[:1], spec)
    shape = (count, *stored.shape[1:])
    packed: dict[str, Any] = {}
    if prod(shape):  # whole samples in each piece, and a power of 2 of them: parts fill whole pieces
        fitting = max(1, PIECE // max(stored[:1].nbytes, 1))
        packed = {"compression": "gzip", "chunks": (min(count, 2 ** (fitting.bit_length() - 1), MOST), *shape[1:])}
    dataset = file.create_dataset("samples", shape, stored.dtype, **packed)
    for number, axis in enumerate(axes):
        dataset.dims[number].label = axis
    for name in axes[1:]:
        if name in spec.names:
            dataset.attrs[f"{name}_names"] = list(spec.names[name])
    if spec.categorical:
        dataset.attrs["alphabet"] = list(_alphabet(spec))
    if spec.range is not None:
        dataset.attrs["range"] = spec.range
    return dataset


def _alphabet(spec: DataSpec) -> tuple[str, ...]:
    """Names of the channels of one-hot data; their numbers where they have none."""
    return spec.names.get(spec.axes[spec.unit_axes]) or tuple(map(str, range(spec.own_shape[0])))


def _stored(values: Tensor, spec: DataSpec) -> tuple[NDArray[Any], tuple[str, ...]]:
    """What stands in the file, and the names of its axes."""
    values = values.detach().cpu()
    if not spec.categorical or not _sums_to_one(values, spec):
        precise = values.dtype if values.dtype != torch.bfloat16 else torch.float32  # numpy has no bfloat16
        return values.to(precise).numpy(), ("sample", *spec.axes)
    axis = spec.unit_axes
    chosen = values.argmax(dim=1 + axis).numpy()
    smallest = np.min_scalar_type(max(spec.own_shape[0] - 1, 0))
    return chosen.astype(smallest), ("sample", *spec.axes[:axis], *spec.axes[axis + 1 :])


def _sums_to_one(values: Tensor, spec: DataSpec) -> bool:
    """Whether the channels of every position are the shares of one choice; with annotation beside it they are not."""
    return bool((values.float().sum(1 + spec.unit_axes) - 1).abs().max() < 1e-2) if len(values) else True


def _restored(stored: NDArray[Any], spec: DataSpec) -> Tensor:
    """What `_stored` was given, one-hot data as exact 0 and 1."""
    if stored.ndim == 1 + len(spec.shape):
        return _native(stored)
    axis = 1 + spec.unit_axes
    shape = (*stored.shape[:axis], spec.own_shape[0], *stored.shape[axis:])
    machine.refuse_above_data_limit(4 * prod(shape), f"one-hot samples of shape {shape}", hdf5.NotAsWritten)
    if stored.size and (stored.dtype.kind not in "iu" or not 0 <= stored.min() <= stored.max() < spec.own_shape[0]):
        raise hdf5.NotAsWritten(f"letters that are no numbers from 0 to {spec.own_shape[0] - 1}")
    found = torch.zeros(shape)
    for start in range(0, len(stored), PART):  # numbers of 8 bytes only for a few at a time
        part = slice(start, start + PART)
        found[part].scatter_(axis, torch.from_numpy(stored[part].astype(np.int64)).unsqueeze(axis), 1.0)
    return found


def _native(stored: NDArray[Any]) -> Tensor:
    """Numbers of the file in this machine's byte order."""
    return torch.from_numpy(stored.astype(stored.dtype.newbyteorder("="), copy=False))
