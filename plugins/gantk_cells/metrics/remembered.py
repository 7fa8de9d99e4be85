"""What takes long to compute and depends on the data alone, kept between runs in the cache (`$GANTK_CACHE`)."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from gantk_basics.files.images import cache as disk
from torch import Tensor

Tensors = dict[str, Tensor]


def remembered(what: str, given: list[Any], sources: list[str], compute: Callable[[], Tensors]) -> Tensors:
    """What `compute` gives, or gave when it was called with the same: to the last bit what it would give again.

    A result of another processor, number of threads or version of torch is not taken, as it may be rounded otherwise.

    Args:
        what: names the computation.
        given: all that the result depends on, as JSON values; of tensors their `fingerprint`.
        sources: `__file__` of the modules that compute it; after a change of one it is computed anew.
        compute: without side effects that count.
    """
    key = disk.digest(what, given, torch.get_num_threads(), torch.backends.cpu.get_cpu_capability(), _processor())
    made_by = disk.digest(torch.__version__, *(disk.made_by_module(source) for source in sources))
    kept = disk.load(key, made_by)
    if kept is not None:
        arrays, shapes = kept
        return {name: torch.from_numpy(arrays[name].copy()).reshape(shape) for name, shape in shapes.items()}
    found = compute()
    flat = {name: value.detach().cpu().reshape(-1).numpy() for name, value in found.items()}
    disk.save(key, made_by, flat, {name: list(value.shape) for name, value in found.items()})
    return found


def fingerprint(tensors: Mapping[str, Tensor | None]) -> str:
    """A digest of tensors on the CPU: their names, types, shapes and bytes."""
    found = sha256()
    for name, tensor in tensors.items():
        if tensor is not None:
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            found.update(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


@cache
def _processor() -> str:
    """What the processor is called, where the system says so."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n"):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
