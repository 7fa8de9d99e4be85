"""Components that are wrong on purpose, each in one way, beside right ones of the same form."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Annotated, Any

import torch
from PIL import Image
from torch import Tensor, nn

from gantk.components import Fixed
from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.interfaces import SPLITS, Callback, Loss, Metric, MetricInput, Value, View
from gantk.interfaces.play import Play
from gantk.plugin import Component, hookimpl
from gantk.spec import DataSpec
from gantk.testing.toys import SmallCritic, SmallGenerator


class RightGenerator(SmallGenerator):
    """Right."""


class Flat(SmallGenerator):
    """Gives samples without their axes."""

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(latent, labels).flatten(1).unsqueeze(1)


class Unbounded(SmallGenerator):
    """Leaves the range of the data."""

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.linear(latent).reshape(-1, *self.spec.shape)


class Idle(SmallGenerator):
    """Has a layer that nothing goes through."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.spare = nn.Linear(2, 2)


class Hidden(SmallGenerator):
    """Keeps weights in a plain attribute, which no checkpoint holds."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.shift = torch.randn(prod(spec.shape)).reshape(spec.shape)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        made = super().forward(latent, labels)
        return made if self.shift.is_meta else made + self.shift


class Dice(SmallGenerator):
    """Draws from Python's random numbers."""

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(latent * random.random(), labels)


class Undocumented(SmallGenerator):
    """Says nothing about its parameter."""

    def __init__(self, spec: DataSpec, *, width: int = 3):
        super().__init__(spec)


class Greedy(SmallGenerator):
    """Asks gantk for what it does not have."""

    def __init__(self, spec: DataSpec, budget: int):
        super().__init__(spec)


class Choosy(SmallGenerator):
    """Takes nothing at all."""

    def __init__(self, spec: DataSpec):
        raise DoesNotFit("never")


class Heavy(SmallGenerator):
    """Needs memory to be built."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.start = nn.Parameter(torch.zeros(prod(spec.shape), device="cpu"))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(latent, labels) + 0 * self.start.reshape(self.spec.shape)


class RightCritic(SmallCritic):
    """Right."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)


class Column(RightCritic):
    """Gives a column of scores where there is one unit: (B, 1) for (B,) is taken as patches; here it sums over all."""

    def forward(self, samples: Tensor) -> Tensor:
        return super().forward(samples).sum().reshape(1)


class Squeezed(RightCritic):
    """Squeezes away the batch axis of a batch of one."""

    def forward(self, samples: Tensor) -> Tensor:
        return super().forward(samples).squeeze()


class Deaf(RightCritic):
    """Lets no gradient through to the samples."""

    def features(self, samples: Tensor) -> Tensor:
        return super().features(samples.detach())


class FirstOrder(torch.autograd.Function):
    """A tanh whose gradient is a number, not a function."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        context.save_for_backward(values.tanh())
        return values.tanh()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (made,) = context.saved_tensors
        return gradient * (1 - made.detach() ** 2)


class Straight(RightCritic):
    """Has gradients that do not depend on the weights as they should."""

    def features(self, samples: Tensor) -> Tensor:
        flat = samples.reshape(len(samples), self.weight.shape[0], -1)
        made = FirstOrder.apply(torch.einsum("bui,uih->buh", flat, self.weight))
        return made.reshape(len(samples), *self.units, -1)


class Gossip(RightCritic):
    """Compares the samples of a batch without saying so."""

    def features(self, samples: Tensor) -> Tensor:
        made = super().features(samples)
        return made - made.mean(0)


class Mixing(RightCritic):
    """Lets units see each other."""

    def features(self, samples: Tensor) -> Tensor:
        made = super().features(samples)
        return made + made.mean(tuple(range(1, made.dim() - 1)), keepdim=True) if made.dim() > 2 else made


class TwoFaced(RightCritic):
    """Has features that its score does not come from."""

    def forward(self, samples: Tensor) -> Tensor:
        return 2 * super().forward(samples)


class Spectral(RightCritic):
    """Right: its power iteration moves a buffer in each pass in training mode."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.mixed = nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8))

    def features(self, samples: Tensor) -> Tensor:
        return self.mixed(super().features(samples))


class OldSpectral(Spectral):
    """Right: the same with hooks, as code of before torch 1.9 has it."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.mixed = nn.utils.spectral_norm(nn.Linear(8, 8))


class RightLoss(Loss):
    """Right."""

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        real, fake = play.scores()
        return {"real": play.mean(torch.relu(1 - real)), "fake": play.mean(torch.relu(1 + fake))}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -play.mean(play.score(play.fake))}


class Backwards(RightLoss):
    """Its critic learns to take fakes for real."""

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        real, fake = play.scores()
        return {"real": play.mean(torch.relu(1 + real)), "fake": play.mean(torch.relu(1 - fake))}


class Honest(RightLoss):
    """Its generator learns to be caught."""

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": play.mean(play.score(play.fake))}


class Overflowing(RightLoss):
    """Computes the cross-entropy of probabilities."""

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        real, fake = play.scores()
        return {"real": play.mean(-real.sigmoid().log()), "fake": play.mean(-(1 - fake.sigmoid()).log())}


class Averaging(RightLoss):
    """Averages over units."""

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        real, fake = play.scores()
        return {"real": torch.relu(1 - real).mean(), "fake": torch.relu(1 + fake).mean()}


class Vector(RightLoss):
    """Gives a term for each sample."""

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -play.score(play.fake)}


class Orphan(RightLoss):
    """Has a layer that nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Linear(1, 1)


class Fickle(RightLoss):
    """Counts its own calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def critic_steps(self, step: int, usual: int) -> int:
        self.calls += 1
        return usual + (self.calls < 10)


class Counting(RightLoss):
    """Adds a penalty at every fourth call, and counts in a plain attribute, which no checkpoint holds."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        self.calls += 1
        terms = super().critic_loss(play)
        return terms if self.calls % 4 else terms | {"penalty": play.mean(play.score(play.real) ** 2)}


class Warming(RightLoss):
    """Grows warm in a plain attribute."""

    warmth = 0.0

    def after_step(self, play: Play) -> None:
        self.warmth += 0.01

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -play.mean(play.score(play.fake)) * (1 + self.warmth)}


class Buffered(RightLoss):
    """Right: grows warm in a buffer, and has a penalty that is due at every fourth step."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("warmth", torch.zeros(()))
        self.due = True

    def at_step(self, step: int) -> None:
        self.due = step % 4 == 0

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        terms = super().critic_loss(play)
        return terms | {"penalty": play.mean(play.score(play.real) ** 2)} if self.due else terms

    def after_step(self, play: Play) -> None:
        assert isinstance(self.warmth, Tensor)
        self.warmth += 0.01

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -play.mean(play.score(play.fake)) * (1 + self.warmth)}


class Coded(nn.Module):
    """A generator and a linear encoder."""

    def __init__(self, generator: nn.Module, spec: DataSpec):
        super().__init__()
        self.generator = generator
        self.latent_shape = generator.latent_shape
        self.encoder = nn.Linear(prod(spec.shape), prod(self.latent_shape))

    @property
    def passes_on_to(self) -> nn.Module:
        return self.generator

    def encode(self, samples: Tensor) -> Tensor:
        return self.encoder(samples.flatten(1)).reshape(-1, *self.latent_shape)

    def forward(self, latent: Tensor, **given: Tensor) -> Tensor:
        return self.generator(latent, **given)


class RightAutoencoder(Loss):
    """Trains a generator alone, with an encoder round it: samples through their latents are near themselves."""

    coded: Any = Coded
    sign = 1

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        return self.coded(generator, spec), None

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        made = play.generate(play.generator.encode(play.real))
        return {"distance": self.sign * play.mean((made - play.real).square())}


class Repelling(RightAutoencoder):
    """Drives samples away from themselves."""

    sign = -1


class Asking(RightAutoencoder):
    """Asks for scores although it trains no critic."""

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"distance": play.mean(-play.score(play.fake))}


class Drawing(RightAutoencoder):
    """Its encoder gives other latents each time."""

    class coded(Coded):
        def encode(self, samples: Tensor) -> Tensor:
            found = super().encode(samples)
            return found + torch.randn_like(found)


class Gambling(RightLoss):
    """Draws its weight from Python's random numbers."""

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -play.mean(play.score(play.fake)) * random.uniform(0.5, 1.5)}


class Stubborn(RightLoss):
    """Keeps its number, and does not look at it again.

    Args:
        weight: of the generator's term.
    """

    def __init__(self, *, weight: float = 1.0):
        super().__init__()
        self.weight = weight
        self.factor = 2 * weight

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -self.factor * play.mean(play.score(play.fake))}


class Pliable(RightLoss):
    """Right.

    Args:
        weight: of the generator's term.
        margin: of the critic's terms.
    """

    def __init__(self, *, weight: float = 1.0, margin: Annotated[float, Fixed("it is built in")] = 1.0):
        super().__init__()
        self.weight = weight
        self.margin = 1.0

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        return {"generator": -self.weight * play.mean(play.score(play.fake))}


class RightOptimizer(torch.optim.SGD):
    """Right."""

    def __init__(self, parameters: Any):
        super().__init__(parameters, lr=0.02, momentum=0.9)


class Forgetful(torch.optim.SGD):
    """Keeps its momentum in a plain attribute."""

    def __init__(self, parameters: Any):
        super().__init__(parameters, lr=0.01)
        self.before: dict[int, Tensor] = {}

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for number, weight in enumerate(group["params"]):
                moved = weight.grad + 0.9 * self.before.get(number, torch.zeros_like(weight))
                self.before[number] = moved
                with torch.no_grad():
                    weight.sub_(moved, alpha=group["lr"])


class Noisy(RightOptimizer):
    """Steps by Python's random numbers."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.param_groups[0]["lr"] = 0.02 * random.uniform(0.5, 1.5)
        super().step()


class Wordy(RightOptimizer):
    """Loads another state than the one that it was given."""

    def load_state_dict(self, state_dict: Any) -> None:
        super().load_state_dict(state_dict)
        self.param_groups[0]["lr"] /= 2


class Starting(torch.optim.RMSprop):
    """Cannot begin with a momentum later on.

    Args:
        momentum: share of the last update that is kept.
    """

    def __init__(self, parameters: Any, *, momentum: float = 0.0):
        super().__init__(parameters, lr=0.01, momentum=momentum)


class RightData(Resident):
    """Right."""

    def __init__(self, split: str):
        super().__init__(self.what(), self.samples(SPLITS.index(split)), labels=torch.arange(60) % 2)

    def what(self) -> DataSpec:
        return DataSpec((1, 6, 6), ("channel", "y", "x"), range=(0.0, 1.0), classes=("even", "odd"))

    def samples(self, seed: int) -> Tensor:
        return torch.rand(60, 1, 6, 6, generator=torch.Generator().manual_seed(seed))


class Folder(RightData):
    """Right.

    Args:
        root: where its files would be.
        sizes: two numbers.
    """

    def __init__(self, split: str, *, root: Path, sizes: tuple[int, int] = (1, 2)):
        super().__init__(split)
        assert isinstance(root, Path) and root.is_dir()


class Bright(RightData):
    """Leaves its range."""

    def samples(self, seed: int) -> Tensor:
        return 3 * super().samples(seed)


class Same(RightData):
    """Does not look at its split."""

    def samples(self, seed: int) -> Tensor:
        return super().samples(0)


class Bytes(RightData):
    """Gives integers."""

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Any:
        found = super().batch(indices, rng)
        found.samples = (255 * found.samples).byte()
        return found


class Lucky(RightData):
    """Flips by global random numbers."""

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Any:
        found = super().batch(indices, rng)
        if rng is not None and random.random() < 0.5:
            found.samples = found.samples.flip(-1)
        return found


class Turned(RightData):
    """Shows samples turned over along y, and says along x."""

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Any:
        found = super().batch(indices, rng)
        if rng is not None:
            found.samples = found.samples.flip(-2)
        return found

    def variants(self, samples: Tensor) -> list[Tensor]:
        return [samples, samples.flip(-1)]


class Open(RightData):
    """Holds what cannot be pickled."""

    def __init__(self, split: str):
        super().__init__(split)
        self.draw = lambda: split


class Nowhere(RightData):
    """Names a view that there is not."""

    def what(self) -> DataSpec:
        return DataSpec((1, 6, 6), ("channel", "y", "x"), range=(0.0, 1.0), view="wrong/nowhere")


class Short(RightData):
    """Says that it is longer than it is."""

    def samples(self, seed: int) -> Tensor:
        return super().samples(seed)[:40]

    def __len__(self) -> int:
        return 50


class Cheat:
    """A map-style data set whose many items are not its single ones."""

    spec = DataSpec((2,), ("coordinate",), range=None)

    def __init__(self, split: str):
        self.points = torch.randn(30, 2, generator=torch.Generator().manual_seed(SPLITS.index(split)))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> Tensor:
        return self.points[index]

    def __getitems__(self, indices: list[int]) -> list[Tensor]:
        return [self.points[index] for index in sorted(indices)]


class RightMetric(Metric):
    """Right."""

    samples = 100
    better: Any = "lower"

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        real = inputs.test.batch(torch.arange(len(inputs.test)), None).samples
        apart = (inputs.generated.samples.mean(0) - real.mean(0)).square().mean() + (
            inputs.generated.samples.std() - real.std()
        ) ** 2
        return {"apart": Value(apart.item(), self.better)}

    def pictures(self, inputs: MetricInput) -> dict[str, Image.Image]:
        return {"grey": Image.new("L", (4, 4), int(torch.randint(256, (), generator=inputs.rng)))}


class Upside(RightMetric):
    """Says that farther is better."""

    better = "higher"


class Aimless(RightMetric):
    """Does not say what is better."""

    better = None


class Moody(RightMetric):
    """Draws from Python's random numbers."""

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        return {name: Value(v.value + random.random(), v.better) for name, v in super().compute(inputs).items()}


class Undefined(RightMetric):
    """Divides 0 by 0."""

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        return {"apart": Value(float("nan"), "lower")}


class Scribbler(RightMetric):
    """Draws what its name puts into another folder."""

    def pictures(self, inputs: MetricInput) -> dict[str, Image.Image]:
        return {"../found": Image.new("L", (4, 4))}


class Doodler(RightMetric):
    """Draws something else each time."""

    def pictures(self, inputs: MetricInput) -> dict[str, Image.Image]:
        return {"found": Image.new("L", (4, 4), random.randrange(256))}


class Loner:
    """Derives from nothing."""

    samples = 10

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        return {"apart": Value(0.0, "lower")}


class RightView(View):
    """Right.

    Args:
        spec: what one sample is.
    """

    def __init__(self, spec: DataSpec):
        self.spec = spec

    def draw(self, samples: Any, *, real: Any = None, caption: str = "") -> Image.Image:
        return Image.new("L", (8, 8), int(255 * samples.samples.float().mean().clamp(0, 1)))


class Crowd(RightView):
    """Needs four samples."""

    def draw(self, samples: Any, *, real: Any = None, caption: str = "") -> Image.Image:
        return Image.new("L", (8, 8), int(samples.samples[3].mean().clamp(0, 1)))


class Painter(RightView):
    """Writes into the samples."""

    def draw(self, samples: Any, *, real: Any = None, caption: str = "") -> Image.Image:
        samples.samples.zero_()
        return super().draw(samples)


class RightCallback(Callback):
    """Right."""


class Misspelt(Callback):
    """Would never be told."""

    def on_lgo(self, step: int, values: Any) -> None:
        raise NotImplementedError


class Meddler(Callback):
    """Changes what is logged."""

    def on_log(self, step: int, values: Any) -> None:
        values.clear()


WRONG = {
    Flat: "shapes",
    Unbounded: "range",
    Idle: "gradients",
    Hidden: "checkpoint",
    Dice: "repeatable",
    Undocumented: "documented",
    Greedy: "builds",
    Choosy: "builds",
    Heavy: "meta",
    Column: "shapes",
    Squeezed: "batch_of_one",
    Deaf: "input_gradient",
    Straight: "second_order",
    Gossip: "independent",
    Mixing: "units",
    TwoFaced: "features",
    Backwards: "critic_sign",
    Honest: "generator_sign",
    Overflowing: "finite",
    Averaging: "units",
    Vector: "terms",
    Orphan: "own_parameters",
    Fickle: "play_defaults",
    Counting: "resume",
    Warming: "checkpoint",
    Gambling: "repeatable",
    Repelling: "reconstruction",
    Asking: "terms",
    Drawing: "encode",
    Stubborn: "schedules",
    Starting: "schedules",
    Forgetful: "resume",
    Noisy: "repeatable",
    Wordy: "checkpoint",
    Bright: "range",
    Same: "splits",
    Bytes: "types",
    Lucky: "repeatable",
    Open: "picklable",
    Turned: "variants",
    Nowhere: "shown",
    Short: "length",
    Cheat: "getitems",
    Upside: "direction",
    Aimless: "direction",
    Moody: "repeatable",
    Undefined: "values",
    Scribbler: "pictures",
    Doodler: "pictures",
    Loner: "builds",
    Crowd: "pictures",
    Painter: "repeatable",
    Misspelt: "hooks",
    Meddler: "hooks",
}
"""Wrong component to the rule that must catch it."""

KIND_OF = {
    SmallGenerator: "generator",
    SmallCritic: "critic",
    Loss: "loss",
    torch.optim.Optimizer: "optimizer",
    RightData: "dataset",
    Cheat: "dataset",
    RightMetric: "metric",
    Loner: "metric",
    RightView: "view",
    Callback: "callback",
}
RIGHT = (
    RightGenerator,
    RightCritic,
    Spectral,
    OldSpectral,
    RightLoss,
    RightAutoencoder,
    Buffered,
    Pliable,
    RightOptimizer,
    RightData,
    RightMetric,
    RightView,
    RightCallback,
)


def kind_of(target: type) -> str:
    """What kind a component is, by its base."""
    return next(kind for base, kind in KIND_OF.items() if issubclass(target, base))


@hookimpl
def gantk_components() -> Iterator[Component]:
    for target in (*RIGHT, Folder, *WRONG):
        yield Component(
            kind_of(target), target.__name__.lower(), f"tests.helpers.wrong_components:{target.__name__}", ""
        )
