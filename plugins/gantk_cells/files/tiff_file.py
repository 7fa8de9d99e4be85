"""Opening one TIFF file, and no other file that it may name."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tifffile

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong with a file is an error, told with its name


@contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Opens a TIFF file for reading, without the multi-file formats of tifffile.

    OME-XML, Micro-Manager and NDTiff name further files, or lie beside them, and tifffile would open these. It is
    handed an open file under its bare name, so that it knows no folder to look in, and is told that the file is of
    none of these formats.

    Args:
        path: of the file.
    """
    with (
        path.open("rb") as file,
        tifffile.TiffFile(file, name=path.name, _multifile=False, is_ndtiff=False, is_mmstack=False) as tiff,
    ):
        yield tiff
