"""Engines: whatever computes the gradients, they are the ones that eager gives, or the engine refuses by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.wasserstein import Wgan, WganGp
from torch import Tensor, nn

from gantk.data import Resident
from gantk.errors import GantkError
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.spec import DataSpec
from gantk.training import TrainSettings
from gantk.training.cuda_graphs import Graphs
from gantk.training.engine import Eager
from gantk.training.from_recipe import make_engine
from gantk.training.loop import train
from gantk.training.state import State, trainable_parameters

SPEC = DataSpec(shape=(1, 8, 8), axes=("channel", "y", "x"))


class Maker(nn.Module):
    latent_shape = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64), nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(latent).reshape(-1, 1, 8, 8)


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1))

    def forward(self, samples: Tensor) -> Tensor:
        return self.layers(samples).squeeze(-1)


class ByStep(Gan):
    """Its terms depend on the step."""

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        return {name: value * (1 + play.step) for name, value in super().critic_loss(play).items()}


class ByItself(Gan):
    """Draws numbers by a generator of its own."""

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        noise = torch.rand(1, generator=play.rng("own"))
        return {"generator": super().generator_loss(play)["generator"] * noise.sum()}


class AfterStep(Gan):
    """Keeps a number from step to step."""

    def after_step(self, play: Play) -> None:
        self.balance = 1.0


def state_of(loss: Loss) -> State:
    torch.manual_seed(0)
    generator, critic = Maker(), Judge()
    adams = [
        torch.optim.Adam(trainable_parameters(net, loss, name), lr=1e-3)
        for net, name in ((generator, "with_generator"), (critic, "with_critic"))
    ]
    return State(generator, critic, loss, None, *adams)


def go(loss: Loss, engine: Eager | None, steps: int = 4) -> tuple[State, list[dict[str, Tensor]]]:
    state = state_of(loss)
    data = Resident(SPEC, torch.rand(32, 1, 8, 8, generator=torch.Generator().manual_seed(1)))
    return state, list(train(state, data, TrainSettings(seed=5, steps=steps, batch=8, critic_steps=2), engine=engine))


def stand_in(compute: Callable[[], list[Tensor]]) -> tuple[list[Tensor], Callable[[], None]]:
    """A CUDA graph's rules on a CPU: what was recorded is computed again from the same places into the same places."""
    results = compute()

    def replay() -> None:
        for place, value in zip(results, compute(), strict=True):
            place.detach().copy_(value.detach())

    return results, replay


@pytest.mark.parametrize("loss", [Gan(), Gan(label_noise=0.1), Wgan(), WganGp()], ids=lambda x: type(x).__name__)
def test_graphs_train_as_eager_does(loss: Loss) -> None:
    engine = Graphs(record=stand_in)
    wanted, wanted_terms = go(loss, None)
    found, found_terms = go(loss, engine)
    for one, other in zip(wanted_terms, found_terms, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-6)
    for net in ("generator", "critic"):
        pairs = zip(getattr(wanted, net).state_dict().items(), getattr(found, net).state_dict().values(), strict=True)
        for (name, value), other in pairs:
            torch.testing.assert_close(other, value, rtol=1e-4, atol=1e-5, msg=f"{net} {name}")


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (ByStep(), "depends on the step"),
        (Gan(r1=1.0), "depends on the step"),
        (ByItself(), "'own'"),
        (AfterStep(), "after_step"),
    ],
    ids=["by_step", "lazy_penalty", "own_draws", "after_step"],
)
def test_graphs_refuse_what_differs_from_step_to_step(loss: Loss, said: str) -> None:
    with pytest.raises(GantkError, match=f"(?s){type(loss).__name__} cannot be replayed.*{said}.*eager"):
        go(loss, Graphs(record=stand_in))


def test_graphs_need_a_card_and_auto_is_eager() -> None:
    with pytest.raises(GantkError, match="needs a CUDA device"):
        make_engine("graphs", torch.device("cpu"))
    assert type(make_engine("auto", torch.device("cpu"))) is Eager
