"""What the tests of this folder share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def reports_without_charts() -> None:
    """These tests look at charts."""
