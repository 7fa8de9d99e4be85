"""Installed plugins: which distribution brings each, and who has a right to its name. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Literal


@dataclass(frozen=True)
class InstalledPlugin:
    """One entry point of the group `gantk`, loaded or not.

    Args:
        name: the entry point's name: what stands before the `/` in recipes.
        distribution: the installed package that brings it.
        version: the version of that package.
        module: what the entry point points at.
        state: "ok"; "broken" (it cannot be used); "disabled" (by GANTK_DISABLE_PLUGINS); "refused" (its name is taken).
        reason: one line that says why it is not ok.
        traceback: the traceback of a broken one, where there is one.
    """

    name: str
    distribution: str
    version: str
    module: str
    state: Literal["ok", "broken", "disabled", "refused"] = "ok"
    reason: str = ""
    traceback: str = ""

    @property
    def origin(self) -> str:
        """The distribution that brings it, with its version."""
        return f"{self.distribution} {self.version}"

    @property
    def title(self) -> str:
        """The plugin and where it comes from, for messages."""
        return f"plugin '{self.name}' ({self.distribution} {self.version})"


def installed_entry_points() -> Iterable[EntryPoint]:
    """The entry points of the group `gantk`."""
    return entry_points(group="gantk")


def precedence(entry_point: EntryPoint) -> tuple[str, bool, str, str]:
    """Order of claims to a name: gantk's own distribution first, then by the name of the distribution."""
    return entry_point.name, not is_own(entry_point), distribution_of(entry_point)[0], entry_point.value


def is_own(entry_point: EntryPoint) -> bool:
    """Whether this is gantk's own: a stranger's distribution may be called gantk, but its module is another."""
    return distribution_of(entry_point)[0] == "gantk" and entry_point.value == f"gantk_{entry_point.name}.plugin"


def distribution_of(entry_point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that brings an entry point."""
    try:
        assert entry_point.dist is not None
        return _name_and_version(entry_point.dist)
    except Exception:  # damaged or missing metadata
        return "unknown", "?"


@cache
def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Kept for each: every look at a distribution's name parses its whole metadata, the README among it."""
    metadata = distribution.metadata
    return re.sub(r"[-_.]+", "-", metadata["Name"]).lower(), metadata["Version"]


def described_plugin(entry_point: EntryPoint) -> InstalledPlugin:
    """The plugin of an entry point, before anything of it is imported."""
    distribution, version = distribution_of(entry_point)
    return InstalledPlugin(entry_point.name, distribution, version, entry_point.value)
