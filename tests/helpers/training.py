"""A tiny state and a few steps of it, for tests of training and checkpoints."""

from __future__ import annotations

import torch
from torch import nn

from gantk.data import Resident
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.spec import DataSpec
from gantk.training import TrainSettings
from gantk.training.loop import train
from gantk.training.state import State, modules_of, optimizers_of, trainable_parameters
from gantk.training.weight_average import average_of

SPEC = DataSpec(shape=(3,), axes=("coordinate",), range=None)


class TinyGenerator(nn.Module):
    latent_shape = (2,)

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self.layers(latent)


class TinyCritic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.layers(samples).squeeze(-1)


class PlainLoss(Loss):
    """Scores up for real, down for fake; counts who was trained when."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int, int, bool]] = []

    def critic_loss(self, play: Play) -> dict[str, torch.Tensor]:
        self.seen.append(("critic", play.step, play.update, play.fake.requires_grad))
        real, fake = play.scores()
        noise = play.normal(len(real), purpose="noise")
        return {"real": -play.mean(torch.tanh(real + 0.01 * noise)), "fake": play.mean(torch.tanh(fake))}

    def generator_loss(self, play: Play) -> dict[str, torch.Tensor]:
        frozen = not any(parameter.requires_grad for parameter in play.critic.parameters())
        self.seen.append(("generator", play.step, play.update, frozen))
        return {"generator": -play.mean(play.score(play.fake))}

    def critic_steps(self, step: int, usual: int) -> int:
        return 3 if step == 0 else usual


def make_state() -> State:
    torch.manual_seed(0)
    generator, critic, loss = TinyGenerator(), TinyCritic(), PlainLoss()
    return State(
        generator,
        critic,
        loss,
        average_of(generator),
        torch.optim.Adam(trainable_parameters(generator, loss, "with_generator"), lr=1e-2),
        torch.optim.Adam(trainable_parameters(critic, loss, "with_critic"), lr=1e-2),
    )


def make_data(n: int = 50) -> Resident:
    return Resident(SPEC, torch.randn(n, 3, generator=torch.Generator().manual_seed(1)) + 2)


def go(state: State, steps: int, **changes: object) -> list[dict[str, torch.Tensor]]:
    settings: dict = {"seed": 7, "steps": steps, "batch": 8, "critic_steps": 2, "generator_steps": 2, "ema_decay": 0.9}
    return list(train(state, make_data(), TrainSettings(**(settings | changes))))


def tensors_of(state: State) -> dict[str, torch.Tensor]:
    found = {
        f"{group}.{name}": value.clone()
        for group, module in modules_of(state).items()
        for name, value in module.state_dict().items()
    }
    for name, optimizer in optimizers_of(state).items():
        for number, values in optimizer.state_dict()["state"].items():
            found |= {f"{name}.{number}.{key}": torch.as_tensor(value).clone() for key, value in values.items()}
    return found


def assert_same(first: State, second: State) -> None:
    a, b = tensors_of(first), tensors_of(second)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
