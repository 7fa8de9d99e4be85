"""One session of a run: training from where its state stands, and what happens between steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from torch import Tensor

from gantk import console
from gantk.errors import Diverged, FileError, Interrupted, RankLost, RecipeError
from gantk.evaluation.evaluate import evaluate
from gantk.evaluation.results import Entry, flat
from gantk.files.run_folder import RunFolder, step_in_name
from gantk.interfaces import Value
from gantk.machine import freed_memory_kept, threads_of
from gantk.reporting.report import write_report
from gantk.reporting.snapshots import Pictures
from gantk.runs.best_step import is_better, out_of_patience
from gantk.runs.callbacks import Audience, Forgiving
from gantk.runs.checkpoint_writer import Keeper
from gantk.runs.final_evaluation import evaluate_test_split
from gantk.runs.forecast import Forecast
from gantk.runs.metrics_log import Record
from gantk.runs.setup import Parts
from gantk.runs.signals import Interruption
from gantk.runs.worker_ranks import same_state
from gantk.training import checkpoint
from gantk.training.distributed.ranks import ENOUGH, GO_ON, RESTORE
from gantk.training.settings import due, picture_due
from gantk.training.training_log import training_log


@freed_memory_kept()
def carry_out(folder: RunFolder, parts: Parts) -> None:
    """Trains to the last step, then evaluates and reports.

    Args:
        folder: locked by this process.
        parts: with the state to go on from.

    Raises:
        Diverged: a number was not finite, and the recipe says stop, or enough restorations.
        Interrupted: a signal asked to stop; the message holds the command that goes on.
        FileError: checkpoints, or the final table, could not be written.
    """
    with Interruption(patient=parts.ranks.count > 1) as stop:
        same_state(parts, folder.path)
        Session(folder, parts, stop).carry_out()


class Session:
    """See `carry_out`.

    Args:
        folder: the run's.
        parts: what the run is made of.
        stop: knows whether a signal asked to stop.
    """

    def __init__(self, folder: RunFolder, parts: Parts, stop: Interruption):
        self.folder = folder
        self.parts = parts
        self.stop = stop
        self.enough = ""  # why training ended before its last step
        self.forgiving = Forgiving()
        self.audience = Audience(parts.callbacks, self.forgiving)
        self.keeper = Keeper(folder, parts)
        self.pictures = Pictures(
            folder,
            parts.view,
            parts.data["train"],
            parts.values,
            device=parts.device,
            steps=parts.steps,
            callbacks=[self.audience],
            guard=self.forgiving,
        )

    def carry_out(self) -> None:
        """Trains, evaluates and reports, and handles interruptions and divergence."""
        self._tell("resumed" if self.parts.state.step else "started")
        self.audience.on_start(self.folder.path, self.parts.values)
        with self.forgiving("the picture of the data"):
            self.pictures.of_data()
        try:
            self._train()
            self.parts.ranks.leave()  # judging is for one
            self._tell("trained", self.enough)
            self.stop.at_once = True  # training is done and kept: a signal leaves at once
            if self.stop.signal:
                raise Interrupted("training is done, evaluation is not", self.stop.exit_code)
            evaluate_test_split(self.folder, self.parts, self.pictures, self.audience, self.forgiving)
        except Diverged as error:
            self._end_early("diverged", str(error))
            stopped = self.parts.values["train"]["on_divergence"] == "stop"
            change = "train.on_divergence=restore" if stopped else "train.restore_rate=<lower>"
            raise Diverged(
                f"{error}. {self.folder.last_in_words()}. As it is, the run would diverge again; with lower rates from "
                f"there on:\n  {self.folder.resume_command()} {change}\n"
                "In a new run a lower learning rate or play.clip_gradients often helps",
                error.step,
            ) from error
        except Interrupted as error:
            self._end_early("interrupted")
            raise Interrupted(f"{error}. {self.folder.how_to_go_on()}", error.exit_code) from None
        except FileError as error:
            self._end_early("failed", str(error))
            raise
        except RankLost as error:
            if self.stop.signal is not None:  # all were asked to stop, and another was quicker
                self._end_early("interrupted")
                reason = f"stopped without finishing the step. {self.folder.how_to_go_on()}"
                raise Interrupted(reason, self.stop.exit_code) from error
            self._end_early("failed", str(error))
            raise RankLost(str(error), self.folder.how_to_go_on()) from error
        finally:
            self.keeper.close()
            self.audience.on_end(self.folder.path)
            self.forgiving.tell()

    def _train(self) -> None:
        ranks = self.parts.ranks
        seconds = max((line.get("seconds", 0.0) for line in self.folder.lines()), default=0.0)
        forecast = Forecast(self.parts.steps, threads_of(self.parts.device))
        while True:
            with console.training(self.parts.state.step, self.parts.steps, "training") as display:
                record = Record(self.folder, display, self.audience, self.forgiving, seconds)
                try:
                    if ranks.first:
                        self._catch_up(record)
                    if self._has_enough() and ranks.count == 1:
                        record.read()
                        return
                    for terms in self.parts.train():
                        forecast.step_done(self.parts.state.step)
                        self.stop.signal = ranks.agree(self.stop.signal)
                        with ranks.leading(lambda: ENOUGH if self.enough else GO_ON, later=Diverged):
                            self._between_steps(record, terms)
                        if self.enough:
                            return
                        forecast.step_begins()
                    record.read()
                    return
                except Diverged as error:
                    with ranks.leading(RESTORE):
                        self._go_back(error)
                    same_state(self.parts)
                    seconds = record.seconds

    def _between_steps(self, record: Record, terms: dict[str, Tensor]) -> None:
        parts = self.parts
        step, finished = parts.state.step, parts.state.step == parts.steps
        record.add(step, terms)
        wanted = self.keeper.wanted(due(step, parts.values["train"]["checkpoint_every"]))
        overdue = self.keeper.overdue
        pictured, measured = self._pictured(step), self._measured(step)
        due_now = pictured or measured or wanted or overdue or finished
        if due_now or self.audience.enough or self.stop.signal is not None:
            record.read()  # raises where what led here was not finite
        try:
            self._look(record, pictured, measured)
        except Interrupted:  # the step is done: it is kept, and what was not measured is when the run goes on
            record.read()
            self.keeper.keep()
            with self._said_if_stopped():
                self.keeper.finish(hurry=lambda: True)
            raise Interrupted("training was stopped while it was measured", self.stop.exit_code) from None
        if wanted or finished or self._has_enough() or self.stop.signal is not None:  # perhaps since a moment ago
            record.read()
            self.keeper.keep()
        elif overdue:
            self.keeper.keep(timed=True)
        self.keeper.look()
        finished = finished or self._has_enough()
        if finished or self.stop.signal is not None:
            with self._said_if_stopped():
                self.keeper.finish(hurry=lambda: self.stop.signal is not None)
        if self.stop.signal is not None and not finished:
            raise Interrupted("training was stopped", self.stop.exit_code)

    def _has_enough(self) -> bool:
        """Whether training ends before its last step: a callback says so, or patience is over. Says why, once."""
        step = self.parts.state.step
        if not self.enough and step < self.parts.steps:
            self.enough = self.audience.enough or out_of_patience(self.parts)
            if self.enough:
                console.say(f"training ends at step {step} of {self.parts.steps}: {self.enough}")
        return bool(self.enough)

    def _pictured(self, step: int) -> bool:
        """Whether a picture is drawn after this step."""
        parts = self.parts
        is_due = step == parts.steps or picture_due(parts.values, len(parts.data["train"]), parts.steps, step)
        return parts.state.generator is not None and is_due

    def _measured(self, step: int) -> list[Entry]:
        """The metrics that are computed after this step."""
        return [entry for entry in self.parts.metrics if due(step, entry.every)]

    def _look(self, record: Record, pictured: bool, measured: list[Entry]) -> None:
        """Draws the picture of this step, and computes its metrics.

        Raises:
            Interrupted: a signal came. It is not waited for metrics, which may take longer than a cluster does.
        """
        if pictured:
            with self.forgiving("the sample picture"):
                record.note(self.parts.state.step, self.pictures.of_step(self.parts.state))
        if measured:
            self._evaluate(record, measured)

    def _catch_up(self, record: Record) -> None:
        """Draws and measures what an interruption left out at the step that the run goes on from."""
        step = self.parts.state.step
        if step == 0:
            return
        done = False
        for line in self.folder.lines():
            self.pictures.remember(line)
            done = done or (line["step"] == step and line.get("split") == "validation")
        drawn = any(step_in_name(path) == step for path in self.folder.step_pictures())
        self._look(record, self._pictured(step) and not drawn, [] if done else self._measured(step))

    @contextmanager
    def _said_if_stopped(self) -> Iterator[None]:
        try:
            yield
        except FileError as error:
            if self.stop.signal is None:
                raise
            what = str(error).removesuffix(f". {self.folder.how_to_go_on()}")  # it is said with every interruption
            raise Interrupted(what, self.stop.exit_code) from None

    def _evaluate(self, record: Record, entries: list[Entry]) -> None:
        """Evaluates on the validation split, and keeps the checkpoint where it is the best so far."""
        parts, state = self.parts, self.parts.state
        with self.forgiving("measuring during training"):
            self.stop.at_once = parts.ranks.count == 1  # of several, the others wait for this one's word
            try:
                results = evaluate(
                    entries,
                    state.sampled(),
                    state.critic,
                    parts.data["train"],
                    parts.data["validation"],
                    seed=parts.values["seed"],
                    device=parts.device,
                    purpose="select",
                    log=training_log(self.folder.metrics, state, parts.data["train"].spec),
                    guard=self.forgiving,
                    show=partial(self.pictures.of_metric, step=state.step),
                )
            finally:
                self.stop.at_once = False
            wanted = (parts.values["train"]["keep_best"] or {}).get("metric", "")
            entry, _, name = wanted.partition(".")
            try:
                if name in results.get(entry, {}):
                    self._keep_if_best(wanted, results[entry][name])
                elif entry in results:
                    raise RecipeError(f"train.keep_best names {wanted}, but {entry} gives {', '.join(results[entry])}")
            except (OSError, RecipeError):
                record.note(state.step, {"split": "validation", **flat(results)})
                raise
            # Last: where this line stands, nothing of the measuring is left to do.
            record.note(state.step, {"split": "validation", **flat(results)})

    def _keep_if_best(self, wanted: str, found: Value) -> None:
        before = self.parts.best
        if not is_better(found.value, before.get("value"), found.better, found.reference):
            return
        self.parts.best = {"metric": wanted, "value": found.value, "step": self.parts.state.step}
        try:
            self.keeper.keep_best()
        except BaseException:  # an interrupt too: what is not written is not the best
            self.parts.best = before
            raise

    def _go_back(self, error: Diverged) -> None:
        """Restores the last good state, with a lower rate, where the recipe asks for it and not too often.

        Only checkpoints of the schedule count, not those of interruptions, so that a run that was interrupted and
        resumed goes back to where the run that never stopped goes back to.
        """
        settings, restorations = self.parts.values["train"], self.parts.state.restorations
        if settings["on_divergence"] == "stop":
            raise error
        if len(restorations) >= settings["restore_times"]:
            raise Diverged(f"{error}, after {len(restorations)} restorations", error.step)
        rate = self.parts.state.rate * settings["restore_rate"]
        with suppress(FileError):
            self.keeper.finish(hurry=lambda: True)
        last = self.folder.last_scheduled(settings["checkpoint_every"])
        self.parts.build_anew()
        self.parts.begin(None if last is None else checkpoint.read_checkpoint(last))
        state = self.parts.state
        line = {"step": state.step, "diverged_at": error.step, "cause": str(error), "rate": rate}
        state.restorations = [*restorations, line]
        with self.forgiving("writing metrics.jsonl"):
            self.folder.cut_back(state.step, state.restorations)
            self.folder.append([line])
            self.folder.forget_timed_checkpoints()  # it is further on the way that led here
        self._tell("restored", str(error))
        console.warn(
            f"{error}.\nGoing back to step {state.step}, with {rate:g} times the learning rates "
            f"(restoration {len(state.restorations)} of at most {settings['restore_times']})"
        )

    def _tell(self, event: str, reason: str = "") -> None:
        with self.forgiving("writing history.jsonl"):
            self.folder.tell(event, self.parts.state.step, reason)

    def _end_early(self, event: str, reason: str = "") -> None:
        with suppress(Interrupted):  # a second signal: there is no time for a report
            self._tell(event, reason)
            with self.forgiving("the report"):
                write_report(self.folder)
