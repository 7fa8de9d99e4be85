"""basics/tensorboard: TensorBoard's own reader finds in the event files what the run measured, each step once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from gantk_basics.callbacks.replayed_log import tag_of
from gantk_basics.callbacks.tensorboard import TensorBoard
from PIL import Image

import gantk
from gantk.errors import GantkError

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

CALLBACKS = "train.callbacks=[{use: basics/tensorboard}]"
VALIDATED = "evaluate=[{use: basics/ring_modes, samples: 100, every: 10}]"


def read(folder: Path) -> EventAccumulator:
    """What TensorBoard would show."""
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def scalars(found: EventAccumulator, tag: str) -> dict[int, float]:
    """Step to value; every step once."""
    events = found.Scalars(tag)
    assert len({event.step for event in events}) == len(events), f"{tag}: steps that are there twice"
    return {event.step: event.value for event in events}


def measured(folder: Path, name: str, **like: str) -> dict[int, float]:
    """The same from metrics.jsonl."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        line["step"]: line[name] for line in lines if name in line and all(line.get(key) == like[key] for key in like)
    }


def test_it_holds_what_the_run_measured(tiny: Path) -> None:
    run = gantk.run(tiny, [CALLBACKS, VALIDATED])
    found = read(run.path)
    for name in ("critic_real", "generator"):
        assert scalars(found, f"training/{name}") == pytest.approx(measured(run.path, name), rel=1e-6)
        assert len(scalars(found, f"training/{name}")) == 20
    evenness = measured(run.path, "ring_modes.evenness", split="validation")
    assert scalars(found, "ring_modes/evenness") == pytest.approx(evenness) and set(evenness) == {10, 20}
    assert scalars(found, "training/diversity") == pytest.approx(measured(run.path, "diversity"))
    judged = json.loads((run.path / "evaluation.json").read_text())["values"]["ring_modes"]["high_quality"]["value"]
    assert scalars(found, "test/ring_modes.high_quality") == pytest.approx({20: judged})
    assert [event.step for event in found.Images("samples/over_training")] == [10, 20]
    assert {"samples/data", "samples/generated"} <= set(found.Tags()["images"])
    written = found.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "use: basics/ring" in written and "lr:" in written


@pytest.mark.slow
def test_a_resumed_run_goes_on_in_the_same_curves(tiny: Path) -> None:
    """Steps that were done after the last checkpoint, and are done again, are there once, as done again."""
    whole = gantk.run(tiny, [CALLBACKS, VALIDATED], out="whole")
    gantk.run(tiny, [CALLBACKS, VALIDATED, "train.steps=15"], out="parts")
    (Path("parts/checkpoints") / "step-15.h5").unlink()  # as if it had died behind step 10
    parts = gantk.resume("parts", ["train.steps=20"])
    for tag in ("training/generator", "training/critic_fake", "ring_modes/evenness"):
        assert scalars(read(parts.path), tag) == scalars(read(whole.path), tag)
    assert len(list((parts.path / "tensorboard").iterdir())) == 2
    assert len(read(parts.path).Images("samples/data")) == 1


def test_a_run_that_begins_again_drops_all(tmp_path: Path) -> None:
    """Without a checkpoint, the first steps come again."""
    for value in (1.0, 2.0):
        told = TensorBoard()
        told.on_start(tmp_path, {"about": "x"})
        told.on_picture(0, "data", Image.new("RGB", (4, 4)))
        for step in (1, 2):
            told.on_log(step, {"critic": value + step})
        told.on_end(tmp_path)
    found = read(tmp_path)
    assert scalars(found, "training/critic") == {1: 3.0, 2: 4.0}
    assert len(found.Images("samples/data")) == 1


def test_steps_that_are_repeated_after_a_divergence_are_there_once(tmp_path: Path) -> None:
    told = TensorBoard(pictures=False)
    told.on_start(tmp_path, {})
    for step, value in ((1, 1.0), (2, 2.0), (3, 3.0), (2, 20.0), (3, 30.0)):
        told.on_log(step, {"critic": value})
    told.on_picture(3, "step-000003", Image.new("RGB", (4, 4)))
    told.on_log(1, {"test.ring_modes.evenness": 0.5})  # of the best step: nothing went back
    told.on_end(tmp_path)
    found = read(tmp_path)
    assert scalars(found, "training/critic") == {1: 1.0, 2: 20.0, 3: 30.0}
    assert scalars(found, "test/ring_modes.evenness") == {1: 0.5}
    assert found.Tags()["images"] == []


def test_without_the_package_it_says_what_to_type(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(GantkError, match=r"pip install 'gantk\[tensorboard\]'") as caught:
        gantk.run(tiny, [CALLBACKS])
    assert "\n" not in str(caught.value)
    assert not Path("runs").exists()  # found out before anything is made


@pytest.mark.parametrize(
    ("name", "tag"), [("r1", "training/r1"), ("kmers.js_6", "kmers/js_6"), ("test.kmers.js_6", "test/kmers.js_6")]
)
def test_tags_group_numbers(name: str, tag: str) -> None:
    assert tag_of(name) == tag
