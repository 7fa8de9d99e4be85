"""Runs a recipe with several seeds, in a new folder or in one that was begun."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from gantk import console
from gantk.errors import BarMissed, FileError, GantkError, Interrupted
from gantk.evaluation.results import bars, from_json
from gantk.files.atomic import last_line
from gantk.files.find_run import SEEDS
from gantk.files.lock import Lock
from gantk.files.run_folder import LINE, RunFolder
from gantk.messages import duration
from gantk.recipe.recipe import Recipe
from gantk.repeats.folder import RepeatsFolder
from gantk.repeats.jobs import Job, run_jobs, threads_each
from gantk.repeats.report import write_repeats_report
from gantk.runs.finished import is_finished
from gantk.runs.start import claim, recipe_of_run

QUIET_SECONDS = 15.0  # a line about how far the runs are, about this often


def run_seeds(recipe: Recipe, seeds: Sequence[int], out: Path | None, at_once: int, resume: bool) -> RepeatsFolder:
    """Runs a recipe with each of some seeds, each as `gantk run` in a process and a run folder of its own.

    Args:
        recipe: resolved and free of mistakes; its own seed is not used.
        seeds: which, each once.
        out: the folder of all of them; None: the next free runs/<name>-<number>.
        at_once: how many runs at a time; the threads of this machine are shared out among them.
        resume: goes on in `out`, where it was begun: runs that are finished stay, others go on, seeds are added.

    Raises:
        RecipeError: the folder was begun with another recipe.
        GantkError: a run failed; the others were finished all the same.
        BarMissed: a run is below the bar of its recipe.
        Interrupted: a signal asked to stop; the message holds the command that goes on.
    """
    if not resume or out is None or not (out / SEEDS).is_file():
        if out is not None and (out / "resolved.yaml").is_file():
            raise FileError(f"{out}: holds one run, and not one for each of several seeds; give another --out")
        path = claim(recipe.name, out)
        folder = RepeatsFolder.create(path, recipe, seeds)
    else:
        folder = RepeatsFolder(out)
        folder.refuse_another(recipe)
    with Lock(folder.path):
        folder.add(seeds)
        _train(folder, recipe, seeds, at_once)
    return folder


def _train(folder: RepeatsFolder, recipe: Recipe, seeds: Sequence[int], at_once: int) -> None:
    there = folder.runs()
    finished = [seed for seed in seeds if _is_done(folder, seed)]
    if finished:
        console.say(f"finished already: seed {', '.join(map(str, finished))}")
    left = [seed for seed in seeds if seed not in finished]
    at_once = max(1, min(at_once, len(left)))
    threads = recipe.values["machine"]["threads"] or (threads_each(at_once) if at_once > 1 else None)
    jobs = [_job(folder, seed, _threads_of(there.get(seed), recipe, threads)) for seed in left]
    names = dict(zip((job.name for job in jobs), left, strict=True))
    last_said = time.monotonic()

    def began(job: Job) -> None:
        console.say(
            f"{job.name}: {'goes on' if names[job.name] in there else 'started'} in {folder.run_path(names[job.name])}"
        )

    def ended(job: Job, code: int, seconds: float) -> None:
        how = (
            "done"
            if code in (0, BarMissed.exit_code) and _is_done(folder, names[job.name])
            else f"ended with exit code {code}"
        )
        console.say(f"{job.name}: {how} after {duration(seconds)}")

    def waiting(at_work: Sequence[Job]) -> None:
        nonlocal last_said
        if at_work and time.monotonic() - last_said > QUIET_SECONDS:
            last_said = time.monotonic()
            console.say("; ".join(f"{job.name}: step {_step(folder, names[job.name]):,}" for job in at_work))

    codes, stopped_by = run_jobs(jobs, at_once, began=began, ended=ended, waiting=waiting)
    write_repeats_report(folder)
    if stopped_by is not None:
        raise Interrupted(
            f"stopped; the runs that were at work each wrote a checkpoint. Go on with the same line and "
            f"--out {shlex.quote(str(folder.path))} --resume",
            128 + stopped_by,
        )
    failed = [name for name, code in codes.items() if code and not _is_done(folder, names[name])]
    if failed:
        raise _failure(folder, failed, names, codes[failed[0]])


def refuse_missed_bars(folder: RepeatsFolder) -> None:
    """Raises BarMissed where a run is below a bar that the recipe sets."""
    requires = {block["name"]: block.get("require") or {} for block in folder.recipe().values["evaluate"]}
    missed = []
    for seed, run in folder.runs().items():
        for entry, values in from_json(run.judged().get("values", {})).items():
            missed += [
                f"seed {seed}: {entry}.{bar.name} is {values[bar.name].value:.4g}, required {bar.sign} {bar.bound:g}"
                for bar in bars(entry, requires.get(entry, {}), values)
                if not bar.met
            ]
    if missed:
        raise BarMissed("below the bar that the recipe sets: " + "; ".join(missed))


def _job(folder: RepeatsFolder, seed: int, threads: int | None) -> Job:
    own = [f"seed={seed}", *([] if threads is None else [f"machine.threads={threads}"])]
    where = ["--out", str(folder.run_path(seed)), "--resume"]
    return Job(f"seed {seed}", ["run", str(folder.recipe_file), *own, *where], folder.log_path(seed))


def _threads_of(run: RunFolder | None, recipe: Recipe, threads: int | None) -> int | None:
    """The threads of a job: those that its run began with, as another number is another rounding."""
    if run is None or recipe.values["machine"]["threads"] is not None:
        return threads
    return recipe_of_run(run).values["machine"]["threads"]


def _is_done(folder: RepeatsFolder, seed: int) -> bool:
    run = folder.runs().get(seed)
    try:
        return run is not None and is_finished(run, recipe_of_run(run).values)
    except GantkError:
        return False


def _step(folder: RepeatsFolder, seed: int) -> int:
    run = folder.runs().get(seed)
    line = None if run is None else last_line(run.metrics, LINE)
    return 0 if line is None else line["step"]


def _failure(folder: RepeatsFolder, failed: Sequence[str], names: dict[str, int], code: int) -> GantkError:
    """What to say of runs that failed: the last error that each printed, or where to look; with this exit code."""
    told = []
    for name in failed:
        log = folder.log_path(names[name])
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        errors = text.rpartition("error: ")[2].strip() if "error: " in text else f"see {log}"
        told.append(f"{name}: {errors}")
    error = GantkError("\n".join(told))
    error.exit_code = code
    return error
