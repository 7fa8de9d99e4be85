"""Coverage-guided fuzzing with atheris: `python fuzz/run.py recipe --seconds 60`. `make fuzz` runs every target.

New inputs that reach new code are kept in `fuzz/found/<target>` (not in the repository); what ends a target is kept
there as `crash-…`, and belongs into `fuzz/corpus/<target>` once it is mended, where every test run tries it again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def main() -> None:
    """Runs libFuzzer on one target until it finds something or the time is over; exits as libFuzzer does."""
    import atheris

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with atheris.instrument_imports(include=["gantk", "gantk_dna", "yaml", "csv"]):
        from targets import TARGETS, tried
    if options.target not in TARGETS:
        parser.error(f"there is no target {options.target}; there are {', '.join(TARGETS)}")
    found = HERE / "found" / options.target
    found.mkdir(parents=True, exist_ok=True)
    words = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-artifact_prefix={found}/",
        "-max_len=60000" if options.target == "checkpoint" else "-max_len=4000",
        "-timeout=60",
        "-rss_limit_mb=4000",
        "-print_final_stats=1",
        str(found),
        str(HERE / "corpus" / options.target),
    ]
    atheris.Setup(words, lambda data: tried(options.target, data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
