"""Latents that were found, in a file: an HDF5 dataset `/latents`, what is known of each, and whose latents they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import torch
from torch import Tensor

from gantk.errors import FileError
from gantk.files import hdf5


@dataclass
class Latents:
    """Latents of one model.

    Args:
        values: (N, *latent_shape).
        facts: numbers known of each by name, (N,) each: what they may be sorted by.
        attributes: JSON values: `model` (digest of the checkpoint), `about`.
    """

    values: Tensor
    facts: Mapping[str, Tensor] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Writes them to an HDF5 file."""
        try:
            with h5py.File(path, "w") as file:
                file["latents"] = self.values.cpu().numpy()
                hdf5.write_string(file, "about", json.dumps(self.attributes))
                facts = file.create_group("facts")
                for name, values in self.facts.items():
                    facts[name] = values.cpu().numpy()
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error}") from error

    @classmethod
    def read(cls, path: Path) -> Latents:
        """What `write` wrote.

        Raises:
            FileError: no such file, or not one of latents.
        """
        try:
            with h5py.File(path, "r") as file:
                parts = hdf5.members(file)
                return cls(
                    torch.from_numpy(hdf5.array(parts["latents"])),
                    {name: torch.from_numpy(values) for name, values in hdf5.arrays(parts["facts"]).items()},
                    json.loads(hdf5.read_string(file, "about")),
                )
        except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise FileError(f"{path}: is no file of latents ({error}); `gantk reconstruct` writes them") from error
