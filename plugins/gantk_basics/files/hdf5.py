"""Samples in HDF5: one dataset with named axes, and all that is known of them."""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantk.errors import FileError
from gantk.files import hdf5, write_bytes
from gantk.interfaces import Samples
from gantk.spec import DataSpec

FORMAT = "gantk samples 1"
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
        spec = samples.spec
        try:
            image = io.BytesIO()
            with h5py.File(image, "w", userblock_size=hdf5.BLOCK) as file:
                stored, axes = _stored(samples.samples, spec)
                dataset = file.create_dataset("samples", data=stored, compression="gzip" if stored.size else None)
                for number, axis in enumerate(axes):
                    dataset.dims[number].label = axis
                for name in axes[1:]:
                    if name in spec.names:
                        dataset.attrs[f"{name}_names"] = list(spec.names[name])
                if stored.ndim == len(spec.shape):
                    dataset.attrs["alphabet"] = list(_alphabet(spec))
                if spec.range is not None:
                    dataset.attrs["range"] = spec.range
                for name, values in {"labels": samples.labels, "condition": samples.condition}.items():
                    if values is not None:
                        file[name] = values.detach().cpu().numpy()
                if spec.classes:
                    file.attrs["class_names"] = list(spec.classes)
                for name, values in samples.truth.items():
                    file[f"truth/{name}"] = values.detach().cpu().numpy()
                hdf5.write_string(file, "spec", spec.to_json())
                hdf5.write_string(file, "attributes", json.dumps(samples.attributes, sort_keys=True))
                hdf5.write_string(file, "format", FORMAT)
            content = image.getbuffer()[hdf5.BLOCK :]
            write_bytes(path, hdf5.header(MAGIC, content), content)
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
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise FileError(f"{path}: no such file") from error
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
        if not content.startswith(MAGIC):
            raise FileError(
                f"{path}: {'no file of gantk samples' if content else 'is empty'}; a checkpoint is drawn from with "
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
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise hdf5.NotAsWritten(f"'{name}' holds values that are not finite")
    labels = beside.get("labels")
    if (
        labels is not None
        and spec.classes
        and len(labels)
        and not 0 <= labels.min() <= labels.max() < len(spec.classes)
    ):
        raise hdf5.NotAsWritten(f"labels from {labels.min()} to {labels.max()} for {len(spec.classes)} classes")
    attributes = json.loads(hdf5.read_string(file, "attributes"))
    if not isinstance(attributes, dict):
        raise hdf5.NotAsWritten("its attribute 'attributes' is no mapping")
    return Samples(
        samples=values,
        labels=labels,
        condition=beside.get("condition"),
        truth=truth,
        spec=spec,
        attributes=attributes,
    )


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
    chosen = torch.from_numpy(stored.astype(np.int64))
    one_hot = torch.nn.functional.one_hot(chosen, spec.own_shape[0])  # letters last
    return one_hot.movedim(-1, 1 + spec.unit_axes).float()


def _native(stored: NDArray[Any]) -> Tensor:
    """Numbers of the file in this machine's byte order."""
    return torch.from_numpy(stored.astype(stored.dtype.newbyteorder("="), copy=False))
