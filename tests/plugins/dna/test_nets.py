"""Nets: shapes and parameters as the paper has them, gradients, labels, strands, and training with each loss."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_dna.alphabet import one_hot, reverse_complement, sequence_spec
from gantk_dna.data.planted import Planted
from gantk_dna.nets.killoran import KilloranCritic as KilloranCritic
from gantk_dna.nets.killoran import KilloranGenerator as KilloranGenerator
from gantk_dna.nets.layers import Letters, ResidualBlock
from gantk_dna.nets.pooled import PooledCritic as PooledCritic
from gantk_dna.nets.residual import ResidualGenerator as ResidualGenerator
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.components.validate import fill
from gantk.errors import DoesNotFit, RecipeError
from gantk.evaluation import results
from gantk.interfaces import step_listeners
from gantk.recipe import recipe
from gantk.spec import DataSpec
from gantk.training import TrainSettings, from_recipe
from gantk.training.loop import train

SMALL = {"width": 6}
GENERATORS = {
    "killoran": lambda spec, **more: KilloranGenerator(spec, **SMALL, **more),
    "softmax": lambda spec, **more: ResidualGenerator(spec, **SMALL, output="softmax", **more),
    "straight through": lambda spec, **more: ResidualGenerator(spec, **SMALL, **more),
    "gumbel": lambda spec, **more: ResidualGenerator(spec, **SMALL, output="gumbel", noise=2, **more),
    "without noise": lambda spec, **more: ResidualGenerator(spec, **SMALL, noise=0, blocks=0, **more),
}
CRITICS = {
    "killoran": lambda spec, **more: KilloranCritic(spec, **SMALL, **more),
    "pooled": lambda spec, **more: PooledCritic(spec, **SMALL, pools=["mean", "max", "flat"], **more),
    "by position": lambda spec, **more: PooledCritic(spec, **SMALL, position_weights=True, **more),
    "both strands": lambda spec, **more: PooledCritic(spec, **SMALL, reverse_complement=True, **more),
}
SPECS = {
    "short": sequence_spec(7),
    "odd": sequence_spec(33),
    "annotated": sequence_spec(20, annotations=["exon"]),
    "labelled": sequence_spec(12, classes=["a", "b", "c"]),
}


def draws(spec: DataSpec, n: int = 5) -> tuple[Tensor, Tensor | None]:
    rng = torch.Generator().manual_seed(0)
    letters = one_hot(torch.randint(0, 4, (n, spec.shape[1]), generator=rng))
    marks = torch.rand(n, spec.shape[0] - 4, spec.shape[1], generator=rng).round()
    return torch.cat([letters, marks], 1), torch.arange(n) % 3 if spec.classes else None


def every_gradient(net: nn.Module) -> bool:
    return all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_write_sequences(name: str, spec: DataSpec) -> None:
    torch.manual_seed(0)
    net = GENERATORS[name](spec)
    latent = torch.randn(5, *net.latent_shape, requires_grad=True)
    _, labels = draws(spec)
    made = net(latent, labels)
    assert made.shape == (5, *spec.shape) and made.dtype == torch.float32
    assert torch.allclose(made[:, :4].sum(1), torch.ones(5, spec.shape[1]))
    assert (made >= 0).all() and (made <= 1).all()
    hard = name not in ("killoran", "softmax")
    assert (made[:, :4].detach().unique().tolist() == [0, 1]) == hard
    (made * torch.randn_like(made)).sum().backward()
    assert every_gradient(net)
    assert latent.grad is not None and latent.grad.abs().sum(0).count_nonzero() == latent[0].numel()
    assert made.equal(net(latent, labels))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("name", CRITICS)
def test_critics_score_and_take_gradient_penalties(name: str, spec: DataSpec) -> None:
    torch.manual_seed(0)
    net = CRITICS[name](spec)
    samples, labels = draws(spec)
    samples.requires_grad_()
    scores = net(samples, labels)
    assert scores.shape == (5,)
    (gradient,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)
    ((gradient.flatten(1).norm(dim=1) - 1).square().mean() + scores.square().mean()).backward()
    assert every_gradient(net)
    alone = torch.stack(
        [net(samples[at : at + 1], None if labels is None else labels[at : at + 1])[0] for at in range(5)]
    )
    assert torch.allclose(alone, scores, atol=1e-6)  # no sample sees another
    assert torch.allclose(net.head(net.features(samples), labels), scores)


@pytest.mark.parametrize(("latent", "width", "blocks", "kernel", "length"), [(100, 100, 5, 5, 50), (7, 4, 2, 3, 11)])
def test_killoran_has_the_parameters_of_the_paper(
    latent: int, width: int, blocks: int, kernel: int, length: int
) -> None:
    block = 2 * (kernel * width * width + width)
    spec = sequence_spec(length)
    generator = KilloranGenerator(spec, latent=latent, width=width, blocks=blocks, kernel=kernel)
    critic = KilloranCritic(spec, width=width, blocks=blocks, kernel=kernel)
    count = {net: sum(weight.numel() for weight in net.parameters()) for net in (generator, critic)}
    assert count[generator] == (latent + 1) * width * length + blocks * block + 4 * (width + 1)
    assert count[critic] == width * (4 + 1) + blocks * block + width * length + 1


def test_a_residual_block_is_the_papers_formula() -> None:
    block, hidden = ResidualBlock(3, 5), torch.randn(2, 3, 9)
    one, two = block.first, block.second
    inner = F.conv1d(F.relu(hidden), one.weight, one.bias, padding=2)
    expected = hidden + 0.3 * F.conv1d(F.relu(inner), two.weight, two.bias, padding=2)
    assert torch.allclose(block(hidden), expected)


def test_straight_through_has_the_letters_of_the_argmax_and_the_gradient_of_softmax() -> None:
    raw, weight = torch.randn(2, 4, 6, requires_grad=True), torch.randn(2, 4, 6)
    letters = Letters("straight_through", (0.7, 0.7))(raw)
    assert letters.equal(F.one_hot(raw.argmax(1), 4).movedim(2, 1).float())
    (gradient,) = torch.autograd.grad((letters * weight).sum(), raw)
    (expected,) = torch.autograd.grad(((raw / 0.7).softmax(1) * weight).sum(), raw)
    assert torch.allclose(gradient, expected)


def test_gumbel_draws_letters_with_the_probabilities_of_softmax() -> None:
    raw = torch.tensor([1.0, 0.0, -1.0, 0.5])[None, :, None]
    noise = torch.randn(40_000, 4, 1, generator=torch.Generator().manual_seed(0))
    found = Letters("gumbel", (0.5, 0.5))(raw.expand(40_000, 4, 1), noise).mean(0)[:, 0]
    assert torch.allclose(found, raw[0, :, 0].softmax(0), atol=0.01)  # whatever the temperature


def test_the_temperature_follows_its_schedule_and_is_saved() -> None:
    net = ResidualGenerator(sequence_spec(5), width=2, temperature=(1.0, 0.25), anneal=100)
    found = []
    for step in (0, 50, 100, 1000):
        for listener in step_listeners(net):
            listener.at_step(step)
        found.append(float(net.state_dict()["letters.temperature"]))
    assert found == pytest.approx([1.0, 0.5, 0.25, 0.25])


WITH_POSITIONS = {"pools": ["mean"], "position_weights": True}


@pytest.mark.parametrize("more", [{"pools": ["mean", "max", "flat"]}, {"pools": ["mean"]}, WITH_POSITIONS])
def test_the_score_is_the_same_for_either_strand(more: dict) -> None:
    spec = SPECS["annotated"]
    samples, _ = draws(spec)
    net = PooledCritic(spec, **SMALL, **more, reverse_complement=True)
    assert torch.allclose(net(samples), net(reverse_complement(samples)), atol=1e-6)
    plain = PooledCritic(spec, **SMALL, **more)
    assert not torch.allclose(plain(samples), plain(reverse_complement(samples)), atol=1e-4)
    assert reverse_complement(reverse_complement(samples)).equal(samples)


def test_position_weights_are_what_is_added_to_the_score_and_see_positions() -> None:
    spec = SPECS["odd"]
    samples, _ = draws(spec)
    net = PooledCritic(spec, width=6, kernel=1, layers=0, **WITH_POSITIONS)  # a mean of single letters is blind
    blind, matrix = net.head.linear.weight.detach().split([128, 4 * 33], 1)
    known = net.features(samples)[:, :128]
    expected = known @ blind[0] + net.head.linear.bias + (samples * matrix.reshape(4, 33)).sum((1, 2))
    assert torch.allclose(net(samples), expected, atol=1e-5)
    moved = samples.roll(1, 2)
    assert torch.allclose(net.features(moved)[:, :128], known, atol=1e-5)
    assert not torch.allclose(net(moved), net(samples), atol=1e-3)


@pytest.mark.parametrize("nets", [GENERATORS, CRITICS], ids=["generators", "critics"])
def test_labels_change_what_conditional_nets_say(nets: dict) -> None:
    spec = SPECS["labelled"]
    samples, labels = draws(spec)
    for name, make in nets.items():
        net = make(spec)
        first = samples if nets is CRITICS else torch.randn(5, *net.latent_shape)
        if name != "killoran" and nets is GENERATORS:
            with torch.no_grad():
                net.dense.weight.mul_(8)  # letters change only where the likeliest one does
        assert not net(first, labels).equal(net(first, (labels + 1) % 3)), name
        with pytest.raises(DoesNotFit, match="conditional"):
            net(first)
        plain = make(spec, conditional=False)
        assert plain(first).equal(plain(first, labels)), name
        with pytest.raises(DoesNotFit, match=r"data\.label"):
            make(SPECS["short"], conditional=True)


def test_the_projection_is_miyatos_formula() -> None:
    net = PooledCritic(SPECS["labelled"], **SMALL)
    samples, labels = draws(SPECS["labelled"])
    features = net.features(samples)
    expected = net.head.linear(features)[:, 0] + (net.head.direction.weight[labels] * features).sum(1)
    assert torch.allclose(net(samples, labels), expected)


def test_other_samples_and_even_kernels_are_refused() -> None:
    pictures = DataSpec(shape=(1, 8, 8), axes=("channel", "y", "x"))
    for make in (*GENERATORS.values(), *CRITICS.values()):
        with pytest.raises(DoesNotFit, match="use data of the plugin dna"):
            make(pictures)
    with pytest.raises(RecipeError, match="odd number of letters, such as 5"):
        fill("generator", {"use": "dna/residual", "kernel": 4})


RECIPE = """\
data: {{use: dna/planted, length: 20, samples: 64, held_out: 8, motif: CACGTG, share: {share}}}
generator: {generator}
critic: {critic}
loss: {loss}
train: {{steps: 3, batch: 8, ema: 0.9}}
"""


@pytest.mark.parametrize("share", [1.0, 0.5], ids=["without labels", "with labels"])
@pytest.mark.parametrize("loss", ["{use: basics/gan, r1: 1.0}", "{use: basics/wgan_gp}", "{use: basics/hinge}"])
@pytest.mark.parametrize(
    ("generator", "critic"),
    [
        ("{use: dna/killoran, width: 8}", "{use: dna/killoran, width: 8}"),
        ("{use: dna/residual, width: 8, output: gumbel}", "{use: dna/pooled, width: 8, reverse_complement: true}"),
    ],
    ids=["killoran", "fast"],
)
def test_all_of_them_train(tmp_path: Path, share: float, loss: str, generator: str, critic: str) -> None:
    text = RECIPE.format(share=share, generator=generator, critic=critic, loss=loss)
    (tmp_path / "r.yaml").write_text(text)
    values = recipe.load(tmp_path / "r.yaml").values
    data = Planted("train", length=20, samples=64, motif="CACGTG", share=share)
    state = from_recipe.initial_state(values, data.spec, "cpu")
    before = [weight.clone() for weight in state.generator.parameters()]
    for terms in train(state, data, TrainSettings(seed=0, steps=3, batch=8, critic_steps=2, ema_decay=0.9)):
        assert all(value.isfinite() for value in terms.values())
    assert any(not one.equal(two) for one, two in zip(before, state.generator.parameters(), strict=True))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("dna_killoran_paper", "ecoli536_NC_008253.fna.gz"),
        ("dna_ecoli", "ecoli536_NC_008253.fna.gz"),
        ("dna_promoters", "ecoli_promoters_50bp.txt"),
        ("dna_splice", "uci_splice.csv"),
        ("dna_planted", None),
    ],
)
def test_the_recipes_fit_together(name: str, file: str | None, test_data: Path) -> None:
    path = Path(__file__).parents[3] / "recipes" / f"{name}.yaml"
    assert len(path.read_text().splitlines()) <= 40
    values = recipe.load(path, [] if file is None else [f"data.path={test_data / 'dna' / file}"]).values
    found = from_recipe.datasets(values)
    counts = from_recipe.check_fit(values, found["train"].spec)
    assert min(counts.values()) > 1000 and all(len(each) > 100 for each in found.values())
    results.build_metrics(values)
