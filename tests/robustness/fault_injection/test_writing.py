"""Files are whole or not there; lines are whole or cut away."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantk.files.atomic import append_lines, part_of, read_lines, remove_parts, write_json, write_text


def on_a_small_disk(what: Callable[[], None]) -> None:
    """Runs something in a child process, in which no file may grow beyond 1000 bytes, as on a full disk."""
    resource = pytest.importorskip("resource")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            what()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_line_that_finds_no_room_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    whole = [{"step": step, "text": "x" * 80} for step in range(9)]

    def write() -> None:
        append_lines(path, whole)
        with pytest.raises(OSError, match="File too large"):
            append_lines(path, [{"step": 9, "text": "x" * 200}])
        assert list(read_lines(path)) == whole
        append_lines(path, [{"step": 9}])  # a short one still fits

    on_a_small_disk(write)
    assert list(read_lines(path)) == [*whole, {"step": 9}]


def test_a_file_that_finds_no_room_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})

    def write() -> None:
        with pytest.raises(OSError, match="File too large"):
            write_text(path, "x" * 5000)

    on_a_small_disk(write)
    assert path.read_text() == '{\n  "old": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


@given(
    lines=st.lists(st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), max_size=6),
    torn=st.binary(max_size=30).filter(lambda torn: b"\n" not in torn),
)
def test_what_a_crash_tore_is_cut_away(tmp_path_factory: pytest.TempPathFactory, lines: list, torn: bytes) -> None:
    path = tmp_path_factory.mktemp("torn") / "lines.jsonl"
    append_lines(path, lines)
    with path.open("ab") as file:
        file.write(torn)
    assert list(read_lines(path)) == lines
    append_lines(path, [{"next": 1}])
    assert list(read_lines(path)) == [*lines, {"next": 1}]


def test_parts_are_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    part = part_of(tmp_path / "checkpoints" / "step-5.h5")
    kept = [tmp_path / "a.part", tmp_path / ".hidden", tmp_path / "checkpoints" / "step-5.h5"]
    for path in (part, *kept):
        path.write_text("x")
    assert remove_parts(tmp_path) == [part]
    assert all(path.exists() for path in kept)
