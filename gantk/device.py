"""Where a run computes: device, threads, and what that machine is."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

from gantk.errors import GantkError


def prepare_environment() -> None:
    """Settings that must stand before torch is imported; a user's own setting is never overridden.

    Spinning OpenMP threads cost up to six times when another process is busy on the machine.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def choose(name: str) -> Any:
    """The torch.device called `name`, or for "auto" the best there is: cuda, then mps, then cpu.

    Raises:
        GantkError: this machine has no such device.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if not there.get(name.split(":")[0], False):
        usable = ", ".join(kind for kind, usable in there.items() if usable)
        raise GantkError(f"machine.device is {name!r}, but torch finds no such device here; usable: {usable}")
    return torch.device(name)


def set_threads(threads: int | None) -> None:
    """Lets torch use `threads` CPU threads; None leaves torch's own choice (all cores, or OMP_NUM_THREADS)."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def describe(device: Any | None = None) -> dict[str, Any]:
    """What this machine is, for env.json and `gantk doctor`: versions, processor, threads, accelerators."""
    import torch

    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "accelerators": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "versions": {name: metadata.version(name) for name in ("gantk", "torch", "numpy", "h5py")},
    }
    if device is not None:
        found["device"] = str(device)
    return found
