"""What the tests of the whole program share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import matplotlib
import torch

from gantk import console
from tests.helpers.forks import DRAWN, serving

torch.set_num_threads(1)  # the suite runs in two processes on two cores

TINY = """\
about: points on a ring, a few steps
seed: 3
data: {use: basics/ring, samples: 500}
generator: {use: basics/mlp, latent: 8, hidden: [16]}
critic: {use: basics/mlp, hidden: [16]}
loss: {use: basics/gan}
train: {steps: 20, batch: 16, ema: 0.9, sample_every: 10, checkpoint_every: 5}
evaluate: [{use: basics/ring_modes, samples: 200}]
"""


@pytest.fixture(autouse=True)
def not_quiet() -> None:
    """What an earlier test asked for with --quiet or --verbose does not concern this one."""
    console.set_quiet(False)
    console.set_details(False)


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> Iterator[None]:
    """Most of a run of a few steps is pictures and charts, and nearly half of what is left without charts (.4 of .95 s)
    is numbers at axes: charts of reports are set and not drawn, pictures are without those numbers, and of directions
    one at most is.

    A folder or file whose tests look at such pictures has a fixture of this name that does nothing. What runs in a
    fork of `tests.helpers.forks` draws its charts.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gantk.plots.to_svg", lambda *_, **__: "<svg></svg>")
        patch.setattr("gantk.reporting.walks.TOGETHER", 1)
        for name, value in DRAWN.items():
            patch.setitem(matplotlib.rcParams, name, value)
        yield


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe that trains in a second, in an empty working directory with an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data that GANTK_TEST_DATA names."""
    path = Path(os.environ.get("GANTK_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"real test data not found at {path}: set GANTK_TEST_DATA to their folder")
    return path


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a process that has imported torch and forks for each command: see `tests.helpers.forks`."""
    with serving(tmp_path_factory.mktemp("forks")) as path:
        yield path
