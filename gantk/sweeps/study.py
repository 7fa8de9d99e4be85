"""The study of a sweep in Optuna: its storage, what proposes and prunes, and which trial a worker takes next."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantk.errors import FileError, GantkError, MissingExtra
from gantk.files.lock import Lock
from gantk.sweeps.folder import SweepFolder, study_name
from gantk.sweeps.space import Dimension, grid_choices

if TYPE_CHECKING:
    import optuna

HEARTBEAT_SECONDS = 15
STARTUP_TRIALS = 5
"""So many trials are finished before the median prunes any."""


def import_optuna() -> Any:
    """The package optuna.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("a sweep needs the package optuna, which is not here: pip install 'gantk[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


@dataclass(frozen=True)
class SweepObjective:
    """What trials are chosen by: a number of the validation split, and whether much of it is good.

    Args:
        value: "entry.value".
        direction: "maximize" or "minimize".
        every: steps between its measurements during training; None: only at the last step.
    """

    value: str
    direction: str
    every: int | None = None


def open_study(
    folder: SweepFolder,
    values: Mapping[str, Any],
    space: list[Dimension],
    objectives: Sequence[SweepObjective],
    steps: int,
    storage: str | None,
) -> optuna.Study:
    """The study of a sweep, made where there is none yet.

    Args:
        folder: the sweep's.
        values: of the sweep file.
        space: what is tried.
        objectives: one or two.
        steps: of a trial, for the pruner.
        storage: address of a database ("postgresql://…"); None: a journal in the folder.

    Raises:
        GantkError: the storage cannot be opened.
    """
    optuna = import_optuna()
    try:
        with folder.asking():
            study = optuna.create_study(
                storage=_storage(folder, storage),
                study_name=study_name(values),
                directions=[each.direction for each in objectives],
                sampler=_sampler(values, values["seed"] + folder.count_worker()),
                pruner=_pruner(values["pruner"], objectives[0].every, steps),
                load_if_exists=True,
            )
            if values["sampler"] == "grid" and not study.trials:
                for combination in _combinations(grid_choices(space)):
                    study.enqueue_trial(combination)
    except GantkError:
        raise
    except Exception as error:  # of a database's driver, there are many kinds
        where = "the study's journal" if storage is None else "the storage"
        raise GantkError(f"{where} cannot be opened: {type(error).__name__}: {str(error).splitlines()[0]}") from error
    return study


def _storage(folder: SweepFolder, address: str | None) -> Any:
    optuna = import_optuna()
    if address is None:
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder.journal)))
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback()
    return optuna.storages.RDBStorage(
        address, heartbeat_interval=HEARTBEAT_SECONDS, heartbeat_stale_trial_callback=retry
    )


def _sampler(values: Mapping[str, Any], seed: int) -> Any:
    samplers = import_optuna().samplers
    if values["sampler"] == "tpe":
        return samplers.TPESampler(n_startup_trials=min(10, (values["trials"] or 40) // 4 + 1), seed=seed)
    if values["sampler"] == "nsga2":
        return samplers.NSGAIISampler(population_size=max(2, min(20, (values["trials"] or 40) // 4)), seed=seed)
    return samplers.RandomSampler(seed=seed)


def _pruner(name: str, every: int | None, steps: int) -> Any:
    pruners = import_optuna().pruners
    if name == "none":
        return pruners.NopPruner()
    if name == "median":
        return pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
    return pruners.HyperbandPruner(min_resource=every or 1, max_resource=steps)


def _combinations(choices: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    from itertools import product

    for combination in product(*choices.values()):
        yield dict(zip(choices, combination, strict=True))


@dataclass
class Taken:
    """A trial that a worker has taken.

    Args:
        trial: of the study.
        number: of the folder that its runs lie in: its own, or that of the trial which it does again.
        again: whether another worker had begun it, and was killed.
    """

    trial: optuna.Trial
    number: int
    again: bool


@contextmanager
def next_trial(study: optuna.Study, folder: SweepFolder, most: int | None, by_lock: bool) -> Iterator[Taken | None]:
    """Takes a trial: one that a killed worker left, else a new one; None where there are enough. It is locked within.

    Args:
        study: of the sweep.
        folder: the sweep's.
        most: how many trials there may be; None: any number.
        by_lock: whether a killed worker is known by the free lock of its trial's folder (a journal has no heartbeat).
    """
    with ExitStack() as held:
        with folder.asking():
            taken = _left(study, folder, held) if by_lock else None
            if taken is None:
                taken = _new(study, folder, most, by_lock, held)
        if taken is None:
            yield None
            return
        if not by_lock:
            held.enter_context(_heartbeat(study, taken.trial))
        yield taken


def _left(study: optuna.Study, folder: SweepFolder, held: ExitStack) -> Taken | None:
    """A trial that is said to run while nobody holds its folder."""
    optuna = import_optuna()
    for frozen in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        path = folder.trial(frozen.number)
        path.mkdir(parents=True, exist_ok=True)
        with suppress(FileError):  # somebody is at work on it
            held.enter_context(Lock(path))
            return Taken(optuna.trial.Trial(study, frozen._trial_id), frozen.number, again=True)
    return None


def _new(study: optuna.Study, folder: SweepFolder, most: int | None, by_lock: bool, held: ExitStack) -> Taken | None:
    optuna = import_optuna()
    retried = optuna.storages.RetryHeartbeatStaleTrialCallback.retried_trial_number
    if not by_lock:
        optuna.storages.fail_stale_trials(study)
    trials = study.get_trials(deepcopy=False)
    waiting = [each for each in trials if each.state == optuna.trial.TrialState.WAITING]
    done_again = {retried(each) for each in trials} - {None}
    begun = len([each for each in trials if each.number not in done_again]) - len(waiting)
    if most is not None and begun >= most:
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Heartbeat of storage")  # `_heartbeat` does what `Study.optimize` would
        trial = study.ask()
    frozen = study.get_trials(deepcopy=False)[trial.number]
    original = retried(frozen)
    number = trial.number if original is None else original
    path = folder.trial(number)
    path.mkdir(parents=True, exist_ok=True)
    held.enter_context(Lock(path))
    return Taken(trial, number, again=original is not None)


@contextmanager
def _heartbeat(study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
    """Within it, the database is told now and then that this trial is being worked on."""
    storage: Any = study._storage
    over = threading.Event()

    def beat() -> None:
        while True:
            with suppress(Exception):  # the next one may get through
                storage.record_heartbeat(trial._trial_id)
            if over.wait(HEARTBEAT_SECONDS):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
