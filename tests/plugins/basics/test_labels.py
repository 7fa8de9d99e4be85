"""How nets are told the class: each way beside its equation, and nets without labels as they were."""

from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.minibatch_discrimination import MinibatchDiscrimination
from gantk_basics.losses.wasserstein import WganGp
from gantk_basics.nets.dcgan import DcganCritic, DcganGenerator, Upsampling
from gantk_basics.nets.labels import ClassNorm
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_basics.nets.residual import ResidualCritic, ResidualGenerator
from torch import Tensor, nn

import gantk
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Play, call, declares, feature_count
from gantk.randomness import Streams
from gantk.recipe import load
from gantk.runs.start import resume
from gantk.sampling import draw
from gantk.spec import DataSpec
from gantk.training import datasets
from gantk.training.from_recipe import memory_needed
from tests.recipe.test_resume_exact import all_tensors

KINDS = ("a", "b", "c")
IMAGES = DataSpec((2, 8, 8), ("channel", "y", "x"), classes=KINDS)
TOWERS = DataSpec((4, 3), ("tower", "coordinate"), unit_axes=1, range=None, classes=KINDS)
LABELS = torch.tensor([2, 0, 1, 0])
GENERATORS: list[tuple[type[nn.Module], dict[str, Any]]] = [
    (MlpGenerator, {"hidden": [9, 5], "latent": 6}),
    (DcganGenerator, {"width": 3, "latent": 6}),
    (ResidualGenerator, {"width": 3, "latent": 6}),
    (ResidualGenerator, {"width": 4, "latent": 6, "block": "r3gan", "group": 2}),
]
CRITICS: list[tuple[type[nn.Module], dict[str, Any]]] = [
    (MlpCritic, {"hidden": [9, 5]}),
    (DcganCritic, {"width": 3}),
    (ResidualCritic, {"width": 3}),
    (ResidualCritic, {"width": 4, "block": "r3gan", "group": 2}),
]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(net: type[nn.Module], spec: DataSpec = IMAGES, **given: Any) -> Any:
    torch.manual_seed(0)
    return net(spec, **given).double().eval()


def test_without_labels_nets_are_what_they_were() -> None:
    """Same names, and numbers drawn in the same order, as the layers written down one by one."""
    torch.manual_seed(0)
    layers = [nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU(), nn.Linear(5, 128)]
    torch.manual_seed(0)
    made = MlpGenerator(IMAGES, latent=6, hidden=[9, 5])
    assert list(made.state_dict()) == [f"layers.{i}.{name}" for i in (0, 2, 4) for name in ("weight", "bias")]
    for i in (0, 2, 4):
        assert torch.equal(made.layers[i].weight, layers[i].weight)  # type: ignore[arg-type,union-attr]

    torch.manual_seed(0)
    dense, first, last = (
        nn.Linear(6, 6 * 4, bias=False),
        Upsampling(6, 3, 4, 2, 1, bias=False),
        Upsampling(3, 2, 4, 2, 1),
    )
    torch.manual_seed(0)
    given = DcganGenerator(IMAGES, latent=6, width=3, initialisation="default")
    norms = [f"layers.{i}.{name}" for i in (0, 3) for name in ("weight", "bias")]
    assert [name for name, _ in given.named_parameters()] == [
        "project.weight",
        *norms[:2],
        "layers.2.weight",
        *norms[2:],
        "layers.5.weight",
        "layers.5.bias",
    ]
    assert torch.equal(given.project.weight, dense.weight)
    for layer, right in ((given.layers[2], first), (given.layers[5], last)):
        assert torch.equal(layer.weight, right.weight)  # type: ignore[arg-type]
    critic = MlpCritic(IMAGES, hidden=[4])
    assert list(critic.state_dict()) == ["layers.0.weight", "layers.0.bias", "head.weight", "head.bias"]
    assert list(DcganCritic(IMAGES, width=3).state_dict()) == [
        *("layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias", "head.weight", "head.bias")
    ]


@pytest.mark.parametrize(("net", "given"), GENERATORS + CRITICS, ids=lambda each: getattr(each, "__name__", ""))
def test_labels_are_asked_for_only_where_they_are_wanted(net: type[nn.Module], given: dict[str, Any]) -> None:
    told = "concat"
    assert not declares(built(net, **given), "labels") and declares(built(net, labels=told, **given), "labels")
    if (net, given) in GENERATORS:
        torch.manual_seed(0)
        plain, labelled = net(IMAGES, **given), net(IMAGES, labels=told, **given)
        assert draw(plain, IMAGES, 4, seed=0).labels is None
        known = draw(labelled, IMAGES, 4, seed=0).labels
        assert known is not None and known.tolist() == [0, 1, 2, 0]
        with pytest.raises(DoesNotFit, match="given none"):
            labelled(torch.zeros(1, 6))


@pytest.mark.parametrize(("net", "given"), GENERATORS, ids=lambda each: getattr(each, "__name__", ""))
def test_generators_against_their_equations(net: type[nn.Module], given: dict[str, Any]) -> None:
    latent = noise(4, 6)
    told = built(net, labels="concat", **given)
    plain = built(net, **{**given, "latent": 9})  # a latent of three more numbers
    plain.load_state_dict(told.state_dict())
    beside = torch.cat([latent, torch.eye(3, dtype=torch.float64)[LABELS]], 1)
    assert torch.equal(told(latent, LABELS), plain(beside))

    told = built(net, labels="embed", **given)
    plain = built(net, **given)
    state = told.state_dict()
    vectors = state.pop("told.vectors.weight")
    plain.load_state_dict(state)
    assert torch.equal(told(latent, LABELS), plain(latent * vectors[LABELS]))
    assert not torch.allclose(told(latent, LABELS), told(latent, (LABELS + 1) % 3))


@pytest.mark.parametrize("dims", [0, 2])
def test_class_norm_is_each_class_on_its_own_scale(dims: int) -> None:
    kind = nn.BatchNorm2d if dims else nn.BatchNorm1d
    layer = ClassNorm(kind(5, affine=False), 3, 5).double()
    nn.init.normal_(layer.scale.weight)
    nn.init.normal_(layer.shift.weight)
    values = noise(4, 5, *[3] * dims)
    found = layer(values, LABELS)
    rest = (0, 2, 3)[: 1 + dims]
    mean, variance = values.mean(rest, keepdim=True), values.var(rest, unbiased=False, keepdim=True)
    for i, label in enumerate(LABELS.tolist()):
        for c in range(5):
            normal = (values[i, c] - mean[0, c]) / torch.sqrt(variance[0, c] + 1e-5)
            expected = layer.scale.weight[label, c] * normal + layer.shift.weight[label, c]
            torch.testing.assert_close(found[i, c], expected)


@pytest.mark.parametrize(("net", "given"), GENERATORS[:3], ids=lambda each: getattr(each, "__name__", ""))
def test_norm_starts_alike_for_all_classes_and_every_layer_can_tell(
    net: type[nn.Module], given: dict[str, Any]
) -> None:
    told = built(net, labels="norm", **given).train()
    latent = noise(4, 6)
    assert torch.equal(told(latent, LABELS), told(latent, (LABELS + 1) % 3))
    layers = [each for each in told.modules() if isinstance(each, ClassNorm)]
    assert len(layers) >= 2
    for layer in layers:
        nn.init.normal_(layer.shift.weight)
        assert not torch.allclose(told(latent, LABELS), told(latent, (LABELS + 1) % 3))
        nn.init.zeros_(layer.shift.weight)


@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize(("net", "given"), CRITICS, ids=lambda each: getattr(each, "__name__", ""))
def test_critics_against_their_equations(net: type[nn.Module], given: dict[str, Any], spectral: bool) -> None:
    if spectral and given.get("block") == "r3gan":
        with pytest.raises(DoesNotFit, match="at zero"):
            built(net, spectral=spectral, **given)
        return
    images = noise(4, 2, 8, 8)
    told = built(net, labels="projection", spectral=spectral, **given)
    scores, features = told(images, LABELS).detach(), told.features(images).detach()
    head, direction = told.head.weight[0].detach(), told.projection.direction.weight.detach()  # normalised, or not
    bias = 0 if told.head.bias is None else told.head.bias[0].detach()
    for i, label in enumerate(LABELS.tolist()):  # Miyato & Koyama 2018, equation 3
        expected = sum(float(features[i, f] * (head[f] + direction[label, f])) for f in range(features.shape[1]))
        assert float(scores[i]) == pytest.approx(float(expected + bias), rel=1e-9)

    told = built(net, labels="concat", spectral=spectral, **given)
    maps = torch.zeros(4, 3, 8, 8, dtype=torch.float64)
    for i, label in enumerate(LABELS.tolist()):
        maps[i, label] = 1
    if net is MlpCritic:
        first = told.layers[0]
        joined = torch.cat([images.flatten(1), maps[:, :, 0, 0]], 1)
        expected = told.head(told.layers[1:](joined @ first.weight.T + first.bias)).squeeze(-1)
    else:
        wider = built(net, DataSpec((5, 8, 8), IMAGES.axes), spectral=spectral, **given)
        wider.load_state_dict(told.state_dict())
        expected = wider(torch.cat([images, maps], 1))
    torch.testing.assert_close(told(images, LABELS), expected)
    with pytest.raises(DoesNotFit, match="labels: projection"):
        feature_count(told, IMAGES)


def test_each_unit_has_its_own_projection() -> None:
    told = built(MlpCritic, TOWERS, labels="projection", hidden=[5])
    samples = noise(4, 4, 3)
    features = told.features(samples)
    added = told(samples, LABELS) - told.head(features).squeeze(-1)
    directions = told.projection.direction.weight.reshape(3, 4, 5)
    for i, label in enumerate(LABELS.tolist()):
        for unit in range(4):
            torch.testing.assert_close(added[i, unit], directions[label, unit] @ features[i, unit])
    concat = built(MlpCritic, TOWERS, labels="concat", hidden=[5])
    assert concat(samples, LABELS).shape == (4, 4)
    with pytest.raises(DoesNotFit, match="samples without units"):
        built(MlpCritic, TOWERS, spectral=True)


@pytest.mark.parametrize(("net", "given"), CRITICS[:3], ids=lambda each: getattr(each, "__name__", ""))
def test_spectral_normalisation_divides_by_the_largest_singular_value(
    net: type[nn.Module], given: dict[str, Any]
) -> None:
    critic = built(net, labels="projection", spectral=True, **given)
    critic.train()
    for _ in range(600 if net is MlpCritic else 120):
        critic(noise(4, 2, 8, 8), LABELS)
    critic.eval()
    layers = [each for each in critic.modules() if isinstance(each, nn.Linear | nn.Conv2d | nn.Embedding)]
    assert len(layers) >= 4
    for layer in layers:
        free = layer.parametrizations.weight.original.detach().flatten(1)  # type: ignore[union-attr]
        largest = torch.linalg.svdvals(free)[0]
        found = layer.weight.detach().flatten(1)
        torch.testing.assert_close(found, free / largest, rtol=1e-2, atol=1e-3)  # two nearly largest are told slowly
        assert torch.linalg.svdvals(found)[0].item() == pytest.approx(1, rel=2e-3)


@pytest.mark.parametrize("labels", ["concat", "projection"])
@pytest.mark.parametrize(("net", "given"), CRITICS, ids=lambda each: getattr(each, "__name__", ""))
def test_penalties_see_the_class(net: type[nn.Module], given: dict[str, Any], labels: str) -> None:
    """WGAN-GP differentiates twice; real and fake samples of a batch have the same labels."""
    generator = built(MlpGenerator, labels="embed", latent=6, hidden=[5])
    critic = built(net, labels=labels, **given)
    batch = Batch(noise(4, 2, 8, 8).tanh(), LABELS)
    play = Play(
        "critic", generator, critic, IMAGES, lambda: batch, Streams(1, "critic", 0, 0, torch.device("cpu")), batch=4
    )
    play.latent = noise(4, 6)
    terms = WganGp().critic_loss(play)
    assert torch.equal(play.fake, generator(play.latent, LABELS))
    torch.testing.assert_close(terms["critic_real"], -critic(batch.samples, LABELS).mean())
    sum(terms.values()).backward()  # type: ignore[union-attr]
    weights = dict(critic.named_parameters())
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in weights.values())


@pytest.mark.parametrize(("net", "given"), GENERATORS + CRITICS, ids=lambda each: getattr(each, "__name__", ""))
def test_data_without_classes_are_refused(net: type[nn.Module], given: dict[str, Any]) -> None:
    with pytest.raises(DoesNotFit, match="have no classes; leave `labels` out"):
        built(net, DataSpec((2, 8, 8), IMAGES.axes), labels="concat", **given)


def test_what_has_no_place_for_labels_is_refused() -> None:
    for net, given in (
        (DcganGenerator, {"normalisation": "none"}),
        (MlpGenerator, {"hidden": []}),
        (ResidualGenerator, {"block": "r3gan"}),
    ):
        with pytest.raises(DoesNotFit, match="labels: norm"):
            built(net, labels="norm", **given)
    for labels in ("concat", "projection"):
        with pytest.raises(DoesNotFit, match="told the class"):
            MinibatchDiscrimination(loss=Gan()).prepare(None, built(MlpCritic, labels=labels), IMAGES)
    MinibatchDiscrimination(loss=Gan()).prepare(None, built(MlpCritic), IMAGES)


def test_nets_that_are_told_train_and_fit_on_the_meta_device(tmp_path: Path) -> None:
    """Memory is estimated, a spectral critic goes on bit for bit where it stopped, and its run can be sampled."""
    overrides = {
        "generator": {"use": "basics/residual", "latent": 4, "width": 4, "labels": "norm"},
        "critic": {"use": "basics/residual", "width": 4, "labels": "projection"},
        "loss": {"use": "basics/hinge"},
        **{
            f"train.{key}": value
            for key, value in {"steps": 4, "batch": 8, "samples": 4, "checkpoint_every": 2}.items()
        },
        "train.sample_every": 100,
        "evaluate": [],
        "machine.threads": 1,
    }
    values = load("digits_dcgan", overrides).values
    assert (memory_needed(values, datasets(values)["train"].spec, "cpu").batch or 0) > 0
    run = gantk.run("digits_dcgan", overrides, out=tmp_path / "run", quiet=True)
    whole = all_tensors(run.folder.checkpoint_path(4))
    assert any(name.startswith("ema.") for name in whole) and any("parametrizations" in name for name in whole)
    resume(tmp_path / "run", older="step-2.h5")
    assert all_tensors(run.folder.checkpoint_path(4)) == whole
    seven = run.sample(3, label="7")
    assert seven.labels is not None and seven.labels.tolist() == [7, 7, 7]


def test_projection_starts_with_scores_as_large_as_the_head() -> None:
    assert sqrt(128) * built(MlpCritic, labels="projection").projection.direction.weight.std().item() == pytest.approx(
        1, rel=0.1
    )


def test_a_wrapper_is_asked_what_its_inner_net_wants() -> None:
    class Wrapped(nn.Module):
        def __init__(self, inner: nn.Module):
            super().__init__()
            self.inner = inner

        @property
        def passes_on_to(self) -> nn.Module:
            return self.inner

        def forward(self, samples: Tensor, **given: Tensor) -> Tensor:
            return self.inner(samples, **given)

    for labels in ("none", "projection"):
        critic = Wrapped(built(MlpCritic, labels=labels))
        assert declares(critic, "labels") == (labels != "none")
        assert call(critic, noise(4, 2, 8, 8), labels=LABELS).shape == (4,)
