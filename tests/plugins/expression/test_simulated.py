"""The simulated network: its truth holds, and its cells and samples are what the data set says."""

import numpy as np
import pytest
import torch
from gantk_expression.data import simulation
from gantk_expression.data.simulated import Simulated

from gantk.errors import DataError, DoesNotFit

SMALL = {"genes": 120, "samples": 400, "held_out": 300}


def test_single_cells_are_as_the_issue_asks() -> None:
    data = Simulated("train")
    counts = data.stored
    assert counts.shape == (8000, 1000)
    assert 0.6 <= (counts == 0).double().mean() <= 0.9
    shares = data.labels.bincount().double() / 8000
    assert len(shares) == 6 and shares.min() == pytest.approx(0.02, abs=1e-3)
    torch.testing.assert_close(counts.sum(1), torch.full((8000,), 20000.0))
    assert data.spec.attributes["numbers"] == "normalised" and data.spec.origin == "simulated"


def test_counts_are_integers_and_depth_is_the_median_of_what_is_caught() -> None:
    data = Simulated("train", **SMALL, transform=[], dropout=0.0, depth=500)
    assert torch.equal(data.stored, data.stored.round())
    ratio = data.stored.sum(1) / data.truth["depth"]
    assert ratio.mean() == pytest.approx(1.0, abs=0.01) and ratio.std() < 0.1
    assert data.truth["depth"].median() == pytest.approx(500, rel=0.1)


def test_production_is_a_sum_of_hill_functions() -> None:
    network = simulation.draw_network(60, 3, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    expression = rng.random((5, 60)).astype(np.float32)
    for layer in (1, 2):
        found = network.production(expression, layer)
        for gene in range(network.layers[layer], network.layers[layer + 1]):
            for cell in range(5):
                total = simulation.BASAL
                for number, strength, represses in zip(
                    network.regulators[gene], network.strengths[gene], network.represses[gene], strict=True
                ):
                    x = (expression[cell, number] / network.half[number]) ** simulation.HILL
                    total += strength * (1 / (1 + x) if represses else x / (1 + x))
                assert found[cell, gene - network.layers[layer]] == pytest.approx(total, rel=1e-4)


def test_regulators_stand_in_layers_above() -> None:
    network = simulation.draw_network(200, 4, np.random.default_rng(0))
    _, masters, targets, genes = network.layers
    assert (network.regulators[masters:targets] < masters).all() and (network.regulators[targets:] < targets).all()
    assert (network.strengths[:masters] == 0).all() and (network.strengths[masters:].max(1) > 0).all()
    assert len(set(network.names)) == genes
    on = network.programmes == simulation.ON
    assert on.any(0).all() and len({tuple(row) for row in on.tolist()}) == 4


def test_noise_goes_on_to_what_a_gene_regulates() -> None:
    network = simulation.draw_network(120, 2, np.random.default_rng(0))
    masters = np.repeat(network.programmes[:1], 3000, 0)
    values = network.expression(masters, np.random.default_rng(1))
    gene = next(g for g in range(network.layers[1], network.layers[2]) if (network.strengths[g] > 0).sum() == 1)
    regulator = network.regulators[gene, 0]
    other = next(r for r in range(network.masters) if r != regulator)
    r = np.corrcoef(values[:, [gene, regulator, other]].T)
    sign = -1 if network.represses[gene, 0] else 1
    assert sign * r[0, 1] > 0.1 > abs(r[0, 2])
    assert (network.expression(masters[:2], None)[0] == network.expression(masters[:2], None)[1]).all()


def test_five_genes_and_no_others_carry_the_trait_of_bulk_samples() -> None:
    data = Simulated("train", form="bulk", genes=200, samples=3000, held_out=50)
    trait = data.truth["trait"].double()
    values = data.stored.double()
    r = torch.corrcoef(torch.cat([values, trait[:, None]], 1).T)[-1, :-1]
    carriers = [data.spec.names["gene"].index(name) for name in data.spec.attributes["trait"]["genes"]]
    assert set(r.abs().argsort(descending=True)[:5].tolist()) == set(carriers)
    others = [gene for gene in range(200) if gene not in carriers]
    assert r[others].abs().max() < 5 / 3000**0.5
    chosen = Simulated("test", form="bulk", labels="trait", **SMALL)
    assert torch.equal(chosen.labels, chosen.truth["trait"]) and chosen.spec.classes[1] == "with trait"


def test_steps_are_fitted_on_the_training_split_alone() -> None:
    train, test = (
        Simulated(split, **SMALL, transform=["library_size", "log1p", "standardise"]) for split in ("train", "test")
    )
    assert train.stored.mean(0).abs().max() < 1e-4
    assert train.spec.attributes["transform"] == test.spec.attributes["transform"]
    plain = Simulated("test", **SMALL, transform=["library_size", "log1p"])
    mean = Simulated("train", **SMALL, transform=["library_size", "log1p"]).stored.mean(0)
    step = test.spec.attributes["transform"][-1]
    expected = (plain.stored - mean) / torch.tensor(step["sd"])
    torch.testing.assert_close(test.stored, expected, rtol=1e-3, atol=1e-3)


def test_what_cannot_be_had_is_said() -> None:
    with pytest.raises(DataError, match="single cells have no trait"):
        Simulated("train", labels="trait")
    with pytest.raises(DoesNotFit, match="log1p"):
        Simulated("train", form="bulk", transform=["log1p"])
    with pytest.raises(DataError, match="fewer than 6 types"):
        Simulated("test", genes=60, samples=100, held_out=5)
    with pytest.raises(DoesNotFit, match="behind log1p"):
        Simulated("train", **SMALL, transform=["log1p", "library_size"])


def test_another_seed_gives_another_network() -> None:
    one, other = (Simulated("train", **SMALL, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.network.regulators, other.network.regulators)
    assert torch.equal(one.stored, Simulated("train", **SMALL).stored)
