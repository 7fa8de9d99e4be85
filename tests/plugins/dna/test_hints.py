"""Every hint in a message about DNA data is followed here, and leads to data; none leads to the next mistake."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gantk_dna
import pytest
from gantk_dna.data.genome import Genome
from gantk_dna.data.planted import Planted
from gantk_dna.data.sequences import Sequences

from gantk.cli import run_command_line
from gantk.errors import DataError, GantkError
from gantk.recipe import load
from gantk.training import datasets


@dataclass
class Case:
    """A file that a data set refuses, with a hint, and what somebody types who follows it."""

    content: str
    hint: str
    follow: list[dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)
    name: str = "a.fa"
    kind: type = Sequences


TABLE = "bases,score\n" + "".join(f"ACGTAC{one}{other},1\n" for one in "ACGT" for other in "ACGT")
NUMBERS = "".join("ACGT"[at // 4 % 4] + "ACGT"[at % 4] + f"TTGACA,{at % 3},{'abc'[at % 3]}\n" for at in range(16))
SCORED = "seq,score,kind\n" + NUMBERS
MIXED = ">a\nACGTACGT\n>b\nACGUACGU\n"
CONTIGS = "".join(f">chr{at}\n{'ACGT'[at] * 12}{'GATC'[at] * 12}\n" for at in range(2))

CASES = {
    "RNA": Case(">a\nACGU\n", "for RNA say data.alphabet=rna", [{"alphabet": "rna"}]),
    "DNA": Case(">a\nACGT\n", "for DNA say data.alphabet=dna", [{"alphabet": "dna"}], {"alphabet": "rna"}),
    "T and U": Case(MIXED, "for T and U in one file say data.alphabet=iupac", [{"alphabet": "iupac"}]),
    "U and T": Case(
        MIXED, "for T and U in one file say data.alphabet=iupac", [{"alphabet": "iupac"}], {"alphabet": "rna"}
    ),
    "other lengths": Case(
        ">a\nACGT\n>b\nACG\n>c\nCCGT\n>d\nGGGGGG\n",
        "say data.other_lengths=drop, crop or pad",
        [{"other_lengths": "drop"}, {"other_lengths": "crop"}, {"other_lengths": "pad", "alphabet": "iupac"}],
    ),
    "filled up": Case(
        ">a\nACGT\n>b\nACG\n>c\nGGTN\n",
        "say data.ambiguous=drop (those sequences) or sample",
        [{"ambiguous": "drop"}, {"ambiguous": "sample"}],
        {"other_lengths": "pad"},
    ),
    "no column of sequences": Case(TABLE, "say data.sequence=COLUMN", [{"sequence": "bases"}], name="a.csv"),
    "not called so": Case(
        TABLE, "did you mean 'score'", [{"score": "score"}], {"sequence": "bases", "score": "scores"}, "a.csv"
    ),
    "one group": Case(
        SCORED.replace(",b", ",a").replace(",c", ",a"),
        "say data.split_by=sequence, or hold nothing out: data.validation=0 data.test=0",
        [{"split_by": "sequence"}, {"validation": 0, "test": 0}],
        {"split_by": "group", "split_column": "kind"},
        "a.csv",
    ),
    "no column of the groups": Case(
        SCORED, "say data.split_column=COLUMN", [{"split_column": "kind"}], {"split_by": "group"}, "a.csv"
    ),
    "groups as a split": Case(
        SCORED,
        "for groups that stay together say data.split_by=group",
        [{"split_by": "group"}],
        {"split_by": "given", "split_column": "kind"},
        "a.csv",
    ),
    "bins of nothing": Case(
        SCORED,
        "data.bins makes labels of data.score: give a score, and no label",
        [{"score": "score", "label": None}],
        {"bins": 2, "label": "kind"},
        "a.csv",
    ),
    "percentiles of nothing": Case(
        SCORED,
        "data.percentiles chooses by data.score: give a score",
        [{"score": "score"}],
        {"percentiles": (0, 50)},
        "a.csv",
    ),
    "too many bins": Case(
        SCORED,
        "give fewer data.bins",
        [{"bins": 2}],
        {"bins": 9, "score": "score", "validation": 0, "test": 0},
        "a.csv",
    ),
    "two contigs": Case(
        CONTIGS,
        "say data.split_by=block, or hold nothing out: data.validation=0 data.test=0",
        [{"split_by": "block", "block": 6}, {"validation": 0, "test": 0}],
        {"split_by": "contig", "length": 4},
        kind=Genome,
    ),
    "few blocks": Case(CONTIGS, "give data.block a smaller number", [{"block": 6}], {"length": 4}, kind=Genome),
    "a short block": Case(
        CONTIGS,
        "data.block is 3: a block cannot be shorter than a window of 4",
        [{"block": 4}],
        {"length": 4, "block": 3},
        kind=Genome,
    ),
    "windows of N": Case(
        ">a\nNNNNNNNNRRRR\n",
        "say data.ambiguous=sample",
        [{"ambiguous": "sample", "block": 4}],
        {"length": 4, "validation": 0, "test": 0},
        kind=Genome,
    ),
    "T and U in a genome": Case(
        ">a\nACGTACGT\n>b\nACGUACGU\n",
        "for T and U in one file say data.alphabet=iupac",
        [{"alphabet": "iupac"}],
        {"length": 4, "validation": 0, "test": 0},
        kind=Genome,
    ),
    "a motif without a file": Case(
        ">M1 box\nA [ 9 1 ]\nC [ 1 9 ]\nG [ 1 1 ]\nT [ 1 1 ]\n",
        "data.motif_name chooses from a file: give data.motif_file, or data.motif in IUPAC codes",
        [{"motif_file": "PATH"}, {"motif": "ACGT", "motif_name": None}],
        {"motif_name": "box", "path": None, "samples": 5, "held_out": 5},
        "a.jaspar",
        Planted,
    ),
    "a long motif": Case(
        "",
        "give data.length a larger number",
        [{"length": 10}],
        {"length": 9, "path": None, "samples": 5, "held_out": 5},
        kind=Planted,
    ),
}


def built(case: Case, path: Path, **more: Any) -> object:
    options = {"path": path, **case.options, **more}
    return case.kind(
        "train", **{name: path if value == "PATH" else value for name, value in options.items() if value is not None}
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_follows_a_hint_arrives(tmp_path: Path, case: Case) -> None:
    path = tmp_path / case.name
    path.write_text(case.content)
    with pytest.raises(GantkError, match=re.escape(case.hint)):
        built(case, path)
    for follow in case.follow:
        assert len(built(case, path, **follow)) > 0  # type: ignore[arg-type]


ELSEWHERE = {
    "path": "followed by test_source and by the overrides below",
    "bed": "the key of a path that is missing",
    "annotation": "the key of a path that is missing",
    "use": "followed by the overrides below",
    "label": "followed by test_prediction, test_nets and test_design",
    "duplicates": "no mistake: test_datasets has it",
    "leave_out": "named to say which key was meant; test_design_rivals sets it",
    "test_groups": "named to say which key was meant; test_leaks sets it",
    "KEY": "stands for any key: followed by the overrides below",
}


def hinted() -> Iterator[str]:
    """Every key of `data` that a message of the plugin names."""
    for path in Path(gantk_dna.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        documents = [node.body[0] for node in ast.walk(tree) if isinstance(node, kinds) and node.body]
        told = {id(each.value) for each in documents if isinstance(each, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                yield from re.findall(r"(?<![\w.])data\.(\w+)", node.value)


def test_every_key_that_a_message_names_is_followed() -> None:
    followed = set(re.findall(r"data\.(\w+)", " ".join(case.hint for case in CASES.values())))
    assert set(hinted()) <= followed | set(ELSEWHERE) | {""}


SEQUENCE_RECIPE = """\
about: t
data: {use: dna/genome, path: reads.fq, length: 8, block: 100}
generator: {use: dna/residual, width: 8, blocks: 1}
critic: {use: dna/pooled, width: 8}
loss: {use: basics/gan}
train: {steps: 1, batch: 4, samples: 4}
evaluate: []
"""


def test_the_overrides_that_messages_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("genome.yaml").write_text(SEQUENCE_RECIPE)
    Path("reads.fq").write_text(
        "".join(f"@r{at}\n{'ACGT'[at % 4] * 4}{'ACGT'[at // 4] * 4}\n+\nIIIIIIII\n" for at in range(16))
    )
    with pytest.raises(DataError, match=r"say data\.use=dna/sequences data\.path=FILE"):
        datasets(load("genome.yaml").values)
    assert len(datasets(load("genome.yaml", ["data.use=dna/sequences", "data.path=reads.fq"]).values)["train"]) > 0
    with pytest.raises(DataError, match=r"give data\.path=FILE with a file of yours. The recipe\ndna_planted needs no"):
        datasets(load("genome.yaml", ["data.path=nowhere.fa"]).values)
    assert load("dna_planted").values["data"]["use"] == "dna/planted"


def test_parts_of_a_design_recipe_are_reached_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text(SCORED)
    Path("gan.yaml").write_text(
        SEQUENCE_RECIPE.replace("reads.fq, length: 8, block: 100", "nowhere.csv").replace("dna/genome", "dna/sequences")
    )
    Path("box.jaspar").write_text(CASES["a motif without a file"].content)
    Path("design.yaml").write_text(
        "data: {use: dna/sequences, path: s.csv}\n"
        "objectives: [{use: dna/pwm, file: box.jaspar}]\n"
        "generator: gan.yaml\n"
        "search: {method: joint, designs: 2, candidates: 4, steps: 2}\n"
    )

    def call(*arguments: str) -> tuple[int, str]:
        code = run_command_line(["design", "design.yaml", "-o", "designs.fa", "--force", *arguments])
        return code, capsys.readouterr().err

    code, said = call()
    assert code == 2 and "the generator's recipe gan.yaml: no such file" in said
    assert "What it calls data.KEY=… is 'generator_overrides=[data.KEY=…]' here" in said
    code, said = call("generator_overrides=[data.path=s.csv]")
    assert code == 0, said
    learned = "objectives=[{use: dna/predicted, net: {use: dna/predictor, width: 2, kernel: 3, hidden: 2}, steps: 2}]"
    held_out = "held_out_data={use: dna/sequences, path: nowhere.csv, score: score}"
    arguments = [learned, "data.score=score", "generator=null", "search.method=activation"]
    code, said = call(*arguments, held_out)
    assert code == 2 and "held_out_data: no such file" in said and "is held_out_data.KEY=… here" in said
    code, said = call(*arguments, held_out, "held_out_data.path=s.csv")
    assert code == 0, said


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        (Sequences, "19/fastq.fq", {}),
        (Sequences, "19/mixedTU.fa", {"alphabet": "iupac"}),
        (Sequences, "19/quoted_nl.csv", {"score": "activity"}),
        (Sequences, "05/dup.csv", {"score": "activity", "duplicates": "average", "validation": 0, "test": 0}),
        (Genome, "13/g.fa", {"bed": "13/one.bed"}),
    ],
)
def test_what_came_from_the_field(test_data: Path, kind: type, name: str, options: dict[str, Any]) -> None:
    folder = test_data / "field" / "dna"
    if "bed" in options:
        options = options | {"bed": folder / options["bed"], "block": 100}
    assert len(kind("train", path=folder / name, **options)) > 0
