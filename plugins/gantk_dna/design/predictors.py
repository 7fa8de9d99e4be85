"""The file of what objectives have learned: their nets, sealed by a checksum, read without executing anything."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import h5py
import torch
from torch import nn

from gantk.errors import FileError
from gantk.files import hdf5, write_bytes

MAGIC = b"gantk predictors\n"
CURE = "Remove it, and they are learned again"


def write_predictors(path: Path, nets: Mapping[str, nn.Module]) -> None:
    """Writes nets to a file.

    Args:
        path: the file; its folder exists.
        nets: by name, without a slash.
    """
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=hdf5.BLOCK) as file:
        for name, net in nets.items():
            group = file.create_group(name)
            for key, value in net.state_dict().items():
                group[key] = value.detach().cpu().numpy()
    content = memory.getbuffer()[hdf5.BLOCK :]
    write_bytes(path, hdf5.header(MAGIC, content), content)


def load_predictors(path: Path, nets: Mapping[str, nn.Module]) -> None:
    """Gives nets the weights that `write_predictors` wrote.

    Raises:
        FileError: the file cannot be read, is damaged, or holds other nets.
    """
    content = _content(path)
    with hdf5.opened(content, path, "a file of predictors", CURE) as file:
        groups = hdf5.members(file)
        for name, net in nets.items():
            found = {key: torch.from_numpy(value) for key, value in hdf5.arrays(groups[name]).items()}
            try:
                net.load_state_dict(found)
            except RuntimeError as error:
                raise FileError(f"{path}: holds other nets than the recipe asks for: {error}. {CURE}") from error


def digest_of_file(path: Path) -> str:
    """The SHA-256 of what is in the file.

    Raises:
        FileError: it cannot be read, or is damaged.
    """
    found = hdf5.unsealed(_content(path), MAGIC)
    assert found is not None
    return found


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content.startswith(MAGIC) or hdf5.unsealed(content, MAGIC) is None:
        raise FileError(f"{path}: damaged: its SHA-256 is not the one it was written with. {CURE}")
    return content
