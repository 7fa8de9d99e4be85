"""What the tests of the cells share: a cache of their own, and small trees of images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Makes class folders of random RGB PNGs: tree({"a_train/Alp14": 3}) -> the folder above."""

    def make(counts: dict[str, int], height: int = 8, width: int = 12) -> Path:
        rng = np.random.default_rng(0)
        for folder, count in counts.items():
            place = tmp_path / "data" / folder
            place.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"cell{100000 + i}.png")
        return tmp_path / "data"

    return make
