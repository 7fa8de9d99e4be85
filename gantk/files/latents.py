"""Latents that were found, in a file: an HDF5 dataset `/latents`, what is known of each, and whose latents they are."""

from __future__ import annotations

import io
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
from gantk.files.atomic import write_bytes
from gantk.files.whole import whole_file

MAGIC = b"gantk latents\n"
WITHOUT_CHECKSUM = b"\x89HDF\r\n\x1a\n"  # plain HDF5, as they were written at first
CURE = "`gantk reconstruct` and `gantk encode` write them"


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
        """Writes them to an HDF5 file with a checksum, which is never seen half written.

        Raises:
            FileError: it cannot be written.
        """
        image = io.BytesIO()
        with h5py.File(image, "w", userblock_size=hdf5.BLOCK) as file:
            file["latents"] = self.values.cpu().numpy()
            hdf5.write_string(file, "about", json.dumps(self.attributes))
            facts = file.create_group("facts")
            for name, values in self.facts.items():
                facts[name] = values.cpu().numpy()
        content = image.getbuffer()[hdf5.BLOCK :]
        try:
            write_bytes(path, hdf5.header(MAGIC, content), content)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error

    @classmethod
    def read(cls, path: Path) -> Latents:
        """What `write` wrote, or what gantk wrote before such files had a checksum.

        Raises:
            FileError: no such file, not one of latents, or damaged.
        """
        try:
            content = whole_file(path, FileError)
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
        if not content.startswith((MAGIC, WITHOUT_CHECKSUM)):
            raise FileError(f"{path}: not a file of latents; {CURE}")
        if content.startswith(MAGIC) and hdf5.unsealed(content, MAGIC) is None:
            raise FileError(f"{path}: damaged: its SHA-256 is not the one it was written with; {CURE}")
        with hdf5.opened(content, path, "a file of latents", CURE) as file:
            parts = hdf5.members(file)
            return cls(
                torch.from_numpy(hdf5.array(parts["latents"])),
                {name: torch.from_numpy(values) for name, values in hdf5.arrays(parts["facts"]).items()},
                json.loads(hdf5.read_string(file, "about")),
            )
