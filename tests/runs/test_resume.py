"""What a run is gone on from: its own folder and checkpoint, which must say the same, and no fewer steps."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import gantk
from gantk.cli import run_command_line
from gantk.errors import FileError, RecipeError

QUICK = {"train.steps": 4, "train.checkpoint_every": 2, "evaluate": []}


@pytest.fixture
def run(tiny: Path) -> gantk.Run:
    return gantk.run(tiny, QUICK | {"evaluate": [{"use": "basics/ring_modes", "samples": 20}]}, out="run", quiet=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_stays_as_it_is_and_says_how_to_go_on(run: gantk.Run, capsys) -> None:
    before = contents(run.path)
    assert run_command_line(["resume", "run"]) == 0
    assert contents(run.path) == before
    out, err = capsys.readouterr()
    assert out == "run\n"
    assert "is finished, with 4 steps: nothing to do" in err
    assert "gantk resume run train.steps=8" in err and "gantk evaluate run" in err


def test_a_finished_run_of_several_processes_starts_none_and_reads_no_data(tiny: Path, monkeypatch, capsys) -> None:
    from gantk.runs import start
    from gantk.training.distributed import launcher

    run = gantk.run(tiny, QUICK | {"evaluate": [{"use": "basics/ring_modes", "samples": 20}]}, out="run", quiet=True)
    resolved, found = run.path / "resolved.yaml", run.folder.last_checkpoint()
    assert "devices: 1" in resolved.read_text()
    resolved.write_text(resolved.read_text().replace("devices: 1", "devices: 2"))
    for module, name in ((launcher, "launch"), (start, "prepare")):
        monkeypatch.setattr(module, name, lambda *_, name=name: pytest.fail(f"{name} was called"))
    assert run_command_line(["resume", "run"]) == 0
    assert "is finished, with 4 steps: nothing to do" in capsys.readouterr().err
    assert run.folder.last_checkpoint() == found


def test_fewer_steps_are_refused_with_the_way_back_and_change_nothing(run: gantk.Run) -> None:
    before = contents(run.path)
    with pytest.raises(RecipeError, match=r"(?s)at step 4, beyond train\.steps=3.*--from step-2\.h5 train\.steps=3"):
        gantk.resume(run.path, {"train.steps": 3}, quiet=True)
    assert contents(run.path) == before
    assert run_command_line(["resume", "run", "--from", "step-2.h5", "train.steps=3", "-q"]) == 0
    assert run.folder.last_checkpoint().name == "step-3.h5"


def test_more_steps_under_a_falling_schedule_are_another_schedule_and_told(tiny: Path, capsys) -> None:
    falling = gantk.run(tiny, QUICK | {"train.schedule": "linear"}, out="falling", quiet=True)
    assert run_command_line(["resume", str(falling.path), "train.steps=6"]) == 0
    assert "the learning rates of all steps are others, also of those that are done" in capsys.readouterr().err


def test_a_recipe_changed_by_hand_is_not_that_of_the_checkpoint(run: gantk.Run) -> None:
    path = run.path / "resolved.yaml"
    text = path.read_text()
    path.write_text(text.replace("hidden: [16]", "hidden: [16]", 1).replace("seed: 3", "seed: 4", 1))
    assert path.read_text() != text
    with pytest.raises(FileError, match=r"(?s)trained by another recipe.*seed: 3 there, 4 here.*train\.start_from="):
        gantk.resume(run.path, {"train.steps": 6}, quiet=True)


def test_a_checkpoint_of_another_run_or_under_another_name_is_named(run: gantk.Run, tiny: Path) -> None:
    other = gantk.run(tiny, QUICK | {"seed": 9}, out="other", quiet=True)
    own = run.folder.checkpoint_path(4)
    kept = own.read_bytes()
    shutil.copyfile(other.folder.checkpoint_path(4), own)
    with pytest.raises(FileError, match=r"(?s)step-4\.h5 cannot be gone on from.*seed: 9 there, 3 here"):
        gantk.resume(run.path, {"train.steps": 6}, quiet=True)
    own.write_bytes(kept)
    own.replace(run.folder.checkpoint_path(5))
    with pytest.raises(FileError, match=r"it is of step 4\. Rename it to step-4\.h5"):
        gantk.resume(run.path, {"train.steps": 6}, quiet=True)


@pytest.mark.parametrize(
    "name", [".lock", "metrics.jsonl", "history.jsonl", "env.json", "samples", "samples/step-000004.png"]
)
def test_links_in_a_run_folder_are_refused_and_nothing_outside_is_touched(
    name: str, run: gantk.Run, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir() if name == "samples" else victim.write_text("mine")
    link = run.path / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(victim)
    for command in (
        ["resume", "run", "train.steps=6"],
        ["view", "run"],
        ["evaluate", "run"],
        ["sample", "run", "-n", "2"],
    ):
        assert run_command_line([*command, "-q"] if command[0] != "view" else command) == 2
    assert list(victim.iterdir()) == [] if name == "samples" else victim.read_text() == "mine"


def test_a_run_folder_may_be_reached_through_a_link(run: gantk.Run) -> None:
    Path("shortcut").symlink_to(run.path)
    gantk.resume("shortcut", {"train.steps": 5}, quiet=True)
    assert run.folder.last_checkpoint().name == "step-5.h5"


def test_a_damaged_picture_costs_itself_and_not_the_report(run: gantk.Run) -> None:
    (run.path / "samples" / "step-000004.png").write_bytes(b"")
    (run.path / "samples" / "panels.json").write_text('{"../../victim.svg": {"title": "", "caption": ""}}')
    (run.path / "victim.svg").write_text("<svg>secret</svg>")
    gantk.resume(run.path, {"train.steps": 4, "train.samples": 3}, quiet=True)
    from gantk.reporting.report import write_report

    (run.path / "samples" / "step-000004.png").write_bytes(b"")
    (run.path / "samples" / "panels.json").write_text('{"../victim.svg": {"title": "", "caption": ""}}')
    report = write_report(run.folder).read_text()
    assert "step-000004.png cannot be read and is left out" in report
    assert "which is no picture beside it" in report and "secret" not in report


def test_pictures_stand_in_the_order_of_their_steps(run: gantk.Run) -> None:
    (run.path / "samples" / "step-000004.png").rename(run.path / "samples" / "step-1000000.png")
    shutil.copyfile(run.path / "samples" / "step-1000000.png", run.path / "samples" / "step-999999.png")
    assert [path.stem for path in run.folder.step_pictures()] == ["step-999999", "step-1000000"]


def test_a_run_that_was_killed_before_its_last_report_is_not_finished(run: gantk.Run) -> None:
    """An interruption leaves a report too, and a kill half of a file: neither is the end."""
    report = run.path / "report.html"
    before = report.stat().st_mtime_ns
    part = run.path / ".report.html.99999.part"
    part.write_text("<half")
    gantk.resume(run.path, quiet=True)
    assert not part.exists() and report.stat().st_mtime_ns > before
    os.utime(report, ns=(before - 10**9, before - 10**9))  # of an interruption, before the evaluation
    gantk.resume(run.path, quiet=True)
    assert report.stat().st_mtime_ns > before
