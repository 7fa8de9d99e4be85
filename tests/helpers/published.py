"""What the tests of published systems share: their recipes resumed and held to their bars, terms beside plain ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import gantk
from gantk.evaluation import results
from gantk.interfaces import Batch, Dataset, Loss, Play, draw_latent, may_share_forward
from gantk.randomness import Streams
from gantk.recipe import load
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, checkpoint, datasets, initial_state, modules_of, optimizers_of, train

BATCH = 5
GREY = DataSpec((1, 8, 8), ("channel", "y", "x"))


class Scene:
    """A recipe's parts, to be trained for some steps.

    Args:
        recipe: its name.
        overrides: of the recipe.
        whole: the steps of the run, which schedules go by; None: the recipe's.
    """

    def __init__(self, recipe: str, *overrides: str, whole: int | None = None):
        self.values: Mapping[str, Any] = load(recipe, overrides).values
        self.data: dict[str, Dataset] = datasets(self.values)
        self.whole: int = whole or self.values["train"]["steps"]
        self.state: State = initial_state(self.values, self.data["train"].spec, "cpu")

    def train(self, steps: int) -> list[dict[str, float]]:
        """Terms of each step up to `steps`, of a run of `self.whole` steps."""
        settings = replace(TrainSettings.from_recipe(self.values, 0), steps=self.whole)
        held_out = self.data.get("validation")
        made = islice(train(self.state, self.data["train"], settings, held_out=held_out), steps - self.state.step)
        return [{name: float(value) for name, value in terms.items()} for terms in made]

    def tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint holds."""
        found = {
            f"{group}.{name}": value.clone()
            for group, module in modules_of(self.state).items()
            for name, value in module.state_dict().items()
        }
        for side, optimizer in optimizers_of(self.state).items():
            for number, values in optimizer.state_dict()["state"].items():
                found |= {f"{side}.{number}.{name}": torch.as_tensor(value).clone() for name, value in values.items()}
        return found


def assert_resumed_exactly(recipe: str, folder: Path, *overrides: str) -> checkpoint.Checkpoint:
    """Six steps at once, and three, a checkpoint and three more, give the same terms, weights and moments.

    Args:
        recipe: its name.
        folder: for the checkpoint.
        overrides: of the recipe.

    Returns:
        the checkpoint of the third step.
    """
    whole, half, resumed = (Scene(recipe, "train.batch=8", *overrides, whole=6) for _ in range(3))
    terms = whole.train(6)
    half.train(3)
    path = folder / "step-3.h5"
    checkpoint.write_checkpoint(path, half.state, recipe="", spec=half.data["train"].spec, plugins={})
    written = checkpoint.read_checkpoint(path)
    checkpoint.restore(written, resumed.state)
    assert resumed.train(6) == terms[3:]
    one, other = whole.tensors(), resumed.tensors()
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    return written


def missed(recipe: str, out: Path, overrides: Sequence[str] = ()) -> list[str]:
    """The bars that a whole run of a recipe does not reach, a line each.

    Args:
        recipe: its name.
        out: the run's folder.
        overrides: of the recipe.
    """
    values = load(recipe, overrides).values
    entries = results.build_metrics(values)
    assert any(entry.require for entry in entries), f"{recipe} sets no bar"
    run = gantk.run(recipe, [*overrides, "machine.threads=1"], out=out, quiet=True)
    return results.missed_bars(entries, run.evaluation)


def scene_of(
    loss: Loss, generator: nn.Module, critic: nn.Module, spec: DataSpec = GREY
) -> tuple[nn.Module, nn.Module, Batch]:
    """Prepared nets in float64 and eval mode, and a real batch."""
    made, judge = loss.prepare(generator, critic, spec)
    assert made is not None and judge is not None
    for module in (made, judge, loss):
        module.double().eval()
    rng = torch.Generator().manual_seed(3)
    samples = torch.rand(BATCH, *spec.shape, generator=rng, dtype=torch.float64) * 2 - 1
    return made, judge, Batch(samples)


def play_of(side: str, generator: nn.Module, critic: nn.Module, batch: Batch, spec: DataSpec = GREY) -> Play:
    """What the loss sees of one update."""
    play = Play(
        side,  # type: ignore[arg-type]
        generator,
        critic,
        spec,
        lambda: batch,
        Streams(1, side, 0, 0, torch.device("cpu")),
        batch=len(batch.samples),
        shared_forward=may_share_forward(critic, False),
    )
    latent = draw_latent(generator, len(batch.samples), torch.Generator().manual_seed(4))
    play.latent = None if latent is None else latent.double()
    return play


def assert_same(terms: Mapping[str, Tensor], plain: Mapping[str, Tensor], *trained: nn.Module) -> None:
    """Equal values, and equal gradients of the sum, to every parameter of the nets that are trained."""
    assert terms.keys() == plain.keys()
    for name, value in terms.items():
        torch.testing.assert_close(value, plain[name], rtol=1e-10, atol=1e-10, msg=lambda text, name=name: name + text)
    parameters = [each for net in trained for each in net.parameters()]
    came, right = (
        torch.autograd.grad(sum(each.values(), torch.zeros(())), parameters, allow_unused=True, retain_graph=True)
        for each in (terms, plain)
    )
    assert any(each is not None and bool(each.any()) for each in right)
    for one, other in zip(came, right, strict=True):
        zeros = torch.zeros(())
        torch.testing.assert_close(one if one is not None else zeros, other if other is not None else zeros)


def sigma(score: Tensor) -> Tensor:
    """D = σ(score), as written."""
    return 1 / (1 + torch.exp(-score))


def mean_of(values: Sequence[Tensor]) -> Tensor:
    """E over a list."""
    return sum(values, torch.zeros((), dtype=torch.float64)) / len(values)
