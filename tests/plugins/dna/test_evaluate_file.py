"""`gantk evaluate SAMPLES --data …`: any file of samples, beside a recipe or a file of real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import decode

import gantk
from gantk.cli import run_command_line


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run_command_line(list(arguments))
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def fasta(path: Path, n: int, seed: int, length: int = 20) -> str:
    codes = np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)
    path.write_text("".join(f">s{k}\n{text}\n" for k, text in enumerate(decode(codes))))
    return str(path)


FEW = "evaluate=[{use: dna/kmers, samples: 50}, {use: dna/quality, samples: 50, compared_with: 5}]"


def test_a_fasta_beside_a_fasta_by_all_metrics_of_its_plugin(tmp_path: Path, capsys) -> None:
    real, made = fasta(tmp_path / "real.fa", 300, 0), fasta(tmp_path / "made.fa", 80, 1)
    code, out, err = call("evaluate", made, "--data", real, capsys=capsys)
    assert code == 0, err
    for promised in ("not told from real", "not memorised", "diverse", "kmers.js_5", "nearest.ratio", "Markov-3"):
        assert promised in out
    assert "dna/motif_hits" in err  # needs a parameter, and the message says so
    code, again, _ = call("evaluate", made, "--data", real, capsys=capsys)
    assert again == out


def test_chosen_entries_and_json(tmp_path: Path, capsys) -> None:
    real, made = fasta(tmp_path / "real.fa", 100, 0), fasta(tmp_path / "made.fa", 60, 1)
    code, out, err = call("evaluate", made, FEW, "--data", real, "--json", "-q", capsys=capsys)
    assert code == 0, err
    document = json.loads(out)
    assert list(document["values"]) == ["kmers", "quality"]
    assert document["values"]["kmers"]["sequences"]["value"] == 50
    assert (document["samples"], document["data"]) == (made, real)
    bar = "evaluate=[{use: dna/quality, samples: 50, require: {distinct: {'>=': 1.5}}}]"
    assert call("evaluate", made, bar, "--data", real, capsys=capsys)[0] == 1


def test_repeats_of_real_samples_count_once(tmp_path: Path, capsys) -> None:
    real, made = fasta(tmp_path / "real.fa", 40, 0), fasta(tmp_path / "made.fa", 30, 1)
    text = Path(real).read_text()
    Path(real).write_text(text + text)
    code, _, err = call("evaluate", made, FEW, "--data", real, capsys=capsys)
    assert code == 0 and "40 of 80 samples are repeats" in err
    Path(real).write_text(">a\nACGT\n>b\nACGT\n")
    code, _, err = call("evaluate", made, FEW, "--data", real, capsys=capsys)
    assert code == 2 and "1 different" in err


def test_a_sample_file_beside_a_recipe_of_anything(tiny: Path, capsys) -> None:
    run = gantk.run(tiny, {"train.steps": 3, "evaluate": []}, out="trained")
    assert call("sample", str(run.path), "-n", "64", "-o", "ring.h5", capsys=capsys)[0] == 0
    code, out, err = call("evaluate", "ring.h5", "--data", str(tiny), "--json", "-q", capsys=capsys)
    assert code == 0, err
    assert "high_quality" in json.loads(out)["values"]["ring_modes"]
    code, out, err = call("evaluate", "ring.h5", "evaluate.0.samples=20", "--data", str(tiny), capsys=capsys)
    assert code == 0 and "ring.h5" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["made.fa"], 2, "--data"),
        (["nowhere.fa", "--data", "real.fa"], 2, "no such file"),
        (["made.fa", "--data", "nowhere.fa"], 2, "nowhere"),
        (["made.fa", "--data", "broken.fa"], 2, "broken.fa"),
        (["made.xyz", "--data", "real.fa"], 2, "no installed format"),
        (["made.fa", "--data", "real.fa", "train.steps=3"], 1, "unknown key 'train'"),
        (["made.fa", "--data", "real.fa", "evaluate=[{use: dna/kmer}]"], 1, "dna/kmers"),
        (["long.fa", "--data", "real.fa", "evaluate=[{use: dna/c2st}]"], 1, "length"),
        (["long.fa", "--data", "real.fa", "evaluate=[{use: basics/sliced_wasserstein}]"], 1, "cannot compare"),
        (["folder", "--data", "real.fa"], 2, "leave out --data"),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch, capsys, arguments: list[str], code: int, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    fasta(Path("real.fa"), 60, 0)
    fasta(Path("made.fa"), 30, 1)
    fasta(Path("long.fa"), 60, 1, length=25)
    Path("made.xyz").write_text("?")
    Path("broken.fa").write_text(">a\nAC!T\n")
    Path("folder").mkdir()
    found, _, err = call("evaluate", *arguments, capsys=capsys)
    assert (found, words in err) == (code, True), err


def test_metrics_that_do_not_fit_are_left_out_where_nobody_chose_them(tmp_path: Path, capsys) -> None:
    real, made = fasta(tmp_path / "real.fa", 60, 0), fasta(tmp_path / "made.fa", 40, 1, length=25)
    code, out, err = call("evaluate", made, "--data", real, capsys=capsys)
    assert code == 0 and "composition is left out" in err and "kmers.js_1" in out


def test_samples_that_judge_themselves_against_their_like_are_not_told_apart(test_data: Path, tmp_path: Path) -> None:
    """The whole way on real promoters, in Python."""
    from gantk.components.formats import format_for
    from gantk.evaluation.results import build_metrics
    from gantk.evaluation.sample_files import Reference, evaluate_samples, split
    from gantk.recipe.recipe import entries_of

    texts = sorted(set((test_data / "dna" / "ecoli_promoters_50bp.txt").read_text().split()))
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(0)).tolist()
    halves = [order[:2000], order[2000:6000]]
    files = []
    for number, half in enumerate(halves):
        files.append(tmp_path / f"{number}.fa")
        files[-1].write_text("".join(f">s\n{texts[at]}\n" for at in half))
    made, real = (format_for(path).read(path) for path in files)
    entries = build_metrics(
        {"evaluate": entries_of(["evaluate=[{use: dna/composition}, {use: dna/nearest, samples: 100}]"])}
    )
    results = evaluate_samples(made, Reference(entries, split(real, 0, files[1]), 0))
    assert results["composition"]["signal_error"].value < 0.25
    assert set(map(int, results["composition"]["signal_positions"].note.partition(": ")[2].split(", "))) >= {38, 39, 43}
    assert results["nearest"]["ratio"].value == pytest.approx(1.0, abs=0.05)
