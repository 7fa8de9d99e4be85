"""Processor seconds of `gantk run` beside training, from start to prompt, by part: `python -m benchmarks.prompt`."""

from __future__ import annotations

import argparse
import builtins
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMANDS = ("lin_starshaped", "dna_ecoli", "toy_motif")
STEPS = 200


class Parts:
    """Processor seconds by part. A part that is begun inside another is not counted to the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open = ["else"]
        self._since = 0.0  # of this process: the interpreter's own start is counted

    def _count(self) -> None:
        now = time.process_time()
        part = self._open[-1]
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._since
        self._since = now

    def of(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, whose seconds are counted to `part`."""

        def counted(*given: Any, **named: Any) -> Any:
            self._count()
            self._open.append(part)
            try:
                return call(*given, **named)
            finally:
                self._count()
                self._open.pop()

        return counted

    def importing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, which imports: counted to "imports" but where nothing is new."""
        apart = self.of("imports", call)

        def counted(name: str, *given: Any, **named: Any) -> Any:
            known = self._open[-1] == "imports" or (name in sys.modules and not any(given[2:3]))
            return (call if known else apart)(name, *given, **named)

        return counted

    def patch(self, owner: Any, name: str, part: str) -> None:
        """Counts what `owner.name` does to `part`."""
        setattr(owner, name, self.of(part, getattr(owner, name)))

    def all(self) -> dict[str, float]:
        """Everything up to now."""
        self._count()
        return self.seconds


def watched(out: str, words: list[str]) -> None:
    """Runs `gantk` with these words in this process, and writes the seconds of its parts to `out`."""
    parts = Parts()
    builtins.__import__ = parts.importing(builtins.__import__)
    importlib.import_module = parts.importing(importlib.import_module)
    from gantk.cli import main
    from gantk.machine import prepare_environment

    prepare_environment()
    from gantk.evaluation import evaluate, results
    from gantk.recipe import recipe
    from gantk.reporting.snapshots import Pictures
    from gantk.runs import final_evaluation, trainer
    from gantk.training import from_recipe

    parts.patch(recipe, "recipe_from_text", "recipe")
    parts.patch(from_recipe, "datasets", "data")
    parts.patch(from_recipe, "refuse_absurd_sizes", "memory estimate")
    parts.patch(trainer.Session, "_train", "training, with checkpoints")
    parts.patch(evaluate, "draw_like", "samples of the metrics")
    parts.patch(final_evaluation, "write_report", "report.html")
    for name in ("__init__", "of_data", "of_step", "of_result", "of_metric"):
        parts.patch(Pictures, name, "pictures")
    parts.patch(Pictures, "of_panels", "panels of the report")
    parts.patch(Pictures, "of_walks", "directions of the report")
    build = results.build_metrics

    def build_metrics(values: Any) -> Any:
        entries = build(values)
        for entry in entries:
            parts.patch(entry.metric, "compute", f"metric {entry.name}")
        return entries

    results.build_metrics = build_metrics
    sys.argv = ["gantk", *words]
    try:
        main()
    finally:
        Path(out).write_text(json.dumps(parts.all()), encoding="utf-8")


def measured(words: list[str], cache: Path, folder: Path) -> dict[str, float]:
    """The parts of `gantk` with these words, on one thread, in a process and a folder of its own.

    Args:
        words: of the command line.
        cache: where gantk and its libraries keep what they made.
        folder: where the run is written.
    """
    folder.mkdir()
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(cache),
        "GANTK_CACHE": str(cache / "gantk"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    code = "import sys; from benchmarks.prompt import watched; watched(sys.argv[1], sys.argv[2:])"
    out = folder / "parts.json"
    called = [sys.executable, "-c", code, str(out), *words]
    done = subprocess.run(called, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"gantk {' '.join(words)} failed:\n{done.stderr}")
    return json.loads(out.read_text(encoding="utf-8"))


def main() -> None:
    """Runs each command with an empty cache and again, and prints the seconds of each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=f"{', '.join(COMMANDS)} without one")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of training [{STEPS}]")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an override, for all of them")
    parser.add_argument("--genome", help="FASTA file for recipes of the data dna/genome; they are left out without one")
    parser.add_argument("--rounds", type=int, default=1, help="with the cache, of which the least is told [1]")
    parser.add_argument("-o", "--out", type=Path, help="JSON result")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for name in arguments.recipes or COMMANDS:
        words = ["run", name, f"train.steps={arguments.steps}", "machine.threads=1", *arguments.set]
        if name == "dna_ecoli":
            if arguments.genome is None:
                print(f"{name} is left out: name a genome by --genome")
                continue
            words.append(f"data.path={Path(arguments.genome).resolve()}")
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            runs = [
                measured(words, place / "cache", place / str(number)) for number in range(1 + max(arguments.rounds, 1))
            ]
        again = min(runs[1:], key=beside_training)
        found[name] = {"first": runs[0], "again": again}
        print(f"\n{'gantk ' + ' '.join(words[:3]):<60} first  again")
        lines = [(part, runs[0].get(part, 0.0), again.get(part, 0.0)) for part in {*runs[0], *again}]
        lines.sort(key=lambda line: -line[1])
        for part, first, then in [*lines, ("all beside training", beside_training(runs[0]), beside_training(again))]:
            print(f"{part:<58} {first:>7.2f} {then:>6.2f}", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def beside_training(parts: dict[str, float]) -> float:
    """Seconds of all parts but training."""
    return sum(seconds for part, seconds in parts.items() if not part.startswith("training"))


if __name__ == "__main__":
    main()
