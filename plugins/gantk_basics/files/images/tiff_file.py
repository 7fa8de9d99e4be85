"""Opening one TIFF file, and no other file that it may name; its pixel values as TIFF 6.0 means them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from tifffile import COMPRESSION, PHOTOMETRIC

from gantk.errors import DataError
from gantk_basics.files.images.alpha import Alpha, without_alpha
from gantk_basics.files.images.class_folder import shown

EXTRA = "pip install 'gantk[tiff]'"
ALPHA = (1, 2)  # of ExtraSamples: associated, unassociated; 0 is a channel whose meaning is not said
GREYS = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.PALETTE)
COLOURS = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
MADE_RGB = (COMPRESSION.OJPEG, COMPRESSION.JPEG)  # whose YCbCr becomes RGB when it is decompressed
BY_PILLOW = (
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.JPEG,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.ZSTD,
)
NO_SCALE = 0.9  # share of a palette's steps below which its colours do not rise from dark to bright
ODD_PALETTE = (
    "its palette does not rise from dark to bright; the numbers in the file are taken for intensities. If its colours "
    "are what counts, save it as RGB"
)


class MissingCodec(DataError):
    """A sound file whose compression needs a library that is not installed."""


@dataclass(frozen=True)
class TiffPixels:
    """The pixels of a TIFF.

    Args:
        values: in any order of axes, without alpha, so that more light is a higher number.
        axes: a letter each, as tifffile names them.
        colour: whether the samples of a pixel (axis S) are red, green and blue.
        remarks: what was left out of the file, or what it does not say, in words.
    """

    values: NDArray[Any]
    axes: str
    colour: bool
    remarks: tuple[str, ...]


logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong with a file is an error, told with its name


@contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Opens a TIFF file for reading, without the multi-file formats of tifffile.

    OME-XML, Micro-Manager and NDTiff name further files, or lie beside them, and tifffile would open these. It is
    handed an open file under its bare name, so that it knows no folder to look in, and is told that the file is of
    none of these formats.

    Args:
        path: of the file.

    Raises:
        ValueError: an empty file.
    """
    with path.open("rb") as file:
        if not file.read(1):
            raise ValueError("it is empty (0 bytes)")
        file.seek(0)
        with tifffile.TiffFile(file, name=path.name, _multifile=False, is_ndtiff=False, is_mmstack=False) as tiff:
            if not len(tiff.pages):
                raise ValueError("it holds no image")
            yield tiff


def read_pixels(path: Path, series: tifffile.TiffPageSeries, policy: Alpha | None = None) -> TiffPixels:
    """The pixels of a series of pages, as TIFF 6.0 means them.

    Where 0 is white, values are turned over. Of a palette, which in micrographs is for display, the numbers in the file
    are the intensities.

    Args:
        path: of the file, for messages.
        series: of an open file.
        policy: what becomes of alpha; None leaves it out, and says so.

    Raises:
        MissingCodec: a compression that needs imagecodecs, which is not installed, and which Pillow cannot read.
        DataError: colours of another kind than red, green and blue.
    """
    page = series.keyframe
    as_stored = page.photometric == PHOTOMETRIC.YCBCR and page.compression not in MADE_RGB
    if as_stored or page.photometric not in (*GREYS, *COLOURS):
        raise DataError(
            f"{shown(path)} is a picture in {_name(page.photometric)}, whose numbers are no intensities; save it in "
            "grey or RGB"
        )
    values, axes, remarks = _decompressed(path, series), series.axes, []
    if values.dtype == bool:
        values = values.astype(np.uint8) * np.uint8(255)  # as PNG's: 0 and 255
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        values = _turned_over(values, page.bitspersample)
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None and not _rises(page.colormap):
        remarks.append(ODD_PALETTE)
    alphas = [k - len(page.extrasamples) for k, kind in enumerate(page.extrasamples) if kind in ALPHA]
    if alphas and "S" in axes:
        axis = axes.index("S")
        first = values.take([values.shape[axis] + alphas[0]], axis)
        associated = page.extrasamples[alphas[0]] == ALPHA[0]
        values = np.delete(values, [values.shape[axis] + k for k in alphas], axis)
        values, said = without_alpha(path, values, first, policy, associated)
        remarks += said
    return TiffPixels(values, axes, page.photometric in COLOURS and "S" in axes, tuple(remarks))


def _name(photometric: int) -> str:
    try:
        return {"SEPARATED": "CMYK"}.get(name := PHOTOMETRIC(photometric).name, name)
    except ValueError:
        return f"colours of an unknown kind ({photometric})"


def _turned_over(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Values whose 0 is white."""
    if values.dtype.kind != "u":
        return -values
    top = values.dtype.type(2 ** min(bits, 8 * values.dtype.itemsize) - 1)
    return top - np.minimum(values, top)


def _rises(palette: NDArray[Any]) -> bool:
    """Whether the colours (3, N) of a palette go from dark to bright, as those for display do."""
    bright = np.array([0.299, 0.587, 0.114]) @ palette.astype(np.float64)
    steps = np.diff(bright)
    moving = steps[steps != 0]
    return not len(moving) or (moving > 0).mean() >= NO_SCALE


def _decompressed(path: Path, series: tifffile.TiffPageSeries) -> NDArray[Any]:
    try:
        return series.asarray()
    except (ValueError, ImportError) as error:  # ImportError: tifffile looks for Python 3.14's zstd
        if isinstance(error, ValueError) and "imagecodecs" not in str(error):
            raise
        with_pillow = _by_pillow(path, series)
        if with_pillow is None:
            page = series.keyframe
            about = f"{_word(page.compression)}, predictor {_word(page.predictor)}, {page.bitspersample} bits"
            raise MissingCodec(
                f"{shown(path)} is compressed in a way ({about}) that needs the library imagecodecs: {EXTRA}, or save "
                "it without compression"
            ) from error
        return with_pillow


def _word(kind: Any) -> str:
    return str(getattr(kind, "name", kind)).lower().replace("_", " ")


def _by_pillow(path: Path, series: tifffile.TiffPageSeries) -> NDArray[Any] | None:
    """The pages as Pillow decompresses them, or None where it cannot, or would change their values."""
    page = series.keyframe
    grey = page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.PALETTE) and page.samplesperpixel == 1
    colour = page.photometric == PHOTOMETRIC.RGB and (page.samplesperpixel, page.bitspersample) == (3, 8)
    if not (grey and page.bitspersample in (8, 16, 32)) and not (colour and page.planarconfig == 1):
        return None
    if page.compression not in BY_PILLOW:
        return None
    try:
        with Image.open(path, formats=["TIFF"]) as image:
            pages = []
            for each in series.pages:
                image.seek(each.index)  # type: ignore[union-attr]
                pages.append(np.asarray(image))
    except (OSError, SyntaxError, EOFError, TypeError, AttributeError, Image.DecompressionBombError):
        return None
    values = np.stack(pages)
    if page.dtype is None or values.dtype != page.dtype.newbyteorder("=") or values.size != np.prod(series.shape):
        return None
    return values.reshape(series.shape)
