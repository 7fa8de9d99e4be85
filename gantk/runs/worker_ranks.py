"""All ranks but the first: they train the same steps, and stop, restore or end when the first one does."""

from __future__ import annotations

from pathlib import Path
from socket import gethostname

from gantk.components.registry import plugin_versions
from gantk.errors import FileError, Interrupted, RankLost
from gantk.files import hdf5
from gantk.files.run_folder import RunFolder
from gantk.machine import freed_memory_kept
from gantk.runs.setup import Parts
from gantk.runs.signals import Interruption
from gantk.training import checkpoint
from gantk.training.distributed.ranks import ENOUGH, GO_ON, RESTORE
from gantk.training.state import held_by


def same_state(parts: Parts, folder: Path | None = None) -> Path:
    """Broadcasts the state of the first rank to all ranks, and returns its run folder.

    Args:
        parts: the first rank's as they shall be; the others' as they were built.
        folder: what the first rank says is the run folder.
    """
    ranks, state = parts.ranks, parts.state
    if ranks.count == 1:
        return folder or Path()
    content = b""
    if ranks.first:
        image = checkpoint.to_bytes(
            held_by(state),
            recipe=parts.resolved,
            spec=parts.data["train"].spec,
            plugins=plugin_versions(),
            best=parts.best,
        )
        content = hdf5.header(checkpoint.MAGIC, image) + image
    content = ranks.hand_out(content)
    path = Path(ranks.hand_out(str(folder or "").encode()).decode())
    if not ranks.first:
        checkpoint.restore(checkpoint.parsed(content, path), state)
    return path


@freed_memory_kept()
def train_along(parts: Parts) -> RunFolder:
    """Trains as long as the first rank does, and returns its run folder.

    Args:
        parts: as they were built.

    Raises:
        Interrupted: the first rank has ended early; with its exit code.
        RankLost: another rank has ended.
        FileError: the run folder is not to be seen from here.
    """
    with Interruption(patient=True) as stop:
        folder = _seen(same_state(parts))
        try:
            while True:
                word = _steps(parts, stop)
                if word == GO_ON:
                    return folder
                if word != RESTORE:
                    raise Interrupted("the first process has ended early", word)
                parts.build_anew()
                same_state(parts)
        except RankLost as error:
            if stop.signal is not None:
                raise Interrupted("stopped without finishing the step", stop.exit_code) from error
            raise RankLost(str(error), folder.how_to_go_on()) from error


def _steps(parts: Parts, stop: Interruption) -> int:
    for _ in parts.train():
        parts.ranks.agree(stop.signal)
        word = parts.ranks.listen()
        if word == ENOUGH:
            return GO_ON
        if word != GO_ON:
            return word
    return GO_ON


def _seen(path: Path) -> RunFolder:
    try:
        return RunFolder(path)
    except FileError:
        raise FileError(
            f"{path}: cannot be seen from {gethostname()}; all processes of a run need one file system"
        ) from None
