"""What fails beside a run does not end it; what a run needs is tried again, and then ends it by name."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gantk
from gantk.cli.result import show_result
from gantk.errors import BarMissed, FileError, Interrupted
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback
from gantk.reporting import snapshots
from gantk.runs import checkpoint_writer, final_evaluation, setup, start
from gantk.training import checkpoint
from gantk.training.loop import train

QUICK = {"evaluate": [], "train.samples": 4}


def steps_of(folder: RunFolder) -> list[int]:
    return [line["step"] for line in folder.lines() if "seconds" in line]


class Clumsy(Callback):
    def on_log(self, step: int, values: Any) -> None:
        raise RuntimeError("no network")


class Counting(Callback):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_log(self, step: int, values: Any) -> None:
        self.steps.append(step)


def test_a_failed_callback_costs_neither_the_run_nor_the_others(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counting = Counting()
    run = gantk.run(tiny, QUICK, callbacks=[Clumsy(), counting])
    said = capsys.readouterr().err
    assert said.count("Clumsy.on_log failed: RuntimeError: no network (") == 1
    assert "Clumsy.on_log failed 2" in said  # times, at the end
    assert set(counting.steps) == set(range(1, 21))
    assert run.folder.last_checkpoint().name == "step-20.h5"


def test_failed_pictures_metrics_and_reports_do_not_end_a_run(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("out of ink")

    monkeypatch.setattr(snapshots.Pictures, "of_step", fail)
    monkeypatch.setattr(final_evaluation, "write_report", fail)
    ring = {"use": "basics/ring_modes", "samples": 50, "every": 5}
    monkeypatch.setattr("gantk_basics.metrics.ring_modes.RingModes.compute", fail)
    run = gantk.run(tiny, {"evaluate": [ring]})
    said = capsys.readouterr().err
    for what in ("the sample picture", "the metric ring_modes", "the report"):
        assert said.count(f"{what} failed: ValueError: out of ink") == 1, said
    assert steps_of(run.folder) == list(range(1, 21))
    assert run.evaluation == {}


def test_a_metric_that_failed_misses_its_bar(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("out of ink")

    monkeypatch.setattr("gantk_basics.metrics.ring_modes.RingModes.compute", fail)
    ring = {"use": "basics/ring_modes", "samples": 50, "require": {"high_quality": {">=": 0.0}}}
    run = gantk.run(tiny, QUICK | {"train.steps": 2, "evaluate": [ring]})
    with pytest.raises(BarMissed, match="ring_modes could not be measured"):
        show_result(run.folder)


def test_metrics_that_cannot_be_written_are_written_later(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = RunFolder.append
    tries: list[int] = []

    def full_for_a_while(folder: RunFolder, lines: list) -> None:
        tries.append(len(lines))
        if len(tries) < 3:
            raise OSError(28, "No space left on device")
        append(folder, lines)

    monkeypatch.setattr(RunFolder, "append", full_for_a_while)
    run = gantk.run(tiny, QUICK)
    assert len(tries) >= 3
    assert steps_of(run.folder) == list(range(1, 21))


def test_a_checkpoint_that_fails_for_a_while_is_written_later(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace, failed = Path.replace, []

    def fail_twice(path: Path, target: Path) -> Path:
        if target.suffix == ".h5" and target.name != "step-5.h5" and len(failed) < 2:
            failed.append(target.name)
            raise OSError(5, "Input/output error")  # as a network file system does
        return replace(path, target)

    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(Path, "replace", fail_twice)
    run = gantk.run(tiny, QUICK)
    said = capsys.readouterr().err
    assert "step-10.h5: the checkpoint could not be written: Input/output error" in said
    assert "written, after 2 failures" in said
    assert run.folder.last_checkpoint().name == "step-20.h5"
    assert not list(run.path.rglob("*.part"))


def test_a_folder_that_is_removed_ends_the_run_with_its_name(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Remove(Callback):
        def on_log(self, step: int, values: Any) -> None:
            if step == 7:
                shutil.rmtree("gone")

    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (0.0, 0.0))
    with pytest.raises(FileError, match=r"gone/checkpoints/step-\d+\.h5: .*No such file") as caught:
        gantk.run(tiny, QUICK, out="gone", callbacks=[Remove()])
    assert caught.value.exit_code == 2
    assert "The folder gone is gone" in str(caught.value)
    assert "gantk resume" not in str(caught.value)


def test_a_removed_folder_and_a_signal_are_said_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Remove(Callback):
        def on_log(self, step: int, values: Any) -> None:
            if step == 20:
                shutil.rmtree("gone")
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (0.0, 0.0))
    with pytest.raises(Interrupted) as caught:
        gantk.run(tiny, QUICK | {"train.checkpoint_every": None}, out="gone", callbacks=[Remove()])
    assert str(caught.value).count("The folder gone is gone") == 1


def test_a_folder_that_is_removed_ends_a_run_with_timed_checkpoints_only(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Remove(Callback):
        def on_log(self, step: int, values: Any) -> None:
            if step == 7:
                Path("gone").rename("elsewhere")  # at once, whatever is being written

    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (0.0, 0.0))
    timed = {"train.checkpoint_every": None, "train.checkpoint_minutes": 1e-9, "train.steps": 60}
    with pytest.raises(FileError, match="The folder gone is gone"):
        gantk.run(tiny, QUICK | timed, out="gone", callbacks=[Remove()])


def test_pictures_that_cannot_be_written_are_said_once(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshots, "write_image", full)
    run = gantk.run(tiny, QUICK | {"train.sample_every": 2})
    said = capsys.readouterr().err
    assert said.count("No space left on device") == 1
    assert "writing a picture failed 13 times" in said
    assert sum("diversity" in line for line in run.metrics) == 10  # what the picture shows is measured all the same


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_read_only_folder_is_named(tiny: Path) -> None:
    run = gantk.run(tiny, QUICK)
    run.path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied"):
        gantk.resume(run.path, {"train.steps": 25})
    run.path.chmod(0o700)


def test_a_run_without_a_checkpoint_starts_again(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = gantk.run(tiny, QUICK)
    expected = checkpoint.read_checkpoint(whole.folder.last_checkpoint()).digest
    for path in whole.folder.checkpoints():
        path.unlink()
    (whole.path / "recipe.yaml").unlink()  # killed while the folder was made
    again = gantk.resume(whole.path)
    assert "there is no checkpoint yet: starting again from step 0 of 20" in capsys.readouterr().err
    assert checkpoint.read_checkpoint(again.folder.last_checkpoint()).digest == expected
    assert steps_of(again.folder) == list(range(1, 21))


def test_from_an_older_checkpoint(tiny: Path) -> None:
    run = gantk.run(tiny, QUICK)
    expected = checkpoint.read_checkpoint(run.folder.last_checkpoint()).tensors
    newest = run.folder.last_checkpoint()
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    with pytest.raises(FileError, match=r"(?s)step-15\.h5 is intact.*gantk resume .* --from step-15\.h5"):
        gantk.resume(run.path)
    with pytest.raises(FileError, match=r"there are: step-10\.h5, step-15\.h5, step-20\.h5"):
        start.resume(run.path, older="step-11.h5")
    start.resume(run.path, older="step-15.h5")
    found = checkpoint.read_checkpoint(newest).tensors
    for group, arrays in expected.items():
        assert all((found[group][name] == array).all() for name, array in arrays.items()), group
    assert newest.with_name("aside-step-20.h5").read_bytes() == content


def test_what_changed_since_the_last_session_is_said(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gantk.run(tiny, QUICK)
    path = run.path / "env.json"
    before = json.loads(path.read_text())
    now = json.loads(path.read_text())
    before["host"], before["device"] = "another", "cuda"
    before["versions"]["torch"], before["plugins"]["basics"] = "2.3.0", "gantk 0.0.1"
    path.write_text(json.dumps(before))
    gantk.resume(run.path, {"train.steps": 21})
    said = capsys.readouterr().err
    for line in (
        f"host was another, is {now['host']}",
        f"device was cuda, is {now['device']}",
        f"torch was 2.3.0, is {now['versions']['torch']}",
        "plugins.basics was gantk 0.0.1, is",
    ):
        assert f"since the last session: {line}" in said
    after = json.loads(path.read_text())
    assert [session["step"] for session in after["sessions"]] == [0, 20]
    assert after["sessions"][1]["changed"]["versions.torch"] == ["2.3.0", now["versions"]["torch"]]
    assert after["versions"] == now["versions"]


def test_sigterm_in_a_slow_step_leaves_a_checkpoint_in_time(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*arguments: Any, **named: Any) -> Iterator[dict]:
        for number, terms in enumerate(train(*arguments, **named), 1):
            if number == 8:
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
                time.sleep(1.0)  # the rest of the step
            yield terms

    monkeypatch.setattr(setup, "train", slow)
    started = time.monotonic()
    with pytest.raises(Interrupted) as caught:
        gantk.run(tiny, QUICK, out="slow")
    assert caught.value.exit_code == 143
    assert time.monotonic() - started < 30  # then clusters kill
    folder = RunFolder(Path("slow"))
    assert folder.last_checkpoint().name == "step-8.h5"
    assert steps_of(folder) == list(range(1, 9))


def test_a_step_that_is_too_slow_is_left(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow(*arguments: Any, **named: Any) -> Iterator[dict]:
        for number, terms in enumerate(train(*arguments, **named), 1):
            if number == 8:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            yield terms

    monkeypatch.setattr("gantk.runs.signals.PATIENCE_SECONDS", 1)
    monkeypatch.setattr(setup, "train", too_slow)
    started = time.monotonic()
    with pytest.raises(Interrupted, match=r"without finishing the step.*step-5\.h5") as caught:
        gantk.run(tiny, QUICK, out="slow")
    assert caught.value.exit_code == 143
    assert time.monotonic() - started < 30


def test_it_is_tried_again_by_the_clock_and_not_at_every_step(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def full(path: Path, content: memoryview) -> None:
        tries.append(path.name)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (3600.0,))
    monkeypatch.setattr(checkpoint, "store", full)
    with pytest.raises(FileError, match="tried 2 times"):
        gantk.run(tiny, QUICK | {"train.checkpoint_every": 1}, out="full")
    assert tries[-1] == "step-20.h5"  # the last step's is tried in any case
    assert len(tries) == 2
