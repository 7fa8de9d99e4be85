"""The cache says what was cached: other files, other readers and other libraries have entries of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.files.images import cache, read_file
from gantk_cells.data.lin import Lin

from gantk.interfaces import SPLITS

Change = Callable[[Path, Path], None]


def same_times(path: Path, as_of: Path) -> None:
    os.utime(path, ns=(as_of.stat().st_atime_ns, as_of.stat().st_mtime_ns))


def put_one_of_the_same_size_and_time_there(path: Path, other: Path) -> None:
    same_times(other, path)
    other.replace(path)


def write_over_it_and_set_its_time_back(path: Path, other: Path) -> None:
    same_times(other, path)
    path.write_bytes(other.read_bytes())
    same_times(path, other)


def put_an_older_one_there(path: Path, other: Path) -> None:
    os.utime(other, (1, 1))
    other.replace(path)


@pytest.mark.parametrize(
    "change", [put_one_of_the_same_size_and_time_there, write_over_it_and_set_its_time_back, put_an_older_one_there]
)
def test_a_file_is_told_from_one_that_stood_there_before(tmp_path: Path, change: Change) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(4):  # not compressed: all of one size
        tifffile.imwrite(folder / f"{number}.tif", np.full((2, 8, 12), 10 * number, np.uint8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "other.tif", np.full((2, 8, 12), 200, np.uint8), photometric="minisblack")

    def brightest() -> int:
        return max(int(Lin(split, root=folder).stored.max()) for split in SPLITS)

    assert brightest() == brightest() == 30
    change(folder / "2.tif", tmp_path / "other.tif")
    assert brightest() == 200


def test_a_link_inside_the_folder_that_was_led_elsewhere(tree: Callable[..., Path]) -> None:
    root = tree({"a": 6})
    link, files = root / "a" / "link.png", sorted((root / "a").iterdir())
    for file in files:
        os.utime(file, ns=(1, 1))
    link.symlink_to(files[0])
    before = Lin("train", root=root).stored.clone()
    assert torch.equal(before, Lin("train", root=root).stored)
    files[1].write_bytes(files[0].read_bytes())
    link.unlink()
    link.symlink_to(files[1])
    assert not torch.equal(before, Lin("train", root=root).stored)


@pytest.mark.parametrize("what", ["a library", "the source"])
def test_what_another_version_made_is_made_anew(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    cache.save("key", "fingerprint", {"values": np.arange(3)}, None)
    assert cache.load("key", "fingerprint") is not None
    cache.made_by.cache_clear()
    with monkeypatch.context() as patched:
        if what == "a library":
            patched.setattr(cache, "version", lambda name: "9" if name == "tifffile" else "1")
        else:
            patched.setattr(Path, "read_text", lambda path, encoding: f"another {path}")
        assert cache.load("key", "fingerprint") is None
    cache.made_by.cache_clear()
    assert cache.load("key", "fingerprint") is not None


def test_a_file_that_could_not_be_read_then_is_read_when_it_can_be(
    tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree({"a": 6})
    decode = read_file.decode

    def out_of_memory(path: Path, **how: object) -> object:
        if path.name == "cell100002.png":
            raise MemoryError
        return decode(path, **how)

    def read() -> tuple[int, bool]:
        n = sum(len(Lin(split, root=root, damaged="skip")) for split in SPLITS)
        return n, "cannot be read and is left out" in capsys.readouterr().err

    monkeypatch.setattr(read_file, "decode", out_of_memory)
    assert read() == read() == (5, True)
    monkeypatch.setattr(read_file, "decode", decode)
    assert read() == read() == (6, False)
