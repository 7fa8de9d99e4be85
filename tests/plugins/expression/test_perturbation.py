"""Pairs, simulated and of a file; changes that are predicted against scipy; responses; treated profiles to order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpGenerator
from gantk_expression.data.pairs import Pairs
from gantk_expression.data.perturbation import DOSES, SimulatedPerturbation
from gantk_expression.data.treated import TreatedPairs
from gantk_expression.losses.pertvae import DrVae, PertVae
from gantk_expression.metrics.perturbation import Changes, Perturbation, correlations, floors, resampled
from gantk_expression.metrics.response import Response
from gantk_expression.nets.perturbed import PerturbedDecoder
from gantk_expression.robust import robust_scale
from gantk_expression.transforms import undone
from scipy.stats import median_abs_deviation, pearsonr
from torch import nn

import gantk
from gantk.components import component, format_for
from gantk.data import generated
from gantk.errors import DataError, DoesNotFit
from gantk.evaluation import results, sample_files
from gantk.interfaces import MetricInput, Samples
from tests.helpers.published import missed

FILE = Path(__file__).parent / "small_pairs.csv"
OF_FILE: dict[str, Any] = {"path": FILE, "drug": "drug", "dose": "dose", "match": "plate", "hold_out": "dose"}
SMALL: dict[str, Any] = {"genes": 24, "lines": 12, "drugs": 3, "replicates": 1, "controls": 3}


def simulated(**options: Any) -> dict[str, SimulatedPerturbation]:
    return {split: SimulatedPerturbation(split, **SMALL | options) for split in ("train", "validation", "test")}


def of_file(split: str, **options: Any) -> TreatedPairs:
    return TreatedPairs(split, **OF_FILE | {"test": ["1"], "validation": ["0.1"]} | options)


def prepared(data: Pairs, kind: type[PertVae] = PertVae, **options: Any) -> Any:
    torch.manual_seed(0)
    loss = kind(encoder=MlpEncoder(data.spec, outputs=8, hidden=(8,)), **options)
    return loss.prepare(MlpGenerator(data.spec, latent=4, hidden=(8,)), None, data.spec)[0]


def inputs_of(data: Any, generator: Any) -> MetricInput:
    nets = {} if generator is None else {"generator": generator}
    return MetricInput(None, data["train"], data["test"], rng=torch.Generator().manual_seed(0), nets=nets)  # type: ignore[arg-type]


class Answer(nn.Module):
    """A generator that knows each treated profile, by the control, drug and dose that it is asked about."""

    def __init__(self, data: Pairs, of: Any):
        super().__init__()
        self.latent_shape = (1,)
        self.unused = nn.Parameter(torch.zeros(1))
        self.data, self.of = data, of

    def forward(self, latent: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return self.of[: len(condition)]


# ---- simulated


def test_lines_or_drugs_are_held_out_whole() -> None:
    by_line = simulated()
    lines = {split: set(data.truth["line"].tolist()) for split, data in by_line.items()}
    assert [len(each) for each in lines.values()] == [7, 2, 3] and len(set.union(*lines.values())) == 12
    by_drug = simulated(hold_out="drugs", held_out=0.34)
    drugs = {split: set(data.treatment[:, 0].tolist()) for split, data in by_drug.items()}
    assert [len(each) for each in drugs.values()] == [1, 1, 1] and len(set.union(*drugs.values())) == 3
    assert len(by_line["test"]) == 3 * 3 * len(DOSES)


def test_a_drug_changes_what_it_hits_the_more_the_higher_the_dose() -> None:
    trial = simulated()["train"].trial
    drug = np.zeros(len(DOSES), int)
    factors = trial.factors(drug, np.array(DOSES, np.float32))
    hit = trial.druggable[trial.targets[0] > 0]
    assert (np.diff(factors[:, hit], axis=0) < 0).all() and factors[-1, hit].max() < 0.2
    others = np.setdiff1d(np.arange(24), hit)
    assert (factors[:, others] == 1).all()
    assert (trial.factors(drug - 1, np.array(DOSES, np.float32)) == 1).all()


def test_half_of_the_lines_respond_and_labels_say_which() -> None:
    whole, few = simulated(response_error=0.0), simulated(response_error=0.0, labelled=0.3)
    data = whole["train"]
    fall = data.trial.fall(DOSES[-1])
    for split in whole.values():
        line, drug = split.truth["line"].numpy(), split.treatment[:, 0].numpy().astype(int)
        assert split.labels is not None
        expected = fall > np.median(fall, 0)
        assert (split.labels.numpy() == expected[line, drug]).all()
    assert few["test"].spec.classes == ("resistant", "sensitive", "unlabelled")
    labels = few["train"].labels
    assert labels is not None and set(labels.tolist()) == {0, 1, 2}
    for drug in range(3):
        chosen = few["train"].treatment[:, 0] == drug
        known = few["train"].truth["line"][chosen & (labels < 2)].unique()
        assert len(known) == 2, "a third of seven lines"
    assert few["test"].labels is not None and int(few["test"].labels.max()) == 1


def test_controls_are_of_the_same_line_and_drawn_anew() -> None:
    data = simulated()["train"]
    rows = torch.arange(len(data))
    first, second = (data.batch(rows, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert first.condition is not None and second.condition is not None
    assert not torch.equal(first.condition, second.condition) and torch.equal(first.samples, second.samples)
    same = data.batch(rows, None).condition
    assert same is not None and torch.equal(same, data.batch(rows, None).condition)  # type: ignore[arg-type]
    untreated = data.untreated(rows)
    for row in (0, 50):
        own = data.controls[data.choices[row]]
        assert any(torch.equal(first.condition[row, :24], each) for each in own)
        assert untreated[row].numpy() == pytest.approx(np.median(own.numpy(), 0))
        assert int(data.choices[row, 0]) // 3 == int(data.truth["line"][row])


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(DataError, match="of 2 drugs, none can be held out"):
        simulated(drugs=2, hold_out="drugs", held_out=0.5)


# ---- of a file


def test_a_file_becomes_robust_z_values_of_its_controls() -> None:
    data = of_file("train")
    table = [line.split(",") for line in FILE.read_text().splitlines()]
    values = {row[0]: np.array(row[4:], float) for row in table[1:]}
    controls = np.stack([values[row[0]] for row in table[1:] if row[1] == "DMSO"])
    middle = np.median(controls, 0)
    width = np.maximum(median_abs_deviation(controls, 0, scale="normal"), 0.1)
    assert robust_scale(controls, 0.1)[1] == pytest.approx(width, rel=1e-4)
    rows = torch.arange(len(data))
    names = data.sample_names(rows)
    expected = np.clip((np.stack([values[name] for name in names]) - middle) / width, -10, 10)
    assert data.batch(rows, None).samples.numpy() == pytest.approx(expected, abs=1e-3)
    plates = {row[0]: row[3] for row in table[1:]}
    wells = [row[0] for row in table[1:] if row[1] == "DMSO"]
    for row, name in enumerate(names):
        chosen = data.choices[row, : int(data.counts[row])].tolist()
        assert {plates[wells[at]] for at in chosen} == {plates[name]} and len(chosen) == 4
    assert data.treatment[:, 1].unique().tolist() == [1.0], "the dose 10 is left for training"
    assert of_file("test").treatment[:, 1].unique().tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"control": "DMS"}, "no sample is a control (data.control='DMS'); did you mean 'DMSO'"),
        ({"test": ["2"]}, "data.test: no treated sample has '2'"),
        ({"test": ["0.1"], "validation": ["0.1"]}, "test 0: none may be empty"),
        ({"dose": "dosis"}, "no column 'dosis' for data.dose; did you mean 'dose'"),
        ({"match": "sample"}, "no column 'sample'"),
        ({"gene_names": "symbol"}, "no column 'symbol' for data.gene_names"),
    ],
)  # fmt: skip
def test_mistakes_in_pairs_of_a_file(options: Any, told: str) -> None:
    with pytest.raises(DataError) as refusal:
        of_file("train", **options)
    assert told in " ".join(str(refusal.value).split())


def test_counts_are_no_changes_to_compare(tmp_path: Path) -> None:
    text = FILE.read_text().splitlines()
    rows = [
        text[0],
        *(",".join([*row.split(",")[:4], *(["3", "1", "40", "7", "0", "2", "11", "5"])]) for row in text[1:]),
    ]
    (tmp_path / "counts.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(DataError, match="these are counts, and changes are compared of logarithms"):
        of_file("train", path=tmp_path / "counts.csv")


# ---- predictions


def test_the_floors_are_means_of_the_training_changes() -> None:
    """Recounted plainly, pair by pair."""
    data = simulated(lines=12)
    test, train = (Changes(data[split], 3.0) for split in ("test", "train"))
    found = floors(test, train)
    row = 20
    same_dose = train.dose == test.dose[row]
    same_drug = train.drug == test.drug[row]
    assert found["mean_shift"][row] == pytest.approx(train.change[same_dose].mean(0))
    assert found["drug_shift"][row] == pytest.approx(train.change[same_dose & same_drug].mean(0))
    doses = sorted(set(train.dose))
    at = doses.index(test.dose[row])
    beside = [
        train.change[same_drug & (train.dose == doses[k])].mean(0) for k in (at - 1, at + 1) if 0 <= k < len(doses)
    ]
    assert found["neighbours"][row] == pytest.approx(np.mean(beside, 0))
    held_out = simulated(hold_out="drugs", held_out=0.34)
    unknown = floors(Changes(held_out["test"], 3.0), Changes(held_out["train"], 3.0))
    assert np.isnan(unknown["drug_shift"]).all() and np.isfinite(unknown["mean_shift"]).all()


def test_r_is_pearsons_of_the_clipped_changes() -> None:
    data = simulated()
    rows = torch.arange(len(data["test"]))
    truth = data["test"].batch(rows, None).samples
    blurred = truth + torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    found = Perturbation(clip=2.0, draws=1).compute(inputs_of(data, Answer(data["test"], blurred)))
    untreated = data["test"].untreated(rows)
    plain = [
        pearsonr(np.clip(made - control, -2, 2), np.clip(real - control, -2, 2))[0]
        for made, real, control in zip(blurred.numpy(), truth.numpy(), untreated.numpy(), strict=True)
    ]
    assert found["r"].value == pytest.approx(np.median(plain), abs=1e-5)
    assert found["rmse"].value == pytest.approx(float((blurred - truth).square().mean().sqrt()), rel=1e-5)
    best = Perturbation(draws=1).compute(inputs_of(data, Answer(data["test"], truth)))
    assert best["r"].value == pytest.approx(1.0) and best["above_mean_shift"].value > 0
    low, high = best["above_mean_shift"].low, best["above_mean_shift"].high
    assert low is not None and high is not None and 0 < low <= best["above_mean_shift"].value <= high


def test_active_drugs_agree_with_themselves() -> None:
    """Four of sixty drugs do something; of the others, which are noise, one in twenty agrees by chance."""
    rng = np.random.default_rng(0)
    drugs, genes = 60, 60
    effects = rng.standard_normal((drugs, genes)) * (np.arange(drugs) < 4)[:, None]

    class Fake(Changes):
        def __init__(self) -> None:
            self.drug = np.repeat(np.arange(drugs), 2)
            self.dose = np.tile([0.0, 1.0], drugs)
            self.change = np.repeat(effects, 2, 0) * 3 + rng.standard_normal((2 * drugs, genes))

    found = Fake().active_drugs()
    assert found[:4] == [0, 1, 2, 3] and len(found) <= 4 + 8


def test_resamples_keep_a_line_and_drug_together() -> None:
    cells = np.repeat(np.arange(6), 3)
    for rows in resampled(cells, np.random.default_rng(0))[:20]:
        assert len(rows) == 18 and all(np.sum(cells[rows] == cell) % 3 == 0 for cell in range(6))
    assert correlations(np.eye(3), np.eye(3)) == pytest.approx(1.0)


def test_a_model_without_pairs_is_refused() -> None:
    data = simulated()
    with pytest.raises(DoesNotFit, match="needs a generator that is given a control"):
        Perturbation().compute(inputs_of(data, None))
    with pytest.raises(DoesNotFit, match=r"needs a model of expression/pertvae or expression/drvae"):
        Response().compute(inputs_of(data, None))


@pytest.mark.parametrize("kind", [PertVae, DrVae])
def test_responses_stand_beside_logistic_regression(kind: Any) -> None:
    data = simulated(lines=24, drugs=1, held_out=0.4)
    found = Response(components=3).compute(inputs_of(data, prepared(data["train"], kind)))
    assert list(found)[:3] == ["auroc", "auroc_profile", "auroc_components"] and "reconstruction" in found
    assert all(0 <= found[name].value <= 1 for name in found if name != "reconstruction")
    assert ("together" if kind is DrVae else "in two steps") in found["auroc"].note


# ---- to order


def test_controls_a_drug_and_a_dose_make_a_condition() -> None:
    data = of_file("train")
    model = prepared(data, given="drug")
    assert isinstance(model, PerturbedDecoder)
    rows = torch.arange(3)
    own = Samples(data.controls[rows], spec=data.spec)
    with pytest.raises(DoesNotFit, match="--condition"):
        model.condition_from(None, {"drug": "taxol", "dose": 1.0})
    with pytest.raises(DoesNotFit, match="say dose"):
        model.condition_from(own, {"drug": "taxol"})
    with pytest.raises(DoesNotFit, match="a dose is above 0"):
        model.condition_from(own, {"drug": "taxol", "dose": 0.0})
    turned = replace(data.spec, names={"gene": data.spec.names["gene"][::-1]}, attributes={"numbers": "log2"})
    raw, _ = undone(data.controls[rows], data.spec)
    file = Samples(raw.flip(1), spec=turned)  # as a laboratory would have them, genes in another order
    made = model.condition_from(file, {"drug": "taxol", "dose": 10.0})
    assert torch.allclose(model.condition_from(own, {"drug": "taxol", "dose": 10.0}), made, atol=1e-4)
    assert torch.allclose(made[:, :8], data.controls[rows], atol=1e-4)
    assert made[:, 8].tolist() == [2.0] * 3 and made[:, 9].tolist() == [1.0] * 3
    assert model.condition_settings == {"drug": ("aspirin", "placebo", "taxol"), "dose": ()}


@pytest.mark.parametrize("ending", [".h5ad", ".gct", ".csv.gz", ".h5"])
def test_what_is_written_is_read_and_judged(ending: str, tmp_path: Path) -> None:
    """z values are undone in a table, and done again where it is judged beside the data."""
    for data in (of_file("train"), simulated()["train"]):
        made = generated(data.batch(torch.arange(6), None).samples, data.spec, latent_seed=1)
        path = tmp_path / f"{data.spec.origin}{ending}"
        format_for(path, data.spec).write(path, made)
        back = data.conform(format_for(path).read(path))
        assert torch.allclose(back.samples, made.samples, atol=1e-3)
        found = sample_files.evaluate_samples(back, sample_files.Reference(entries(), {"train": data, "test": data}, 0))
        assert len(found) == 1


def entries() -> Any:
    entry = {"use": "basics/diversity", "samples": 6}
    return [results.Entry("diversity", component("metric", entry), None, {})]


# ---- recipes at their bars


@pytest.mark.long
@pytest.mark.parametrize(("twin", "reached"), [([], True), (["loss.given=nothing"], False)], ids=["as it is", "broken"])
def test_unseen_drugs_are_told_by_their_targets(twin: list[str], reached: bool, tmp_path: Path) -> None:
    """A twin that is not told the drug has the mean change to go by, and is not above it."""
    assert (missed("pertvae_simulated", tmp_path / "run", twin) == []) is reached


@pytest.mark.long
def test_a_held_out_dose_is_predicted_as_well_as_by_its_neighbours(test_data: Path, tmp_path: Path) -> None:
    """1.11 µM of every compound of the plate: no worse than the better floor but for the width of a run."""
    said = {"data.path": str(test_data / "expression" / "l1000_a375.gct"), "machine.threads": 1}
    run = gantk.run("pertvae_l1000", said, out=tmp_path / "run", quiet=True)
    found = run.evaluation["perturbation"]
    for ending in ("", "_active"):
        assert found[f"above_neighbours{ending}"].value > -0.03
        assert (found[f"above_mean_shift{ending}"].low or 0) > 0
