"""Files as bytes, gzip ones unpacked, but never to much more than an honest file would hold."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from gantk import machine, messages
from gantk.errors import DataError

GZIP = b"\x1f\x8b"
PIECE = 2**20
SMALL = 64 * 2**20
RATIO = 200
"""Files larger than `SMALL` are not unpacked to more than so many times their packed size; text packs 3 to 20 times."""


def content_of(path: Path) -> bytes:
    """The bytes of a file; gzip is recognised by its first bytes.

    Args:
        path: the file.

    Raises:
        DataError: it is damaged, or unpacks to far more than any file of its size does.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    machine.refuse_above_memory(size, f"{path}: read as a whole it", DataError)
    packed = path.read_bytes()
    if not packed.startswith(GZIP):
        return packed
    limit = max(SMALL, RATIO * len(packed))
    pieces, total = [], 0
    try:
        with gzip.open(path, "rb") as file:
            while piece := file.read(PIECE):
                pieces.append(piece)
                total += len(piece)
                if total > limit:
                    raise DataError(
                        f"{path}: unpacks to more than {messages.byte_size(limit)}, {RATIO} times its size; a file "
                        "made to fill the memory? If it is right, unpack it and give the unpacked file"
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); fetch or compress it again") from error
    return b"".join(pieces)
