"""Gradient penalties, clipping and warm-up."""

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.minibatch_discrimination import MinibatchDiscrimination
from gantk_basics.losses.wasserstein import Wgan, WganGp
from gantk_basics.nets.dcgan import DcganCritic
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss
from gantk.spec import DataSpec
from tests.helpers.basics_toys import BATCH, POINTS, TOWERS, Fixed, Slope, critic_of, make_play


@pytest.mark.parametrize("weight", [[3.0, 4.0, 0.0], [0.1, 0.0, 0.2], [0.0, 0.0, 0.0]])
@pytest.mark.parametrize("spec", [POINTS, TOWERS], ids=["one unit", "four units"])
def test_linear_critic_has_the_squared_distance_of_its_norm_from_1(weight: list[float], spec: DataSpec) -> None:
    critic = Slope(torch.tensor(weight))
    norm = torch.tensor(weight).double().norm().item()
    terms = WganGp(penalty=10).critic_loss(make_play(critic, spec))
    assert terms["penalty"].item() == pytest.approx(10 * (norm - 1) ** 2 * spec.unit_count, rel=1e-5)
    terms["penalty"].backward()
    assert critic.weight.grad is not None and critic.weight.grad.isfinite().all()


@pytest.mark.parametrize("batch", [1, 8, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unit_gradient_norm_costs_nothing_at_any_batch_size(batch: int, dtype: torch.dtype) -> None:
    play = make_play(Slope(torch.tensor([0.6, 0.0, 0.8])), batch=batch, dtype=dtype)
    assert WganGp().critic_loss(play)["penalty"].item() == pytest.approx(0, abs=1e-10)


def test_patches_do_not_change_the_norm_of_a_unit() -> None:
    class TwoPatches(Slope):
        def forward(self, samples: Tensor) -> Tensor:
            half = super().forward(samples) / 2
            return torch.stack([half, half], dim=-1)

    play = make_play(TwoPatches(torch.tensor([0.6, 0.0, 0.8])), TOWERS)
    assert WganGp().critic_loss(play)["penalty"].item() == pytest.approx(0, abs=1e-10)


def test_penalty_is_taken_between_real_and_fake() -> None:
    class Bump(nn.Module):
        seen: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, samples: Tensor) -> Tensor:
            self.seen = samples.detach()
            return samples.sum(-1) + self.weight

    critic = Bump()
    play = make_play(critic, TOWERS, real=torch.ones(BATCH, 4, 3))
    play.fake = torch.zeros(BATCH, 4, 3, dtype=torch.float64)
    WganGp().critic_loss(play)
    between = critic.seen
    assert (between == between[..., :1]).all()  # one ε for a unit …
    assert between[..., 0].unique().numel() == BATCH * 4  # … and another for each unit of each sample
    assert 0 <= between.min() < 0.2 and 0.8 < between.max() <= 1


def test_penalty_is_computed_in_float32_under_autocast() -> None:
    critic = critic_of().float()
    play = make_play(critic, dtype=torch.float32)
    expected = WganGp().critic_loss(play)["penalty"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = WganGp().critic_loss(play)["penalty"]
        r1 = Gan(r1=1.0).critic_loss(play)["r1"]
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert r1.item() == pytest.approx(Gan(r1=1.0).critic_loss(play)["r1"].item(), rel=1e-6)


@pytest.mark.parametrize("spec", [POINTS, TOWERS], ids=["one unit", "four units"])
def test_r1_is_the_squared_gradient_norm_on_real_samples(spec: DataSpec) -> None:
    critic = critic_of(spec)
    play = make_play(critic, spec)
    expected = 0.0
    for sample in play.real:
        for unit in range(spec.unit_count):
            one = sample.clone().requires_grad_()
            score = critic(one.unsqueeze(0)).flatten()[unit]
            expected += torch.autograd.grad(score, one)[0].square().sum().item() / BATCH
    terms = Gan(r1=3.0).critic_loss(play)
    assert terms["r1"].item() == pytest.approx(1.5 * expected, rel=1e-9)
    plain = Gan().critic_loss(make_play(critic, spec, generator=play.generator))
    assert terms["critic_real"].item() == pytest.approx(plain["critic_real"].item(), rel=1e-12)


def test_lazy_r1_has_the_same_expectation_and_the_same_terms() -> None:
    critic = critic_of()
    steps = range(12)
    every = [Gan(r1=2.0).critic_loss(make_play(critic, step=step, generator=Fixed())) for step in steps]
    lazy = [Gan(r1=2.0, r1_every=4).critic_loss(make_play(critic, step=step, generator=Fixed())) for step in steps]
    assert all(terms.keys() == every[0].keys() for terms in lazy)
    assert sum(terms["r1"].item() for terms in lazy) == pytest.approx(sum(terms["r1"].item() for terms in every))
    assert [terms["r1"].item() > 0 for terms in lazy] == [step % 4 == 0 for step in steps]


IMAGES = DataSpec((1, 8, 8), ("channel", "y", "x"))


@pytest.mark.parametrize("normalisation", ["none", "layer", "instance"])
def test_wgan_gp_takes_critics_without_batch_statistics(normalisation: str) -> None:
    critic = DcganCritic(IMAGES, width=4, normalisation=normalisation)  # type: ignore[arg-type]
    assert WganGp().prepare(None, critic, IMAGES)[1] is critic


def test_wgan_gp_refuses_batch_statistics() -> None:
    with pytest.raises(DoesNotFit, match="normalisation: none"):
        WganGp().prepare(None, DcganCritic(IMAGES, width=4, normalisation="batch"), IMAGES)
    with pytest.raises(DoesNotFit, match="whole batch"):
        MinibatchDiscrimination(loss=WganGp()).prepare(None, critic_of(), POINTS)


@pytest.mark.parametrize("loss", [Gan(r1=1.0), WganGp(), MinibatchDiscrimination(loss=Gan(r1=1.0))])
def test_penalties_refuse_a_critic_whose_gradients_cannot_be_differentiated(loss: Loss) -> None:
    critic = critic_of()
    critic.second_order = False  # type: ignore[assignment]
    with pytest.raises(DoesNotFit, match=r"second_order = False.*choose another critic"):
        loss.prepare(None, critic, POINTS)
    assert Gan().prepare(None, critic, POINTS)[1] is critic  # no penalty, no refusal


def test_wgan_clips_every_weight() -> None:
    critic = critic_of()
    Wgan(clip=0.05).after_critic_step(make_play(critic))
    assert all(weight.abs().max() <= 0.05 for weight in critic.parameters())
    assert max(weight.abs().max().item() for weight in critic.parameters()) == pytest.approx(0.05)


def test_wgan_warms_up_as_the_authors_code_does() -> None:
    warm, plain = Wgan(warmup=True), Wgan()
    assert [step for step in range(1200) if warm.critic_steps(step, 5) == 100] == [*range(25), 500, 1000]
    assert {plain.critic_steps(step, 5) for step in range(1200)} == {5}
