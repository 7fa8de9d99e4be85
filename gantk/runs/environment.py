"""env.json: what a run was computed on, now and in its earlier sessions."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gantk import console, machine
from gantk.class_counts import class_counts
from gantk.components.registry import plugin_versions
from gantk.data import take
from gantk.files.atomic import keep_aside, write_json
from gantk.files.git import commit_of
from gantk.interfaces import Dataset
from gantk.runs.setup import Parts

UNSAID = ("git", "omp_wait_policy", "sessions")
"""What changes without consequence for the numbers, and is recorded but not told."""


def session_environment(parts: Parts) -> dict[str, Any]:
    """What this session computes on: machine, versions, plugins, git commit of the working directory, data."""
    return machine.describe_machine(parts.device) | {
        "processes": parts.ranks.count,
        "host": socket.gethostname(),
        "plugins": plugin_versions(),
        "git": commit_of(Path.cwd()),
        "data": {split: len(dataset) for split, dataset in parts.data.items()},
        "data_classes": {split: class_counts(dataset) for split, dataset in parts.data.items()},
        "data_fingerprint": fingerprint(parts.data),
        "data_origin": parts.data["train"].spec.origin,
    }


def session(step: int, changed: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of `sessions`: when it began, at which step, and what differed from the one before: [before, now]."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "step": step,
        "changed": {name: list(pair) for name, pair in changed.items()},
    }


def add_session(path: Path, now: Mapping[str, Any], step: int) -> dict[str, tuple[Any, Any]]:
    """Makes env.json that of a session that begins at `step`, keeps the history, and returns what changed.

    Args:
        path: env.json; one that is missing or unreadable is made anew.
        now: from `describe`.
        step: how many steps were done before.

    Returns:
        dotted name to (before, now), of what differs from the session before.
    """
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        sessions = list(before.get("sessions", []))
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        before, sessions = {}, []
        if path.exists():
            console.warn(
                f"{path}: cannot be read, and is made anew; the file as it was is kept as {keep_aside(path).name}"
            )
    changed = differences(before, now) if before else {}
    write_json(path, {**now, "sessions": [*sessions, session(step, changed)]})
    return changed


def differences(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs between two descriptions, by dotted names; not what only one gantk version records."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in before.keys() & now.keys() if not path else before.keys() | now.keys():
        one, other, dotted = before.get(name), now.get(name), f"{path}.{name}" if path else name
        if isinstance(one, dict) and isinstance(other, dict):
            found |= differences(one, other, dotted)
        elif one != other and name not in UNSAID:
            found[dotted] = (one, other)
    return dict(sorted(found.items()))


def change_sentence(name: str, before: Any, now: Any) -> str:
    """One change in a line."""
    said = {"data_fingerprint": "the data are not those of the session before"}
    return said.get(name) or f"{name.removeprefix('versions.')} was {before}, is {now}"


def fingerprint(found: Mapping[str, Dataset]) -> str:
    """A short digest of the data: sizes and the first samples of each split. Tells two data sets apart in env.json."""
    digest = hashlib.sha256()
    for split, dataset in found.items():
        digest.update(f"{split}/{len(dataset)}/".encode())
        if len(dataset):
            digest.update(take(dataset, 32).samples.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
