"""HDF5 files that come from anywhere: sealed by a SHA-256, and read so that nothing but plain numbers is taken.

A sealed file begins with a user block of 512 bytes: a word that says what it is, and the SHA-256 of the rest, which is
checked before HDF5 sees a byte. A seal recognises damage; it proves nothing about who wrote the file. So what stands
in the file is also taken with care: no link leads out of it or round in it, no data set draws on other files or on code
that HDF5 would load (filter plugins), and nothing becomes larger than what is really there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from gantk import machine
from gantk.errors import FileError
from gantk.files.atomic import part_of
from gantk.messages import printable

BLOCK = 512
FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF)
DEEPEST = 32
LONGEST = 60_000  # bytes of text in an attribute; HDF5 takes 64 KiB of everything that stands with an object
MOST = 1_000_000  # objects in a file


class NotAsWritten(ValueError):
    """The content of a file is not what gantk writes."""


def header(word: bytes, content: memoryview | bytes) -> bytes:
    """The user block of a file whose HDF5 part is `content`.

    Args:
        word: what the file is, with a line break at its end.
        content: all that stands behind the user block.
    """
    return _user_block(word, hashlib.sha256(content).hexdigest())


def _user_block(word: bytes, digest: str) -> bytes:
    return (word + digest.encode() + b"\n").ljust(BLOCK, b"\0")


@contextmanager
def sealed(path: Path, word: bytes) -> Iterator[h5py.File]:
    """A new HDF5 file that is written to the disk piece by piece, sealed at the end, and never seen half written.

    Args:
        path: its name once it is whole.
        word: what the file is, with a line break at its end.

    Raises:
        OSError: the disk is full, or the folder is gone or read-only; `path` is then as it was.
    """
    part = part_of(path)
    try:
        with h5py.File(part, "w", userblock_size=BLOCK, locking=False) as file:
            yield file
        with part.open("r+b") as whole:
            whole.seek(BLOCK)
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
            whole.seek(0)
            whole.write(_user_block(word, digest))
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def starts_with(path: Path, word: bytes) -> bool:
    """Whether a plain file starts with this word; of a pipe, which can be read once, nothing is looked at."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(word)) == word


def unsealed(content: bytes, word: bytes) -> str | None:
    """The SHA-256 of a sealed file's content, or None where the seal is broken.

    Args:
        content: the whole file.
        word: with which it starts.
    """
    stated = content[len(word) : BLOCK]
    actual = hashlib.sha256(memoryview(content)[BLOCK:]).hexdigest()
    return actual if stated == (actual.encode() + b"\n").ljust(BLOCK - len(word), b"\0") else None


@contextmanager
def opened(content: bytes, path: Path, what: str, cure: str) -> Iterator[h5py.File]:
    """The HDF5 file in `content`; whatever goes wrong while it is read becomes an error that names `path`.

    Args:
        content: the whole file.
        path: where it comes from, for the message.
        what: what it should be: "a checkpoint".
        cure: what to do, for the message.

    Raises:
        FileError: it is no such file.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            yield file
    except FileError:
        raise
    except Exception as error:  # a file made on purpose makes libhdf5, h5py and json raise nearly anything
        reason = printable(str(error).strip() or type(error).__name__)
        reason = f"has no {reason}" if isinstance(error, KeyError) else reason
        raise FileError(f"{printable(str(path))}: damaged, or not {what} of gantk: {reason[:300]}. {cure}") from error


def write_string(owner: h5py.HLObject, name: str, value: str) -> None:
    """Adds an attribute that is text: of fixed length, so that it stands where the attribute stands.

    Text of variable length lies in a heap, and a heap that was made on purpose can keep libhdf5 busy for ever. What is
    longer than an attribute may be goes on in `name.1`, `name.2`, …
    """
    data = value.encode() or b"\0"
    for number, start in enumerate(range(0, len(data), LONGEST)):
        part = data[start : start + LONGEST]
        owner.attrs.create(f"{name}.{number}" if number else name, part, dtype=h5py.string_dtype("utf-8", len(part)))


def read_string(owner: h5py.HLObject, name: str) -> str:
    """An attribute that `write_text` wrote.

    Raises:
        NotAsWritten: it is missing, or something else.
    """
    parts, number = [_attribute(owner, name, h5py.h5t.STRING, "not text")], 1
    while f"{name}.{number}" in owner.attrs:
        parts.append(_attribute(owner, f"{name}.{number}", h5py.h5t.STRING, "not text"))
        number += 1
    return b"".join(parts).decode()


def whole(owner: h5py.HLObject, name: str) -> int:
    """An attribute that is a whole number from 0.

    Raises:
        NotAsWritten: it is missing, or something else.
    """
    value = int(_attribute(owner, name, h5py.h5t.INTEGER, "not a whole number from 0"))
    if not 0 <= value < 2**63:
        raise NotAsWritten(f"its attribute '{name}' is not a whole number from 0")
    return value


def _attribute(owner: h5py.HLObject, name: str, kind: int, wrong: str) -> Any:
    """The value of an attribute, looked at only where it is a single one of this kind."""
    if name not in owner.attrs:
        raise NotAsWritten(f"its attribute '{name}' is missing")
    found = owner.attrs.get_id(name)
    form = found.get_type()
    variable = isinstance(form, h5py.h5t.TypeStringID) and form.is_variable_str()
    if form.get_class() != kind or variable or found.shape != ():
        raise NotAsWritten(f"its attribute '{name}' is {wrong}")
    value = np.empty((), found.dtype)
    found.read(value)
    return value[()]


def arrays(group: h5py.Group) -> dict[str, NDArray[Any]]:
    """Every data set in and below a group: its name from there -> its numbers.

    Raises:
        NotAsWritten: links, or data sets of a kind that gantk never writes.
    """
    return {name: array(dataset) for name, dataset in _datasets(group, "", 0, set())}


def members(group: h5py.Group) -> dict[str, h5py.HLObject]:
    """What stands in a group, by name.

    Raises:
        NotAsWritten: something stands elsewhere, and here only a link to it.
    """
    found = {}
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise NotAsWritten(f"'{printable(name)}' is a link to something elsewhere, and links are not followed")
        found[name] = group[name]
    return found


def _datasets(group: h5py.Group, above: str, depth: int, seen: set[int]) -> Iterator[tuple[str, h5py.Dataset]]:
    for name, item in members(group).items():
        address = h5py.h5o.get_info(item.id).addr
        if address in seen or depth > DEEPEST or len(seen) > MOST:
            raise NotAsWritten(f"'{printable(above + name)}' is a second name, or there are far too many")
        seen.add(address)
        if isinstance(item, h5py.Group):
            yield from _datasets(item, f"{above}{name}/", depth + 1, seen)
        elif isinstance(item, h5py.Dataset):
            yield above + name, item
        else:
            raise NotAsWritten(f"'{printable(above + name)}' is neither a group nor a data set")


def array(dataset: h5py.HLObject) -> NDArray[Any]:
    """The numbers of a data set.

    Raises:
        NotAsWritten: no numbers, or they do not stand in this file, or they would fill the memory.
    """
    name = printable(dataset.name or "")
    if not isinstance(dataset, h5py.Dataset):
        raise NotAsWritten(f"'{name}' is not a data set")
    if dataset.dtype.kind not in "biuf" or dataset.shape is None:
        raise NotAsWritten(f"'{name}' holds {printable(str(dataset.dtype))}, not numbers")
    if dataset.is_virtual or dataset.external:
        raise NotAsWritten(f"'{name}' takes its numbers from other files, which are not read")
    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    if any(each not in FILTERS for each in filters):
        raise NotAsWritten(f"'{name}' is packed by a filter that gantk does not use (numbers {filters})")
    machine.refuse_above_data_limit(dataset.nbytes, f"'{name}' of shape {dataset.shape}", NotAsWritten)
    if dataset.nbytes and not _is_all_there(dataset):
        raise NotAsWritten(f"'{name}' announces {dataset.nbytes:,} bytes, which do not stand in the file")
    return dataset[()]


def _is_all_there(dataset: h5py.Dataset) -> bool:
    if dataset.chunks is None:
        return dataset.id.get_storage_size() == dataset.nbytes
    pieces = 1
    for size, chunk in zip(dataset.shape, dataset.chunks, strict=True):
        pieces *= -(-size // chunk)
    machine.refuse_above_data_limit(int(np.prod(dataset.chunks)) * dataset.dtype.itemsize, "a piece", NotAsWritten)
    return pieces <= MOST and dataset.id.get_num_chunks() == pieces
