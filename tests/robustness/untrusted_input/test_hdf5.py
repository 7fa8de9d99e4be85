"""HDF5 files made on purpose: links, virtual and external data, objects, bombs. Sealed as a stranger could."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from gantk_basics.files import hdf5 as samples_format
from gantk_basics.files.hdf5 import Hdf5

from gantk import machine
from gantk.errors import FileError
from gantk.files import hdf5
from gantk.interfaces import Samples
from gantk.training import checkpoint
from tests.helpers.basics_toys import POINTS
from tests.helpers.damage import resealed
from tests.helpers.training import SPEC, make_state

SECRET = np.full((5, 3), 42.0, np.float32)


def replace(file: h5py.File, name: str, make: Callable[[h5py.Group, str], object]) -> None:
    del file[name]
    group, _, last = f"/{name}".rpartition("/")
    make(file[group or "/"], last)


def external_link(group: h5py.Group, name: str) -> None:
    group[name] = h5py.ExternalLink("secret.h5", "/samples")


def soft_link(group: h5py.Group, name: str) -> None:
    group.file["elsewhere"] = SECRET
    group[name] = h5py.SoftLink("/elsewhere")


def virtual(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout((5, 3), np.float32)
    layout[:] = h5py.VirtualSource("secret.h5", "samples", (5, 3))
    group.create_virtual_dataset(name, layout)


def external_storage(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (5, 3), np.uint8, external=[("secret.h5", 0, 15)])


def text(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=["a", "b", "c"])


def opaque(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.void(b"cbuiltins\nexec\n."))


def compound(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.zeros(5, [("a", "f4"), ("b", "i4")]))


def references(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.array([group.ref], h5py.ref_dtype), dtype=h5py.ref_dtype)


def huge(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (2**40, 3), np.float32, chunks=(1024, 3))


def not_there(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (5000, 3), np.float32, chunks=(10, 3), fillvalue=1.0)


def unknown_filter(group: h5py.Group, name: str) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((5, 3))
    settings.set_filter(32004, h5py.h5z.FLAG_OPTIONAL, (0,))  # a plugin's number
    space = h5py.h5s.create_simple((5, 3))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, settings)


def circle(group: h5py.Group, name: str) -> None:
    inner = group.create_group(name)
    inner["again"] = inner


def named_type(group: h5py.Group, name: str) -> None:
    group[name] = np.dtype("f4")


def bomb(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.zeros((2**21, 3), np.float32), compression="gzip", compression_opts=9)


ATTACKS = [
    external_link,
    soft_link,
    virtual,
    external_storage,
    text,
    opaque,
    compound,
    references,
    huge,
    not_there,
    unknown_filter,
    circle,
    named_type,
    bomb,
]


@pytest.fixture(autouse=True)
def small_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "memory_limit", lambda device="cpu": 12_000_000)
    with h5py.File("secret.h5", "w") as file:
        file["samples"] = SECRET


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_sample_file_gives_only_what_stands_in_it(attack: Callable[[h5py.Group, str], object]) -> None:
    path = Path("made.h5")
    Hdf5().write(path, Samples(samples=torch.rand(5, 3), spec=POINTS))
    resealed(path, samples_format.MAGIC, lambda file: replace(file, "samples", attack))
    with pytest.raises(FileError, match=r"made\.h5: damaged, or not a file of samples") as caught:
        Hdf5().read(path)
    assert "announced as" not in str(caught.value)  # refused before its shape was looked at


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("place", ["generator/layers.0.weight", "optimizers"])
def test_a_checkpoint_gives_only_what_stands_in_it(attack: Callable[[h5py.Group, str], object], place: str) -> None:
    path = Path("made.h5")
    state = make_state()
    checkpoint.write_checkpoint(path, state, recipe="seed: 1", spec=SPEC, plugins={})
    resealed(path, checkpoint.MAGIC, lambda file: replace(file, place, attack))
    with pytest.raises(FileError, match=r"made\.h5: "):
        checkpoint.restore(checkpoint.read_checkpoint(path), state)


def test_a_link_in_place_of_a_whole_group_is_not_followed() -> None:
    path = Path("made.h5")
    state = make_state()
    checkpoint.write_checkpoint(path, state, recipe="seed: 1", spec=SPEC, plugins={})
    checkpoint.write_checkpoint(Path("other.h5"), state, recipe="seed: 1", spec=SPEC, plugins={})

    def link(file: h5py.File) -> None:
        del file["generator"]
        file["generator"] = h5py.ExternalLink("other.h5", "/generator")

    resealed(path, checkpoint.MAGIC, link)
    with pytest.raises(FileError, match="links are not followed"):
        checkpoint.read_checkpoint(path)


def test_a_pickle_in_any_attribute_stays_text() -> None:
    path = Path("made.h5")
    pickled = "cos\nsystem\n(S'touch ran'\ntR."
    for name in ("recipe", "spec", "plugins", "best"):
        checkpoint.write_checkpoint(path, make_state(), recipe="seed: 1", spec=SPEC, plugins={})
        resealed(path, checkpoint.MAGIC, lambda file, name=name: hdf5.write_string(file, name, pickled))
        try:
            checkpoint.read_checkpoint(path)
        except FileError as error:
            assert "made.h5" in str(error)
    assert not Path("ran").exists()


def test_what_is_read_is_what_the_seal_covers() -> None:
    """An HDF5 file may begin at byte 0, 512, 1024, …: one that hides before the sealed one is not opened."""
    path = Path("made.h5")
    checkpoint.write_checkpoint(path, make_state(), recipe="seed: 1", spec=SPEC, plugins={})
    hidden = io.BytesIO()
    with h5py.File(hidden, "w") as file:
        file["generator"] = SECRET
    path.write_bytes(hidden.getvalue()[:512] + path.read_bytes()[512:])
    with pytest.raises(FileError, match="not a gantk checkpoint"):
        checkpoint.read_checkpoint(path)
