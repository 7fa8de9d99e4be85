"""The table "what is bit-exact where" in docs/faults.md."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gantk
from gantk.training import checkpoint

pytestmark = pytest.mark.slow

BASE = {"train.steps": 12, "train.samples": 4, "evaluate": [], "train.checkpoint_every": 6}
SAME = {
    "again": {},
    "pictures": {"train.sample_every": 1, "train.samples": 9},
    "checkpoints": {"train.checkpoint_every": 1, "train.keep": 1},
    "metrics": {"evaluate": [{"use": "basics/ring_modes", "samples": 32, "every": 3}]},
    "restoring": {"train.on_divergence": "restore"},
    "average": {"train.ema": 0.5},
}
OTHER = {
    "seed": {"seed": 4},
    "batch": {"train.batch": 8},
    "clipping": {"play.clip_gradients": 1e-4},
    "schedule": {"train.schedule": "linear"},
}


def weights(run: gantk.Run) -> dict[str, bytes]:
    found = checkpoint.read_checkpoint(run.folder.last_checkpoint()).tensors
    return {f"{net}.{name}": array.tobytes() for net in ("generator", "critic") for name, array in found[net].items()}


def test_what_looks_on_changes_nothing(tiny: Path) -> None:
    expected = weights(gantk.run(tiny, BASE))
    for name, changed in SAME.items():
        assert weights(gantk.run(tiny, BASE | changed)) == expected, name


def test_what_trains_otherwise_is_other(tiny: Path) -> None:
    expected = weights(gantk.run(tiny, BASE))
    for name, changed in OTHER.items():
        assert weights(gantk.run(tiny, BASE | changed)) != expected, name


def test_more_steps_begin_with_the_same_ones(tiny: Path) -> None:
    longer = gantk.run(tiny, BASE | {"train.steps": 18})
    path = longer.folder.checkpoint_path(12)
    found = checkpoint.read_checkpoint(path).tensors
    assert weights(gantk.run(tiny, BASE)) == {
        f"{net}.{name}": array.tobytes() for net in ("generator", "critic") for name, array in found[net].items()
    }


def test_another_number_of_threads_is_close(tiny: Path) -> None:
    """Sums are taken in another order: equal up to rounding, not promised bit for bit."""
    threads = torch.get_num_threads()
    try:
        one = gantk.run(tiny, BASE | {"machine.threads": 1, "train.steps": 3})
        two = gantk.run(tiny, BASE | {"machine.threads": 2, "train.steps": 3})
    finally:
        torch.set_num_threads(threads)
    first, second = (
        checkpoint.read_checkpoint(run.folder.last_checkpoint()).tensors["generator"] for run in (one, two)
    )
    for name, array in first.items():
        torch.testing.assert_close(torch.as_tensor(array), torch.as_tensor(second[name]), rtol=1e-3, atol=1e-5)
