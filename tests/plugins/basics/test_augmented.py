"""Augmentation before the critic, against slow plain versions: pixels one by one, terms on samples changed by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.losses.augmented import Augmented, ImagePolicy, moved
from gantk_basics.losses.augmenting import MOST
from gantk_basics.losses.gan import Gan, Hinge, LeastSquares
from gantk_basics.losses.relativistic import Relativistic
from gantk_basics.losses.wasserstein import Wgan, WganGp
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from torch import Tensor, nn

from gantk.cli import run_command_line
from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Loss, Play
from gantk.randomness import Streams
from gantk.sampling import draw
from gantk.spec import DataSpec
from tests.helpers.published import assert_resumed_exactly

IMAGE = DataSpec((2, 6, 8), ("channel", "y", "x"))
SQUARE = DataSpec((1, 6, 6), ("channel", "y", "x"))
TOWERS = DataSpec((3, 2, 6, 8), ("protein", "channel", "y", "x"), unit_axes=1)
BATCH = 4
ALL = ImagePolicy(flips="both", rotations="any", noise=0.1, cutout=0.4, zoom=0.3, brightness=0.5)


def play_of(spec: DataSpec = IMAGE, side: str = "critic", step: int = 0, shared: bool = True) -> Play:
    torch.manual_seed(0)
    generator = MlpGenerator(spec, latent=5, hidden=(8,)).double()
    critic = MlpCritic(spec, hidden=(8,), activation="tanh").double()
    rng = torch.Generator().manual_seed(7)
    real, other = (torch.rand(BATCH, *spec.shape, generator=rng, dtype=torch.float64) * 2 - 1 for _ in range(2))
    play = Play(
        side,  # type: ignore[arg-type]
        generator,
        critic,
        spec,
        lambda: Batch(real),
        Streams(3, side, step, 0, torch.device("cpu")),
        batch=BATCH,
        shared_forward=shared,
        fetch_held_out=lambda: Batch(other),
    )
    play.latent = torch.randn(BATCH, 5, generator=rng, dtype=torch.float64)
    return play


def slowly_moved(image: Tensor, transform: Tensor, dark: float | None) -> Tensor:
    """(C, H, W), pixel by pixel: where it comes from, and the four pixels round that place."""
    height, width = image.shape[-2:]
    middle = ((height - 1) / 2, (width - 1) / 2)
    found = torch.zeros_like(image)

    def at(row: int, column: int) -> Tensor:
        if dark is not None and not (0 <= row < height and 0 <= column < width):
            return torch.full((len(image),), dark, dtype=image.dtype)
        while not 0 <= row < height:
            row = -1 - row if row < 0 else 2 * height - 1 - row
        while not 0 <= column < width:
            column = -1 - column if column < 0 else 2 * width - 1 - column
        return image[:, row, column]

    for row in range(height):
        for column in range(width):
            seen = (row - middle[0], column - middle[1], 1)
            y, x = (sum(float(transform[k, n]) * seen[n] for n in range(3)) + middle[k] for k in range(2))
            top, left = math.floor(y), math.floor(x)
            for down in (0, 1):
                for right in (0, 1):
                    weight = abs(1 - down - (y - top)) * abs(1 - right - (x - left))
                    found[:, row, column] += weight * at(top + down, left + right)
    return found


@pytest.mark.parametrize("dark", [None, -1.0], ids=["mirrored", "dark"])
def test_pixels_are_moved_as_a_plain_loop_moves_them(dark: float | None) -> None:
    rng = torch.Generator().manual_seed(1)
    images = torch.rand(6, 2, 5, 7, generator=rng, dtype=torch.float64)
    maps = torch.eye(2, dtype=torch.float64) + torch.randn(6, 2, 2, generator=rng, dtype=torch.float64)
    maps = torch.cat([maps, 3 * torch.randn(6, 2, 1, generator=rng, dtype=torch.float64)], 2)
    quick = moved(images, maps, dark)
    for image, transform, found in zip(images, maps, quick, strict=True):
        assert torch.allclose(found, slowly_moved(image, transform, dark), atol=1e-10)


def test_gradients_of_gradients_are_those_of_finite_differences() -> None:
    rng = torch.Generator().manual_seed(2)
    images = torch.rand(2, 1, 4, 5, generator=rng, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(2, 2, 3, generator=rng, dtype=torch.float64)
    for dark in (None, -1.0):
        assert torch.autograd.gradcheck(lambda x, dark=dark: moved(x, maps, dark) ** 2, images)
        assert torch.autograd.gradgradcheck(lambda x, dark=dark: moved(x, maps, dark) ** 3, images)


def test_right_angles_and_flips_are_exact_and_both_ways_alike() -> None:
    policy = ImagePolicy(flips="both", rotations=90, shift=0, zoom=0, brightness=0)
    play = play_of(SQUARE)
    drawn = policy.draw(play, torch.tensor(1.0))
    rng = torch.Generator().manual_seed(0)
    image = torch.rand(BATCH, 1, 6, 6, generator=rng, dtype=torch.float64)
    for one, other in zip(policy.apply(image, drawn, SQUARE), image, strict=True):
        every = [side.rot90(k, (-2, -1)) for side in (other, other.flip(-1)) for k in range(4)]
        assert any(torch.allclose(one, each, atol=1e-6) for each in every)
    counted = torch.zeros(8)
    wide = replace_batch(play, 4000)
    maps = policy.draw(wide, torch.tensor(1.0))["map"][:, :, :2].round().long()
    for number, each in enumerate({tuple(m.flatten().tolist()) for m in maps}):
        counted[number] = sum(tuple(m.flatten().tolist()) == each for m in maps)
    assert (counted / 4000 - 1 / 8).abs().max() < 0.03, "eight ways to lie, equally often"


def replace_batch(play: Play, batch: int) -> Play:
    play.batch = batch
    return play


@pytest.mark.parametrize("spec", [IMAGE, TOWERS], ids=["one unit", "three units"])
def test_all_units_and_channels_of_a_sample_are_changed_alike(spec: DataSpec) -> None:
    play = play_of(spec)
    policy = replace(ALL, noise=0.0)
    drawn = policy.draw(play, torch.tensor(0.8))
    one = torch.rand(BATCH, 1, 6, 8, dtype=torch.float64) * 2 - 1
    same = one.reshape(BATCH, *[1] * (len(spec.shape) - 2), 6, 8).expand(BATCH, *spec.shape)
    changed = policy.apply(same, drawn, spec).reshape(BATCH, -1, 6, 8)
    assert torch.equal(changed, changed[:, :1].expand_as(changed)) and not torch.equal(changed[:, :1], one)


def test_without_a_chance_nothing_is_changed() -> None:
    play = play_of()
    assert torch.equal(ALL.apply(play.real, ALL.draw(play, torch.tensor(0.0)), IMAGE), play.real)


LOSSES = [Gan(r1=2.0), Hinge(), LeastSquares(), Relativistic(gamma=0.5), WganGp(), Wgan()]


@pytest.mark.parametrize("inner", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("spec", [IMAGE, TOWERS], ids=["one unit", "three units"])
def test_every_term_of_both_sides_is_that_of_a_critic_that_changes_samples_itself(inner: Loss, spec: DataSpec) -> None:
    """Values and gradients, penalties included: the critic x → D(T(x)), written out, under the loss alone."""
    for side in ("critic", "generator"):
        play = play_of(spec, side, shared=False)
        drawn = ALL.draw(play, torch.tensor(MOST))

        class Changing(nn.Module):
            def __init__(self, critic: nn.Module, drawn: Any):
                super().__init__()
                self.critic, self.drawn = critic, drawn

            def forward(self, samples: Tensor) -> Tensor:
                rows = samples.reshape(BATCH, *spec.shape)
                return self.critic(ALL.apply(rows, self.drawn, spec))

        loss = Augmented(loss=inner, policy=ALL, probability=MOST)
        terms = getattr(loss, f"{side}_loss")(play)
        weights = [*(play.critic if side == "critic" else play.generator).parameters()]
        slow = play_of(spec, side, shared=False)
        slow.critic = Changing(slow.critic, drawn)
        expected = getattr(inner, f"{side}_loss")(slow)
        others = [*(slow.critic if side == "critic" else slow.generator).parameters()]  # type: ignore[union-attr]
        assert terms.keys() == expected.keys()
        for name in terms:
            assert terms[name].item() == pytest.approx(expected[name].item(), rel=1e-10), name
        mine, theirs = (
            torch.autograd.grad(sum(each.values()), of, allow_unused=True)  # type: ignore[arg-type]
            for each, of in ((terms, weights), (expected, others))
        )
        for one, other in zip(mine, theirs, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)
        plain = getattr(inner, f"{side}_loss")(play_of(spec, side, shared=False))
        assert sum(plain.values()).item() != pytest.approx(sum(terms.values()).item(), rel=1e-6), "it sees the changes"


@pytest.mark.parametrize("inner", [Gan(r1=2.0), WganGp()], ids=["R1", "WGAN-GP"])
def test_gradients_are_those_of_finite_differences(inner: Loss) -> None:
    """Through augmentation and penalty: along a random direction of the weights, in float64."""
    for side in ("critic", "generator"):

        def total(shift: float, side: str = side) -> tuple[Tensor, list[nn.Parameter], list[Tensor]]:
            play = play_of(IMAGE, side)
            net: Any = play.critic if side == "critic" else play.generator
            weights = [*net.parameters()]
            rng = torch.Generator().manual_seed(5)
            along = [torch.randn(each.shape, generator=rng, dtype=torch.float64) for each in weights]
            with torch.no_grad():
                for weight, each in zip(weights, along, strict=True):
                    weight += shift * each
            terms = getattr(Augmented(loss=inner, policy=ALL, probability=MOST), f"{side}_loss")(play)
            return sum(terms.values()), weights, along  # type: ignore[return-value]

        value, weights, along = total(0.0)
        gradients = torch.autograd.grad(value, weights, allow_unused=True)  # a penalty's own bias has none
        slope = sum((g * a).sum() for g, a in zip(gradients, along, strict=True) if g is not None)
        measured = (total(1e-6)[0] - total(-1e-6)[0]) / 2e-6
        assert float(slope) == pytest.approx(measured.item(), rel=1e-6) and abs(float(slope)) > 1e-4


def test_one_pass_for_both_gives_what_two_give() -> None:
    one, other = (Augmented(loss=Hinge(), policy=ALL).critic_loss(play_of(shared=shared)) for shared in (True, False))
    for name in one:
        assert one[name].item() == pytest.approx(other[name].item(), rel=1e-12)


def test_several_devices_draw_what_one_draws() -> None:
    """Each rank changes its rows of the batch as a single process would."""
    whole = ALL.draw(play_of(), torch.tensor(0.5))
    parts = []
    for rank in range(2):
        play = replace_batch(play_of(), BATCH // 2)
        play.streams = replace(play.streams, rank=rank, ranks=2)
        parts.append(ALL.draw(play, torch.tensor(0.5)))
    for name, values in whole.items():
        assert torch.equal(torch.cat([part[name] for part in parts]), values), name


class Told(nn.Module):
    """A critic whose score is the first pixel, whatever is done to it beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, samples: Tensor) -> Tensor:
        return samples.flatten(1).mean(1) * self.weight


def steered(adapt: Any, real: float, held_out: float, made: float, steps: int = 9, **options: Any) -> Augmented:
    """The loss after some steps in which all samples of a kind have one value, which no change of place alters."""
    policy = ImagePolicy(brightness=0, flips="both", zoom=0, shift=0)
    loss = Augmented(loss=Gan(), adapt=adapt, policy=policy, span=100, **options)
    for step in range(steps):
        play = play_of(step=step)
        play.critic = Told()
        batch = [Batch(torch.full((BATCH, *IMAGE.shape), value, dtype=torch.float64)) for value in (real, held_out)]
        play.data, play.held_out = batch
        play.fake = torch.full((BATCH, *IMAGE.shape), made, dtype=torch.float64)
        loss.critic_loss(play)
    return loss


MOVE = BATCH * 4 / 100  # samples of four steps, of the span


@pytest.mark.parametrize(
    ("adapt", "scores", "measured", "moves"),
    [
        ("signs", (0.3, 0, 0), 1.0, 2),
        ("signs", (-0.3, 0, 0), -1.0, 0),
        ("validation", (0.9, 0.1, 0.0), 8 / 9, 2),
        ("validation", (0.9, 0.8, 0.0), 1 / 9, 0),
        ("validation", (5.9, 5.1, 5.0), 8 / 9, 2),  # no offset
        ("validation", (0.0, 0.1, 0.5), 0.0, 0),  # the critic is wrong: it knows nothing by heart
    ],
)
def test_what_steers_is_what_the_paper_measures(
    adapt: str, scores: tuple[float, float, float], measured: float, moves: int
) -> None:
    """Karras 2020, equation 1. Nine steps have looks at 0, 4, 8; two of them have moved the probability."""
    loss = steered(adapt, *scores)
    assert loss.overfitting.item() == pytest.approx(measured, abs=1e-6)
    assert loss.probability.item() == pytest.approx(moves * MOVE, abs=1e-6)


def test_the_probability_never_exceeds_its_bound() -> None:
    loss = steered("signs", 0.3, 0, 0, steps=40)
    assert loss.probability.item() == pytest.approx(MOST)


@pytest.mark.parametrize("adapt", ["signs", "validation"])
def test_resumed_bit_for_bit(adapt: str, tmp_path: Path) -> None:
    told = f"loss={{use: basics/augmented, loss: {{use: basics/gan, r1: 1}}, adapt: {adapt}, span: 200}}"
    small = ("generator.width=4", "critic.width=4")
    written = assert_resumed_exactly("digits_dcgan", tmp_path, told, *small)
    assert {"probability", "overfitting", "sums"} <= written.tensors["loss"].keys()


def test_orientation_does_not_leak() -> None:
    """At probability .8 what the critic sees still says which way up real digits are; at 1 it would not.

    Turning by right angles mixes the four ways up as a convolution on the circle does, which can be undone where its
    Fourier transform is nowhere 0 (Karras 2020, appendix C): |1 - p| here. So digits that are turned differ from true
    ones after the changes, too, and the critic finds them out.
    """
    policy = ImagePolicy(flips="none", rotations=90, shift=0, zoom=0, brightness=0)

    def mixed(chance: float) -> Tensor:
        maps = policy.draw(replace_batch(play_of(SQUARE), 8000), torch.tensor(chance))["map"]
        cos, sin = maps[:, 0, 0].round().long(), maps[:, 0, 1].round().long()
        quarters = torch.where(cos == 1, 0, torch.where(sin == 1, 1, torch.where(cos == -1, 2, 3)))
        return torch.bincount(quarters, minlength=4) / len(maps)

    for chance in (0.0, 0.5, MOST, 1.0):
        spectrum = torch.fft.fft(mixed(chance)).abs()
        assert spectrum.min().item() == pytest.approx(1 - chance, abs=0.03), chance
    assert mixed(MOST)[0] == pytest.approx(0.4, abs=0.02), "as they are is the commonest way up"


@pytest.mark.long
def test_digits_do_not_learn_to_be_upside_down(tmp_path: Path) -> None:
    """A classifier of real digits and turned ones finds generated ones to be the right way up, as real ones are."""
    from sklearn.svm import SVC

    import gantk

    told = (
        "loss={use: basics/augmented, loss: {use: basics/gan, r1: .2}, "
        "policy: {flips: none, rotations: 90, shift: 0, zoom: 0}}"
    )
    optimizer = "{use: basics/adam, lr: 1e-3, betas: [0, 0.9]}"
    play = f"play={{generator_optimizer: {optimizer}, critic_optimizer: {optimizer}}}"
    run = gantk.run("digits_dcgan", [told, play, "evaluate=[]", "machine.threads=1"], out=tmp_path / "run", quiet=True)
    images, test = (take(Digits(split), 2000).samples.squeeze(1) for split in ("train", "test"))
    turned = torch.cat([images.rot90(k, (1, 2)) for k in range(4)]).flatten(1)
    judge = SVC().fit(turned.numpy(), torch.arange(4).repeat_interleave(len(images)).numpy())
    made = draw(gantk.load(run.path).generator, Digits("train").spec, 500, seed=1).samples
    held_out, found = (judge.predict(each.flatten(1).numpy()) for each in (test, made))
    assert (held_out == 0).mean() > 0.9
    assert (found == 0).mean() > 0.75, (found == 0).mean()


@pytest.mark.parametrize(
    ("recipe", "overrides", "told"),
    [
        ("digits_dcgan", ["loss.loss={use: basics/wgan_gp}", "loss.adapt=signs"], "scores have no zero"),
        ("digits_dcgan", ["loss.loss={use: basics/relativistic}", "loss.adapt=signs"], "take adapt: validation"),
        ("digits_dcgan", ["loss.probability=.9"], "loss.probability"),
        ("few_cells", ["loss.policy={rotations: 90}"], "turns a side onto the other"),
        ("ring_gan", [], "changes images (channel, y, x)"),
        ("digits_dcgan", ["critic=null"], "this recipe has none"),
        ("zoo/digits_began", [], "take a critic that scores samples"),
    ],
    ids=["Wasserstein", "relativistic", "too often", "oblong", "points", "no critic", "a reconstruction"],
)
def test_mistakes(recipe: str, overrides: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["validate", recipe, "loss.use=basics/augmented", "loss.loss={use: basics/gan}", *overrides]
    assert run_command_line(line) == 1
    assert told in " ".join(capsys.readouterr().err.split())


def test_scores_with_a_zero_have_it_where_real_and_generated_are_as_likely() -> None:
    assert Gan().neutral_score() == 0 and Hinge().neutral_score() == 0 and LeastSquares().neutral_score() == 0.5
    smoothed = Gan(label_smoothing=0.2).neutral_score()
    assert smoothed is not None and torch.tensor(smoothed).sigmoid().item() == pytest.approx(0.4)
    assert Augmented(loss=Gan()).neutral_score() == 0 and WganGp().neutral_score() is None


def test_a_loss_with_critics_of_its_own_is_refused() -> None:
    class Own(Loss):
        def critic_loss(self, play: Play) -> dict[str, Tensor]:
            return {"own": play.real.mean()}

    with pytest.raises(DoesNotFit, match="critics of its own"):
        Augmented(loss=Own()).critic_loss(play_of())
