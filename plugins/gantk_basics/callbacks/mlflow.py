"""The callback `mlflow`: a run's numbers, pictures and recipe in a store of MLflow."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from gantk.errors import DoesNotFit, MissingExtra
from gantk.files import write_bytes
from gantk_basics.callbacks.replayed_log import ReplayedLog, flat

MOST_NUMBERS = 1000  # in one call of MLflow's
LONGEST = 6000  # characters of a parameter
SECONDS = 5.0  # numbers wait so long, as every call is a transaction


class MlFlow(ReplayedLog):
    """Writes into a store of MLflow, a file of SQLite: `mlflow ui --backend-store-uri sqlite:///runs/mlflow.db`.

    The recipe's values are parameters, loss terms stand under `training`, metrics under the name of their entry, those
    of the end under `test`; pictures and the recipe are artifacts. A run that is resumed goes on in the same curves.
    MLflow cannot forget a step or change a parameter: where steps are repeated or the recipe has changed, a new run of
    MLflow takes the place of the earlier one, which is deleted as MLflow does it (`mlflow gc` removes it for good).

    Args:
        store: "sqlite:///" and a path; "": mlflow.db beside the run folder, so that all runs of a folder have one.
        experiment: its name in MLflow.
        pictures: whether sample pictures are written, too.

    Raises:
        DoesNotFit: another kind of store.
        MissingExtra: the packages mlflow-skinny, sqlalchemy and alembic are not installed.
    """

    def __init__(self, *, store: str = "", experiment: str = "gantk", pictures: bool = True):
        super().__init__(pictures=pictures)
        if store and not re.fullmatch(r"sqlite:///.*[^/]", store):
            raise DoesNotFit(
                f"basics/mlflow: store is {store!r}, but takes a file of SQLite, such as sqlite:///runs/mlflow.db "
                "(MLflow 3 refuses folders)"
            )
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            import alembic  # noqa: F401
            import mlflow  # noqa: F401
            import sqlalchemy  # noqa: F401
        except ImportError as error:
            raise MissingExtra(
                f"basics/mlflow needs the package {error.name}, which is not here: pip install 'gantk[mlflow]'"
            ) from error
        self.store = store
        self.experiment = experiment
        self._client: Any = None
        self._run = ""
        self._waiting: list[Any] = []
        self._written = 0.0
        self._step = 0

    def open(self, folder: Path, recipe: Mapping[str, Any], done: int) -> int:
        """Goes on in the run of MLflow that mlflow.json names, or begins one, in place of it."""
        from mlflow.entities import Param
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # else it lists the tables that it makes
        store = self.store or f"sqlite:///{folder.resolve().parent / 'mlflow.db'}"
        path = Path(store.removeprefix("sqlite:///")).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._client = MlflowClient(f"sqlite:///{path.as_posix()}")
        self._waiting, self._written, self._step = [], time.monotonic(), done
        values = {_name(key): str(value)[:LONGEST] for key, value in flat(json.loads(json.dumps(recipe))).items()}
        named = folder / "mlflow.json"
        with suppress(OSError, ValueError, KeyError, TypeError, MlflowException):  # there is none, or it is elsewhere
            earlier = self._client.get_run(json.loads(named.read_text())["run"])
            if earlier.info.lifecycle_stage == "active":
                held = int(earlier.data.tags.get("gantk.step", -1))
                if 0 <= held <= done and done and dict(earlier.data.params) == values:
                    self._run = earlier.info.run_id
                    self._client.update_run(self._run, status="RUNNING")
                    return held
                self._client.delete_run(earlier.info.run_id)
        experiment = self._client.get_experiment_by_name(self.experiment)
        if experiment is None:
            files = (path.parent / "mlflow-artifacts").as_uri()
            number = self._client.create_experiment(self.experiment, artifact_location=files)
        else:
            number = experiment.experiment_id
        name = folder.resolve().name
        self._run = self._client.create_run(
            number, run_name=name, tags={"gantk.folder": str(folder.resolve())}
        ).info.run_id
        entries = [Param(key, value) for key, value in values.items()]
        for first in range(0, len(entries), 100):  # the most of one call
            self._client.log_batch(self._run, params=entries[first : first + 100])
        text = yaml.safe_dump(json.loads(json.dumps(recipe)), sort_keys=False, allow_unicode=True)
        self._client.log_text(self._run, text, "recipe.yaml")
        write_bytes(named, (json.dumps({"store": f"sqlite:///{path.as_posix()}", "run": self._run}) + "\n").encode())
        return -1

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Keeps numbers until there are many, or some time has passed."""
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        due = len(self._waiting) >= MOST_NUMBERS or time.monotonic() - self._written > SECONDS
        if due and step > self._step:  # what is there of the steps before is all
            self._flush()
        self._waiting += [Metric(_name(tag), float(value), now, step) for tag, value in values.items()]
        self._step = max(step, self._step)

    def _flush(self) -> None:
        from mlflow.entities import RunTag

        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), MOST_NUMBERS):
            last = first + MOST_NUMBERS >= len(waiting)
            held = [RunTag("gantk.step", str(self._step))] if last else []
            self._client.log_batch(self._run, metrics=waiting[first : first + MOST_NUMBERS], tags=held)
        self._written = time.monotonic()

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Writes a file; one of a step that is repeated takes the earlier one's place."""
        number = f"-{step:06d}" if name == "over_training" else ""
        self._client.log_image(self._run, picture, artifact_file=f"samples/{_name(name)}{number}.png")

    def close(self) -> None:
        """Writes what waits; the run of MLflow is finished."""
        self._flush()
        self._client.set_terminated(self._run)


def _name(text: str) -> str:
    """A name that MLflow takes: letters, digits, "_-. :/" (and no more)."""
    return re.sub(r"[^\w\-. :/]", "_", text)
