"""Files that are small on the disk and vast in memory, and names and numbers that mean harm."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import signal
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gantk_basics.data.mnist import read_idx
from gantk_cells.data.lin import Lin
from gantk_cells.files.ome_tiff import OmeTiff
from gantk_dna.files.formats import Fasta
from gantk_dna.files.genome import read_bed
from gantk_dna.files.sequences import lines_of
from gantk_dna.files.tables import number_in, read_table
from PIL import Image

from gantk import machine
from gantk.errors import DataError, FileError, GantkError
from gantk.files import compressed
from tests.helpers.damage import run


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(compressed, "SMALL", 2**20)


@pytest.mark.parametrize("read", [lines_of, lambda path: read_idx(path, 3)], ids=["sequences", "idx"])
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_nothing_is_unpacked_without_end(read: object, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(compress(bytes(20_000_000)))
    with pytest.raises(DataError, match=r"bomb\.gz.*unpacks to more than"):
        read(path)


def test_a_gzip_file_of_repeats_that_is_honest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "repeats.fa.gz"
    path.write_bytes(gzip.compress(b">chr1\n" + b"N" * 900_000))
    assert len(lines_of(path)[1]) == 900_000


def test_a_heading_of_one_vast_word_is_read_in_one_pass(tmp_path: Path) -> None:
    """A search that begins anew at each letter takes hours of processor time for what one pass does in milliseconds."""
    path = tmp_path / "vast.fasta"
    path.write_text(f">one note=7 {'a' * 1_000_000}\nACGT\n")

    def too_long(*_: object) -> None:
        pytest.fail("20 s of processor time were not enough")

    before = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, 20)
    try:
        found = Fasta().read(path)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert len(found) == 1
    assert found.attributes["note"] == 7


def png_of(width: int, height: int) -> bytes:
    """A valid PNG of so many black pixels, made without making the pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * width)) for _ in range(min(height, 200))) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore")
def test_a_vast_png_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "Alp14"
    folder.mkdir(parents=True)
    (folder / "bomb.png").write_bytes(png_of(60_000, 60_000))
    with pytest.raises(DataError, match=r"bomb\.png"):
        Lin("train", root=folder.parent)


@pytest.mark.filterwarnings("ignore")
def test_a_vast_tiff_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_limit", lambda device="cpu": 10_000_000)
    folder = tmp_path / "cells" / "Alp14"
    folder.mkdir(parents=True)
    tifffile.imwrite(
        folder / "bomb.tif", np.zeros((2, 4000, 4000), np.uint8), photometric="minisblack", compression="zlib"
    )
    assert (folder / "bomb.tif").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"bomb\.tif"):
        Lin("train", root=folder.parent)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "NaN ", "0x10", "1_0", "１"])
def test_numbers_of_tables_and_bed_are_finite(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"sequence,score\nACGT,{text}\n")
    try:
        found = number_in(path, read_table(path)[0], ["score"])
        assert found is None or abs(found) < 1e300
    except DataError as error:
        assert "a.csv" in str(error)
    bed = tmp_path / "a.bed"
    bed.write_text(f"chr1\t1\t5\tname\t{text}\t+\n")
    try:
        assert abs(read_bed(bed, {"chr1": 10})[0].score) < 1e300
    except DataError as error:
        assert "a.bed" in str(error)


def test_class_folders_with_names_that_a_terminal_obeys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a\x1b[2J\x1b[31mred", "<script>alert(1)</script>".replace("/", "∕"), "b\u202eevil", "c\nd"):
        folder = tmp_path / "cells" / name
        folder.mkdir(parents=True)
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 12, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"cell{number}.png")
        (folder / "broken\x1b[0m.png").write_bytes(b"\x89PNG")
    run(["validate", "lin_starshaped", "data.use=cells/lin", "data.root=cells", "data.layout=per_class"])
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and "\u202e" not in out + err
    assert "broken" in err


@pytest.mark.parametrize("inside", ["/etc", "../outside"])
def test_links_out_of_the_data_are_not_followed(inside: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(outside / "secret.png")
    root = tmp_path / "cells"
    (root / "Alp14").mkdir(parents=True)
    target = Path("/etc") if inside == "/etc" else outside
    (root / "Arp3").symlink_to(target)
    (root / "Alp14" / "a.png").symlink_to(outside / "secret.png")
    with pytest.raises(GantkError, match="link that leads out"):
        Lin("train", root=root)


def test_xml_entities_do_not_multiply(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    xml = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a0 "ha">{laughs}]><OME><a>&a11;</a></OME>'
    path = tmp_path / "laughs.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 4, 4), np.uint8), photometric="minisblack", description=xml, metadata=None)
    with pytest.raises(FileError, match=r"laughs\.ome\.tif"):
        OmeTiff().read(path)


def test_an_ome_tiff_opens_no_other_file(tmp_path: Path) -> None:
    """Its XML may name further files that hold parts of the image."""
    secret = tmp_path / "secret.ome.tif"
    tifffile.imwrite(secret, np.full((2, 4, 4), 77, np.uint8), photometric="minisblack", ome=True)
    with tifffile.TiffFile(secret) as file:
        xml = file.ome_metadata
    part = '<UUID FileName="secret.ome.tif">urn:uuid:00000000-0000-0000-0000-000000000001</UUID>'
    xml = re.sub(
        r"<TiffData.*?</TiffData>|<TiffData[^>]*/>", f'<TiffData IFD="0" PlaneCount="2">{part}</TiffData>', xml
    )
    xml = re.sub(r' UUID="[^"]*"', ' UUID="urn:uuid:00000000-0000-0000-0000-000000000002"', xml)
    assert "secret.ome.tif" in xml
    made = tmp_path / "made.ome.tif"
    tifffile.imwrite(made, np.zeros((2, 4, 4), np.uint8), photometric="minisblack", description=xml, metadata=None)
    try:
        found = OmeTiff().read(made).samples
    except FileError:
        return
    assert len(found.unique()) == 1 and found.max() <= 0
