"""Files of sequences: what is written comes back, and damaged or foreign files get one clear message."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
import torch
from Bio import SeqIO
from gantk_dna.alphabet import decode, one_hot, sequence_spec
from gantk_dna.files.formats import Fasta, Table

from gantk.components.construct import component
from gantk.components.formats import format_for
from gantk.data import generated
from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec


def some(n: int = 5, length: int = 170, **attributes: object) -> Samples:
    rng = torch.Generator().manual_seed(3)
    codes = torch.randint(0, 4, (n, length), generator=rng)
    made = generated(one_hot(codes), sequence_spec(length, classes=("below 1", "EI")), latent_seed=7, **attributes)
    made.labels = torch.arange(n) % 2
    made.truth = {"score": torch.arange(n) / 4}
    return made


@pytest.mark.parametrize("name", ["s.fa", "s.fasta", "s.fa.gz", "s.fasta.gz", "s.csv", "s.tsv", "S.CSV.GZ"])
def test_what_is_written_comes_back(tmp_path: Path, name: str) -> None:
    made = some(model="1234e567", digest="1234", step=10, note='a "quoted" note')  # 1234e567 looks like a number
    chosen = format_for(tmp_path / name, made.spec)
    chosen.write(tmp_path / name, made)
    found = chosen.read(tmp_path / name)
    assert found.samples.equal(made.samples)
    assert [found.spec.classes[at] for at in found.labels] == [made.spec.classes[at] for at in made.labels]
    assert found.truth["score"].tolist() == made.truth["score"].tolist()
    assert found.truth["latent_index"].tolist() == list(range(5))
    wanted = {"origin": "generated", "latent_seed": 7, "step": 10, "note": 'a "quoted" note', "digest": "1234"}
    assert wanted.items() <= found.attributes.items()
    assert str(found.attributes["model"]) == "1234e567"
    content = (tmp_path / name).read_bytes()
    chosen.write(tmp_path / name, made)
    assert content == (tmp_path / name).read_bytes()  # no time of day in it


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    made = some(model="abc")
    Fasta().write(tmp_path / "s.fa.gz", made)
    with gzip.open(tmp_path / "s.fa.gz", "rt") as file:
        records = list(SeqIO.parse(file, "fasta"))
    assert [str(each.seq) for each in records] == decode(made.samples.argmax(1))
    assert records[1].description.startswith("sample_1 origin=generated latent_seed=7 model=abc label=EI score=0.25")
    Table().write(tmp_path / "s.csv", made)
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[2]["sequence"] == str(records[2].seq) and rows[2]["label"] == "below 1"


def test_soft_samples_are_written_as_their_likeliest_letters(tmp_path: Path) -> None:
    hard = some(3, 20)
    soft = generated(0.4 * hard.samples + 0.15, hard.spec)
    Fasta().write(tmp_path / "s.fa", soft)
    assert Fasta().read(tmp_path / "s.fa").samples.equal(hard.samples)


def test_annotation_scores_of_each_and_rna(tmp_path: Path) -> None:
    spec = sequence_spec(3, alphabet="rna", annotations=["exon"])
    samples = torch.cat([one_hot(torch.tensor([[0, 1, 3]])), torch.tensor([[[0.0, 0.9, 1.0]]])], 1)
    made = Samples(
        samples=samples, spec=spec, attributes={"plausibility": [0.5], "latent_seed": 1, "latent_index": [42]}
    )
    Table().write(tmp_path / "s.csv", made)
    assert (tmp_path / "s.csv").read_text() == (
        "name,sequence,exon,latent_seed,plausibility,latent_index\nsample_0,ACU,011,1,0.5,42\n"
    )
    assert Table().read(tmp_path / "s.csv").spec.names["base"] == ("A", "C", "G", "U")


FOREIGN = {
    "plain FASTA": (">a\nACGT\n>b some words a=b\nAC\nNT\n", [["ACGT"], ["ACNT"]]),
    "lines": ("acgt\nTTTT\n", [["ACGT"], ["TTTT"]]),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files(tmp_path: Path, content: tuple[str, list[list[str]]]) -> None:
    (tmp_path / "s.fa").write_text(content[0])
    found = Fasta().read(tmp_path / "s.fa")
    assert found.samples.shape == (2, 4, 4) and found.attributes["origin"] == "real" and found.labels is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.fa", b">a\nACGT\n>b\nACG\n", "line 3: record 'b' has 3 letters, but the first one has 4"),
        ("s.fa", b">a\nACXT\n", "line 2|line 1, record 'a', position 3: 'X' is not a nucleotide"),
        ("s.fa", b"", "holds no sequences"),
        ("s.fa.gz", b"\x1f\x8b\x00", "damaged gzip"),
        ("s.csv", b"name,bases\na,ACGT\n", "no column is called sequence"),
        ("s.tsv", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=message):
        format_for(tmp_path / name).read(tmp_path / name)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        Fasta().write(tmp_path / "none" / "s.fa", some())
    picture = Samples(samples=torch.zeros(1, 1, 2, 2), spec=DataSpec((1, 2, 2), ("channel", "y", "x")))
    with pytest.raises(DoesNotFit, match="sequences are written from"):
        component("format", {"use": "dna/table"}).write(tmp_path / "s.csv", picture)
    with pytest.raises(FileError, match="no such file"):
        Fasta().read(tmp_path / "none.fa")
