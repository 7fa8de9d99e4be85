"""Readers: what is accepted in all its spellings, and damaged input, each with one clear message."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from Bio import SeqIO
from Bio.Data.IUPACData import ambiguous_dna_values
from Bio.Seq import Seq
from gantk_dna import alphabet
from gantk_dna.data.genome import Genome
from gantk_dna.data.sequences import Sequences
from gantk_dna.files.genome import Contigs, read_bed
from gantk_dna.files.sequences import read_sequences
from gantk_dna.files.tables import read_table
from hypothesis import given, settings
from hypothesis import strategies as st

from gantk.errors import DataError

FASTA = ">one first of all\nACGT\nacgt\n>two\nTTTTGGGG\n"


GENBANK = (
    "LOCUS       one                      8 bp    DNA     linear   UNK 01-JAN-1980\n"
    "DEFINITION  first of all.\nORIGIN\n        1 acgtacgt\n//\n"
)


def twobit(sequences: dict[str, str], order: str = "<") -> bytes:
    """A 2bit file of these sequences, N included, as UCSC describes it."""
    index, bodies, at = b"", b"", 16 + sum(len(name) + 5 for name in sequences)
    for name, text in sequences.items():
        runs = [match.span() for match in re.finditer("N+", text)]
        starts, sizes = [start for start, _ in runs], [end - start for start, end in runs]
        codes = ["TCAG".index(letter) for letter in text.replace("N", "T")] + [0] * (-len(text) % 4)
        packed = bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in zip(*[iter(codes)] * 4, strict=True))
        numbers = [len(text), len(runs), *starts, *sizes, 1, 0, 2, 0]  # one masked block, which is passed over
        index += bytes([len(name)]) + name.encode() + struct.pack(f"{order}I", at + len(bodies))
        bodies += struct.pack(f"{order}{len(numbers)}I", *numbers) + packed
    return struct.pack(f"{order}4I", 0x1A412743, 0, len(sequences), 0) + index + bodies


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
        FASTA.replace("one ", "one\t"),
        FASTA.replace(">", "  > ").replace("acgt", "ac\u00a0gt"),
    ],
    ids=["unix", "windows", "old mac", "comments and byte order mark", "blanks", "no last line end", "tab", "indented"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_fasta_in_all_its_spellings(tmp_path: Path, content: str, pack: Callable[[bytes], bytes]) -> None:
    data = pack(content.encode())
    found = read_sequences(put(tmp_path, "some.name", data))  # the name says nothing
    assert [(each.name, each.sequence) for each in found] == [("one", "ACGTacgt"), ("two", "TTTTGGGG")]
    assert found[0].fields["description"] == "first of all"


FASTQ = "@one first of all\nACGT\nACGT\n+\nIIII\n@@@@\n@two\nTTTTGGGG\n+two\n@III!!!!\n"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (FASTQ, [1, 7]),
        (GENBANK + GENBANK.replace("one  ", "two  ").replace("acgtacgt", "ttttgggg"), [1, 6]),
        (twobit({"one": "ACGTACGT", "two": "TTTTGGGG"}), [0, 0]),
        (twobit({"one": "ACGTACGT", "two": "TTTTGGGG"}, ">"), [0, 0]),
    ],
    ids=["FASTQ", "GenBank", "2bit", "2bit of other machines"],
)
def test_other_formats_are_told_by_how_they_begin(tmp_path: Path, content: str | bytes, lines: list[int]) -> None:
    found = read_sequences(put(tmp_path, "some.name", content))
    assert [(each.name, each.sequence.upper()) for each in found] == [("one", "ACGTACGT"), ("two", "TTTTGGGG")]
    assert [each.line for each in found] == lines
    if not isinstance(content, bytes):
        assert found[0].fields["description"].startswith("first of all")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("ACGTN", min_size=1, max_size=40), min_size=1, max_size=4))
def test_2bit_is_read_as_biopython_reads_it(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("twobit") / "a.2bit"
    path.write_bytes(twobit({f"s{number}": text for number, text in enumerate(texts)}))
    assert [each.sequence for each in read_sequences(path)] == texts
    with path.open("rb") as file:
        assert [str(each.seq).upper() for each in SeqIO.parse(file, "twobit")] == texts


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.integers(0, 255))
def test_a_changed_2bit_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    content = bytearray(twobit({"one": "ACGTN" * 30, "two": "NACGT" * 9}))
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("twobit") / "a.2bit"
    path.write_bytes(content)
    try:
        read_sequences(path)
    except DataError as error:
        assert "2bit" in str(error) or str(path) in str(error)


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
    "truncated bzip2": ("a.fa", bz2.compress(FASTA.encode() * 99)[:-20], {}, "damaged bzip2"),
    "truncated xz": ("a.fa", lzma.compress(FASTA.encode() * 99)[:-20], {}, "damaged xz"),
    "bzip2 with rubbish behind": ("a.fa", bz2.compress(FASTA.encode()) + b"rubbish", {}, "damaged bzip2"),
    "other compression": ("a.fa", b"\x28\xb5\x2f\xfd rest", {}, "compressed with zstd"),
    "binary junk": ("a.fa", bytes(range(256)) * 4, {}, "not UTF-8|binary data"),
    "zero bytes": ("a.fa", ">a\nAC\0GT\n", {}, "line 2: binary data"),
    "latin-1": ("a.txt", b"ACGT\nAC\xe9T\n", {}, "line 2: byte 0xe9 is not UTF-8"),
    "UTF-16": ("a.txt", "ACGT\n".encode("utf-16"), {}, "not UTF-8"),
    "empty record": ("a.fa", ">a\n>b\nACGT\n", {}, "line 1: record 'a' has no sequence"),
    "empty last record": ("a.fa", ">a\nACGT\n>b\n", {}, "line 3: record 'b' has no sequence"),
    "wrong letter": ("a.fa", ">a\nACGT\n>b\nAC-T\n", {}, "line 3, record 'b', position 3: '-' is no letter"),
    "not even a letter": ("a.txt", "ACGT\nAĀ€T\n", {}, "line 2, record 'line 2', position 2: 'Ā'"),
    "cut FASTQ": ("a.fq", "@a\nACGT\n+\nIIII\n@b\nAC\n", {}, "record from line 5: damaged FASTQ"),
    "cut GenBank": ("a.gb", GENBANK.replace("8 bp", "9 bp"), {}, "damaged GenBank file: Expected sequence length 9"),
    "cut 2bit": ("a.2bit", twobit({"one": "ACGT" * 9})[:-1], {}, "damaged 2bit file .it ends too early"),
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
    "no score at all": ("a.csv", "seq,s\nACGT,NA\n", {"score": "s"}, "no sequence has a score in s"),
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
    "out of range": ("one\t6\t9\n", "line 1: 6 to 9 is no part of one, which has 8 letters"),
    "backwards": ("# x\none\t5\t3\n", "line 2: 5 to 3 is no part"),
    "unknown contig": ("three\t0\t4\n", "line 1: there is no contig 'three' in the genome; it has one, two"),
    "two columns": ("one\t0\n", "line 1: not an interval"),
    "words": ("one x1 y2\n", "line 1: not an interval"),
    "two headings": ("chrom start end\nchrom start end\n", "line 2: not an interval"),
    "only a heading": ("chrom start end\n", "holds no intervals"),
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
    "two contigs of a name": (">a\nACGT\n>a x\nACGT\n", {}, "line 3: a second contig is called 'a'"),
    "no FASTA": ("ACGT\nACGT\n", {}, "not a FASTA file"),
    "reads": ("@a\nACGT\n+\nIIII\n", {}, "FASTQ say data.use=dna/sequences"),
    "wrong letter": (">a\nACGTACGT\n>b\nACXTACGT\n", {}, "line 3, record 'b', position 3: 'X' is no letter"),
    "T and U": (">a\nACGTACGT\n>b\nACGUACGU\n", {}, "for T and U in one file say data.alphabet=iupac"),
    "too short": (">a\nACG\n", {}, "no contig is as long"),
    "no such contig": (">a\nACGT\n", {"contigs": ["chr1"]}, "no contig 'chr1'; there are a"),
    "only N": (">a\nNNNNNNNN\n", {}, "all 2 windows hold ambiguity codes"),
    "by one contig": (">a\nACGTTGCA\n", {"split_by": "contig"}, "there is only 1"),
    "binary": (b">a\nAC\xff\xfeACGT\n", {}, "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("damage", GENOMES.values(), ids=GENOMES)
def test_damaged_genomes(tmp_path: Path, damage: tuple[str | bytes, dict, str]) -> None:
    with pytest.raises(DataError, match=damage[2]):
        Genome("train", path=put(tmp_path, "g.fa", damage[0]), **{"length": 4, **damage[1]})


def test_contigs_by_position_whatever_the_line_widths(tmp_path: Path) -> None:
    found = Contigs(put(tmp_path, "g.fa", ">one\tfirst\nACG\nTTTTTT\n; comment\nA\n>two\nGGCC\n"), "dna")
    assert found.lengths == {"one": 10, "two": 4}
    assert alphabet.decode(found.codes("one")[None]) == ["ACGTTTTTTA"]
    assert alphabet.decode(found.codes("one", 2, 5)[None]) == ["GTT"]


def test_bed_with_headings_and_six_columns(tmp_path: Path) -> None:
    text = "track name=peaks\n#c\none\t1\t5\tpeak\t7.5\t-\r\ntwo 0 8\n"
    found = read_bed(put(tmp_path, "b.bed", text), {"one": 8, "two": 8})
    assert [(each.contig, each.start, each.end, each.score, each.strand) for each in found] == [
        ("one", 1, 5, 7.5, "-"),
        ("two", 0, 8, 0.0, "+"),
    ]
