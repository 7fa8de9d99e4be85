"""What the tests of this folder share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at charts."""
