"""Files as bytes, compressed ones unpacked, but never to much more than an honest file would hold."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gantk import machine, messages
from gantk.errors import DataError

PIECE = 2**20
SMALL = 64 * 2**20
RATIO = 200
"""Files larger than `SMALL` are not unpacked to more than so many times their packed size; text packs 3 to 20 times."""


def content_of(path: Path) -> bytes:
    """The bytes of a file; gzip, bzip2 and xz are recognised by their first bytes.

    Args:
        path: the file.

    Raises:
        DataError: it is damaged, or unpacks to far more than any file of its size does.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    machine.refuse_above_memory(size, f"{path}: read as a whole it", DataError)
    return unpacked(path.read_bytes(), path)


def unpacked(packed: bytes, path: Path) -> bytes:
    """The bytes that these were before they were compressed; of others, themselves.

    Args:
        packed: the bytes of a file.
        path: of the file, for messages.

    Raises:
        DataError: they are damaged, or unpack to far more than honest bytes do.
    """
    known = next((known for start, known in FORMATS.items() if packed.startswith(start)), None)
    if known is None:
        return packed
    name, pieces_of = known
    limit = max(SMALL, RATIO * len(packed))
    pieces, total = [], 0
    try:
        for piece in pieces_of(packed):
            pieces.append(piece)
            total += len(piece)
            if total > limit:
                raise DataError(
                    f"{path}: unpacks to more than {messages.byte_size(limit)}, {RATIO} times its size; a file "
                    "made to fill the memory? If it is right, unpack it and give the unpacked file"
                )
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:  # the bytes are in memory: no disk is at fault
        raise DataError(f"{path}: damaged {name} file ({error}); fetch or compress it again") from error
    return b"".join(pieces)


def _of_gzip(packed: bytes) -> Iterator[bytes]:
    with gzip.open(io.BytesIO(packed), "rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _of_streams(new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], packed: bytes) -> Iterator[bytes]:
    """One stream after the other; unlike `bz2.open` and `lzma.open`, damage behind the first one is no end."""
    at = 0
    while at < len(packed):
        stream = new()
        while not stream.eof:
            data = packed[at : at + PIECE] if stream.needs_input else b""
            if stream.needs_input and not data:
                raise EOFError("it ends too early")
            at += len(data)
            yield stream.decompress(data, PIECE)
        at -= len(stream.unused_data)


FORMATS: dict[bytes, tuple[str, Callable[[bytes], Iterator[bytes]]]] = {
    b"\x1f\x8b": ("gzip", _of_gzip),
    b"BZh": ("bzip2", partial(_of_streams, bz2.BZ2Decompressor)),
    b"\xfd7zXZ\0": ("xz", partial(_of_streams, lzma.LZMADecompressor)),
}
"""Compressed formats that are read, by the bytes that their files begin with."""
