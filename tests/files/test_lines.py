"""Records of one JSON object a line: what is odd is left out, and nothing is lost by writing them anew."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

import gantk
from gantk.files.atomic import last_line, odd_lines, read_lines

ODD = {
    "blank": b"",
    "NUL": b"\0" * 30,
    "flipped": b'{"step": 3, "critic"\xba 1}',
    "cut": b'{"step": 3, "cri',
    "number": b"7",
    "without a step": b'{"critic": 1}',
    "step of words": b'{"step": "3"}',
}


@pytest.mark.parametrize("name", ODD)
def test_what_stands_behind_an_odd_line_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + ODD[name] + b'\n{"step": 4}\n{"step": 5, "cut')
    assert [line["step"] for line in read_lines(path, {"step": int})] == [1, 4]
    assert odd_lines(path, {"step": int}) == [2]
    assert last_line(path, {"step": int}) == {"step": 4}
    path.write_bytes(b'{"step": 1}\n' + ODD[name] + b"\n")
    assert last_line(path, {"step": int}) == {"step": 1}
    path.write_bytes(ODD[name] + b"\n")
    assert last_line(path, {"step": int}) is None


@pytest.mark.parametrize("length", [1, 4080, 4095, 4096, 4097, 9000, 20000])
def test_the_last_line_is_found_however_long_it_and_what_follows_is(length: int, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert last_line(path) is None
    path.write_bytes(b"")
    assert last_line(path) is None
    wanted = {"step": 2, "text": "x" * length}
    first, last = json.dumps({"step": 1}).encode(), json.dumps(wanted).encode()
    for behind in (b"", b"\n", b"{" * length + b"\n", b'{"step": 3'):
        path.write_bytes(first + b"\n" + last + b"\n" + behind)
        assert last_line(path, {"step": int}) == wanted


def test_of_a_long_file_the_end_alone_is_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("wb") as file:
        file.truncate(2**26)  # a hole, which takes no room on the disk
        file.seek(0, 2)
        file.write(b'\n{"step": 7}\n')
    tracemalloc.start()
    try:
        assert last_line(path, {"step": int}) == {"step": 7}
        assert tracemalloc.get_traced_memory()[1] < 2**17
    finally:
        tracemalloc.stop()


def test_resuming_keeps_every_line_that_can_be_read_and_the_file_as_it_was(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = gantk.run(tiny, {"train.steps": 10, "evaluate": []}, quiet=True)
    path = run.path / "metrics.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    for odd in ODD.values():
        path.write_bytes(b"".join([*whole[:2], odd + b"\n", *whole[2:]]))
        before = path.read_bytes()
        copies = set(run.path.glob("metrics.jsonl.bak*"))
        gantk.resume(run.path, {"train.steps": 10 + len(copies) + 1}, quiet=True)
        (copy,) = set(run.path.glob("metrics.jsonl.bak*")) - copies
        assert copy.read_bytes() == before
        assert f"line 3: not a JSON object with a step; left out; the file as it was is kept as {copy.name}" in (
            " ".join(capsys.readouterr().err.split())
        )
        steps = [json.loads(line)["step"] for line in path.read_bytes().splitlines()]
        assert set(range(1, 11 + len(copies) + 1)) - {3} <= set(steps) | {3}
        whole = path.read_bytes().splitlines(keepends=True)


def test_an_unreadable_environment_is_kept_aside(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gantk.run(tiny, {"train.steps": 2, "evaluate": []}, quiet=True)
    (run.path / "env.json").write_bytes(b"\xff damaged")
    gantk.resume(run.path, {"train.steps": 3}, quiet=True)
    assert (run.path / "env.json.bak").read_bytes() == b"\xff damaged"
    assert "env.json.bak" in capsys.readouterr().err
