"""What the tests of damaged and hostile files share: ways to damage bytes, and the command line as a user sees it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import pytest

from gantk.cli import run_command_line as run
from gantk.files import hdf5


def flips(content: bytes, times: int) -> Iterator[bytes]:
    """The content with one byte changed, at `times` places evenly through it."""
    for at in range(0, len(content), max(1, len(content) // times)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        yield bytes(changed)


def cuts(content: bytes, times: int) -> Iterator[bytes]:
    """The content cut short at `times` places evenly through it, the first of them at 0."""
    for number in range(times):
        yield content[: len(content) * number // times]


OTHER_FORMATS = {
    "empty": b"",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(600),
    "pickle": b"\x80\x04\x95" + bytes(600),
    "zip": b"PK\x03\x04" + bytes(600),
    "text": b"step: 5\n" * 90,
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(600),
}


def resealed(path: Path, word: bytes, change: Callable[[h5py.File], object]) -> None:
    """Changes a sealed file and seals it again, as somebody could who means harm."""
    memory = io.BytesIO(path.read_bytes())
    with h5py.File(memory, "r+") as file:
        change(file)
    content = memory.getvalue()[hdf5.BLOCK :]
    path.write_bytes(hdf5.header(word, content) + content)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 2) -> str:
    """What a command says on stderr that must end with this exit code; a traceback would end the test."""
    capsys.readouterr()
    found = run([str(each) for each in arguments])
    out, err = capsys.readouterr()
    assert found == code, (arguments, found, out, err)
    assert err.startswith(("error: ", "warning: ", "Usage: ")) and "Traceback" not in err
    assert "\x1b" not in out + err
    return err.replace("\n", " ")
