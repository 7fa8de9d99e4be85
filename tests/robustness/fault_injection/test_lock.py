"""One process a run folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gantk
from gantk.errors import FileError
from gantk.files.lock import Lock

HOLD = """\
import sys
from pathlib import Path
from gantk.files.lock import Lock

sys.argv = ["gantk", "run", "some.yaml"]
with Lock(Path(sys.stdin.readline().strip())):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin and process.stdout
    process.stdin.write(f"{tmp_path}\n")
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_refused_by_name_of_the_first(tmp_path: Path, holder: subprocess.Popen) -> None:
    with pytest.raises(FileError, match=rf"process {holder.pid} on .*`gantk run some.yaml`, since \d"), Lock(tmp_path):
        pass


def test_a_dead_process_keeps_no_lock(tmp_path: Path, holder: subprocess.Popen) -> None:
    holder.kill()
    holder.wait()
    with Lock(tmp_path):
        pass


def test_a_lock_is_let_go_and_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with Lock(tmp_path), pytest.raises(FileError, match="at work in this folder"), Lock(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_run_that_is_at_work_is_not_resumed_by_another(tiny: Path) -> None:
    run = gantk.run(tiny, {"train.steps": 2, "evaluate": []})
    with Lock(run.path), pytest.raises(FileError, match="at work"):
        gantk.resume(run.path, {"train.steps": 3})
    gantk.resume(run.path, {"train.steps": 3})


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written to: No such file"), Lock(tmp_path / "gone"):
        pass
