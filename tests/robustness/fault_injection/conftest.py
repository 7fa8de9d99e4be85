"""What the tests of this folder share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def reports_without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of a run of a few steps goes into the charts of its report."""
    monkeypatch.setattr("gantk.plots.to_svg", lambda *_, **__: "<svg></svg>")
