"""Small nets and plays for the tests of losses."""

import torch
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from torch import Tensor, nn

from gantk.interfaces import Batch
from gantk.interfaces.play import Play
from gantk.randomness import Streams
from gantk.spec import DataSpec

POINTS = DataSpec((3,), ("coordinate",), range=None)
TOWERS = DataSpec((4, 3), ("tower", "coordinate"), unit_axes=1, range=None)
BATCH = 16


class Slope(nn.Module):
    """score = w · x, for each unit alike."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, samples: Tensor) -> Tensor:
        return samples @ self.weight


def make_play(
    critic: nn.Module,
    spec: DataSpec = POINTS,
    *,
    side: str = "critic",
    batch: int = BATCH,
    step: int = 0,
    generator: nn.Module | None = None,
    real: Tensor | None = None,
    dtype: torch.dtype = torch.float64,
) -> Play:
    rng = torch.Generator().manual_seed(7)
    generator = generator or MlpGenerator(spec, latent=5, hidden=(8,))
    samples = torch.randn(batch, *spec.shape, generator=rng) + 0.5 if real is None else real
    play = Play(
        side,  # type: ignore[arg-type]
        generator.to(dtype),
        critic.to(dtype),
        spec,
        lambda: Batch(samples.to(dtype)),
        Streams(3, side, step, 0, torch.device("cpu")),
        batch=batch,
    )
    play.latent = torch.randn(batch, 5, generator=rng).to(dtype)
    return play


def critic_of(spec: DataSpec = POINTS, seed: int = 0) -> MlpCritic:
    torch.manual_seed(seed)
    return MlpCritic(spec, hidden=(8, 6), activation="tanh").double()


class Fixed(nn.Module):
    """A generator that returns part of its latent."""

    latent_shape = (5,)

    def forward(self, latent: Tensor) -> Tensor:
        return latent[:, :3]
