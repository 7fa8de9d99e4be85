"""Writes docs/licences.md: the licence of everything that `pip install gantk` brings, as the packages themselves say.

`python docs/_licences.py` writes it anew; tests/distribution/test_supply.py holds that it is true, and that no licence
surprises.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAD = """\
# Licences

gantk itself is Apache-2.0. What `pip install gantk` installs beside it, and under which licence, as those packages say
(of torch's CUDA builds, which NVIDIA's own packages come with, only what the CPU build brings). Written by
`python docs/_licences.py`.

| package | licence | needed by |
|---|---|---|
"""


def needed(name: str = "gantk") -> dict[str, set[str]]:
    """Name of every distribution that is installed because of `name` -> those that ask for it."""
    found: dict[str, set[str]] = {}
    waiting = [name]
    while waiting:
        asking = waiting.pop()
        for text in metadata.requires(asking) or []:
            wanted = Requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            other = canonicalize_name(wanted.name)
            if other not in found:
                waiting.append(other)
            found.setdefault(other, set()).add(canonicalize_name(asking))
    return found


def licence(name: str) -> str:
    """What a distribution says of its licence, in a few words."""
    about = metadata.metadata(name)
    said = about.get("License-Expression")
    if not said:
        classifiers = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier") or [] if "License ::" in each]
        said = ", ".join(each for each in classifiers if each != "OSI Approved")
    if not said:
        said = (about.get("License") or "").strip().splitlines()[0] if about.get("License") else "unknown"
    return re.sub(r"\s+", " ", said)


def table() -> str:
    """The whole document."""
    rows = [f"| {name} | {licence(name)} | {', '.join(sorted(askers))} |" for name, askers in sorted(needed().items())]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "licences.md").write_text(table(), encoding="utf-8")
