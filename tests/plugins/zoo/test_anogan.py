"""AnoGAN and f-AnoGAN: scores against their equations, the metric on planted anomalies, the recipe and its twin."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.data.mnist import Mnist
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.encoders import anogan
from gantk_zoo.metrics import anomaly
from gantk_zoo.metrics.anomaly import Anomaly
from torch import Tensor, nn

import gantk
from gantk.data import Resident
from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import MetricInput, Samples
from gantk.spec import DataSpec
from tests.helpers.published import Scene

POINTS = DataSpec((3,), ("coordinate",), range=None, classes=("usual", "strange"))


def nets() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    generator = MlpGenerator(POINTS, latent=2, hidden=[8], activation="tanh").double()
    critic = MlpCritic(POINTS, hidden=[5], activation="tanh").double()
    return generator, critic


def test_both_scores_are_their_equations() -> None:
    generator, critic = nets()
    real, latent = torch.randn(4, 3).double(), torch.randn(4, 2).double()
    drawn = generator(latent)
    features: Any = critic.features
    searched, by_encoder = anogan.search_score(critic, real, drawn, 0.1), anogan.encoder_score(critic, real, drawn, 2.0)
    for row in range(4):
        x, g = real[row].tolist(), drawn[row].tolist()
        f, h = (features(each[row : row + 1])[0].tolist() for each in (real, drawn))
        residual = sum(abs(a - b) for a, b in zip(x, g, strict=True))
        apart = sum(abs(a - b) for a, b in zip(f, h, strict=True))
        assert searched[row].item() == pytest.approx(0.9 * residual + 0.1 * apart, rel=1e-12)
        squares = sum((a - b) ** 2 for a, b in zip(x, g, strict=True)) / 3
        of_features = sum((a - b) ** 2 for a, b in zip(f, h, strict=True)) / 5
        assert by_encoder[row].item() == pytest.approx(squares + 2 * of_features, rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda z: anogan.encoder_score(critic, real, generator(z)), latent.requires_grad_(True)
    )


def test_the_search_finds_what_the_generator_makes_and_no_sample_sees_another() -> None:
    generator, critic = (net.float() for net in nets())
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    with torch.no_grad():
        made = generator(torch.randn(6, 2, generator=torch.Generator().manual_seed(5)))
    strange = made + torch.tensor([0.0, 0.0, 3.0])
    settings = {"steps": 150, "lr": 0.1, "seed": 1}
    near, far = (anogan.search(generator, critic, each, **settings) for each in (made, strange))
    assert near.max() < 0.2 < far.min()
    alone = anogan.search(generator, critic, made[:1], **settings)
    torch.testing.assert_close(alone, near[:1], atol=2e-2, rtol=0)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in generator.parameters())


def test_the_encoder_learns_on_frozen_nets() -> None:
    generator, critic = (net.float() for net in nets())
    kept = [weight.clone() for net in (generator, critic) for weight in net.parameters()]
    with torch.no_grad():
        samples = generator(torch.randn(200, 2, generator=torch.Generator().manual_seed(2)))

    def trained(steps: int) -> nn.Module:
        torch.manual_seed(3)
        encoder = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 2))
        anogan.train_encoder(encoder, generator, critic, samples, steps=steps, batch=32, lr=0.01, seed=0)
        return encoder

    scores = [anogan.encoded_score(trained(steps), generator, critic, samples).mean() for steps in (0, 200)]
    assert scores[1] < 0.1 * scores[0]
    again = [trained(20)(samples) for _ in range(2)]
    assert torch.equal(*again)  # the same batches
    now = [weight for net in (generator, critic) for weight in net.parameters()]
    assert all(torch.equal(*pair) for pair in zip(kept, now, strict=True))


class OnALine(nn.Module):
    """Points (t, 2 t, 0)."""

    latent_shape = (1,)

    def __init__(self) -> None:
        super().__init__()
        self.along = nn.Parameter(torch.tensor([[1.0, 2.0, 0.0]]))

    def forward(self, latent: Tensor) -> Tensor:
        return latent @ self.along

    def encode(self, samples: Tensor) -> Tensor:
        return samples @ self.along.T / 5


def planted() -> MetricInput:
    """Usual points on a line, and of the test points a third beside it."""
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    line = torch.tensor([[1.0, 2.0, 0.0]])
    train, test = (torch.randn(n, 1, generator=rng) @ line for n in (80, 30))
    labels = (torch.arange(30) % 3 == 0).long()
    test = test + 2.0 * labels[:, None] * torch.tensor([[0.0, 0.0, 1.0]])
    nets = {"generator": OnALine(), "critic": MlpCritic(POINTS, hidden=[4])}
    splits = (Resident(POINTS, train, labels=torch.zeros(80, dtype=torch.int64)), Resident(POINTS, test, labels=labels))
    return MetricInput(
        Samples(torch.zeros(0, 3), spec=POINTS), *splits, rng=torch.Generator().manual_seed(1), nets=nets
    )


def test_planted_anomalies_are_found_by_every_score() -> None:
    found = Anomaly(steps=100, lr=0.1, encoder_steps=100, encoder_lr=0.01, hidden=16, components=1).compute(planted())
    assert list(found) == ["anogan", "f_anogan", "nearest", "pca", "encoder"]
    assert all(value.value > 0.95 and value.low > 0.8 and value.n_reference == 10 for value in found.values())  # type: ignore[operator]


def test_the_same_samples_and_seed_give_the_same_numbers() -> None:
    first, second = (Anomaly(steps=2, encoder_steps=2, hidden=4).compute(planted()) for _ in range(2))
    assert first == second


def test_the_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    scores, left_out = torch.tensor([3.0, 1.0, 2.0, 0.0, 2.0]), torch.tensor([True, False, True, False, False])
    found = anomaly.auroc(scores, left_out, np.random.default_rng(0))
    assert found.value == pytest.approx((3 + 2.5) / 6)  # of six pairs one is even
    assert anomaly.auroc(-scores, left_out, np.random.default_rng(0)).value == pytest.approx(0.5 / 6)


def test_rivals_are_distances() -> None:
    inputs = planted()
    known, real = (split.batch(torch.arange(len(split)), None).samples for split in (inputs.train, inputs.test))
    slow = torch.stack([(known - each).norm(dim=1).min() for each in real])
    torch.testing.assert_close(anomaly.nearest(inputs.train, known, real), slow, atol=1e-3, rtol=1e-3)
    off = anomaly.off_plane(known, real, 1)
    labels: Any = inputs.test.batch(torch.arange(30), None).labels
    torch.testing.assert_close(off, 2.0 * labels.double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(anomaly.brought_back(OnALine(), real), 2.0 * labels.float(), atol=1e-4, rtol=0)


def test_what_does_not_fit_is_said() -> None:
    inputs = planted()
    for changes, word in (
        ({"nets": {"generator": OnALine()}}, "features"),
        ({"nets": {"critic": MlpCritic(POINTS)}}, "latent of one axis"),
        ({"train": inputs.test}, "leave_out"),
    ):
        with pytest.raises(DoesNotFit, match=word):
            Anomaly(steps=1).compute(MetricInput(**{**vars(inputs), **changes}))


def test_digits_that_are_left_out_stand_in_the_test_split_alone(test_data: Path) -> None:
    root = test_data / "mnist"
    for whole, part in ((Digits, Digits), (partial(Mnist, root=root), partial(Mnist, root=root))):
        for split in ("train", "validation", "test"):
            before, after = whole(split), part(split, leave_out=["3", "8"])
            expected = before.labels.bincount(minlength=10)
            if split != "test":
                expected[[3, 8]] = 0
            assert torch.equal(after.labels.bincount(minlength=10), expected)
            assert after.spec == before.spec and len(after) == len(after.stored)
        with pytest.raises(DataError, match="leave_out names a class 'three' that these data do not have"):
            part("train", leave_out=["three"])
        with pytest.raises(DataError, match="nothing is left"):
            part("train", leave_out=list("0123456789"))


def test_what_is_left_out_has_no_turns_in_balanced_batches() -> None:
    """The nine other digits are drawn equally often, and fakes are asked for with the same labels."""
    scene = Scene("zoo/digits_cgan", 'data.leave_out=["3"]', "train.balance=classes", "train.batch=90")
    data: Any = scene.data["train"]
    own, seen = data.batch, []
    data.batch = lambda indices, rng: seen.append(data.labels[indices]) or own(indices, rng)
    scene.train(2)
    assert len(seen) >= 2 and all(each.bincount(minlength=10).tolist() == [10] * 3 + [0] + [10] * 6 for each in seen)


@pytest.mark.long
def test_the_recipe_reaches_its_bar_and_its_twin_misses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = gantk.run("zoo/digits_anogan", out="run", quiet=True)
    assert run.evaluation.missed == []
    monkeypatch.setattr(anogan.torch.optim, "Adam", partial(torch.optim.Adam, maximize=True))  # the sign turned
    twin = run.evaluate()
    assert twin["anomaly"]["f_anogan"].value < 0.75
