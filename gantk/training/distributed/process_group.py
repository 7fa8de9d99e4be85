"""Joins the processes of one run, by the environment variables that torchrun or `gantk run` sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist

from gantk import console
from gantk.errors import GantkError, RankLost
from gantk.training.distributed.ranks import ALONE, Ranks

PATIENCE = timedelta(hours=6)  # for pictures, metrics and checkpoints, during which other ranks wait
RENDEZVOUS = "GANTK_RENDEZVOUS"  # where processes that `gantk run` has started meet

_here = ALONE


def here() -> Ranks:
    """The ranks that this process has joined."""
    return _here


def started() -> int:
    """How many processes torchrun (or `gantk run` itself) has started for this run; 1 where neither did."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def is_first() -> bool:
    """Whether this process is the one that prints: rank 0, or the only process of the run."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(devices: int = 1) -> Iterator[Ranks]:
    """Joins the process group of this run, where there is one; only the first process prints.

    Args:
        devices: `machine.devices` of the recipe; torchrun counts where it has started them.

    Raises:
        RankLost: the others did not come.
        GantkError: nobody has started them.
    """
    global _here
    count = started()
    if count == 1:
        if devices > 1 and "RANK" not in os.environ:
            raise GantkError(
                f"machine.devices is {devices}, and one Python process is one device: type `gantk run`, or start "
                f"this script by `torchrun --nproc-per-node {devices}`, or give machine.devices=1"
            )
        yield ALONE
        return
    number, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    from torch.distributed.nn import functional  # noqa: F401 (optimisers do; once there is a group, it would keep it)

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        url = os.environ.get(RENDEZVOUS, "env://")
        store, _, _ = next(dist.rendezvous(url, number, count, timeout=timedelta(minutes=10)))
        _here = Ranks(number, count, local, dist.PrefixStore("gantk/notes", store))
        dist.init_process_group(
            backend, store=dist.PrefixStore("gantk", store), rank=number, world_size=count, timeout=PATIENCE
        )
    except RuntimeError as error:
        raise RankLost(f"the {count} processes of this run did not find each other: {error}") from error
    console.one_of_several(silent=number > 0, may_say=_here.may_say)
    yield _here  # where it fails, connections end with the process, which tells the others
    _here.leave()
