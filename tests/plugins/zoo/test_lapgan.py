"""LAPGAN: the pyramid, its terms beside plain ones, levels that learn apart, resumed bit for bit; bar and twin."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.conditional import lapgan
from gantk_zoo.conditional.lapgan import Lapgan, PyramidCritic, PyramidGenerator, larger, smaller
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Play
from gantk.spec import DataSpec
from tests.helpers.published import BATCH, assert_resumed_exactly, assert_same, missed, play_of, scene_of

SPEC = DataSpec((2, 8, 12), ("channel", "y", "x"), range=(-1.0, 1.0))
LEVELS = 2


def scene(side: str, loss: Lapgan) -> tuple[PyramidGenerator, PyramidCritic, Batch, Play]:
    torch.manual_seed(0)
    nets = (
        PyramidGenerator(SPEC, levels=LEVELS, latent=3, hidden=7, width=4),
        PyramidCritic(SPEC, levels=LEVELS, hidden=7, width=4),
    )
    generator, critic, batch = scene_of(loss, *nets, SPEC)
    assert isinstance(generator, PyramidGenerator) and isinstance(critic, PyramidCritic)
    return generator, critic, batch, play_of(side, generator, critic, batch, SPEC)


def halved(image: list[list[float]]) -> list[list[float]]:
    return [
        [sum(image[2 * y + i][2 * x + j] for i in (0, 1) for j in (0, 1)) / 4 for x in range(len(image[0]) // 2)]
        for y in range(len(image) // 2)
    ]


def doubled(image: list[list[float]]) -> list[list[float]]:
    """Linear between the centres of pixels, the outermost values going on beyond them."""

    def along(row: list[float]) -> list[float]:
        last = len(row) - 1
        pairs = [(row[max(x - 1, 0)], row[x], row[min(x + 1, last)]) for x in range(len(row))]
        return [
            value
            for before, here, after in pairs
            for value in (0.75 * here + 0.25 * before, 0.75 * here + 0.25 * after)
        ]

    columns = zip(*(along(row) for row in image), strict=True)
    return [list(row) for row in zip(*(along(list(column)) for column in columns), strict=True)]


def test_halving_and_doubling_are_the_plain_ones() -> None:
    images = torch.rand(1, 1, 4, 6, dtype=torch.float64)
    plain = images[0, 0].tolist()
    torch.testing.assert_close(smaller(images)[0, 0], torch.tensor(halved(plain), dtype=torch.float64))
    torch.testing.assert_close(larger(images)[0, 0], torch.tensor(doubled(plain), dtype=torch.float64))


def plain_levels(batch: Batch) -> list[tuple[Tensor, Tensor | None]]:
    """I_k and l_k by plain loops."""

    def each(images: Tensor, change: object) -> Tensor:
        return torch.tensor([[change(plane) for plane in image] for image in images.tolist()], dtype=torch.float64)  # type: ignore[operator]

    images = [batch.samples]
    for _ in range(LEVELS):
        images.append(each(images[-1], halved))
    return [(images[k], each(images[k + 1], doubled) if k < LEVELS else None) for k in range(LEVELS + 1)]


@pytest.mark.parametrize("r1", [0.0, 3.0])
def test_the_critics_terms_are_those_of_the_paper(r1: float) -> None:
    loss = Lapgan(r1=r1)
    generator, critic, batch, play = scene("critic", loss)
    assert play.latent is not None
    expected: dict[str, Tensor] = {}
    for k, (image, low) in enumerate(plain_levels(batch)):
        fake = generator.image(k, play.latent, low).detach()
        real_ones, fake_ones, slopes = (torch.zeros((), dtype=torch.float64) for _ in range(3))
        for x, y in zip(image, fake, strict=True):
            x = x[None].requires_grad_()
            score = critic.judges[k](x)[0, 0]
            real_ones = real_ones - torch.sigmoid(score).log() / BATCH
            fake_ones = fake_ones - (1 - torch.sigmoid(critic.judges[k](y[None])[0, 0])).log() / BATCH
            (slope,) = torch.autograd.grad(score, x, create_graph=True)
            slopes = slopes + r1 / 2 * (slope**2).sum() / BATCH
        expected |= {f"critic_real_{k}": real_ones, f"critic_fake_{k}": fake_ones}
        expected |= {f"r1_{k}": slopes} if r1 else {}
    assert_same(loss.critic_loss(play), expected, critic)


def test_the_generators_terms_are_those_of_the_paper() -> None:
    loss = Lapgan()
    generator, critic, batch, play = scene("generator", loss)
    assert play.latent is not None
    expected = {}
    for k, (_, low) in enumerate(plain_levels(batch)):
        scores = critic.judges[k](generator.image(k, play.latent, low))
        expected[f"generator_{k}"] = -torch.sigmoid(scores).log().sum() / BATCH
    assert_same(loss.generator_loss(play), expected, generator)


def test_no_level_learns_from_another() -> None:
    loss = Lapgan(r1=1.0)
    generator, critic, _, play = scene("generator", loss)
    for k in range(LEVELS + 1):
        own = generator.coarse if k == LEVELS else generator.details[k]
        others = [each for each in generator.parameters() if all(each is not mine for mine in own.parameters())]
        found = torch.autograd.grad(loss.generator_loss(play)[f"generator_{k}"], others, allow_unused=True)
        assert others and all(each is None for each in found)
    generator, critic, _, play = scene("critic", loss)
    terms = loss.critic_loss(play)
    for k in range(LEVELS + 1):
        total = terms[f"critic_real_{k}"] + terms[f"critic_fake_{k}"] + terms[f"r1_{k}"]
        others = [each for j in range(LEVELS + 1) if j != k for each in critic.judges[j].parameters()]
        found = torch.autograd.grad(total, others, allow_unused=True, retain_graph=True)
        assert others and all(each is None for each in found)


def test_a_sample_is_the_sum_of_its_levels_within_the_range() -> None:
    generator, critic, _, play = scene("generator", Lapgan())
    assert play.latent is not None
    latent = 5 * play.latent
    image = generator.image(2, latent, None)
    for k in (1, 0):
        low = larger(image)
        image = low + generator.details[k](
            torch.cat([low, latent[:, generator.latent_parts[f"detail{k}"]].reshape(BATCH, 1, *low.shape[2:])], 1)
        )
    made = generator(latent)
    torch.testing.assert_close(made, image.clamp(-1, 1))
    assert (image.abs() > 1).any()
    levels = [critic.judges[0](made), critic.judges[1](smaller(made)), critic.judges[2](smaller(smaller(made)))]
    torch.testing.assert_close(critic(made), sum(levels)[:, 0] / 3)  # type: ignore[index]


def test_what_does_not_fit_is_refused() -> None:
    pyramid = PyramidGenerator(SPEC, levels=2), PyramidCritic(SPEC, levels=2)
    for nets in ((MlpGenerator(SPEC), pyramid[1]), (pyramid[0], MlpCritic(SPEC)), (None, pyramid[1])):
        with pytest.raises(DoesNotFit, match="take zoo/pyramid"):
            Lapgan().prepare(*nets, SPEC)
    with pytest.raises(DoesNotFit, match="the generator has 2, the critic 1"):
        Lapgan().prepare(pyramid[0], PyramidCritic(SPEC, levels=1), SPEC)
    for shape, levels in (((1, 7, 8), 1), ((1, 8, 8), 3), ((1, 4, 4), 2)):
        with pytest.raises(DoesNotFit, match=f"cannot be halved {levels} times"):
            PyramidGenerator(DataSpec(shape, ("channel", "y", "x")), levels=levels)
    with pytest.raises(DoesNotFit, match="single images"):
        PyramidCritic(DataSpec((2,), ("coordinate",)))


def test_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_lapgan", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True])
def test_the_recipe_reaches_its_bars_and_a_broken_twin_misses_them(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: details that are not shown the smaller image."""
    if broken:
        own = lapgan.PyramidGenerator.image

        def unseen(self: PyramidGenerator, level: int, latent: Tensor, low: Tensor | None) -> Tensor:
            return own(self, level, latent, None) if low is None else low + own(self, level, latent, low * 0)

        monkeypatch.setattr(lapgan.PyramidGenerator, "image", unseen)
    assert (missed("zoo/digits_lapgan", tmp_path / "run") != []) == broken
