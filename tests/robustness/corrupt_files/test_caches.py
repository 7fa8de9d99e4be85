"""Damaged caches are made anew: what comes back is what was kept, or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gantk_basics.files.images import cache

from tests.helpers.damage import OTHER_FORMATS, cuts, flips


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    cache.save("key", "print", {"pixels": np.arange(600, dtype=np.uint8).reshape(20, 30)}, {"names": ["a", "b"]})
    return cache.folder() / "key.h5"


def test_what_was_kept_comes_back(kept: Path) -> None:
    found = cache.load("key", "print")
    assert found is not None
    arrays, notes = found
    np.testing.assert_array_equal(arrays["pixels"], np.arange(600, dtype=np.uint8).reshape(20, 30))
    assert notes == {"names": ["a", "b"]}
    assert cache.load("key", "another print") is None


def test_damaged_it_is_nothing(kept: Path) -> None:
    whole = kept.read_bytes()
    for content in (*flips(whole, 300), *cuts(whole, 50), *OTHER_FORMATS.values()):
        kept.write_bytes(content)
        assert cache.load("key", "print") is None
    kept.write_bytes(whole)
    assert cache.load("key", "print") is not None
