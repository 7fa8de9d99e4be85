"""The run folder: where a run keeps its recipe, environment, metrics, pictures and checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gantk.errors import FileError

CHECKPOINT_NAME = re.compile(r"step-(\d+)\.h5")


class RunFolder:
    """An existing run folder.

    Args:
        path: the folder.

    Raises:
        FileError: there is no run in that folder.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        if not (self.path / "resolved.yaml").is_file():
            raise FileError(
                f"{path}: not a run folder (it has no resolved.yaml). Runs lie in runs/ unless --out said else"
            )

    @classmethod
    def create(
        cls,
        name: str,
        out: Path | None,
        *,
        text: str,
        resolved: str,
        origins: Mapping[str, str],
        environment: Mapping[str, Any],
    ) -> RunFolder:
        """Makes a new folder, `out` or the next free `runs/<name>-<number>`, and writes what is known at the start.

        Raises:
            FileError: `out` exists and is not an empty folder, or the folder cannot be made.
        """
        try:
            path = _claim(Path("runs"), name) if out is None else _claim_exactly(out)
            for part in ("samples", "checkpoints"):
                (path / part).mkdir()
            (path / "recipe.yaml").write_text(text, encoding="utf-8")
            (path / "origins.json").write_text(json.dumps(dict(origins), indent=2) + "\n", encoding="utf-8")
            (path / "env.json").write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
            (path / "resolved.yaml").write_text(resolved, encoding="utf-8")
        except OSError as error:
            raise FileError(f"cannot make a run folder at {error.filename or out}: {error.strerror}") from error
        return cls(path)

    @property
    def origins(self) -> Path:
        """Where each value of the resolved recipe comes from, as JSON: dotted path to words."""
        return self.path / "origins.json"

    @property
    def samples(self) -> Path:
        """Where pictures lie."""
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        """The record of numbers: one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """The final metric table, as JSON."""
        return self.path / "evaluation.json"

    def resolved(self) -> str:
        """The resolved recipe, YAML text."""
        return (self.path / "resolved.yaml").read_text(encoding="utf-8")

    def checkpoint_path(self, step: int) -> Path:
        """The path of the checkpoint of `step`."""
        return self.path / "checkpoints" / f"step-{step}.h5"

    @property
    def best_checkpoint(self) -> Path:
        """The path of the best checkpoint, where the recipe asks for one."""
        return self.path / "checkpoints" / "best.h5"

    def checkpoints(self) -> list[Path]:
        """The numbered checkpoints, oldest first."""
        found = [(CHECKPOINT_NAME.fullmatch(path.name), path) for path in (self.path / "checkpoints").glob("*.h5")]
        return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]

    def last_checkpoint(self) -> Path:
        """The newest checkpoint.

        Raises:
            FileError: there is none yet.
        """
        if not self.checkpoints():
            raise FileError(f"{self.path}: has no checkpoint yet")
        return self.checkpoints()[-1]

    def forget_old_checkpoints(self, keep: int) -> None:
        """Removes all but the newest `keep` numbered checkpoints."""
        for path in self.checkpoints()[:-keep]:
            path.unlink(missing_ok=True)

    def append(self, lines: list[Mapping[str, Any]]) -> None:
        """Adds lines to metrics.jsonl."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(text)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl; a last one that was cut short by a crash is left out."""
        if not self.metrics.exists():
            return
        with self.metrics.open(encoding="utf-8") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    return

    def cut_back(self, step: int) -> None:
        """Drops what metrics.jsonl says of steps after `step`, which a resumed run will say again."""
        kept = [line for line in self.lines() if line["step"] <= step]
        temporary = self.metrics.with_suffix(".part")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        temporary.replace(self.metrics)


def _claim(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:  # mkdir decides, so that two runs started together get two folders
        path = parent / f"{name}-{number}"
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def _claim_exactly(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileError(f"{out}: exists already, and a run is never overwritten; give another --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    return out
