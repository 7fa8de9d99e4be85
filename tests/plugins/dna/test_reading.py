"""Readers: what is accepted in all its spellings, and damaged input, each with one clear message."""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from Bio.Data.IUPACData import ambiguous_dna_values
from Bio.Seq import Seq
from gantk_dna import alphabet
from gantk_dna.data.genome import Genome
from gantk_dna.data.sequences import Sequences
from gantk_dna.files import genome as contigs
from gantk_dna.files.genome import Contigs, read_bed
from gantk_dna.files.sequences import read_sequences
from gantk_dna.files.tables import read_table

from gantk.errors import DataError

FASTA = ">one first of all\nACGT\nacgt\n>two\nTTTTGGGG\n"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_codes_and_complements_are_biopythons() -> None:
    for code, letter in enumerate(alphabet.DNA):
        assert set(ambiguous_dna_values[letter]) == {"ACGT"[b] for b in np.flatnonzero(alphabet.SHARES[code])}
        assert alphabet.DNA[alphabet.COMPLEMENT[code]] == str(Seq(letter).complement())


@pytest.mark.parametrize(
    "content",
    [
        FASTA,
        FASTA.replace("\n", "\r\n"),
        FASTA.replace("\n", "\r"),
        "\ufeff# comment\n\n" + FASTA.replace(">two", ";old comment\n\n>two"),
        FASTA.replace("ACGT\nacgt", "AC GT\tac\ngt  \n"),
        FASTA.rstrip("\n"),
    ],
    ids=["unix", "windows", "old mac", "comments and byte order mark", "blanks", "no last line end"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_fasta_in_all_its_spellings(tmp_path: Path, content: str, packed: bool) -> None:
    data = gzip.compress(content.encode()) if packed else content.encode()
    found = read_sequences(put(tmp_path, "some.name", data))  # the name says nothing
    assert [(each.name, each.sequence) for each in found] == [("one", "ACGTacgt"), ("two", "TTTTGGGG")]
    assert found[0].fields["description"] == "first of all"


def test_lines_of_text(tmp_path: Path) -> None:
    found = read_sequences(put(tmp_path, "s.txt", "# promoters\r\nACGT\r\n\r\n TT GG \r\n"))
    assert [(each.sequence, each.line) for each in found] == [("ACGT", 2), ("TTGG", 4)]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_tables_with_blanks_quotes_and_comments(tmp_path: Path, delimiter: str) -> None:
    text = '# made by hand\nlabel, Sequence ,score\nEI,  ACGT ,1\n"E, I; x", TTGG,2\n\n'
    text = text.replace(",", delimiter).replace('"E' + delimiter, '"E,')
    found = read_table(put(tmp_path, "t.csv", text), columns=["label"])
    assert [(each.sequence, each.fields["label"]) for each in found] == [
        ("ACGT", "EI"),
        ("TTGG", found[1].fields["label"]),
    ]
    assert found[1].fields["label"].startswith("E, I")


Damage = tuple[str, "str | bytes", dict, str]
DAMAGED: dict[str, Damage] = {
    "empty": ("a.fa", "", {}, "holds no sequences"),
    "only comments": ("a.fa", "# nothing\n\n", {}, "holds no sequences"),
    "truncated gzip": ("a.fa.gz", gzip.compress(FASTA.encode() * 99)[:-20], {}, "damaged gzip"),
    "gzip with rubbish behind": ("a.fa.gz", gzip.compress(FASTA.encode()) + b"rubbish", {}, "damaged gzip"),
    "gzip with flipped bits": ("a.gz", gzip.compress(FASTA.encode())[:15] + b"\xff" * 40, {}, "damaged gzip"),
    "other compression": ("a.fa", bz2.compress(FASTA.encode()), {}, "compressed with bzip2"),
    "binary junk": ("a.fa", bytes(range(256)) * 4, {}, "not UTF-8|binary data"),
    "zero bytes": ("a.fa", ">a\nAC\0GT\n", {}, "line 2: binary data"),
    "latin-1": ("a.txt", b"ACGT\nAC\xe9T\n", {}, "line 2: byte 0xe9 is not UTF-8"),
    "UTF-16": ("a.txt", "ACGT\n".encode("utf-16"), {}, "not UTF-8"),
    "empty record": ("a.fa", ">a\n>b\nACGT\n", {}, "line 1: record 'a' has no sequence"),
    "empty last record": ("a.fa", ">a\nACGT\n>b\n", {}, "line 3: record 'b' has no sequence"),
    "wrong letter": ("a.fa", ">a\nACGT\n>b\nAC-T\n", {}, "line 3, record 'b', position 3: '-' is not a letter"),
    "not even a letter": ("a.txt", "ACGT\nAĀ€T\n", {}, "line 2, record 'line 2', position 2: 'Ā'"),
    "RNA as DNA": ("a.txt", "ACGU\n", {}, "for RNA say data.alphabet=rna"),
    "DNA as RNA": ("a.txt", "ACGT\n", {"alphabet": "rna"}, "for DNA say data.alphabet=dna"),
    "ambiguity code": ("a.txt", "ACGT\nACNT\n", {}, "line 2, record 'line 2', position 3: ambiguity code N"),
    "ragged": ("a.txt", "ACGT\nACGTA\nACGT\n", {}, "line 2: record 'line 2' has 5 letters, not 4"),
    "nothing left": ("a.txt", "ACGT\n", {"length": 9, "other_lengths": "drop"}, "none of 1 sequences is left"),
    "wrong column": ("a.csv", "seq,label\nACGT,x\n", {"label": "lable"}, "no column 'lable'; did you mean 'label'"),
    "no sequence column": ("a.csv", "bases,label\nACGT,x\n", {}, "no column is called sequence"),
    "two columns of a name": ("a.csv", "seq,seq\nACGT,ACGT\n", {}, "two columns are called 'seq'"),
    "heading only": ("a.tsv", "seq\tlabel\n", {}, "no rows"),
    "empty table": ("a.tsv", "", {}, "is empty"),
    "short row": ("a.csv", "seq,label\nACGT,x\nACGT\n", {}, "line 3: 1 fields, but the heading has 2"),
    "open quote": ("a.csv", 'seq,label\n"ACGT,x\n', {}, "line 2: unexpected end of data"),
    "empty field": ("a.csv", "seq,label\n,x\n", {}, "line 2: the field 'seq' is empty"),
    "empty label": ("a.csv", "seq,label\nACGT,\n", {"label": "label"}, "line 2: the field 'label' is empty"),
    "score that is none": ("a.csv", "seq,s\nACGT,high\n", {"score": "s"}, "line 2: 's' is 'high', not a number"),
    "infinite score": ("a.csv", "seq,s\nACGT,inf\n", {"score": "s"}, "line 2: 's' is 'inf'"),
    "negative count": ("a.csv", "seq,a,b\nACGT,1,-1\n", {"score": ["a", "b"]}, "line 2: 'b' is '-1'"),
    "no score at all": ("a.csv", "seq,s\nACGT,NA\n", {"score": "s"}, "no training sequence has a score"),
    "columns of a text": ("a.txt", "ACGT\n", {"label": "label"}, "has no columns to find label in"),
    "wrong marks": ("a.csv", "seq,m\nACGT,0120\n", {"annotation": "m"}, "line 2: 'm' must be a 0 or 1"),
    "unknown side": ("a.csv", "seq,m\nACGT,x\n", {"split_by": "given", "split_column": "m"}, "line 2: 'm' is 'x'"),
    "one group": ("a.csv", "seq,m\nACGT,x\n", {"split_by": "group", "split_column": "m"}, "needs 3 of them"),
    "no group column": ("a.csv", "seq\nACGT\n", {"split_by": "group"}, "needs a column"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_damaged_sequences_get_one_clear_message(tmp_path: Path, damage: Damage) -> None:
    name, content, options, message = damage
    path = put(tmp_path, name, content)
    with pytest.raises(DataError, match=message) as caught:
        Sequences("train", path=path, **options)
    assert str(path) in str(caught.value) or "data." in str(caught.value)


@pytest.mark.parametrize("give", [lambda folder: folder, lambda folder: folder / "none.fa"], ids=["folder", "missing"])
def test_what_is_no_file(tmp_path: Path, give: Callable[[Path], Path]) -> None:
    with pytest.raises(DataError, match=r"data\.path=.*FILE"):
        Sequences("train", path=give(tmp_path))


BED = {
    "out of range": ("one\t6\t9\n", "line 1: 6 to 9 is not in one, which has 8 letters"),
    "backwards": ("# x\none\t5\t3\n", "line 2: 5 to 3 is not in"),
    "unknown contig": ("three\t0\t4\n", "line 1: there is no contig 'three' in the genome; it has one, two"),
    "two columns": ("one\t0\n", "line 1: not an interval"),
    "words": ("one start end\n", "line 1: not an interval"),
    "strand": ("one\t0\t4\tx\t0\t?\n", "strand '\\?'"),
    "empty": ("track name=x\n", "holds no intervals"),
    "binary": ("one\t0\t4\0\n", "binary data"),
}


@pytest.mark.parametrize("damage", BED.values(), ids=BED)
def test_damaged_intervals(tmp_path: Path, damage: tuple[str, str]) -> None:
    genome = put(tmp_path, "g.fa", FASTA)
    with pytest.raises(DataError, match=damage[1]):
        Genome("train", path=genome, length=4, bed=put(tmp_path, "b.bed", damage[0]))


GENOMES = {
    "two contigs of a name": (">a\nACGT\n>a\nACGT\n", {}, "a second contig|[Dd]uplicate"),
    "no FASTA": ("ACGT\nACGT\n", {}, "not a FASTA file|cannot be indexed"),
    "wrong letter": (">a\nACGTACGT\n>b\nACXTACGT\n", {}, "'X' is not a letter"),
    "too short": (">a\nACG\n", {}, "no contig is as long"),
    "no such contig": (">a\nACGT\n", {"contigs": ["chr1"]}, "no contig 'chr1'; there are a"),
    "only N": (">a\nNNNNNNNN\n", {}, "all 2 windows hold ambiguity codes"),
    "by one contig": (">a\nACGTTGCA\n", {"split_by": "contig"}, "there is only 1"),
    "ragged lines": (">a\nACGTACGT\nAC\nACGTACGT\n>b\nACGT\n", {"contigs": ["b"]}, "needs 3|cannot be"),
    "binary": (b">a\nAC\xff\xfeACGT\n", {}, "not UTF-8|cannot be|no letter"),
}  # fmt: skip


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("damage", GENOMES.values(), ids=GENOMES)
def test_damaged_genomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: tuple[str | bytes, dict, str], indexed: bool
) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(contigs, "READ_WHOLE", 0 if indexed else 10**9)
    with pytest.raises(DataError, match=damage[2]):
        Genome("train", path=put(tmp_path, "g.fa", damage[0]), **{"length": 4, **damage[1]})


def test_an_index_is_kept_in_the_cache_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(contigs, "READ_WHOLE", 0)
    folder = tmp_path / "data"
    folder.mkdir()
    path = put(folder, "g.fa", FASTA)
    folder.chmod(0o555)
    try:
        indexed = Contigs(path, "dna")
        monkeypatch.setattr(contigs, "READ_WHOLE", 10**9)
        whole = Contigs(path, "dna")
        assert indexed.lengths == whole.lengths == {"one": 8, "two": 8}
        for name in indexed.lengths:
            assert (indexed.codes(name) == whole.codes(name)).all()
            assert (indexed.codes(name, 2, 5) == whole.codes(name)[2:5]).all()
        assert [each.name for each in folder.iterdir()] == ["g.fa"]
        assert len(list((tmp_path / "cache" / "dna").glob("*.fai"))) == 1
    finally:
        folder.chmod(0o755)
    monkeypatch.setattr(contigs, "READ_WHOLE", 0)
    later = path.stat().st_mtime + 10
    path.write_text(">other\nACGT\n")
    os.utime(path, (later, later))
    assert Contigs(path, "dna").lengths == {"other": 4}


def test_bed_with_headings_and_six_columns(tmp_path: Path) -> None:
    text = "track name=peaks\n#c\none\t1\t5\tpeak\t7.5\t-\r\ntwo 0 8\n"
    found = read_bed(put(tmp_path, "b.bed", text), {"one": 8, "two": 8})
    assert [(each.contig, each.start, each.end, each.score, each.strand) for each in found] == [
        ("one", 1, 5, 7.5, "-"),
        ("two", 0, 8, 0.0, "+"),
    ]
