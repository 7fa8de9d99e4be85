"""What latents go with, against scikit-learn and scipy; a planted latent is found with its genes; terms of Tybalt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_expression.files.latents import write_latents
from gantk_expression.losses.tybalt import Tybalt, cross_entropy
from gantk_expression.metrics.annotation import Annotation, association, auroc, columns_of
from gantk_expression.metrics.encoding import Encoding
from gantk_expression.metrics.latents import Found, Latents, apart
from gantk_expression.nets.tybalt import TybaltDecoder, TybaltEncoder
from gantk_expression.transforms import undone
from scipy.stats import mannwhitneyu, spearmanr
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

import gantk
from gantk.cli import run_command_line
from gantk.data import Resident
from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import MetricInput
from gantk.spec import DataSpec
from tests.helpers.published import assert_resumed_exactly, missed

FILE = Path(__file__).parent / "small_pairs.csv"
GENES, LATENT, COUNT = 12, 3, 80
SPEC = DataSpec((GENES,), ("gene",), range=(0.0, 1.0), names={"gene": tuple(f"G{n}" for n in range(GENES))})


class Coder(nn.Module):
    """A decoder and encoder whose second latent is the trait, and raises the genes 3 and 7."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_shape = (LATENT,)
        self.generator = TybaltDecoder(SPEC, latent=LATENT)
        with torch.no_grad():
            self.generator.layer.weight.mul_(0.1)
            self.generator.layer.weight[:, 1] = 0
            self.generator.layer.weight[3, 1], self.generator.layer.weight[7, 1] = 2.0, -3.0

    def forward(self, latent: Tensor) -> Tensor:
        return self.generator(latent)

    def encode(self, samples: Tensor) -> Tensor:
        return torch.stack([samples[:, 0], samples[:, 3] - samples[:, 7], samples[:, 1] * 0], 1)


def planted(count: int, seed: int) -> Resident:
    rng = torch.Generator().manual_seed(seed)
    trait = torch.arange(count) % 2
    values = torch.rand(count, GENES, generator=rng) * 0.3 + 0.3
    values[:, 3] += 0.3 * trait
    values[:, 7] -= 0.3 * trait
    age = values[:, 0] + 0.02 * torch.randn(count, generator=rng)
    return Resident(SPEC, values, truth={"trait": trait, "age": age, "many": torch.rand(count, 4, generator=rng)})


def inputs_of(generator: Any) -> MetricInput:
    train, test = planted(COUNT, 0), planted(COUNT // 2, 1)
    return MetricInput(None, train, test, rng=torch.Generator().manual_seed(0), nets={"generator": generator})  # type: ignore[arg-type]


def test_associations_are_those_of_scipy_and_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.standard_normal((60, 3)), np.ones((60, 1))], 1)
    classes = (numbers[:, 1] + rng.standard_normal(60) > 0).astype(float)
    values = numbers[:, 2] + rng.standard_normal(60)
    classes[:5] = np.nan
    found = association(numbers, Annotation("sex=male", classes, "two classes"))
    plain = [roc_auc_score(classes[5:], numbers[5:, at]) for at in range(3)]
    assert found.score[:3] == pytest.approx(plain) and found.score[3] == 0.5 and found.best == 1
    p = mannwhitneyu(numbers[5:, 1][classes[5:] == 1], numbers[5:, 1][classes[5:] == 0], method="asymptotic").pvalue
    assert found.p[1] == pytest.approx(min(1, 4 * p)) and found.p[3] == 1
    assert auroc(numbers[5:, 1], classes[5:]) == pytest.approx(plain[1])
    other = association(numbers, Annotation("age", values, "number"))
    assert other.score[2] == pytest.approx(spearmanr(numbers[:, 2], values).statistic) and other.best == 2
    assert other.p[2] == pytest.approx(4 * spearmanr(numbers[:, 2], values).pvalue) and other.score[3] == 0


def test_columns_are_labels_and_facts() -> None:
    data = planted(COUNT, 0)
    found = {each.name: each.kind for each in columns_of(data)}
    assert found == {"trait:1": "two classes", "age": "number"}, (
        "of two classes one; what is no number a sample, is not"
    )
    spec = DataSpec(SPEC.shape, SPEC.axes, names=SPEC.names, classes=("a", "b", "c"), attributes={"label": "tissue"})
    labelled = Resident(spec, data.stored, labels=torch.arange(COUNT) % 3)
    assert [each.name for each in columns_of(labelled)] == ["tissue:a", "tissue:b", "tissue:c"]


def test_a_planted_latent_is_found_with_its_genes_and_drawn() -> None:
    metric = Latents(shown=2, genes=4)
    found = metric.compute(inputs_of(Coder()))
    assert found["trait:1"].value == 1.0 and "latent 2" in found["trait:1"].note
    assert found["trait:1"].reference is not None and found["trait:1"].reference > 0.9
    assert found["age"].value > 0.9 and found["age"].note.startswith("correlation, latent 1")
    assert found["latents_with_annotation"].value == 2
    path = metric.traversals[1]
    assert path.heaviest[:2].tolist() == [7, 3] and set(path.movers[:2].tolist()) == {3, 7}
    assert path.profiles[-1, 3] > path.profiles[0, 3] and path.profiles[-1, 7] < path.profiles[0, 7]
    pictures = metric.pictures(inputs_of(Coder()))
    assert pictures.keys() == {"latents", "genes"} and min(pictures["latents"].size) > 300


def test_a_column_of_many_classes_does_not_crowd_out_others() -> None:
    names = ("type:a", "type:b", "trait:1", "type:c")
    some = association(np.eye(4), Annotation("x", np.arange(4.0), "number"))
    found = [Found(Annotation(name, np.zeros(4), "two classes"), some, some) for name in names]
    assert [each.column.name for each in apart(found)] == ["type:a", "trait:1", "type:b", "type:c"]


def test_what_has_no_encoder_or_annotation_is_refused() -> None:
    with pytest.raises(DoesNotFit, match="needs a model with an encoder"):
        Latents().compute(inputs_of(TybaltDecoder(SPEC, latent=LATENT)))
    plain = Resident(SPEC, planted(COUNT, 0).stored)
    inputs = MetricInput(None, plain, plain, rng=torch.Generator(), nets={"generator": Coder()})  # type: ignore[arg-type]
    with pytest.raises(DoesNotFit, match=r"data.label=COLUMN"):
        Latents().compute(inputs)
    with pytest.raises(DoesNotFit, match="that expression/tybalt trained"):
        Encoding().compute(inputs)


def test_the_terms_of_an_encoding_are_those_of_its_loss() -> None:
    torch.manual_seed(0)
    loss = Tybalt(encoder=TybaltEncoder(SPEC, latent=LATENT))
    model: Any = loss.prepare(TybaltDecoder(SPEC, latent=LATENT), None, SPEC)[0]
    model.eval()
    found = Encoding(looked_at=200, trees=10).compute(inputs_of(model))
    x = planted(COUNT // 2, 1).stored
    with torch.no_grad():
        mean, log_variance = model.posterior(x)
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean()
    assert found["kl"].value == pytest.approx(kl.item(), rel=1e-5)
    best = cross_entropy(x, x).mean().item()
    assert 0 < found["reconstruction"].value < 3 * best
    assert found["active_units"].value == float((mean.var(0) > 0.01).sum())
    assert found["auroc_prior"].value > 0.9, "an untrained model"


SMALLER = ["data.genes=40", "data.samples=60", "data.held_out=30", "generator.latent=4", "loss.encoder.latent=4"]


def test_tybalt_stopped_and_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    written = assert_resumed_exactly("tybalt_simulated", tmp_path, *SMALLER, "loss.kept=20")
    assert "kept" in written.tensors["generator"] and int(written.tensors["generator"]["seen"]) == 24


@pytest.mark.parametrize("recipe", ["pertvae_simulated", "drvae_simulated"])
def test_perturbations_stopped_and_resumed(recipe: str, tmp_path: Path) -> None:
    small = ["data.genes=24", "data.lines=10", "data.drugs=3", "data.replicates=1", "generator.latent=4"]
    small += ["generator.hidden=[8]", "loss.encoder.hidden=[8]", "loss.encoder.outputs=8"]
    assert_resumed_exactly(recipe, tmp_path, *small)


RUN = {"train.steps": 4, "train.batch": 8, "evaluate": [], "machine.threads": 1}


def test_latents_are_written_beside_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    anndata = pytest.importorskip("anndata")
    monkeypatch.chdir(tmp_path)
    small = {key: int(value) for key, _, value in (each.partition("=") for each in SMALLER)}
    run = gantk.run("tybalt_simulated", RUN | small, out="run", quiet=True)
    made = run.sample(6)
    made.save("some.h5ad")
    assert run_command_line(["encode", "run", "some.h5ad", "-o", "latents.h5ad", "-q"]) == 0
    found = anndata.read_h5ad("latents.h5ad")
    model = gantk.load("run")
    own = model.encode(made)
    assert found.obsm["X_latent"].shape == (6, 4)
    assert found.obsm["X_latent"] == pytest.approx(own.numpy(), abs=1e-4)
    assert list(found.var_names) == list(model.spec.names["gene"])
    raw, _ = undone(made.samples, model.spec)  # as a laboratory would have them: log2, genes in another order, one more
    rows = ["sample,other," + ",".join(reversed(model.spec.names["gene"]))]
    rows += [f"s{at},5," + ",".join(f"{value:.6f}" for value in row.flip(0).tolist()) for at, row in enumerate(raw)]
    Path("lab.csv").write_text("\n".join(rows) + "\n")
    assert model.encode("lab.csv").numpy() == pytest.approx(own.numpy(), abs=1e-3)
    assert run_command_line(["encode", "run", "lab.csv", "-o", "lab.h5ad", "-q"]) == 0
    assert anndata.read_h5ad("lab.h5ad").obsm["X_latent"] == pytest.approx(own.numpy(), abs=1e-3)
    capsys.readouterr()
    assert run_command_line(["encode", "run", "-o", "others.h5ad"]) == 2
    assert "give one file" in capsys.readouterr().err
    assert run_command_line(["encode", "run", "some.h5ad", "-o", "latents.csv"]) == 2
    assert "or beside their samples (.h5ad)" in capsys.readouterr().err


def test_without_anndata_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "anndata.io", None)
    with pytest.raises(FileError, match=r"pip install 'gantk\[expression\]'"):
        write_latents(tmp_path / "latents.h5ad", torch.zeros(2, 3), FILE)


def test_latents_of_other_samples_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("anndata")
    with pytest.raises(DoesNotFit, match="holds 26 samples, and there are 2 latents"):
        write_latents(tmp_path / "latents.h5ad", torch.zeros(2, 3), FILE)
    assert not (tmp_path / "latents.h5ad").exists()


@pytest.mark.long
def test_the_planted_trait_is_found(tmp_path: Path) -> None:
    """A latent tells who has the trait, and its heaviest genes are the five that carry it."""
    gantk.run("tybalt_simulated", ["machine.threads=1", "evaluate=[]"], out=tmp_path / "run", quiet=True)
    run = gantk.load(tmp_path / "run")
    data = run.data
    metric = Latents(columns=100)
    inputs = MetricInput(None, data["train"], data["test"], rng=torch.Generator(), nets={"generator": run.generator})  # type: ignore[arg-type]
    found = metric.compute(inputs)
    assert found["trait:1"].value > 0.75
    trait = next(each for each in metric.found if each.column.name == "trait:1")
    assert trait.latents.p[trait.latents.best] < 1e-6
    from gantk_expression.metrics.latents import traversal

    path = traversal(run.generator, metric._coded, trait.latents.best)
    names = data["train"].spec.names["gene"]
    carriers = set(data["train"].spec.attributes["trait"]["genes"])
    assert len(carriers & {names[gene] for gene in path.heaviest[:7]}) >= 4


@pytest.mark.long
def test_a_full_divergence_costs_more_than_the_trait_is_worth(tmp_path: Path) -> None:
    """The broken twin of the recipe: β = 1 misses its bar."""
    assert missed("tybalt_simulated", tmp_path / "run", ["loss.beta=1"])
