"""Settings of the machine: before torch is imported, and of the C library while training."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gantk import machine

PEAK = """
import resource, torch
from gantk import machine
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def resident(): return int(open("/proc/self/statm").read().split()[1])
def step():
    before = faults()
    for _ in range(20):
        torch.ones(10_000_000)  # 40 MB: beyond what glibc keeps by itself
    return faults() - before
step()
usual, before = step(), resident()
with machine.freed_memory_kept():
    step()
    kept, during = step(), resident()
print(usual, kept, before, during, resident(), resource.getpagesize())
"""


def glibc() -> bool:
    return (os.confstr("CS_GNU_LIBC_VERSION") or "") != "" if hasattr(os, "confstr") else False


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, ("PASSIVE", "1000")),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, ("ACTIVE", None)),
        ({"GOMP_SPINCOUNT": "7"}, ("PASSIVE", "7")),
    ],
    ids=["nothing", "policy", "count"],
)
def test_threads_wait_as_the_user_says(
    given: dict[str, str], wanted: tuple[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
        if name in given:
            monkeypatch.setenv(name, given[name])
    machine.prepare_environment()
    found = tuple(os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"))
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert found == wanted


@pytest.mark.skipif(not sys.platform.startswith("linux") or not glibc(), reason="only glibc can be told")
def test_freed_memory_is_kept_while_training_and_then_returned() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, env=clean | {"OMP_NUM_THREADS": "1"}
    )
    usual, kept, before, during, after, page = map(int, done.stdout.split())
    assert kept < usual / 20  # pages that the system had to clear
    assert (during - before) * page > 35e6  # the tensor's memory is still held, and then it is not
    assert (after - before) * page < 5e6


def test_a_user_who_tunes_malloc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert not machine.keep_freed_memory(True)
