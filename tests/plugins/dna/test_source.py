"""Files that change under their name, and pipes: what is kept in memory is that of the bytes that are there."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from gantk_dna.alphabet import decode, shared_codes
from gantk_dna.data.genome import Genome
from gantk_dna.data.sequences import Sequences
from gantk_dna.files.source import bytes_of, state_of

from gantk.errors import DataError
from gantk.interfaces import SPLITS


def genome(letters: str) -> str:
    return "".join(f">chr{number}\n{letters[number % 4] * 40}ACGT{number:04b}\n" for number in range(12)).translate(
        str.maketrans("01", "AC")
    )


def same_times(path: Path, as_of: Path) -> None:
    os.utime(path, ns=(as_of.stat().st_atime_ns, as_of.stat().st_mtime_ns))


def put_an_older_file_there(path: Path, other: Path) -> None:
    os.utime(other, (1, 1))
    other.replace(path)


def put_a_file_of_the_same_size_and_time_there(path: Path, other: Path) -> None:
    same_times(other, path)
    other.replace(path)


def write_over_it_and_set_its_time_back(path: Path, other: Path) -> None:
    same_times(other, path)
    path.write_bytes(other.read_bytes())
    same_times(path, other)


def lead_the_link_elsewhere(path: Path, other: Path) -> None:
    same_times(other, path)
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize(
    "change",
    [
        put_an_older_file_there,
        put_a_file_of_the_same_size_and_time_there,
        write_over_it_and_set_its_time_back,
        lead_the_link_elsewhere,
    ],
)
@pytest.mark.parametrize("kind", [Genome, Sequences])
def test_what_is_kept_is_of_the_bytes_that_are_there(
    tmp_path: Path, change: Callable[[Path, Path], None], kind: type
) -> None:
    real, path, other = tmp_path / "real.fa", tmp_path / "g.fa", tmp_path / "other.fa"
    real.write_text(genome("ACGT"))
    path.symlink_to(real)
    other.write_text(genome("CTAG"))
    options = {"length": 40, "validation": 0, "test": 0} | ({"other_lengths": "crop"} if kind is Sequences else {})

    def texts() -> set[str]:
        data = kind("train", path=path, **options)
        return set(decode(shared_codes(data.batch(torch.arange(len(data)), None).samples)))

    assert texts() == texts() == {letter * 40 for letter in "ACGT"}
    other.write_text(genome("CTRA").replace("R", "CG"))
    other.write_text(other.read_text()[: real.stat().st_size])
    state = state_of(path)
    change(path, other)
    assert state_of(path) != state
    assert "CG" * 20 in texts()


def test_a_path_is_another_file_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "s.txt").write_text("ACGT\n")
    monkeypatch.chdir(tmp_path / "one")
    one = state_of(Path("s.txt"))
    assert one == state_of(tmp_path / "one" / "s.txt")
    monkeypatch.chdir(tmp_path / "two")
    assert one != state_of(Path("s.txt"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", [Genome, Sequences])
def test_the_three_splits_come_from_one_reading_of_a_pipe(
    tmp_path: Path, kind: type, pack: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(pack(genome("ACGT").encode())))
    writer.start()
    options = {"length": 40} | ({"other_lengths": "crop", "duplicates": "keep"} if kind is Sequences else {"block": 48})
    assert sum(len(kind(split, path=path, **options)) for split in SPLITS) == (12 if kind is Sequences else 4)
    writer.join()
    assert capsys.readouterr().err.count("is a pipe: reading it to its end") == 1


def test_a_device_is_refused(tmp_path: Path) -> None:
    for read in (state_of, bytes_of):
        with pytest.raises(DataError, match="neither a file nor a pipe"):
            read(Path("/dev/zero"))
