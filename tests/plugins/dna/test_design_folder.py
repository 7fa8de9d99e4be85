"""A design's run folder: what was learned once is used again, and every name in a file of designs is of something."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import decode, sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.design.constraints import Constraints, Rules
from gantk_dna.design.describing import Describer
from gantk_dna.design.known import known_sequences
from torch import Tensor, nn

import gantk
from gantk.cli import run_command_line

RECIPE = """\
about: many A
seed: 1
data: {use: dna/sequences, path: scored.csv, score: number}
objectives:
  - {use: dna/predicted, net: {use: dna/predictor, width: 4, kernel: 3, hidden: 4}, steps: 5, batch: 32}
generator: gan.yaml
search: {method: joint, designs: 8, candidates: 10, steps: 3}
"""
GAN = """\
data: {use: dna/sequences, path: scored.csv, score: number}
generator: {use: dna/residual, latent: 8, noise: 2, width: 8, blocks: 1}
critic: {use: dna/pooled, width: 8}
loss: {use: basics/gan}
train: {steps: 4, batch: 16, samples: 4}
evaluate: []
"""


@pytest.fixture
def design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    codes = np.random.default_rng(0).integers(0, 4, (300, 20), dtype=np.uint8)
    rows = "".join(f"{text},{text.count('A')}\n" for text in decode(codes))
    Path("scored.csv").write_text("sequence,number\n" + rows)
    Path("design.yaml").write_text(RECIPE)
    Path("gan.yaml").write_text(GAN)

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run_command_line(["design", *arguments])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return code, told.out + told.err

    return call


def models_in(path: Path) -> set[str]:
    return set(re.findall(r"model=(\S+)", path.read_text()))


def times(folder: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if "search-" not in str(path) and path.is_file()
    }


def test_another_search_learns_nothing_anew(design) -> None:
    code, told = design("design.yaml", "-o", "first.fa")
    assert code == 0, told
    folder, search = Path("runs/design-1"), Path("runs/design-1/search-1")
    assert "training the GAN first" in told and "learning the objectives" in told and f"report: {search}" in told
    for name in ("design.yaml", "designs.fa", "table.json", "evaluation.json", "logo.png", "report.html"):
        assert (search / name).is_file()
    assert (search / "designs.fa").read_text() == Path("first.fa").read_text()
    judged = json.loads((search / "evaluation.json").read_text())
    assert {"kmers", "composition", "quality", "nearest", "c2st"} == {*judged["values"]}
    page = (search / "report.html").read_text()
    assert "hill climb, from random" in page and "many A" in page and judged["summaries"][0].split(":")[0] in page
    before = times(folder)
    code, told = design(str(folder), "-o", "again.fa")
    assert code == 0 and Path("again.fa").read_text() == Path("first.fa").read_text()  # all of it is repeatable
    code, told = design(str(folder), "search.seed=5", "search.steps=5", "constraints.homopolymer=4", "-o", "other.fa")
    assert code == 0 and Path("other.fa").read_text() != Path("first.fa").read_text()
    assert "the GAN is that of" in told and "learning" not in told and times(folder) == before
    assert "homopolymer: 4" in (folder / "search-3" / "design.yaml").read_text()
    checkpoints = {gantk.load(path).checkpoint.digest for path in folder.glob("gan/checkpoints/*.h5")}
    assert models_in(Path("first.fa")) == models_in(Path("other.fa")) <= checkpoints


@pytest.mark.long
def test_what_was_interrupted_is_gone_on_with(design, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantk_dna.design import search

    code, told = design("design.yaml", "-o", "whole.fa", "--run", "whole")
    assert code == 0, told
    with monkeypatch.context() as broken:
        broken.setattr(search, "joint", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert design("design.yaml", "--run", "part")[0] == 130
    (Path("part") / "predictors.h5").unlink()  # as if it had been killed before
    (Path("part") / "learned.json").unlink()
    (Path("part") / "gan" / "report.html").unlink()
    code, told = design("part", "-o", "part.fa")
    assert code == 0 and "training the GAN further" in told, told
    assert Path("part.fa").read_text() == Path("whole.fa").read_text()
    assert design("design.yaml", "--run", "part")[0] == design("part", "--run", "whole")[0] == 2
    assert design("design.yaml", "--run", "whole/gan")[0] == 2 and not Path("whole/gan/design.yaml").exists()


def test_what_was_learned_from_cannot_change(design) -> None:
    quick = ["generator=null", "search.method=activation", "--run", "it"]
    assert design("design.yaml", *quick)[0] == 0
    assert models_in(Path("it/search-1/designs.fa")) == {json.loads(Path("it/learned.json").read_text())["predictors"]}
    code, told = design("it", "seed=3", "data.percentiles=[0, 50]", "objectives.0.steps=9")
    assert code == 1 and "seed, data, objectives: the GAN and the predictors in it" in " ".join(told.split())
    damaged = bytearray(Path("it/predictors.h5").read_bytes())
    damaged[-9] ^= 1
    Path("it/predictors.h5").write_bytes(damaged)
    code, told = design("it")
    assert code == 2 and "SHA-256" in told and "learned again" in told
    Path("scored.csv").write_text(Path("scored.csv").read_text().replace("AC", "CA"))
    code, told = design("it")
    assert code == 2 and "the data are not those that this design began with" in " ".join(told.split())


def test_a_gan_that_the_search_changed_can_be_sampled(design) -> None:
    few = ["search.method=feedback", "search.rounds=1", "search.round_steps=1", "search.pool=30"]
    assert design("design.yaml", *few, "--run", "it")[0] == 0
    model = gantk.load("it/search-1/gan.h5")
    assert models_in(Path("it/search-1/designs.fa")) == {model.checkpoint.digest}
    assert len(model.sample(3)) == 3 and model.checkpoint.step == 5


# The column "plausible"


class Counts(nn.Module):
    """A critic that scores how often C follows A (which shuffling destroys), or what it is told."""

    def __init__(self, score) -> None:
        super().__init__()
        self.score = score
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, samples: Tensor) -> Tensor:
        return self.score(samples) + self.nothing


def pairs(samples: Tensor) -> Tensor:
    return (samples[:, 0, :-1] * samples[:, 1, 1:]).sum(1)


@pytest.mark.parametrize(
    ("score", "designs", "shown"),
    [
        (pairs, "ACGTACGTACGTACGTACGG", True),
        (pairs, "ACACACACACACACACACAC", False),  # outside the scores of real sequences
        (lambda samples: samples[:, 2].sum(1), "ACGTACGTACGTACGTACGG", False),  # knows composition alone
        (lambda samples: 0 * samples.sum((1, 2)), "ACGTACGTACGTACGTACGG", False),  # knows nothing
    ],
)
def test_plausible_is_shown_only_of_what_the_critic_knows(score, designs: str, shown: bool) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (400, 20), dtype=np.uint8)
    for row in codes:
        for place in rng.choice(6, 4 + rng.integers(3), replace=False):
            row[3 * place : 3 * place + 2] = (0, 1)
    data = OneHot(sequence_spec(20), torch.from_numpy(codes))
    known = known_sequences({"train": data})
    describer = Describer(pairs, None, Rules(Constraints(), 20), known, data, Counts(score), 0)
    made = np.stack([["ACGT".index(letter) for letter in designs]] * 3).astype(np.uint8)
    assert (describer.describe("designs", made).plausibility is not None) == shown
