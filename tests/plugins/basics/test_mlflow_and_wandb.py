"""basics/mlflow and basics/wandb: their own readers find what the run measured, each step once, and the pictures."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from gantk_basics.callbacks.mlflow import MlFlow
from gantk_basics.callbacks.replayed_log import ReplayedLog, flat
from gantk_basics.callbacks.wandb import WeightsAndBiases
from PIL import Image

import gantk
from gantk.errors import DoesNotFit, GantkError, MissingExtra
from gantk.testing import cases
from tests.helpers.wandb_file import items, records

VALIDATED = "evaluate=[{use: basics/ring_modes, samples: 100, every: 10}]"
Curves = dict[str, dict[int, float]]


def measured(folder: Path) -> Curves:
    """Tag to step to value, of metrics.jsonl."""
    found: Curves = {}
    for line in (json.loads(text) for text in (folder / "metrics.jsonl").read_text().splitlines()):
        for name, value in line.items():
            if name not in ("step", "seconds", "split"):
                tag = name.replace(".", "/", 1) if "." in name else f"training/{name}"
                assert found.setdefault(tag, {}).setdefault(line["step"], value) == value
    return found


def mlflow_runs(store: Path) -> list[Any]:
    """The runs that are not deleted."""
    client = pytest.importorskip("mlflow").tracking.MlflowClient(f"sqlite:///{store}")
    return list(client.search_runs([each.experiment_id for each in client.search_experiments()]))


def in_mlflow(store: Path) -> Curves:
    """The same of the one run in a store of MLflow; every step once."""
    from mlflow.tracking import MlflowClient

    [run] = mlflow_runs(store)
    found: Curves = {}
    for name in run.data.metrics:
        history = MlflowClient(f"sqlite:///{store}").get_metric_history(run.info.run_id, name)
        found[name] = {each.step: each.value for each in history}
        assert len(history) == len(found[name]), f"{name}: steps that are there twice"
    return found


def in_wandb(folder: Path) -> tuple[Curves, dict[str, Any]]:
    """The same of the one offline run, and its summary; every step once, in order."""
    [path] = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    patience = time.monotonic() + 20  # wandb's service writes the end a moment after `finish`
    while "exit" not in [each.WhichOneof("record_type") for each in records(path)] and time.monotonic() < patience:
        time.sleep(0.1)
    found: Curves = {}
    summary: dict[str, Any] = {}
    steps = []
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            row = items(record.history)
            steps.append(row["_step"])
            for name, value in row.items():
                if isinstance(value, float | int) and not name.startswith(("_", "samples/")):
                    found.setdefault(name, {})[row["_step"]] = value
        elif kind == "summary":
            summary.update(items(record.summary))
    assert steps == sorted(set(steps))
    return found, summary


def without_test(curves: Curves) -> Curves:
    return {tag: curve for tag, curve in curves.items() if not tag.startswith("test/")}


CALLBACKS = {"mlflow": "train.callbacks=[{use: basics/mlflow}]", "wandb": "train.callbacks=[{use: basics/wandb}]"}


@pytest.mark.parametrize("name", CALLBACKS)
def test_without_the_package_it_says_what_to_type(name: str, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'gantk\[{name}\]'") as caught:
        gantk.run(tiny, [CALLBACKS[name]])
    assert "\n" not in str(caught.value)
    assert not Path("runs").exists()  # found out before anything is made
    outcomes = [case.outcome() for case in cases("basics") if case.component == f"callback/{name}"]
    assert {word for word, _ in outcomes} == {"ok", "not checked"}  # and not broken
    assert all("pip install" in text for word, text in outcomes if word == "not checked")


@pytest.mark.parametrize("store", ["runs", "sqlite:///", "file:///tmp/mlruns", "https://example.org"])
def test_mlflow_takes_a_file_of_sqlite(store: str) -> None:
    with pytest.raises(DoesNotFit, match="takes a file of SQLite, such as"):
        MlFlow(store=store)


class InMemory(ReplayedLog):
    """A store that cannot forget, as a list for each time that it was opened."""

    def __init__(self, held: int = -1) -> None:
        super().__init__(pictures=True)
        self.stores: list[list[tuple[int, str, float]]] = []
        self.held = held

    def open(self, folder: Path, recipe: Any, done: int) -> int:
        self.stores.append([])
        return self.held

    def write(self, step: int, values: Any) -> None:
        self.stores[-1] += [(step, tag, value) for tag, value in values.items()]

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        self.stores[-1].append((step, name, picture.size[0]))

    def close(self) -> None: ...


def test_a_store_is_filled_from_the_record(tmp_path: Path) -> None:
    lines = [
        {"step": 1, "seconds": 0.1, "critic": 1.0},
        {"step": 2, "seconds": 0.2, "critic": 2.0},
        {"step": 2, "split": "validation", "modes.even": 0.5},
        {"step": 2, "diverged_at": 3, "cause": "x", "rate": 0.5},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "samples").mkdir()
    for name, size in (("data", 1), ("step-000001", 2), ("step-000003", 3)):
        Image.new("RGB", (size, size)).save(tmp_path / "samples" / f"{name}.png")
    told = InMemory()
    told.on_start(tmp_path, {})
    told.on_picture(0, "data", Image.new("RGB", (9, 9)))  # drawn again, and there already
    told.on_log(3, {"critic": 3.0})
    told.on_log(2, {"test.modes.even": 0.6})  # of the best step: nothing went back
    known = [(0, "data", 1), (1, "training/critic", 1.0), (1, "over_training", 2), (2, "training/critic", 2.0)]
    known.append((2, "modes/even", 0.5))
    assert told.stores == [[*known, (3, "training/critic", 3.0), (2, "test/modes.even", 0.6)]]
    told.on_log(1, {"critic": 9.0})  # training went back: the record counts
    assert told.stores[1] == [*known, (1, "training/critic", 9.0)]
    partly = InMemory(held=1)
    partly.on_start(tmp_path, {})
    assert partly.stores == [[(2, "training/critic", 2.0), (2, "modes/even", 0.5)]]


def test_keys_are_those_of_overrides() -> None:
    recipe = {"seed": 1, "train": {"steps": 2}, "evaluate": [{"use": "x"}, {"use": "y", "of": []}]}
    assert flat(recipe) == {
        "seed": 1, "train.steps": 2, "evaluate.0.use": "x", "evaluate.1.use": "y", "evaluate.1.of": [],
    }  # fmt: skip


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries themselves
def test_mlflow_holds_what_the_run_measured(tiny: Path) -> None:
    pytest.importorskip("mlflow")
    run = gantk.run(tiny, [CALLBACKS["mlflow"], VALIDATED])
    store = run.path.parent / "mlflow.db"
    found = in_mlflow(store)
    assert without_test(found) == measured(run.path)
    judged = json.loads((run.path / "evaluation.json").read_text())["values"]["ring_modes"]["high_quality"]["value"]
    assert found["test/ring_modes.high_quality"] == {20: judged}
    [held] = mlflow_runs(store)
    assert held.data.params["train.steps"] == "20" and held.data.params["generator.use"] == "basics/mlp"
    assert held.info.status == "FINISHED" and held.info.run_name == run.path.name
    files = Path("runs/mlflow-artifacts", held.info.run_id, "artifacts")
    names = {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()}
    assert {"recipe.yaml", "samples/data.png", "samples/over_training-000020.png"} <= names
    gantk.run(tiny, [CALLBACKS["mlflow"], "evaluate=[]"])  # a second one beside it
    assert {each.info.run_name for each in mlflow_runs(store)} == {"tiny-1", "tiny-2"}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries themselves
def test_wandb_holds_what_the_run_measured(tiny: Path) -> None:
    pytest.importorskip("wandb")
    run = gantk.run(tiny, [CALLBACKS["wandb"], VALIDATED])
    found, summary = in_wandb(run.path)
    assert found == measured(run.path)
    judged = json.loads((run.path / "evaluation.json").read_text())["values"]["ring_modes"]["high_quality"]["value"]
    assert summary["test/ring_modes.high_quality"] == judged
    pictures = {path.name.rsplit("_", 1)[0] for path in (run.path / "wandb").rglob("*.png")}
    assert {"data_0", "over_training_10", "over_training_20", "generated_20"} <= pictures


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries themselves
@pytest.mark.parametrize("name", CALLBACKS)
def test_a_resumed_run_goes_on_in_the_same_curves(name: str, tiny: Path) -> None:
    """Steps that were done after the last checkpoint, and are done again, are there once, as done again."""
    pytest.importorskip(name)
    run = gantk.run(tiny, [CALLBACKS[name], VALIDATED, "train.steps=15"], out="parts")
    assert run.path == Path("parts")
    (Path("parts/checkpoints") / "step-15.h5").unlink()  # as if it had died behind step 10
    gantk.resume("parts", ["train.steps=20"])
    found = in_mlflow(Path("mlflow.db")) if name == "mlflow" else in_wandb(Path("parts"))[0]
    curves = without_test(found)
    assert curves == measured(Path("parts"))
    assert set(curves["training/generator"]) == set(range(1, 21))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries themselves
@pytest.mark.parametrize("name", CALLBACKS)
def test_steps_that_are_repeated_after_a_divergence_are_there_once(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    told = MlFlow() if name == "mlflow" else WeightsAndBiases(pictures=False)
    folder = tmp_path / "run"
    folder.mkdir()
    told.on_start(folder, {"seed": 1})
    for step, value in ((1, 1.0), (2, 2.0), (3, 3.0)):
        told.on_log(step, {"critic": value})
    (folder / "metrics.jsonl").write_text('{"step": 1, "critic": 1.0}\n')  # cut back, as `on_divergence: restore` does
    for step, value in ((2, 20.0), (3, 30.0)):
        told.on_log(step, {"critic": value})
    told.on_log(1, {"test.ring_modes.evenness": 0.5})
    told.on_end(folder)
    found = in_mlflow(tmp_path / "mlflow.db") if name == "mlflow" else in_wandb(folder)[0]
    assert found["training/critic"] == {1: 1.0, 2: 20.0, 3: 30.0}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries themselves
def test_mlflow_goes_on_in_its_run_where_nothing_is_repeated(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    folder = tmp_path / "run"
    folder.mkdir()
    told = MlFlow()
    for begin in (1, 4):
        told.on_start(folder, {"seed": 1})
        for step in range(begin, begin + 3):
            told.on_log(step, {"critic": float(step)})
        told.on_end(folder)
        rows = [json.dumps({"step": step, "critic": float(step)}) + "\n" for step in range(1, begin + 3)]
        (folder / "metrics.jsonl").write_text("".join(rows))
        assert (
            json.loads((folder / "mlflow.json").read_text())["run"]
            == mlflow_runs(tmp_path / "mlflow.db")[0].info.run_id
        )
    assert in_mlflow(tmp_path / "mlflow.db") == {"training/critic": {step: float(step) for step in range(1, 7)}}


def test_a_callback_that_cannot_begin_is_silent_from_then_on(tmp_path: Path) -> None:
    class Broken(InMemory):
        def open(self, folder: Path, recipe: Any, done: int) -> int:
            raise GantkError("no")

    told = Broken()
    with pytest.raises(GantkError):
        told.on_start(tmp_path, {})
    told.on_log(1, {"critic": 1.0})
    told.on_end(tmp_path)
    assert not told.stores
