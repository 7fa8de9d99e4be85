"""Several processes of one command on this machine: `gantk run … machine.devices=N` starts them and waits for them.

`torchrun` does the same and more, on several machines; but it ends with exit code 1 whatever the processes ended with,
so that a script could not tell a run that was interrupted from one that has failed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from gantk import console
from gantk.training.distributed.process_group import RENDEZVOUS, started
from gantk.training.distributed.ranks import LAUNCHER

GRACE_SECONDS = 60  # the others see for themselves that one has ended; after that SIGTERM, and after as long SIGKILL


def wanted(devices: int) -> bool:
    """Whether processes are to be started: where there should be several, and this is not one of them."""
    return devices > 1 and "RANK" not in os.environ and started() == 1


def launch(arguments: Sequence[str], count: int) -> int:
    """Runs `gantk <arguments>` in `count` processes, and returns the exit code of the first that did not end well.

    Args:
        arguments: of the command line.
        count: how many processes.
    """
    with tempfile.TemporaryDirectory(prefix="gantk-") as folder:
        own = {
            "WORLD_SIZE": str(count),
            RENDEZVOUS: (Path(folder) / "meet").as_uri(),
            LAUNCHER: str(os.getpid()),
            **_among_themselves(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count))),
        }
        said = ["--quiet"] * console.is_quiet() + ["--verbose"] * console.has_details()
        command = [sys.executable, "-m", "gantk", *arguments, *said]
        processes: list[subprocess.Popen[bytes]] = []
        received: list[int] = []

        def pass_on(number: int, frame: FrameType | None = None) -> None:
            received.append(number)
            for process in processes:
                process.send_signal(number)  # nothing where it has ended

        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for rank in range(count):
                ranked = os.environ | own | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                processes.append(subprocess.Popen(command, env=ranked))
            _wait(processes, received)
        finally:
            for process in processes:
                process.kill()  # nothing where it has ended
                process.wait()
            for number, handler in before.items():
                signal.signal(number, handler)
    return _outcome([process.returncode for process in processes])


def _among_themselves() -> dict[str, str]:
    """What keeps the exchange of gradients on this machine, where nobody else can reach it."""
    loopback = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    return {"GLOO_SOCKET_IFNAME": loopback[0]} if loopback and "GLOO_SOCKET_IFNAME" not in os.environ else {}


def _wait(processes: Sequence[subprocess.Popen[bytes]], received: Sequence[int]) -> None:
    """Waits until all have ended; where one has not ended well, or all were asked to stop, not for long.

    Args:
        processes: of the run.
        received: signals that were passed on to them; it grows.
    """
    deadline, asked = None, False
    while any(process.poll() is None for process in processes):
        time.sleep(0.05)
        if deadline is None and (received or any(process.returncode for process in processes)):
            deadline = time.monotonic() + GRACE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            for process in processes:
                process.kill() if asked else process.terminate()
            deadline, asked = time.monotonic() + GRACE_SECONDS, True


def _outcome(codes: Sequence[int]) -> int:
    """One exit code for all; says which process was killed."""
    for rank, code in enumerate(codes):
        if code < 0:
            name = signal.Signals(-code).name
            full = " (as the system does where memory is full)" if name == "SIGKILL" else ""
            console.error(f"process {rank} of {len(codes)} was ended by {name}{full}")
    ended = [128 - code if code < 0 else code for code in codes]
    return ended[0] or next((code for code in ended if code), 0)
