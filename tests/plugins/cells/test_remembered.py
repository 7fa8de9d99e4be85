"""What is kept in the cache is what would be computed again, to the last bit; anything else is computed anew."""

from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_cells.data.simulated import Simulated
from gantk_cells.metrics import probe, remembered
from gantk_cells.metrics.pairs import pairs_in
from gantk_cells.metrics.probe import Classifier, Probe
from gantk_cells.metrics.remembered import fingerprint
from torch import Tensor

from gantk.data import take
from gantk.interfaces import MetricInput


def counted(calls: list[int]) -> dict[str, Tensor]:
    calls.append(1)
    return {"a.b": torch.randn(2, 3), "count": torch.tensor(7), "none": torch.zeros(0, 4)}


def test_computed_once_and_the_same_again() -> None:
    calls: list[int] = []
    first, again = (remembered.remembered("it", [1, "x"], [__file__], lambda: counted(calls)) for _ in range(2))
    assert len(calls) == 1 and list(first) == list(again)
    for name, value in first.items():
        assert again[name].dtype == value.dtype and torch.equal(again[name], value), name


@pytest.mark.parametrize("change", ["given", "what", "threads", "source", "processor", "torch", "damage"])
def test_computed_anew_where_anything_is_different(
    change: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "own"))
    calls: list[int] = []

    def ask(what: str = "it", given: Any = 1, source: str = __file__) -> None:
        remembered.remembered(what, [given], [source], lambda: counted(calls))

    ask()
    if change == "given":
        ask(given=2)
    elif change == "what":
        ask(what="other")
    elif change == "source":
        ask(source=probe.__file__)
    elif change == "damage":
        for path in (tmp_path / "own").rglob("*.h5"):
            path.write_bytes(path.read_bytes()[:-3] + b"xyz")
        ask()
    else:
        owner, name, value = {
            "threads": (torch, "get_num_threads", lambda: 77),
            "processor": (remembered, "_processor", lambda: "another"),
            "torch": (torch, "__version__", "0.1"),
        }[change]
        monkeypatch.setattr(owner, name, value)
        ask()
    assert len(calls) == 2


def test_a_fingerprint_tells_values_types_shapes_and_names_apart() -> None:
    some = torch.arange(6.0)
    others = [{"a": some + 1e-6}, {"a": some.double()}, {"a": some.reshape(2, 3)}, {"b": some}, {"a": some, "b": some}]
    found = {fingerprint(each) for each in [{"a": some}, *others]}
    assert len(found) == 1 + len(others)
    assert fingerprint({"a": some.reshape(2, 3).T.contiguous().T}) == fingerprint({"a": some.reshape(2, 3)})
    assert fingerprint({"a": some, "labels": None}) == fingerprint({"a": some})


def test_a_probe_of_the_cache_is_the_one_that_would_be_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train, test = (Simulated(split, cells=30, test_cells=20, height=24, width=40) for split in ("train", "test"))

    def weights() -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(0)
        pairs = pairs_in(train, 100, rng)
        net = Classifier(2, pairs.names, 4, rng)
        net.learn(pairs, 6, rng)
        assert not net.training
        return net.state_dict()

    trained = weights()
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "empty"))
    inputs = MetricInput(take(test, 60), train, test, rng=torch.Generator().manual_seed(0), nets={})
    metric = Probe(steps=6, width=4, images=100)
    expected = metric.compute(inputs)
    anew = weights()
    monkeypatch.setattr(Classifier, "_train", None)  # from now on the cache must do
    monkeypatch.setattr(probe, "_trained", type(probe._trained)())
    kept = weights()
    assert all(torch.equal(trained[name], each) for name, each in anew.items())
    assert all(torch.equal(trained[name], each) for name, each in kept.items())
    assert metric.compute(inputs) == expected
    with pytest.raises(TypeError):  # other steps, another probe
        Probe(steps=7, width=4, images=100).compute(inputs)
