"""Damaged data: whatever happens to a file, its reader says so by a DataError, FileError or RecipeError that names it.

Formats with a checksum (gzip, PNG, gantk's own) must recognise every flip in what they pack; those without (FASTA, BED,
tables) cannot, but must never fail otherwise.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.data.mnist import read_idx
from gantk_basics.files.hdf5 import Hdf5
from gantk_cells.data.lin import Lin
from gantk_cells.files.ome_tiff import OmeTiff
from gantk_dna.files.cleaning import encode_all
from gantk_dna.files.genome import read_bed
from gantk_dna.files.motif_files import read_motifs
from gantk_dna.files.sequences import read_sequences
from gantk_dna.files.tables import read_table
from PIL import Image

from gantk.errors import GantkError
from gantk.interfaces import Samples
from gantk.recipe.recipe import load
from gantk.spec import DataSpec
from tests.conftest import TINY
from tests.helpers.basics_toys import POINTS
from tests.helpers.damage import OTHER_FORMATS, cuts, flips

FASTA = "".join(f">seq{n} label=A\n{'ACGTTGCA' * 8}\n" for n in range(12)).encode()
BED = "".join(f"chr1\t{n * 50}\t{n * 50 + 40}\tpeak{n}\t{n}\t+\n" for n in range(30)).encode()
TABLE = ("name,sequence,score\n" + "".join(f"s{n},{'ACGT' * 6},{n / 7}\n" for n in range(40))).encode()
FASTQ = "".join(f"@seq{n} label=A\n{'ACGTTGCA' * 8}\n+\n{'I' * 64}\n" for n in range(12)).encode()
GENBANK = "".join(
    f"LOCUS       seq{n}       24 bp    DNA     linear   UNK 01-JAN-1980\nDEFINITION  made.\nORIGIN\n"
    "        1 acgttgcaac gttgcaacgt tgca\n//\n"
    for n in range(9)
).encode()
JASPAR = b"".join(b">MA%d.1 m%d\nA [ 8 0 1 ]\nC [ 0 9 2 ]\nG [ 2 1 3 ]\nT [ 0 0 4 ]\n" % (n, n) for n in range(9))
MEME = b"MEME version 4\n\nALPHABET= ACGT\n\n" + b"".join(
    b"MOTIF MA%d.1 m%d\nletter-probability matrix: alength= 4 w= 2 nsites= 10\n.8 0 .2 0\n.1 .2 .3 .4\n\n" % (n, n)
    for n in range(9)
)
TRANSFAC = b"".join(
    b"AC  MA%d\nXX\nID  m%d\nP0 A C G T\n01 8 0 2 0 A\n02 0 9 1 0 C\nXX\n//\n" % (n, n) for n in range(9)
)
IDX = b"\0\0\x08\x03" + struct.pack(">3I", 6, 8, 8) + bytes(range(64)) * 6


def fasta(path: Path) -> None:
    encode_all(path, read_sequences(path), "iupac")


def picture(path: Path) -> None:
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 12, 3), np.uint8)
        Image.fromarray(pixels).save(path.parent / f"whole{number}.png")
    Lin("train", root=path.parent)


def tiffs(path: Path) -> None:
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (2, 8, 12), np.uint8)
        tifffile.imwrite(path.parent / f"whole{number}.tif", pixels, photometric="minisblack")
    Lin("train", root=path.parent)


def images() -> Samples:
    spec = DataSpec(shape=(2, 6, 8), axes=("channel", "y", "x"), names={"channel": ("a", "b")})
    return Samples(samples=torch.rand(3, 2, 6, 8) * 2 - 1, spec=spec, attributes={"origin": "simulated"})


def png_bytes(folder: Path) -> bytes:
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (8, 12, 3), np.uint8)).save(folder / "made.png")
    return (folder / "made.png").read_bytes()


def tiff_bytes(folder: Path) -> bytes:
    pixels = np.random.default_rng(9).integers(0, 256, (2, 8, 12), np.uint8)
    tifffile.imwrite(folder / "made.tif", pixels, photometric="minisblack")
    return (folder / "made.tif").read_bytes()


def ome_bytes(folder: Path) -> bytes:
    OmeTiff().write(folder / "made.ome.tif", images())
    return (folder / "made.ome.tif").read_bytes()


def hdf5_bytes(folder: Path) -> bytes:
    Hdf5().write(folder / "made.h5", Samples(samples=torch.rand(50, *POINTS.shape), spec=POINTS))
    return (folder / "made.h5").read_bytes()


class Case:
    """A format: how a whole file is made and read, and whether a flip must be recognised."""

    def __init__(self, name: str, make: Callable[[Path], bytes], read: Callable[[Path], object], times: int = 60):
        self.name, self.make, self.read, self.times = name, make, read, times


CASES = {
    "fasta": Case("a.fa", lambda _: FASTA, fasta),
    "gzip fasta": Case("a.fa.gz", lambda _: gzip.compress(FASTA, mtime=0), fasta, 150),
    "bzip2 fasta": Case("a.fa.bz2", lambda _: bz2.compress(FASTA), fasta, 150),
    "xz fasta": Case("a.fa.xz", lambda _: lzma.compress(FASTA), fasta, 150),
    "fastq": Case("a.fq", lambda _: FASTQ, fasta),
    "genbank": Case("a.gb", lambda _: GENBANK, fasta),
    "jaspar": Case("a.jaspar", lambda _: JASPAR, read_motifs, 100),
    "meme": Case("a.meme", lambda _: MEME, read_motifs, 100),
    "transfac": Case("a.transfac", lambda _: TRANSFAC, read_motifs, 100),
    "bed": Case("a.bed", lambda _: BED, lambda path: read_bed(path, {"chr1": 2000})),
    "table": Case("a.csv", lambda _: TABLE, read_table),
    "idx": Case("a-idx3-ubyte", lambda _: IDX, lambda path: read_idx(path, 3)),
    "gzip idx": Case("a-idx3-ubyte.gz", lambda _: gzip.compress(IDX, mtime=0), lambda path: read_idx(path, 3), 150),
    "recipe": Case("a.yaml", lambda _: TINY.encode(), load, 150),
    "png": Case("a.png", png_bytes, picture, 20),
    "tiff": Case("a.tif", tiff_bytes, tiffs, 20),
    "ome-tiff": Case("a.ome.tif", ome_bytes, OmeTiff().read, 80),
    "samples": Case("a.h5", hdf5_bytes, Hdf5().read, 300),
}
RECOGNISED = {"gzip fasta", "bzip2 fasta", "xz fasta", "gzip idx", "samples"}
"""Formats whose every truncation and flip must be an error; of gzip not those of the time and name in its head."""


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gantk_basics.files.images.class_images.progress", lambda files, *_: files)


def outcome(case: Case, path: Path, content: bytes) -> str:
    """ "read", or the message of an error that was raised on purpose; anything else ends the test."""
    path.write_bytes(content)
    try:
        case.read(path)
    except GantkError as error:
        return str(error)
    return "read"


@pytest.mark.filterwarnings("ignore")  # tifffile and Pillow warn before they fail
@pytest.mark.parametrize("kind", CASES)
def test_damage_is_told_and_nothing_else_happens(kind: str, tmp_path: Path) -> None:
    case = CASES[kind]
    folder = tmp_path / "data"
    folder.mkdir()
    whole = case.make(tmp_path)
    path = folder / case.name
    assert outcome(case, path, whole) == "read"
    told = [outcome(case, path, content) for content in cuts(whole, 50 if kind not in ("png", "tiff") else 12)]
    flipped = [outcome(case, path, content) for content in flips(whole, case.times)]
    foreign = [outcome(case, path, content) for content in OTHER_FORMATS.values()]
    for message in [*told, *flipped, *foreign]:
        assert message == "read" or case.name in message or kind == "recipe", message
    assert "read" not in foreign
    if kind in RECOGNISED:
        assert "read" not in told
        assert flipped.count("read") <= (0 if kind == "samples" else 12)
