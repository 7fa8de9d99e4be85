"""Where a run computes: device, threads, and what that machine is."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from gantk.errors import DoesNotFit, GantkError
from gantk.messages import byte_size

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
TUNED = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def prepare_environment() -> None:
    """Settings that must stand before torch is imported; a user's own setting is never overridden.

    OpenMP threads that spin while they wait cost up to twice the time when another process is busy on the machine;
    threads that sleep at once cost a tenth when none is. So they spin for some 10 microseconds (libgomp), then sleep.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # of other OpenMP libraries than libgomp, which goes by the next one
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def leave_compiler_unloaded() -> None:
    """Lets the optimisers of torch work without its compiler, whose import takes 3 to 4 processor seconds.

    `torch.optim.Optimizer` marks some methods as not to be compiled, and the first call of one of them imports the
    compiler to say so (`torch._compile`), unless the method has an attribute with what to call instead: here it becomes
    the method itself. gantk compiles nothing. Where the compiler is loaded already, or another torch has no such mark,
    nothing is changed.
    """
    import torch

    if "torch._dynamo" in sys.modules:
        return
    for marked in vars(torch.optim.Optimizer).values():
        if getattr(marked, "__globals__", {}).get("__name__") == "torch._compile":
            vars(marked.__wrapped__).setdefault("__dynamo_disable", marked.__wrapped__)


def find_device(name: str) -> Any:
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


def threads_of(device: Any) -> int:
    """How many CPU threads compute a step together: on any other device than the CPU one, which waits for nobody."""
    import torch

    return torch.get_num_threads() if str(device) == "cpu" else 1


def keep_freed_memory(kept: bool) -> bool:
    """Whether the C library keeps the memory that tensors give back, for the tensors of the next step (glibc alone).

    It would return large blocks to the system, and the system clears them before it hands them out again: 7 % of a
    training step on a CPU. Where a user tunes malloc himself, nothing is changed; False says so.

    Args:
        kept: False: large blocks are returned again, as glibc does after it has seen some.
    """
    names = getattr(os, "confstr_names", {})
    glibc = "CS_GNU_LIBC_VERSION" in names and (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    if not glibc or any(name in os.environ for name in TUNED):
        return False
    library = ctypes.CDLL(None)
    library.mallopt(M_MMAP_THRESHOLD, 2**30 if kept else 2**25)
    library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1 if kept else 2**26)
    return True


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keeps freed memory until the end, then returns all of it; see `keep_freed_memory`."""
    changed = keep_freed_memory(True)
    try:
        yield
    finally:
        if changed:
            keep_freed_memory(False)
            ctypes.CDLL(None).malloc_trim(0)


def total_cpu_seconds() -> float | None:
    """Seconds that all processors have worked since the machine started; None where the system does not say."""
    try:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        user, nice, system, _idle, _wait, irq, softirq, steal = fields
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_cpu_seconds() -> float:
    """Seconds that processors have worked for this process and its children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def describe_machine(device: Any | None = None) -> dict[str, Any]:
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


CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_limit(device: Any = "cpu") -> int | None:
    """The memory limit of this process on a device, in bytes; None where it is unknown."""
    if str(device).startswith("cuda"):
        import torch

        return torch.cuda.get_device_properties(device).total_memory
    found = []
    with suppress(AttributeError, ValueError, OSError):  # Windows
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in CGROUP_LIMITS:  # a container's limit
        with suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(path.read_text()))
    return min(found, default=None)


def refuse_above_memory(
    size: int, what: str, error: Callable[[str], Exception] = DoesNotFit, device: Any = "cpu"
) -> None:
    """Raises `error` where `what` would need more bytes than this machine has memory.

    Args:
        size: bytes.
        what: that needs them, for the message.
        error: makes the exception from the message.
        device: where they would be.
    """
    limit = memory_limit(device)
    if limit is not None and size > limit:
        raise error(f"{what} would need about {byte_size(size)} of memory, and this machine has {byte_size(limit)}")


DATA_MEMORY = "GANTK_DATA_MEMORY"
SHARE_OF_DATA = 4
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def data_limit() -> int | None:
    """Bytes of memory that what is read from one file or folder may become; None where nobody knows the machine's.

    A quarter of the machine's memory, or what the environment variable `GANTK_DATA_MEMORY` says ("8GB"): no recipe
    and no file, which may be strangers', can raise it.

    Raises:
        GantkError: the variable says something else than a size.
    """
    text = os.environ.get(DATA_MEMORY)
    if text is None:
        limit = memory_limit()
        return None if limit is None else limit // SHARE_OF_DATA
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", text.upper(), re.ASCII)
    if found is None or not float(found[1]):
        raise GantkError(f"{DATA_MEMORY} is {text!r}, which is no size: give one such as 8GB or 500MB")
    return int(float(found[1]) * UNITS[found[2]])


def refuse_above_data_limit(size: int, what: str, error: Callable[[str], Exception]) -> None:
    """Raises `error` where what is read would become more bytes in memory than data may take; called before it does.

    Args:
        size: bytes that it would become.
        what: that needs them, for the message.
        error: makes the exception from the message.
    """
    limit = data_limit()
    if limit is not None and size > limit:
        whose = "a quarter of this machine's memory" if DATA_MEMORY not in os.environ else f"{DATA_MEMORY} says so"
        allowed = byte_size(10 ** len(str(size))).replace(" ", "") if size >= 10**6 else "10MB"
        raise error(
            f"{what} would need about {byte_size(size)} of memory, and data may take {byte_size(limit)} ({whose}). "
            "A file made to fill the memory? If it is right, allow more by the environment variable "
            f"{DATA_MEMORY}={allowed}"
        )
