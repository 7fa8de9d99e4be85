"""Files of latents: they come back, damage is recognised, and what was written without a checksum is still read."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
import torch

from gantk.errors import FileError
from gantk.files import Latents, hdf5


@pytest.fixture
def latents() -> Latents:
    return Latents(torch.arange(12.0).reshape(4, 3), {"length": torch.arange(4.0)}, {"model": "abc", "about": "cells"})


def assert_same(found: Latents, expected: Latents) -> None:
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.facts["length"], expected.facts["length"])
    assert found.attributes == expected.attributes


def test_round_trip_leaves_one_file(latents: Latents, tmp_path: Path) -> None:
    latents.write(tmp_path / "found.h5")
    assert_same(Latents.read(tmp_path / "found.h5"), latents)
    assert [path.name for path in tmp_path.iterdir()] == ["found.h5"]


def test_a_flipped_byte_is_recognised(latents: Latents, tmp_path: Path) -> None:
    path = tmp_path / "found.h5"
    latents.write(path)
    content = bytearray(path.read_bytes())
    for position in range(20, len(content), 97):
        damaged = content.copy()
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(FileError, match="damaged"):
            Latents.read(path)


def test_what_an_earlier_version_wrote_is_read(latents: Latents, tmp_path: Path) -> None:
    path = tmp_path / "earlier.h5"
    with h5py.File(path, "w") as file:  # as gantk 0.1.0 wrote them at first
        file["latents"] = latents.values.numpy()
        hdf5.write_string(file, "about", json.dumps(latents.attributes))
        facts = file.create_group("facts")
        facts["length"] = latents.facts["length"].numpy()
    assert_same(Latents.read(path), latents)


@pytest.mark.parametrize("content", [b"", b"text", b"gantk checkpoint\n"])
def test_another_file_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    with pytest.raises(
        FileError, match=r"other\.h5: not a file of latents; `gantk reconstruct` and `gantk encode` write them"
    ):
        Latents.read(path)


def test_a_folder_that_is_gone_is_an_error_that_names_the_file(latents: Latents, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"found\.h5: cannot be written"):
        latents.write(tmp_path / "gone" / "found.h5")
