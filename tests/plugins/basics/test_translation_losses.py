"""pix2pix and CycleGAN beside plain versions of their equations, the history of fakes, and resuming with it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from gantk_basics.losses.cyclegan import CycleGan
from gantk_basics.losses.image_pool import ImagePool
from gantk_basics.losses.pix2pix import Pix2Pix
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_basics.nets.patch import PatchCritic
from gantk_basics.nets.resnet import ResnetGenerator
from gantk_basics.nets.unet import UnetGenerator
from torch import Tensor

from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Loss
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, checkpoint, initial_state, train
from gantk.training.cuda_graphs import Graphs
from gantk.training.engine import Eager
from tests.helpers.published import BATCH, GREY, assert_same, mean_of, play_of, scene_of, sigma

PAIR = DataSpec((2, 16, 16), ("channel", "y", "x"), condition_shape=(1, 16, 16))
TWO = DataSpec((2, 1, 16, 16), ("domain", "channel", "y", "x"), unit_axes=1, condition_shape=(2, 1, 16, 16))
SQUARES = ["least_squares", "cross_entropy"]


def told(scores: Tensor, real: bool, adversarial: str) -> Tensor:
    """How far patches are from saying it, one by one."""
    values = scores.flatten().unbind()
    if adversarial == "least_squares":
        return mean_of([(each - 1) ** 2 if real else each**2 for each in values])
    return -mean_of([torch.log(sigma(each) if real else 1 - sigma(each)) for each in values])


def pair_scene(loss: Loss) -> tuple[Any, Any, Batch]:
    torch.manual_seed(0)
    generator = UnetGenerator(PAIR, width=4, dropout=0)
    critic = PatchCritic(PAIR, width=4, normalisation="none")
    made, judge, batch = scene_of(loss, generator, critic, PAIR)
    condition = torch.rand(BATCH, 1, 16, 16, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 2 - 1
    return made, judge, Batch(batch.samples, condition=condition)


@pytest.mark.parametrize("adversarial", SQUARES)
def test_pix2pix_equations_1_3_and_4(adversarial: Any) -> None:
    loss = Pix2Pix(weight=7.0, adversarial=adversarial)
    generator, critic, batch = pair_scene(loss)
    x, y = batch.condition, batch.samples
    assert x is not None
    of_real = torch.cat([critic(y[i : i + 1], x[i : i + 1]) for i in range(BATCH)])
    fake = generator(None, x).detach()
    of_fake = torch.cat([critic(fake[i : i + 1], x[i : i + 1]) for i in range(BATCH)])
    plain = {
        "critic_real": told(of_real, True, adversarial) / 2,
        "critic_fake": told(of_fake, False, adversarial) / 2,
    }
    assert_same(loss.critic_loss(play_of("critic", generator, critic, batch, PAIR)), plain, critic)

    fake = generator(None, x)
    plain = {
        "generator": told(critic(fake, x), True, adversarial),
        "distance": 7 * mean_of([(y[i] - fake[i]).abs().sum() / (2 * 256) for i in range(BATCH)]),
    }
    assert_same(loss.generator_loss(play_of("generator", generator, critic, batch, PAIR)), plain, generator)


def test_l1_alone_has_no_critic() -> None:
    loss = Pix2Pix(weight=3.0, adversarial="none")
    generator, critic, batch = pair_scene(loss)
    terms = loss.generator_loss(play_of("generator", generator, critic, batch, PAIR))
    plain = {"distance": 3 * (batch.samples - generator(None, batch.condition)).abs().mean()}
    assert_same(terms, plain, generator)
    assert not loss.trains("critic") and loss.trains("generator") and Pix2Pix().trains("critic")
    assert "critic_optimizer" not in Pix2Pix.play_defaults(adversarial="none")


def test_what_was_not_measured_leaves_its_terms_out() -> None:
    """The means are those of what was measured, and nothing depends on what stands in place of the rest."""
    loss = Pix2Pix(weight=7.0)
    generator, critic, batch = pair_scene(loss)
    x, y = batch.condition, batch.samples
    assert x is not None
    measured = torch.tensor([[True, True], [True, False], [False, False], [False, True], [True, True]])
    part = Batch(y, condition=x, truth={"measured": measured})
    places = [(i, c) for i, c in measured.nonzero().tolist()]
    whole = [i for i in range(BATCH) if measured[i].any()]

    fake = generator(None, x)
    seen = torch.stack(
        [torch.stack([fake[i, c] if measured[i, c] else y[i, c] for c in range(2)]) for i in range(BATCH)]
    )
    plain = {
        "generator": told(critic(seen[whole], x[whole]), True, "cross_entropy"),
        "distance": 7 * mean_of([(y[i, c] - fake[i, c]).abs().mean() for i, c in places]),
    }
    assert_same(loss.generator_loss(play_of("generator", generator, critic, part, PAIR)), plain, generator)
    plain = {
        "critic_real": told(critic(y[whole], x[whole]), True, "cross_entropy") / 2,
        "critic_fake": told(critic(seen.detach()[whole], x[whole]), False, "cross_entropy") / 2,
    }
    assert_same(loss.critic_loss(play_of("critic", generator, critic, part, PAIR)), plain, critic)

    every = Batch(y, condition=x, truth={"measured": torch.ones(BATCH, 2, dtype=torch.bool)})
    for side in ("critic", "generator"):
        plays = [play_of(side, generator, critic, each, PAIR) for each in (batch, every)]
        one, other = (getattr(loss, f"{side}_loss")(play) for play in plays)
        for name in one:
            torch.testing.assert_close(one[name], other[name])
    none = Batch(y, condition=x, truth={"measured": torch.zeros(BATCH, 2, dtype=torch.bool)})
    terms = loss.generator_loss(play_of("generator", generator, critic, none, PAIR))
    assert [float(each.detach()) for each in terms.values()] == [0.0, 0.0]


@pytest.mark.parametrize("adversarial", SQUARES)
def test_cyclegan_equations_1_to_3(adversarial: Literal["least_squares", "cross_entropy"]) -> None:
    torch.manual_seed(0)
    loss = CycleGan(weight=3.0, identity=0.25, adversarial=adversarial)
    generator = ResnetGenerator(TWO, width=2, blocks=1)
    critics_ = PatchCritic(TWO, width=3, normalisation="none")
    nets, critics, batch = scene_of(loss, generator, critics_, TWO)
    x, y = batch.samples.unbind(1)
    batch = Batch(batch.samples, condition=batch.samples)

    def to_first(images: Tensor) -> Tensor:  # F
        return torch.tanh(nets.ways[0](images))  # type: ignore[index,operator,union-attr]

    def to_second(images: Tensor) -> Tensor:  # G
        return torch.tanh(nets.ways[1](images))  # type: ignore[index,operator,union-attr]

    def score(images: Tensor, domain: int) -> Tensor:
        return critics.towers[domain](images)  # type: ignore[index,operator,union-attr]

    to_x, to_y = to_first(y).detach(), to_second(x).detach()
    plain = {
        "critic_real": (told(score(x, 0), True, adversarial) + told(score(y, 1), True, adversarial)) / 2,
        "critic_fake": (told(score(to_x, 0), False, adversarial) + told(score(to_y, 1), False, adversarial)) / 2,
    }
    assert_same(loss.critic_loss(play_of("critic", nets, critics, batch, TWO)), plain, critics)
    plain = {
        "generator": told(score(to_first(y), 0), True, adversarial) + told(score(to_second(x), 1), True, adversarial),
        "cycle": 3 * (to_first(to_second(x)) - x).abs().mean() + 3 * (to_second(to_first(y)) - y).abs().mean(),
        "identity": 0.75 * ((to_second(y) - y).abs().mean() + (to_first(x) - x).abs().mean()),
    }
    assert_same(loss.generator_loss(play_of("generator", nets, critics, batch, TWO)), plain, nets)


def test_the_history_is_that_of_a_plain_version() -> None:
    """Lists of Python objects, one for each unit, as the authors describe it."""
    chance = random.Random(0)
    pool = ImagePool(3, 2, (1,))
    lists: list[list[float]] = [[], []]
    count = 0
    swapped = 0
    for _ in range(40):
        images = torch.zeros(2, 2, 1)
        draws = torch.zeros(2, 2, 2)
        wanted = torch.zeros(2, 2, 1)
        for i in range(2):
            for unit in range(2):
                count += 1
                images[i, unit] = count
                swap, place = chance.random(), chance.random()
                draws[i, unit] = torch.tensor([swap, place])
                known = lists[unit]
                if len(known) < 3:
                    known.append(count)
                    wanted[i, unit] = count
                elif swap > 0.5:
                    old = int(place * 3)
                    wanted[i, unit], known[old] = known[old], count
                    swapped += 1
                else:
                    wanted[i, unit] = count
        shown, kept, filled = pool.exchanged(images, draws)
        assert torch.equal(shown, wanted)
        pool.keep(kept, filled)
        assert [pool.kept[: int(filled), unit, 0].tolist() for unit in range(2)] == lists
    assert 50 < swapped < 110


def test_the_critic_is_shown_old_fakes_and_a_resumed_run_has_them(tmp_path: Path) -> None:
    from gantk.recipe import load

    file = tmp_path / "two.yaml"
    file.write_text(
        "data: {use: basics/digits}\ngenerator: {use: basics/resnet, width: 2, blocks: 1}\n"
        "critic: {use: basics/patch, width: 2, normalisation: none}\nloss: {use: basics/cyclegan, pool: 3}\n"
        "train: {steps: 8, batch: 2}\n"
    )
    values = load(file).values
    samples = torch.rand(12, *TWO.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = Resident(TWO, samples, condition=samples)

    def steps(state: Any, count: int) -> list[dict[str, float]]:
        settings = TrainSettings.from_recipe({**values, "train": {**values["train"], "steps": count}}, 0)
        return [{name: float(value) for name, value in terms.items()} for terms in train(state, data, settings)]

    whole, half, resumed, without = (initial_state(values, TWO, "cpu") for _ in range(4))
    terms = steps(whole, 8)
    steps(half, 4)
    path = tmp_path / "step-4.h5"
    checkpoint.write_checkpoint(path, half, recipe="", spec=TWO, plugins={})
    written = checkpoint.read_checkpoint(path)
    assert {"history.kept", "history.filled"} <= written.tensors["loss"].keys()
    checkpoint.restore(written, resumed)
    assert steps(resumed, 8) == terms[4:]
    for one, other in zip(whole.loss.state_dict().values(), resumed.loss.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    checkpoint.restore(written, without)
    without.loss.history.kept.zero_()  # type: ignore[union-attr]  # a run that lost it is another
    assert steps(without, 8) != terms[4:]


@pytest.mark.parametrize(
    ("loss", "spec", "told"),
    [
        (Pix2Pix, PAIR, "basics/unet"),
        (Pix2Pix, GREY, "cells/paired"),
        (CycleGan, GREY, "cells/unpaired"),
        (CycleGan, TWO, "basics/resnet"),
    ],
    ids=["no condition taken", "no condition", "one domain", "given no pictures"],
)
def test_what_does_not_fit_is_refused(loss: type[Loss], spec: DataSpec, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        loss().prepare(MlpGenerator(spec), MlpCritic(spec), spec)


def test_a_history_is_of_one_process() -> None:
    loss = CycleGan()
    nets, critics, batch = scene_of(loss, ResnetGenerator(TWO, width=2, blocks=1), PatchCritic(TWO, width=2), TWO)
    play = play_of("critic", nets, critics, Batch(batch.samples, condition=batch.samples), TWO)
    play.streams = type(play.streams)(1, "critic", 0, 0, torch.device("cpu"), 0, 2)
    with pytest.raises(DoesNotFit, match=r"loss\.pool=0"):
        loss.critic_loss(play)


def recorded(compute: Any) -> tuple[list[Tensor], Any]:
    """A CUDA graph's rules on a CPU: computed again from the same places into the same places."""
    results = compute()

    def replay() -> None:
        for place, value in zip(results, compute(), strict=True):
            place.copy_(value)

    return results, replay


@pytest.mark.parametrize("loss", ["pix2pix", "cyclegan"])
def test_replayed_updates_see_what_is_missing_and_the_history(loss: str) -> None:
    spec = PAIR if loss == "pix2pix" else TWO
    rng = torch.Generator().manual_seed(0)
    samples = torch.rand(12, *spec.shape, generator=rng) * 2 - 1
    condition = samples if loss == "cyclegan" else torch.rand(12, *PAIR.condition_shape, generator=rng)  # type: ignore[misc]
    measured = {"measured": torch.rand(12, 2, generator=rng) < 0.6} if loss == "pix2pix" else {}
    data = Resident(spec, samples, condition=condition, truth=measured)
    terms = []
    for engine in (Eager(), Graphs(record=recorded)):
        torch.manual_seed(0)
        if loss == "pix2pix":
            made: Loss = Pix2Pix()
            nets: Any = UnetGenerator(spec, width=2, dropout=0), PatchCritic(spec, width=2, normalisation="none")
        else:
            made = CycleGan(pool=3)
            nets = ResnetGenerator(spec, width=2, blocks=1), PatchCritic(spec, width=2, normalisation="none")
        made.prepare(*nets, spec)
        adams = [torch.optim.Adam(net.parameters(), 1e-3) for net in nets]
        settings = TrainSettings(steps=6, batch=2, seed=0)
        steps = train(State(*nets, made, None, *adams), data, settings, engine=engine)
        terms.append([{name: value.detach().clone() for name, value in each.items()} for each in steps])
    for one, other in zip(*terms, strict=True):
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-5)
