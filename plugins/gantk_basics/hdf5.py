"""Samples in HDF5: one dataset with named axes, and all that is known of them."""

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantk.errors import FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec

FORMAT = "gantk samples 1"


class Hdf5:
    """Samples of any kind in an HDF5 file that other programs can read without gantk.

    Dataset `/samples` (N, *shape) with named axes; one-hot data without the channel axis, as indices with their
    alphabet in the attribute `alphabet`. Datasets `/labels`, `/condition`, `/truth/<name>` where there are any.
    Attributes: `spec` (the DataSpec, JSON), `range`, `class_names`, `<axis>_names`, `attributes` (JSON), `format`.
    """

    endings = (".h5", ".hdf5")

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples with their names and attributes.

        Args:
            path: written under a temporary name first, then renamed.
            samples: (N, *spec.shape).

        Raises:
            FileError: the file cannot be written.
        """
        spec = samples.spec
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with h5py.File(temporary, "w") as file:
                stored, axes = _stored(samples.samples, spec)
                dataset = file.create_dataset("samples", data=stored, compression="gzip" if stored.size else None)
                for number, axis in enumerate(axes):
                    dataset.dims[number].label = axis
                for name in axes[1:]:
                    if name in spec.names:
                        dataset.attrs[f"{name}_names"] = list(spec.names[name])
                if spec.categorical:
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
                file.attrs["spec"] = spec.to_json()
                file.attrs["attributes"] = json.dumps(samples.attributes, sort_keys=True)
                file.attrs["format"] = FORMAT
            temporary.replace(path)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error}") from error
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote.

        Args:
            path: the file.

        Raises:
            FileError: it cannot be read, or holds something else.
        """
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("format") != FORMAT:
                    raise FileError(
                        f"{path}: is HDF5, but no file of gantk samples (its attribute 'format' is not {FORMAT!r}); "
                        "a checkpoint is drawn from with `gantk sample`"
                    )
                spec = DataSpec.from_json(file.attrs["spec"])
                values = _restored(file["samples"][()], spec)
                if values.shape[1:] != spec.shape:
                    raise ValueError(f"samples of shape {tuple(values.shape[1:])}, announced as {spec.shape}")
                return Samples(
                    samples=values,
                    labels=_tensor(file, "labels"),
                    condition=_tensor(file, "condition"),
                    truth={name: torch.from_numpy(found[()]) for name, found in file.get("truth", {}).items()},
                    spec=spec,
                    attributes=json.loads(file.attrs["attributes"]),
                )
        except FileNotFoundError as error:
            raise FileError(f"{path}: no such file") from error
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise FileError(
                f"{path}: cannot be read as HDF5 samples; it is damaged or of another kind: {error}"
            ) from error


def _alphabet(spec: DataSpec) -> tuple[str, ...]:
    """Names of the channels of one-hot data; their numbers where they have none."""
    return spec.names.get(spec.axes[spec.unit_axes]) or tuple(map(str, range(spec.own_shape[0])))


def _stored(values: Tensor, spec: DataSpec) -> tuple[NDArray[Any], tuple[str, ...]]:
    """What stands in the file, and the names of its axes."""
    values = values.detach().cpu()
    if not spec.categorical:
        precise = values.dtype if values.dtype != torch.bfloat16 else torch.float32  # numpy has no bfloat16
        return values.to(precise).numpy(), ("sample", *spec.axes)
    axis = spec.unit_axes
    chosen = values.argmax(dim=1 + axis).numpy()
    smallest = np.min_scalar_type(max(spec.own_shape[0] - 1, 0))
    return chosen.astype(smallest), ("sample", *spec.axes[:axis], *spec.axes[axis + 1 :])


def _restored(stored: NDArray[Any], spec: DataSpec) -> Tensor:
    """What `_stored` was given, one-hot data as exact 0 and 1."""
    if not spec.categorical:
        return torch.from_numpy(stored)
    chosen = torch.from_numpy(stored.astype(np.int64))
    one_hot = torch.nn.functional.one_hot(chosen, spec.own_shape[0])  # letters last
    return one_hot.movedim(-1, 1 + spec.unit_axes).float()


def _tensor(file: h5py.File, name: str) -> Tensor | None:
    return torch.from_numpy(file[name][()]) if name in file else None
