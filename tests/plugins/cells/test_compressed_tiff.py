"""Compressed TIFF files: read with imagecodecs; without it by Pillow where it can, else told what to install."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from gantk_basics.files.images.decode import decode
from gantk_cells.files.ome_tiff import OmeTiff

WITHOUT = """\
import json, sys
sys.modules["imagecodecs"] = None
import warnings
warnings.simplefilter("error")
from pathlib import Path
import numpy as np
from gantk_basics.files.images.decode import decode
from gantk_basics.files.images.folders import find_stacks
from gantk_basics.files.images.class_images import load
from gantk_basics.files.images.read_file import Reading
from gantk_basics.files.images.tiff_file import MissingCodec
from gantk_basics.inspection.survey import survey
found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        found[path.name] = bool(np.array_equal(decode(path).images[0], np.load(sys.argv[2] + "/" + path.name + ".npy")))
    except MissingCodec as error:
        found[path.name] = str(error)
folder = Path(sys.argv[3])
reading = Reading((0,), damaged="skip")
for name, read in (("inspect", survey), ("run", lambda folder: load(find_stacks(folder).train, reading))):
    try:
        read(folder)
    except MissingCodec as error:
        found[name] = str(error)
print(json.dumps(found))
"""

LOSSLESS = {"lossless": True}
FORMS: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "lzw of 8 bits": ("uint8", (12, 16), {"compression": "lzw"}),
    "lzw of 16 bits": ("uint16", (12, 16), {"compression": "lzw"}),
    "lzw of 16 bits, big-endian": ("uint16", (12, 16), {"compression": "lzw", "byteorder": ">"}),
    "lzw with predictor": ("uint16", (12, 16), {"compression": "lzw", "predictor": True}),
    "lzw stack": ("uint16", (3, 12, 16), {"compression": "lzw"}),
    "lzw tiles": ("uint8", (40, 48), {"compression": "lzw", "tile": (16, 16)}),
    "lzw colour": ("uint8", (12, 16, 3), {"compression": "lzw", "photometric": "rgb"}),
    "lzw palette": (
        "uint8",
        (12, 16),
        {"compression": "lzw", "photometric": "palette", "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256)},
    ),
    "zstd": ("uint16", (12, 16), {"compression": "zstd"}),
    "zstd of floating point": ("float32", (12, 16), {"compression": "zstd"}),
    "float predictor": ("float32", (12, 16), {"compression": "zlib", "predictor": True}),
    "float predictor, lzw": ("float32", (12, 16), {"compression": "lzw", "predictor": True}),
    "white is 0": ("uint8", (12, 16), {"compression": "lzw", "photometric": "miniswhite"}),
    "colour of 16 bits": ("uint16", (12, 16, 3), {"compression": "lzw", "photometric": "rgb"}),
    "planes": ("uint16", (2, 12, 16), {"compression": "lzw", "planarconfig": "separate"}),
    "webp": (
        "uint8",
        (12, 16, 3),
        {"compression": "webp", "photometric": "rgb", "compressionargs": LOSSLESS},
    ),
    "jpeg xl": ("uint16", (12, 16), {"compression": "jpegxl", "compressionargs": LOSSLESS}),
    "jpeg 2000": ("uint16", (12, 16), {"compression": "jpeg2000", "compressionargs": {"reversible": True}}),
}
PNGS = {"deep colour": 3, "deep colour and alpha": 4, "deep grey and alpha": 2}
BEYOND_PILLOW = {*PNGS, "white is 0", "colour of 16 bits", "planes", "webp", "jpeg xl", "jpeg 2000"}
SINCE_PILLOW_11 = {"zstd", "zstd of floating point"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each form, and beside the folder what it holds, (C, H, W)."""
    imagecodecs = pytest.importorskip("imagecodecs", reason="pip install 'gantk[tiff]'")
    folder = tmp_path_factory.mktemp("compressed")
    (folder / "files").mkdir()
    (folder / "pixels").mkdir()
    rng = np.random.default_rng(0)
    for name, (type_, shape, how) in FORMS.items():
        pixels = (rng.normal(size=shape) if type_ == "float32" else rng.integers(0, 250, shape)).astype(type_)
        about = {"photometric": "minisblack", "metadata": None, **how}
        tifffile.imwrite(folder / "files" / f"{name}.tif", pixels, **about)
        light = 255 - pixels if name == "white is 0" else pixels
        planes = light.transpose(2, 0, 1) if shape[-1] == 3 else light.reshape(-1, *light.shape[-2:])
        np.save(folder / "pixels" / f"{name}.tif.npy", planes)
    for name, channels in PNGS.items():
        deep = rng.integers(0, 65536, (12, 16, channels), np.uint16)
        (folder / "files" / f"{name}.png").write_bytes(imagecodecs.png_encode(deep))
        kept = deep[..., :3] if channels > 2 else deep[..., :1]
        np.save(folder / "pixels" / f"{name}.png.npy", kept.transpose(2, 0, 1))
    return folder


@pytest.mark.parametrize("name", [*FORMS, *PNGS])
def test_with_imagecodecs_every_form_is_read(written: Path, name: str) -> None:
    path = next((written / "files").glob(f"{name}.*"))
    assert np.array_equal(decode(path).images[0], np.load(written / "pixels" / f"{path.name}.npy"))


def test_without_it_pillow_reads_what_it_can_and_the_rest_names_the_extra(written: Path, tmp_path: Path) -> None:
    for number in range(4):  # a folder of other files, too: leaving files out as damaged would cost data
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((12, 16), number, np.uint16), metadata=None)
    (tmp_path / "z.tif").write_bytes((written / "files" / "jpeg xl.tif").read_bytes())
    command = [sys.executable, "-c", WITHOUT, str(written / "files"), str(written / "pixels"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = {Path(name).stem: result for name, result in json.loads(done.stdout).items()}
    for name in ("inspect", "run"):
        message = found.pop(name)
        assert "z.tif" in message and "pip install 'gantk[tiff]'" in message
    read = {name for name, result in found.items() if result is True}
    assert set(FORMS) - BEYOND_PILLOW - SINCE_PILLOW_11 <= read <= set(FORMS) - BEYOND_PILLOW, found
    for name in found.keys() - read:
        assert "pip install 'gantk[tiff]'" in found[name] and f"{name}." in found[name]


def test_jpeg_is_read_about_right(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs", reason="pip install 'gantk[tiff]'")
    y, x = np.mgrid[:32, :48]
    grey = (120 + 80 * np.sin(y / 9) * np.cos(x / 9)).astype(np.uint8)
    colour = np.stack([grey, grey.T[:32, :48] if grey.T.shape == grey.shape else grey[::-1], 255 - grey], -1)
    for name, pixels, photometric in (("grey", grey, "minisblack"), ("colour", colour, "rgb")):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, pixels, photometric=photometric, compression="jpeg", compressionargs={"level": 95})
        decoded = decode(path)
        expected = np.atleast_3d(pixels).transpose(2, 0, 1)
        assert decoded.images[0].shape == expected.shape and decoded.colour == (name == "colour")
        assert np.abs(decoded.images[0].astype(int) - expected).mean() < 6, name


def test_what_gantk_writes_needs_no_extra(tmp_path: Path) -> None:
    import torch

    from gantk.interfaces import Samples
    from gantk.spec import DataSpec

    spec = DataSpec(shape=(1, 8, 8), axes=("channel", "y", "x"))
    OmeTiff().write(tmp_path / "a.ome.tif", Samples(samples=torch.zeros(2, 1, 8, 8), spec=spec))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        page = file.pages.first
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE and page.predictor == 1
