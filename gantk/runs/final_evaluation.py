"""The end of a run: metrics on the test split, the last pictures, the report."""

from __future__ import annotations

from functools import partial

from gantk import console
from gantk.errors import FileError
from gantk.evaluation.evaluate import evaluate
from gantk.evaluation.results import as_json, flat, summary_lines
from gantk.files.atomic import write_json
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback
from gantk.reporting.report import write_report
from gantk.reporting.snapshots import Pictures
from gantk.runs.callbacks import Forgiving, reason_of
from gantk.runs.setup import Parts
from gantk.training import checkpoint
from gantk.training.training_log import training_log


def evaluate_test_split(
    folder: RunFolder, parts: Parts, pictures: Pictures, audience: Callback, forgiving: Forgiving
) -> None:
    """Evaluates the last state, or the best checkpoint where one was kept, and writes evaluation.json and the report.

    Where the parts say that the test split is not to be looked at, it writes the report alone.

    Args:
        folder: the run's.
        parts: with the trained state.
        pictures: draws the last ones.
        audience: told of the numbers.
        forgiving: catches metrics, pictures and reports that fail.

    Raises:
        FileError: evaluation.json cannot be written.
    """
    if not parts.evaluate_test:
        with forgiving("the report"):
            write_report(folder)
        return
    state = parts.state
    if folder.best_checkpoint.exists():
        best = checkpoint.read_checkpoint(folder.best_checkpoint)
        checkpoint.restore(best, state, optimizers=False)
        by = f"{best.best['metric']} {best.best['value']:.4g} at step {state.step}"
        console.say(f"evaluating the best checkpoint: {by}")
    if state.generator is not None:
        with forgiving("the picture of the result"):
            pictures.of_result(state)
    if parts.metrics:
        console.say(f"evaluating on the test split: {', '.join(entry.name for entry in parts.metrics)}")
    results = evaluate(
        parts.metrics,
        state.sampled(),
        state.critic,
        parts.data["train"],
        parts.data["test"],
        seed=parts.values["seed"],
        device=parts.device,
        log=training_log(folder.metrics, state, parts.data["train"].spec),
        guard=forgiving,
        show=partial(pictures.of_metric, step=state.step, at_end=True),
    )
    audience.on_log(state.step, {f"test.{name}": value for name, value in flat(results).items()})
    document = {"step": state.step, "split": "test", "values": as_json(results)}
    with forgiving("a summary of the metrics"):
        document["summaries"] = summary_lines(parts.metrics, results)
    try:
        write_json(folder.evaluation, document)
    except OSError as error:
        raise FileError(
            f"{folder.evaluation}: cannot be written: {reason_of(error)}. {folder.how_to_go_on()}"
        ) from error
    with forgiving("a panel of the report"):
        pictures.of_panels(state, parts.data["test"])
    with forgiving("the directions of the report"):
        pictures.of_walks(state)
    with forgiving("writing history.jsonl"):
        folder.tell("judged", state.step)
    with forgiving("the report"):
        write_report(folder)
