"""The conditional WGAN-GP for bulk: covariates embedded and joined, and samples of covariates that are set."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_expression.data.landmarks import Landmarks
from gantk_expression.data.simulated import Simulated
from gantk_expression.nets.bulk import BulkCritic, BulkGenerator, Covariates

from gantk.data import take
from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from tests.helpers.published import missed

ABOUT = [
    {"name": "age", "mean": 50.0, "sd": 10.0},
    {"name": "tissue", "values": [f"tissue {number}" for number in range(10)]},
    {"name": "sex", "values": ["female", "male"]},
]
SPEC = DataSpec((7,), ("gene",), range=None, condition_shape=(3,), attributes={"condition": ABOUT})
ROWS = torch.tensor([[0.5, 9, 1], [-1.0, 0, 0]])


def test_covariates_are_embedded_in_as_many_numbers_as_published() -> None:
    """⌊√v⌋ + 1 numbers of v values: 4 of 10, 2 of 2; the continuous ones stand before them, as they are."""
    net = Covariates(ABOUT)
    assert [tuple(each.weight.shape) for each in net.embeddings] == [(10, 4), (2, 2)]
    assert net.outputs == 1 + 4 + 2
    tissue, sex = (each.weight for each in net.embeddings)
    plain = torch.stack([torch.cat([row[:1], tissue[int(row[1])], sex[int(row[2])]]) for row in ROWS])
    assert torch.equal(net(ROWS), plain)


def test_nets_are_two_dense_layers_of_what_is_joined() -> None:
    generator, critic = BulkGenerator(SPEC), BulkCritic(SPEC)
    latent = torch.randn(2, 64)
    joined = torch.cat([latent, generator.covariates(ROWS)], 1)
    hidden = (joined @ generator.layers[0].weight.T + generator.layers[0].bias).relu()  # type: ignore[operator, union-attr]
    hidden = (hidden @ generator.layers[2].weight.T + generator.layers[2].bias).relu()  # type: ignore[operator, union-attr]
    plain = hidden @ generator.last.weight.T + generator.last.bias
    torch.testing.assert_close(generator(latent, ROWS), plain)
    assert critic(plain, ROWS).shape == (2,)
    assert critic.layers[0].weight.shape == (256, 7 + 7)  # type: ignore[union-attr]


def test_both_nets_listen_to_every_covariate() -> None:
    generator, critic = BulkGenerator(SPEC, hidden=(16,)), BulkCritic(SPEC, hidden=(16,))
    latent, made = torch.randn(1, 64), torch.randn(1, 7)
    for at, other in ((0, 1.0), (1, 3), (2, 0)):
        changed = ROWS[:1].clone()
        changed[0, at] = other
        assert not torch.equal(generator(latent, ROWS[:1]), generator(latent, changed))
        assert not torch.equal(critic(made, ROWS[:1]), critic(made, changed))


def test_covariates_that_are_set() -> None:
    net = BulkGenerator(SPEC)
    assert net.condition_settings["sex"] == ("female", "male")
    said = {"age": 70.0, "tissue": "tissue 3", "sex": "male"}
    assert torch.equal(net.condition_from(None, said), torch.tensor([[2.0, 3.0, 1.0]]))
    samples = Samples(torch.zeros(2, 7), condition=ROWS, spec=SPEC)
    assert torch.equal(net.condition_from(samples, {"sex": "female"}), torch.tensor([[0.5, 9, 0], [-1.0, 0, 0]]))
    with pytest.raises(DoesNotFit, match="set age, tissue, too"):
        net.condition_from(None, {"sex": "male"})
    with pytest.raises(DoesNotFit, match="have no covariates: set age, tissue"):
        net.condition_from(Samples(torch.zeros(2, 7), spec=SPEC), {"sex": "male"})


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (DataSpec((7,), ("gene",), range=None), "is told covariates, and these data have none"),
        (DataSpec((7,), ("gene",), range=None, condition_shape=(3,)), r"data.covariates=\[tissue, age\]"),
    ],
)
def test_data_without_covariates(spec: DataSpec, told: str) -> None:
    for net in (BulkGenerator, BulkCritic):
        with pytest.raises(DoesNotFit, match=told):
            net(spec)


SMALL = {"form": "bulk", "genes": 24, "samples": 60, "held_out": 30, "types": 3}


def test_simulated_bulk_samples_tell_their_covariates() -> None:
    """Type and trait of each sample stand in the condition, in the order asked for, by number of their words."""
    data = Simulated("test", **SMALL, covariates=["trait", "type"], transform=["standardise"])  # type: ignore[arg-type]
    batch = data.batch(torch.arange(30), None)
    assert batch.condition is not None and batch.labels is not None
    assert torch.equal(batch.condition, torch.stack([batch.truth["trait"], batch.labels], 1).float())
    about = data.spec.attributes["condition"]
    assert [(each["name"], len(each["values"])) for each in about] == [("trait", 2), ("type", 3)]
    net = BulkGenerator(data.spec, hidden=(4,))
    assert net.condition_from(None, {"trait": "with trait", "type": data.spec.classes[2]}).tolist() == [[1, 2]]


def test_genes_may_be_what_it_is_told() -> None:
    """A generator with noise, told landmark genes: of a new file it takes them by name."""
    given: dict = SMALL | {"transform": ["standardise"]}
    whole, parted = Simulated("test", **given), Simulated("test", **given, condition=Landmarks(landmarks=5))
    net = BulkGenerator(parted.spec, hidden=(4,))
    assert net.condition_settings == {}
    made = net.condition_from(take(whole, 30), {})
    torch.testing.assert_close(made, parted.condition, rtol=1e-4, atol=1e-4)


def test_landmarks_of_simulated_samples_are_their_genes() -> None:
    whole = Simulated("validation", **SMALL, transform=["standardise"])  # type: ignore[arg-type]
    parted = Simulated("validation", **SMALL, transform=["standardise"], condition=Landmarks(landmarks=5))  # type: ignore[arg-type]
    genes = list(whole.spec.names["gene"])
    landmarks = [genes.index(each["name"]) for each in parted.spec.attributes["condition"]]
    targets = [genes.index(name) for name in parted.spec.names["gene"]]
    assert sorted(landmarks + targets) == list(range(24))
    assert torch.equal(parted.stored, whole.stored[:, targets])
    assert torch.equal(parted.condition, whole.stored[:, landmarks])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"form": "cells", "covariates": ["trait"]}, "single cells have no trait"),
        ({"covariates": ["type"], "condition": Landmarks(landmarks=5)}, "a sample has one condition"),
        ({"condition": Landmarks(landmarks=24)}, "24 of 24 genes leave none to predict"),
    ],
)
def test_conditions_that_simulated_data_refuse(more: dict, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Simulated("test", **SMALL | more)


@pytest.mark.long
def test_genes_of_generated_bulk_samples_hang_together(tmp_path: Path) -> None:
    """The bar of the recipe: γ at .95 of that of real samples."""
    assert missed("bulk_wgan_gp", tmp_path / "run") == []
