"""Images that hold another format than their ending says, and TIFF files that lead to others."""

from __future__ import annotations

import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from gantk_basics.files.images.decode import decode
from gantk_cells.files.ome_tiff import OmeTiff
from PIL import Image

from gantk.api.view import PLAIN_IMAGES, samples_of
from gantk.errors import FileError

ROOT = Path(__file__).resolve().parents[3]
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n{} loop\n"
opened: list[str] = []
hooked: list[bool] = []


@pytest.fixture
def files() -> list[str]:
    """The files that are opened from here on."""
    if not hooked:
        hooked.append(True)
        sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    opened.clear()
    return opened


def named_by_xml(folder: Path) -> Path:
    """An OME-TIFF whose pixels are, by its XML, in one other file."""
    secret = folder / "secret.ome.tif"
    tifffile.imwrite(secret, np.full((2, 8, 8), 77, np.uint8), photometric="minisblack", ome=True)
    with tifffile.TiffFile(secret) as file:
        xml = file.ome_metadata or ""
    part = '<UUID FileName="secret.ome.tif">urn:uuid:00000000-0000-0000-0000-000000000001</UUID>'
    xml = re.sub(
        r"<TiffData.*?</TiffData>|<TiffData[^>]*/>", f'<TiffData IFD="0" PlaneCount="2">{part}</TiffData>', xml
    )
    xml = re.sub(r' UUID="[^"]*"', ' UUID="urn:uuid:00000000-0000-0000-0000-000000000002"', xml)
    made = folder / "made.ome.tif"
    tifffile.imwrite(made, np.full((2, 8, 8), 5, np.uint8), photometric="minisblack", description=xml, metadata=None)
    return made


@pytest.mark.parametrize("read", [decode, OmeTiff().read])
def test_a_tiff_opens_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], read: Any
) -> None:
    path = named_by_xml(tmp_path)
    monkeypatch.chdir(tmp_path)  # where a name without a folder would be looked for
    files.clear()
    with suppress(FileError):  # it may refuse the file, too
        read(path)
    assert str(path) in files
    assert not [each for each in files if "secret" in each]


def test_pixels_are_those_of_the_file_itself(tmp_path: Path) -> None:
    assert set(np.unique(decode(named_by_xml(tmp_path)).images)) == {5}


@pytest.mark.parametrize("ending", sorted(PLAIN_IMAGES))
def test_postscript_under_the_ending_of_an_image_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    started = tmp_path / "started"
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n: > {started}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    path = tmp_path / f"picture{ending}"
    path.write_bytes(POSTSCRIPT)
    with pytest.raises(FileError, match="picture"):
        samples_of(path, 1, 0)
    if ending == ".png":
        with pytest.raises(OSError):
            decode(path)
    assert shutil.which("gs") == str(program)
    assert not started.exists()


def test_every_plain_image_is_still_read(tmp_path: Path) -> None:
    for ending in PLAIN_IMAGES:
        path = tmp_path / f"picture{ending}"
        Image.new("RGB", (8, 8), "red").save(path)
        assert samples_of(path, 1, 0)[0].samples.shape == (1, 3, 8, 8)


def test_no_image_is_opened_without_its_format() -> None:
    sources = [path for folder in ("gantk", "plugins", "examples") for path in (ROOT / folder).rglob("*.py")]
    for path in sources:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "Image.open(" in line and "formats=" not in line:
                assert "Image.open(buffer)" in line, f"{path}: {line}"  # what gantk has just drawn
            if "TiffFile(" in line:
                assert path.name == "tiff_file.py", f"{path}: {line}"
            assert "tifffile.imread" not in line, path
