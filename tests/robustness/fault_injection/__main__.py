"""`python -m tests.robustness.fault_injection --kills 200 --seed 0`: kills runs, resumes them, and compares.

Exit code 1 on any fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from .harness import Harness, import_everything


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.fault_injection", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the runs go; those that went wrong stay")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="gantk-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    started, cpu = time.monotonic(), time.process_time()
    (folder / "warm").mkdir()
    import_everything(folder / "warm")
    harness = Harness(folder, arguments.seed)
    for name in ("ring", "cells"):
        harness.reference(name)
    number = 0
    while harness.outcome.kills < arguments.kills and len(harness.outcome.faults) < 20:
        harness.case(number, min(10, arguments.kills - harness.outcome.kills))
        number += 1
        sys.stderr.write(f"{harness.outcome.kills} kills, {len(harness.outcome.faults)} faults\n")
    times = os.times()
    document = asdict(harness.outcome) | {
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu + times.children_user + times.children_system, 1),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stderr.writelines(f"\n{fault}\n" for fault in harness.outcome.faults)
    return 1 if harness.outcome.faults else 0


sys.exit(main())
