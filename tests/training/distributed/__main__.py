"""Plays everything that needs several processes, once, and leaves the results in a folder for test_ranks.py.

Ranks are forked from this process, which has imported everything and started no thread: imports cost two seconds each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import gantk.cli
import gantk.runs.final_evaluation
import gantk.runs.start
import gantk.runs.trainer
from gantk.training.distributed.process_group import RENDEZVOUS, joined
from gantk.training.distributed.ranks import Ranks

from . import small

torch.set_num_threads(1)

COMMAND_LINE = gantk.cli.run_command_line
for module in (gantk.runs.trainer, gantk.runs.final_evaluation):
    module.write_report = lambda folder: None  # most of the time of such small runs
PATIENCE = 150.0


def in_ranks(count: int, job: Callable[[int], int], folder: Path, name: str) -> list[int]:
    """Runs `job(rank)` in `count` processes; returns how each ended, as a shell sees it.

    What they say stands in <name>-<rank>.txt and .out.
    """
    started = time.monotonic()
    numbers = [_forked(job, rank, count, folder, name) for rank in range(count)]
    codes = [-1] * count
    while -1 in codes and time.monotonic() - started < PATIENCE:
        for rank, number in enumerate(numbers):
            if codes[rank] == -1:
                done, status = os.waitpid(number, os.WNOHANG)
                if done:
                    code = os.waitstatus_to_exitcode(status)
                    codes[rank] = 128 - code if code < 0 else code
                    (folder / f"{name}-{rank}.ended").write_text(str(time.time()))
        time.sleep(0.01)
    for rank, code in enumerate(codes):
        if code == -1:
            os.kill(numbers[rank], signal.SIGKILL)
            os.waitpid(numbers[rank], 0)
    return codes


def _forked(job: Callable[[int], int], rank: int, count: int, folder: Path, name: str) -> int:
    number = os.fork()
    if number:
        return number
    code = 70
    try:
        for descriptor, ending in ((1, "out"), (2, "txt")):
            file = os.open(folder / f"{name}-{rank}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, descriptor)
        if count > 1:
            meet = (folder / f"{name}.meet").as_uri()
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), RENDEZVOUS: meet}
        code = job(rank)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def games(folder: Path) -> Callable[[int], int]:
    """Every loss on these ranks, and one net with batch normalisation."""

    def job(rank: int) -> int:
        with joined() as ranks:
            for name in small.LOSSES:
                tensors, terms = small.played(name, ranks)
                np.savez(folder / f"{name}-{rank}.npz", **tensors)
                (folder / f"{name}-{rank}.json").write_text(json.dumps(terms))
            tensors, _ = small.played("hinge", ranks, steps=1, batch_norm=True)
            np.savez(folder / f"batch_norm-{rank}.npz", **tensors)
        return 0

    return job


def command(*arguments: str, at_word: int | None = None, does: Callable[[int], None] | None = None) -> Callable:
    """`gantk <arguments>`; before its n-th word, rank 1 does something."""

    def job(rank: int) -> int:
        listen, heard = Ranks.listen, [0]

        def listening(self: Ranks) -> int:
            heard[0] += 1
            if heard[0] == at_word:
                does(rank)
            return listen(self)

        Ranks.listen = listening  # only ranks behind the first listen
        return COMMAND_LINE(list(arguments))

    return job


def main(folder: Path) -> None:
    """All scenes; their exit codes go to codes.json."""
    os.chdir(folder)
    recipe, codes = "ring.yaml", {}

    def scene(name: str, count: int, job: Callable[[int], int]) -> None:
        codes[name] = in_ranks(count, job, folder, name)

    def killed(rank: int) -> None:
        (folder / "killed.at").write_text(str(time.time()))
        os.kill(os.getpid(), signal.SIGKILL)

    def stopped(rank: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def failing(rank: int) -> None:
        raise MemoryError("the memory of this process is full")

    scene("games", 2, games(folder))
    scene("killed", 2, command("run", recipe, "--out", "killed", at_word=5, does=killed))
    scene("alone", 1, command("resume", "killed", "train.steps=6"))
    scene("again", 2, command("resume", "killed", "train.steps=8"))
    scene("stopped", 2, command("run", recipe, "--out", "stopped", at_word=3, does=stopped))
    scene("failing", 2, command("run", recipe, "--out", "failing", at_word=3, does=failing))
    scene("odd", 2, command("run", recipe, "train.batch=9", "--out", "odd"))
    diverging = ("play.critic_optimizer.lr=1e30", "train.on_divergence=restore", "train.restore_times=1")
    scene("diverging", 2, command("run", recipe, "--out", "diverging", *diverging))
    scene("reference", 1, command("run", recipe, "--out", "reference"))
    (folder / "codes.json").write_text(json.dumps(codes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
