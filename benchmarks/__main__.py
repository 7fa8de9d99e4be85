"""Runs benchmark sets, prints a table and writes a JSON result: `python -m benchmarks [SET…] [--long]`."""

from __future__ import annotations

from gantk.machine import prepare_environment

prepare_environment()

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import measure
from benchmarks.measure import BUSY, machine, wait_for_quiet

SETS = ("step", "data", "life", "growth")


def line(entry: dict[str, Any]) -> str:
    """One result as a line of the table."""
    if "refused" in entry:
        return f"{entry['case']:<58} {entry.get('baseline', ''):<14} not compared: {entry['refused']}"
    if "ratio" in entry:
        ours, theirs = (entry["seconds"][name]["median"] for name in ("gantk", "baseline"))
        ratio = entry["ratio"]["baseline"]
        reached = "yes" if ratio["median"] >= entry["target"] else "NO"
        return (
            f"{entry['case']:<58} {entry['baseline']:<14} {ours * 1000:>8.0f} {theirs * 1000:>8.0f}  "
            f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})  {entry['target']:.2f}  {reached}"
        )
    value = next(name for name in ("share", "value") if name in entry)
    limit = entry.get("target_share", entry.get("at_most", entry.get("at_least")))
    text = f"{entry['case']:<58} {entry.get('unit', 'share'):<14} {entry[value]:>8.3g}"
    if limit is None:
        return text
    good = entry[value] >= limit if "at_least" in entry else entry[value] <= limit
    return f"{text}  {'at least' if 'at_least' in entry else 'at most'} {limit:g}  {'yes' if good else 'NO'}"


def main() -> int:
    """Runs what was asked for; 1 where a comparison was refused or a target missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them without one")
    parser.add_argument("--long", action="store_true", help="the long set: more widths, 41 proteins, 100 M parameters")
    parser.add_argument("--threads", type=int, help="of torch; as many as cores without it")
    parser.add_argument("--busy-ok", action="store_true", help="compare even where others use the machine")
    parser.add_argument(
        "--cpu-seconds",
        action="store_true",
        help="compare steps by the processor time they take, on one thread: on a machine that does not get quiet",
    )
    parser.add_argument("-o", "--out", type=Path, help="the JSON result [benchmarks/results/<date>.json]")
    arguments = parser.parse_args()
    wrong = set(arguments.sets) - set(SETS)
    if wrong:
        parser.error(f"there is no set {', '.join(sorted(wrong))}; choose from {', '.join(SETS)}")
    if arguments.cpu_seconds:
        measure.CLOCK, arguments.threads, arguments.busy_ok = time.process_time, 1, True
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    busy = wait_for_quiet()
    if busy > BUSY and not arguments.busy_ok:
        print(
            f"other processes use {busy:.2f} cores: wait until the machine is quiet, or say --busy-ok", file=sys.stderr
        )
        return 1
    began, about = time.monotonic(), machine()
    about |= {"others_before": round(busy, 3), "clock": measure.CLOCK.__name__}
    versions, clock = about["versions"], "processor time" if arguments.cpu_seconds else "wall clock"
    print(f"{about['processor']}, {about['threads']} threads, torch {versions['torch']}, {clock}")
    print(f"load {about['load']}, other processes use {busy:.2f} cores")
    print(f"{'case':<58} {'against':<14} {'ours, ms':>8} {'its, ms':>8}  ratio (quartiles)  target reached", flush=True)
    found: list[dict[str, Any]] = []
    for name in arguments.sets or SETS:
        module = importlib.import_module(f"benchmarks.{name}")
        for entry in module.run(long=arguments.long, busy_ok=arguments.busy_ok):
            found.append({"set": name} | entry)
            print(line(found[-1]), flush=True)
    seconds = round(time.monotonic() - began)
    about["load_after"] = machine()["load"]
    out = arguments.out or Path(__file__).parent / "results" / f"{time.strftime('%Y-%m-%d-%H%M')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"machine": about, "seconds": seconds, "results": found}, indent=1) + "\n")
    print(f"{seconds} s in all; written to {out}")
    return int(any(line(entry).endswith("NO") or "refused" in entry for entry in found))


if __name__ == "__main__":
    sys.exit(main())
