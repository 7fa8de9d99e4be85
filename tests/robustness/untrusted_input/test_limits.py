"""What bytes become in memory is limited before they become it; devices are refused, and pipes read up to the limit."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.data.mnist import read_idx
from gantk_basics.files.hdf5 import CURE, MAGIC, Hdf5
from gantk_basics.files.images.decode import decode
from gantk_cells.data.lin import Lin
from gantk_cells.files.ome_tiff import OmeTiff
from gantk_dna.data.sequences import Sequences
from gantk_dna.files.formats import Fasta
from gantk_dna.files.sequences import lines_of, read_sequences
from gantk_dna.files.tables import read_table
from PIL import Image

from gantk import machine
from gantk.api.view import picture
from gantk.errors import DataError, FileError, GantkError
from gantk.files import hdf5, whole_file
from gantk.files.latents import Latents
from gantk.files.run_folder import refuse_links
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk.training.checkpoint import is_checkpoint, read_checkpoint

SAYS = r"would need about .* of memory, and data may take 10 MB \(GANTK_DATA_MEMORY says so\)"
TOLD = SAYS + r".* GANTK_DATA_MEMORY=\d+[MG]B"
LETTERS = DataSpec(shape=(4, 100), axes=("base", "position"), categorical=True, names={"base": tuple("ACGT")})


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANTK_DATA_MEMORY", "10MB")


def read_images(path: Path) -> np.ndarray:
    return read_idx(path, 3)


def letters(count: int) -> Samples:
    samples = torch.zeros(count, 4, 100)
    samples[:, 1] = 1
    return Samples(samples=samples, spec=LETTERS)


def many_records(path: Path) -> Path:
    path.write_bytes(gzip.compress(b">a\nAC\n" * 20_000))  # 120 kB, 700 bytes packed; 20 MB as records
    return path


def many_rows(path: Path) -> Path:
    path.write_text("seq,a,b\n" + "AC,1,2\n" * 20_000)
    return path


def one_hot_hdf5(path: Path) -> Path:
    Hdf5().write(path, letters(8000))
    return path


def long_fasta(path: Path) -> Path:
    path.write_text(">a\n" + "A" * 1_000_000 + "\n")
    return path


def vast_tiff(path: Path) -> Path:
    tifffile.imwrite(path, np.zeros((2, 3000, 3000), np.uint8), photometric="minisblack", compression="zlib")
    return path


def vast_ome(path: Path) -> Path:
    tifffile.imwrite(path, np.zeros((2, 1200, 1200), np.uint8), ome=True, compression="zlib", metadata={"axes": "CYX"})
    return path


def vast_png(path: Path) -> Path:
    Image.new("L", (2000, 2000)).save(path)
    return path


@pytest.mark.parametrize(
    ("make", "name", "read", "largest"),
    [
        (many_records, "a.fa.gz", read_sequences, 1_000),
        (many_records, "a.fa.gz", Fasta().read, 1_000),
        (many_rows, "a.csv", read_table, 200_000),
        (lambda path: path.write_text("\n" * 200_000) and path, "a.bed", lines_of, 200_000),
        (lambda path: path.write_text("AC\n" * 20_000) and path, "a.txt", read_sequences, 60_000),
        (long_fasta, "long.fa", Fasta().read, 1_100_000),
        (one_hot_hdf5, "a.h5", Hdf5().read, 30_000),
        (vast_tiff, "cells/Alp14/a.tif", lambda path: Lin("train", root=path.parents[1]), 100_000),
        (vast_ome, "a.ome.tif", OmeTiff().read, 100_000),
        (vast_png, "cells/Alp14/a.png", lambda path: Lin("train", root=path.parents[1], channels=[0]), 100_000),
        (vast_png, "plain.png", lambda path: picture(path, 1), 100_000),
        (lambda path: path.write_bytes(gzip.compress(bytes(20_000_000))) and path, "i.gz", read_images, 100_000),
        (lambda path: path.write_bytes(bytes(20_000_000)) and path, "i", read_images, 20_000_000),
    ],
    ids=["records", "fasta", "table", "lines", "one-a-line", "one-hot", "hdf5", "tiff", "ome", "png", "view", "gzip",
         "plain"],
)  # fmt: skip
def test_what_would_be_too_large_is_refused_with_the_key_that_raises_it(
    make: Callable[[Path], Path], name: str, read: Callable[[Path], object], largest: int, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    assert path.stat().st_size <= largest
    with pytest.raises(GantkError, match=TOLD):
        read(path)


def test_many_small_images_count_together(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "Alp14"
    folder.mkdir(parents=True)
    for number in range(30):
        image = np.full((2, 500, 500), number, np.uint8)
        tifffile.imwrite(folder / f"{number}.tif", image, photometric="minisblack", compression="zlib")
    with pytest.raises(DataError, match=rf"the first 2\d images of .*cells.*{TOLD}"):
        Lin("train", root=folder.parent)


def test_what_is_allowed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = many_records(tmp_path / "a.fa.gz")
    monkeypatch.setenv("GANTK_DATA_MEMORY", "1 GB")
    assert len(read_sequences(path)) == 20_000
    path = one_hot_hdf5(tmp_path / "a.h5")
    assert torch.equal(Hdf5().read(path).samples, letters(8000).samples)


def test_a_quarter_of_the_memory_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANTK_DATA_MEMORY")
    monkeypatch.setattr(machine, "memory_limit", lambda device="cpu": 40_000_000)
    assert machine.data_limit() == 10_000_000
    with pytest.raises(DataError, match=r"data may take 10 MB \(a quarter of this machine's memory\)"):
        machine.refuse_above_data_limit(10_000_001, "it", DataError)
    machine.refuse_above_data_limit(10_000_000, "it", DataError)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8GB", 8 * 10**9), (" 1.5 gb ", 1_500_000_000), ("500M", 5 * 10**8), ("7", 7), ("2TiB", 2 * 10**12)],
)
def test_sizes(text: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_DATA_MEMORY", text)
    assert machine.data_limit() == expected


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0", "1e9", "٣GB"])
def test_no_sizes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_DATA_MEMORY", text)
    with pytest.raises(GantkError, match=r"GANTK_DATA_MEMORY is .* no size"):
        machine.data_limit()


READERS: list[Callable[[Path], object]] = [
    read_sequences,
    lambda path: read_idx(path, 3),
    Hdf5().read,
    OmeTiff().read,
    Latents.read,
    read_checkpoint,
    lambda path: Sequences("train", path=path),
]


@pytest.mark.parametrize("read", READERS)
def test_devices_are_refused(read: Callable[[Path], object]) -> None:
    with pytest.raises(GantkError, match=r"/dev/zero is a device"):
        read(Path("/dev/zero"))


def test_a_pipe_among_images_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "Alp14"
    folder.mkdir(parents=True)
    for ending in ("tif", "png"):
        os.mkfifo(folder / f"a.{ending}")
        with pytest.raises(DataError, match=rf"a\.{ending} is a pipe"):
            decode(folder / f"a.{ending}")
    with pytest.raises(DataError, match="no images"):
        Lin("train", root=folder.parent)
    with pytest.raises(GantkError, match=r"a\.png is a pipe"):
        picture(folder / "a.png", 1)


def test_a_pipe_is_read_to_its_end_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"x" * 3_000_000))
    writer.start()
    assert whole_file(pipe, DataError) == b"x" * 3_000_000
    writer.join()
    assert "pipe: reading it to its end, waiting for what comes" in capsys.readouterr().err


def test_a_pipe_without_end_stops_at_the_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    endless = subprocess.Popen(["sh", "-c", f"exec cat /dev/zero > {pipe}"], stderr=subprocess.DEVNULL)
    try:
        with pytest.raises(DataError, match=f"what comes through this pipe {TOLD}"):
            whole_file(pipe, DataError)
    finally:
        endless.wait(timeout=20)


def test_a_pipe_is_no_checkpoint_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.h5")
    assert not is_checkpoint(tmp_path / "a.h5")  # and is not waited for


def test_a_run_folder_holds_no_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metrics.jsonl")
    with pytest.raises(FileError, match=r"metrics\.jsonl: is a device or pipe"):
        refuse_links(tmp_path)


@pytest.mark.parametrize(
    "values", [np.array([[0, 9]], np.uint8), np.array([[-1, 0]], np.int8), np.ones((1, 2), np.float32)]
)
def test_letters_that_are_none(values: np.ndarray, tmp_path: Path) -> None:
    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=hdf5.BLOCK) as file:
        file.create_dataset("samples", data=values)
        hdf5.write_string(file, "spec", DataSpec(shape=(4, 2), axes=("base", "position"), categorical=True).to_json())
        hdf5.write_string(file, "attributes", "{}")
        hdf5.write_string(file, "format", "gantk samples 1")
    content = image.getbuffer()[hdf5.BLOCK :]
    (tmp_path / "a.h5").write_bytes(hdf5.header(MAGIC, content) + content)
    with pytest.raises(FileError, match=f"letters that are no numbers from 0 to 3.*{CURE}"):
        Hdf5().read(tmp_path / "a.h5")


LIMITED = """\
import resource, sys
from pathlib import Path
from gantk_basics.files.hdf5 import Hdf5
from gantk.spec import DataSpec
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 80_000_000,) * 2)
print(Hdf5().read(Path(sys.argv[1])).samples.sum().item())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_one_hot_samples_take_little_more_than_themselves(tmp_path: Path) -> None:
    """32 MB of one-hot samples: with numbers of 8 bytes for all of them it would be 80 MB more."""
    path = tmp_path / "a.h5"
    Hdf5().write(path, letters(20_000))
    environment = os.environ | {"GANTK_DATA_MEMORY": "1GB", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, env=environment)
    assert done.stdout == "2000000.0\n", done.stderr
