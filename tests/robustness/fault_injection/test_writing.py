"""Files are whole or not there; lines are whole or cut away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantk.files.atomic import append_lines, part_of, read_lines, remove_parts, write_json

SMALL_DISK = """\
import resource, signal, sys
from pathlib import Path
from gantk.files.atomic import append_lines, read_lines, write_text
path = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
def refused(write, *what):
    try:
        write(path, *what)
    except OSError as error:
        assert "File too large" in str(error), error
    else:
        sys.exit("there was room")
"""
"""Begins a process in which no file may grow beyond 1000 bytes, as on a full disk."""


def on_a_small_disk(path: Path, script: str) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, "-c", SMALL_DISK + script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_line_that_finds_no_room_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    on_a_small_disk(
        path,
        """\
whole = [{"step": step, "text": "x" * 80} for step in range(9)]
append_lines(path, whole)
refused(append_lines, [{"step": 9, "text": "x" * 200}])
assert list(read_lines(path)) == whole
append_lines(path, [{"step": 9}])  # a short one still fits
""",
    )
    assert [line["step"] for line in read_lines(path)] == list(range(10))


def test_a_file_that_finds_no_room_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})
    on_a_small_disk(path, 'refused(write_text, "x" * 5000)')
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
