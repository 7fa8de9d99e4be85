"""Design: constraints against plain Python, each search against what it must reach, and the command from end to end."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import decode, encode, one_hot, sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.design.constraints import Constraints, Rules
from gantk_dna.design.design import DesignBlocks
from gantk_dna.design.search import Search, activation, climb, feedback, joint, prior_penalty, scores_of
from gantk_dna.losses import Regression
from gantk_dna.metrics.prediction import agreement
from gantk_dna.nets.predictor import Predictor
from gantk_dna.objectives import Command, Predicted, Pwm
from torch import Tensor, nn

import gantk
from gantk.cli import run_command_line
from gantk.errors import DataError, DoesNotFit, RecipeError
from gantk.recipe.recipe import load, load_as
from gantk.sampling import draw
from gantk.training.state import State

IUPAC = {"N": "[ACGT]", "R": "[AG]", "Y": "[CT]", "W": "[AT]", "S": "[CG]"}
PWM = ">X1 box\n" + "\n".join(
    f"{base} [ {' '.join('40' if letter == base else '1' for letter in 'TATAAT')} ]" for base in "ACGT"
)


def random_codes(n: int, length: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)


def count_of_a(samples: Tensor) -> Tensor:
    return samples[:, 0].sum(1)


@pytest.fixture
def pwm_file(tmp_path: Path) -> Path:
    path = tmp_path / "box.jaspar"
    path.write_text(PWM + "\n")
    return path


# Constraints


def plain_violations(text: str, given: Constraints) -> bool:
    """Whether a sequence breaks a constraint, in plain Python."""
    words = given.forbidden + [word[::-1].translate(str.maketrans("ACGTRY", "TGCAYR")) for word in given.forbidden]
    patterns = ["".join(IUPAC.get(letter, letter) for letter in word) for word in words]
    share = sum(letter in "GC" for letter in text) / len(text)
    run = max(len(each[0]) for each in re.finditer(r"(.)\1*", text))
    fixed = "".join(IUPAC.get(letter, letter) for letter in given.fixed or "N" * len(text))
    return (
        not re.fullmatch(fixed, text)
        or (given.gc is not None and not given.gc[0] - 1e-9 <= share <= given.gc[1] + 1e-9)
        or any(re.search(pattern, text) for pattern in patterns)
        or (given.homopolymer is not None and run > given.homopolymer)
    )


@pytest.mark.parametrize(
    "given",
    [
        Constraints(),
        Constraints(gc=(0.4, 0.6)),
        Constraints(forbidden=["GAATTC", "GGR", "TTA"]),
        Constraints(homopolymer=2),
        Constraints(fixed="N" * 10 + "ARYN" + "N" * 10),
        Constraints(gc=(0.3, 0.7), forbidden=["CWG"], homopolymer=3, fixed="ACGT" + "N" * 20),
    ],
)
def test_violations_are_those_of_plain_python_and_can_be_repaired(given: Constraints) -> None:
    rules, codes = Rules(given, 24), random_codes(400)
    broken = [plain_violations(text, given) for text in decode(codes)]
    assert (rules.violations(codes) > 0).tolist() == broken
    rng = np.random.default_rng(0)
    mended = rules.repair(codes, lambda each: scores_of(each, count_of_a), rng)
    assert not rules.violations(mended).any()
    assert not any(plain_violations(text, given) for text in decode(mended))
    assert (mended[~np.array(broken)] == codes[~np.array(broken)]).all()
    drawn = rules.random(50, np.array([0.4, 0.1, 0.1, 0.4]), rng)
    assert rules.allowed[drawn, np.arange(24)].all()
    changed = rules.mutants(mended, rng)
    assert ((changed != mended).sum(1) == 1).all() and rules.allowed[changed, np.arange(24)].all()


def test_what_is_imposed_keeps_only_allowed_letters_and_their_gradients() -> None:
    rules = Rules(Constraints(fixed="ANRN"), 4)
    soft = torch.rand(3, 4, 4).softmax(1).requires_grad_()
    imposed = rules.impose(soft)
    assert (imposed.sum(1) - 1).abs().max() < 1e-6
    assert (imposed[:, 1:, 0] == 0).all() and (imposed[:, [1, 3], 2] == 0).all()
    assert (imposed[:, :, 1] - soft[:, :, 1]).abs().max() < 1e-6
    hard = rules.impose(one_hot(torch.from_numpy(np.stack([encode("TACG")]))))
    assert hard[0, :, 0].tolist() == [1, 0, 0, 0] and hard[0, :, 2].tolist() == [0.5, 0, 0.5, 0]
    imposed[:, 0, 1].sum().backward()
    assert soft.grad is not None and soft.grad[:, 0, 1].abs().min() > 0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (Constraints(fixed="ACGT"), DoesNotFit),
        (Constraints(fixed="N" * 23 + "Z"), RecipeError),
        (Constraints(forbidden=["GA-TC"]), RecipeError),
        (Constraints(forbidden=[""]), RecipeError),
        (Constraints(gc=(0.7, 0.3)), RecipeError),
        (Constraints(forbidden=["N"]), RecipeError),
        (Constraints(fixed="N" * 10 + "GAATTC" + "N" * 8, forbidden=["GAATTC"]), RecipeError),
        (Constraints(fixed="N" * 18 + "AAAAAA", homopolymer=4), RecipeError),
        (Constraints(fixed="S" * 20 + "N" * 4, gc=(0.2, 0.6)), RecipeError),
        (Constraints(gc=(1.0, 1.0), forbidden=["SSS"]), RecipeError),
        (Constraints(gc=(0.02, 0.03)), RecipeError),
    ],
)
def test_wrong_constraints_are_refused(given: Constraints, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"constraints\."):
        Rules(given, 24)


@pytest.mark.parametrize("seed", range(20))
def test_contradictions_are_those_that_trying_every_sequence_finds(seed: int) -> None:
    rng, length = np.random.default_rng(seed), 5
    words = ["".join(rng.choice(list("ACGTRYN"), rng.integers(1, 4))) for _ in range(rng.integers(0, 4))]
    given = Constraints(
        fixed="".join(rng.choice(list("ACGTRYN"), length, p=[0.1] * 6 + [0.4])),
        gc=(float(rng.choice([0.0, 0.3, 0.5])), float(rng.choice([0.5, 0.7]))),
        forbidden=[word for word in words if set(word) != {"N"}],
        homopolymer=int(rng.integers(1, 4)),
    )
    every = np.stack(np.meshgrid(*[np.arange(4, dtype=np.uint8)] * length), -1).reshape(-1, length)
    possible = any(not plain_violations(text, given) for text in decode(every))
    try:
        rules = Rules(given, length)
    except RecipeError as error:
        assert not possible and "constraints." in str(error)
    else:
        assert possible and not rules.violations(every).all()


def test_designs_that_break_constraints_are_left_out_and_said(folder: Path, capsys) -> None:
    few = ["search.candidates=6", "search.designs=6", "search.steps=1", "--json"]
    arguments = ["constraints={fixed: TTTTTTTTTTTTTTTTTTTTTTTN}", *few]
    code, out, err = call("design", "design.yaml", *arguments, "-o", "few.fa", capsys=capsys)
    made = json.loads(out)["sets"]["designs"]
    assert code == 0 and made["meet_constraints"] == 1.0
    assert made["n"] <= 4 and f"{made['n']} designs instead of 6" in err
    arguments = ["constraints={fixed: ACGTNNNNNNNNNNNNNNNNNNNN, forbidden: [ACGT]}", *few]
    code, out, err = call("design", "design.yaml", *arguments, "-o", "none.fa", capsys=capsys)
    assert code == 1 and "constraints.fixed and constraints.forbidden contradict each other" in err
    assert not Path("none.fa").exists()


# Objectives


def test_pwm_scores_equal_plain_python(pwm_file: Path) -> None:
    codes = random_codes(20)
    pwm = Pwm(sequence_spec(24), file=pwm_file)
    table = pwm.log_odds[0] / 1000
    expected = []
    for text in decode(codes):
        other = text[::-1].translate(str.maketrans("ACGT", "TGCA"))
        windows = [strand[at : at + 6] for strand in (text, other) for at in range(19)]
        expected.append(max(sum(table["ACGT".index(a), k] for k, a in enumerate(window)) for window in windows))
    assert scores_of(codes, pwm) == pytest.approx(expected, abs=1e-4)
    smooth = Pwm(sequence_spec(24), file=pwm_file, soft=0.1)
    assert (scores_of(codes, smooth) >= np.array(expected) - 1e-4).all()
    with pytest.raises(DoesNotFit, match="6 letters"):
        Pwm(sequence_spec(5), file=pwm_file)


COUNT = "import sys\nfor line in sys.stdin:\n    if line[0] != '>':\n        print('x', line.count('A'))\n"


def test_an_external_program_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_ALLOW_PROGRAMS", "1")
    program = tmp_path / "score.py"
    program.write_text(COUNT)
    codes, spec = random_codes(7), sequence_spec(24)
    command = Command(spec, run=[sys.executable, str(program)])
    assert not command.differentiable
    assert scores_of(codes, command).tolist() == [text.count("A") for text in decode(codes)]
    for text, words in (
        ("raise SystemExit('broken')", "broken"),
        ("print(1)", "1 finite or other numbers for 7"),
        ("print('many')", "not a number"),
        ("import time; time.sleep(9)", "more than 0.2 s"),
    ):
        program.write_text(text)
        timeout = 0.2 if "sleep" in text else 60
        with pytest.raises(DataError, match=words):
            scores_of(codes, Command(spec, run=[sys.executable, str(program)], timeout=timeout))
    with pytest.raises(DataError, match="cannot be run"):
        scores_of(codes, Command(spec, run=[str(tmp_path / "nowhere")]))


def scored_data(n: int, seed: int) -> OneHot:
    codes = torch.from_numpy(random_codes(n, seed=seed))
    return OneHot(sequence_spec(24), codes, truth={"score": (codes == 0).sum(1).float()})


@pytest.mark.parametrize("kind", ["squared", "ordinal"])
def test_a_predictor_learns_scores_by_the_loop_of_gantk(kind: str) -> None:
    data, spec = scored_data(600, 1), sequence_spec(24)
    torch.manual_seed(0)
    net = Predictor(spec, width=16, kernel=3, hidden=16)
    found = Predicted(spec, data, 0, net=net, loss=kind, steps=150, batch=64, lr=5e-3)  # type: ignore[arg-type]
    assert found.quality(scored_data(200, 2))["spearman"] > 0.7
    data.truth = {}
    with pytest.raises(DoesNotFit, match=r"data\.score"):
        agreement(net, data)


# Searches


class Linear(nn.Module):
    """A generator that is a random linear map and a softmax."""

    latent_shape = (6,)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.map = nn.Linear(6, 4 * 24)

    def forward(self, latent: Tensor) -> Tensor:
        return (5 * self.map(latent)).reshape(-1, 4, 24).softmax(1)


FREE = Rules(Constraints(), 24)


def test_activation_maximisation_finds_the_best_letters() -> None:
    settings = Search(candidates=6, steps=60, lr=0.3)
    found = activation(count_of_a, FREE, sequence_spec(24), settings, torch.Generator().manual_seed(0))
    assert found.codes.tolist() == [[0] * 24] * 6
    assert found.soft == pytest.approx(24, abs=0.1) and found.scored == 6 * 60 + 6
    held = Rules(Constraints(fixed="TT" + "N" * 20 + "YY"), 24)
    found = activation(count_of_a, held, sequence_spec(24), settings, torch.Generator().manual_seed(0))
    assert all(re.fullmatch("TTA{20}[CT][CT]", text) for text in decode(found.codes))


def test_the_joint_method_rises_in_the_latents() -> None:
    generator, rng = Linear(), torch.Generator().manual_seed(0)
    before = count_of_a(generator(torch.randn(40, 6, generator=rng))).mean()
    settings = Search(candidates=40, steps=60, lr=0.1, prior=1.0)
    found = joint(count_of_a, FREE, generator, settings, torch.Generator().manual_seed(0))
    assert found.soft.mean() > before + 3
    assert found.latent_norms is not None and np.abs(found.latent_norms - 1).max() < 1.5
    assert all(parameter.requires_grad for parameter in generator.parameters())


def test_the_prior_draws_latents_to_where_they_are_trained_and_not_away() -> None:
    settings, nothing = Search(candidates=30, steps=150, lr=0.05, prior=1.0), lambda samples: 0 * samples.sum((1, 2))
    found = joint(nothing, FREE, Linear(), settings, torch.Generator().manual_seed(0))
    assert found.latent_norms == pytest.approx(np.ones(30), abs=0.02)
    latent = torch.randn(5, 400) * torch.tensor([0.1, 0.5, 1.0, 2.0, 9.0])[:, None]
    latent.requires_grad_()
    prior_penalty(latent, 1.0).sum().backward()
    assert latent.grad is not None
    inwards = (latent.grad * latent).sum(1)  # a step against the gradient shortens where this is positive
    assert (inwards[:2] < 0).all() and (inwards[3:] > 0).all()
    lengths = torch.randn(2000, 400)
    assert prior_penalty(lengths, 1.0).mean() < 0.5  # typical latents cost next to nothing


def test_hill_climbing_rises_and_keeps_the_rules() -> None:
    rules = Rules(Constraints(homopolymer=2), 24)
    start = rules.repair(random_codes(8), lambda each: np.zeros(len(each)), np.random.default_rng(0))
    climbed = climb(start, count_of_a, rules, 8 * 200, np.random.default_rng(0), 4)
    assert not rules.violations(climbed).any()
    before, after = scores_of(start, count_of_a), scores_of(climbed, count_of_a)
    assert (after >= before).all() and after.mean() > before.mean() + 5


def test_feedback_moves_the_generator_towards_its_best() -> None:
    from gantk_basics.losses.gan import Gan
    from gantk_dna.nets.pooled import PooledCritic
    from gantk_dna.nets.residual import ResidualGenerator

    spec = sequence_spec(24)
    torch.manual_seed(0)
    generator, critic = ResidualGenerator(spec, latent=16, noise=4, width=16, blocks=1), PooledCritic(spec, width=16)
    optimizers = [torch.optim.Adam(net.parameters(), lr=3e-3, betas=(0.0, 0.9)) for net in (generator, critic)]
    state = State(generator, critic, Gan(), None, *optimizers)
    settings = Search(method="feedback", rounds=10, round_steps=12, pool=150, candidates=30, window=150, keep=0.2)
    rules = Rules(Constraints(gc=(0.2, 0.8)), 24)
    before = count_of_a(draw(generator, spec, 200, seed=9).samples).mean()
    found = feedback(count_of_a, rules, state, random_codes(400), spec, settings, 32, 0)
    assert count_of_a(draw(generator, spec, 200, seed=9).samples).mean() > before + 1
    assert len(found.codes) == 30 == len(np.unique(found.codes, axis=0))
    assert not rules.violations(found.codes).any()
    assert state.step == 120 and found.soft.mean() > before + 4


# The command


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run_command_line(list(arguments))
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


RECIPE = """\
about: sequences with many A, told by a predictor
seed: 1
data: {use: dna/sequences, path: scored.csv, score: number}
objectives:
  - {use: dna/predicted, net: {use: dna/predictor, width: 12, kernel: 3, hidden: 12}, steps: 80, batch: 64, lr: 5e-3}
search: {method: activation, designs: 8, candidates: 16, steps: 30, lr: 0.3}
constraints: {gc: [0.2, 0.6], homopolymer: 4, fixed: TTNNNNNNNNNNNNNNNNNNNNNN}
"""

GAN = """\
data: {use: dna/sequences, path: scored.csv, score: number}
generator: {use: dna/residual, latent: 8, noise: 2, width: 8, blocks: 1}
critic: {use: dna/pooled, width: 8}
loss: {use: basics/gan}
train: {steps: 5, batch: 16}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = decode(random_codes(500))
    rows = "".join(f"{text},{text.count('A')}\n" for text in texts)
    Path("scored.csv").write_text("sequence,number\n" + rows)
    Path("design.yaml").write_text(RECIPE)
    Path("gan.yaml").write_text(GAN)
    return tmp_path


def test_design_from_end_to_end(folder: Path, capsys) -> None:
    code, out, err = call("design", "design.yaml", "-o", "out.fa", "--json", capsys=capsys)
    assert code == 0, err
    document = json.loads(out)
    sets = document["sets"]
    mutants = ["single mutants", "double mutants"]
    climbs = ["hill climb", "hill climb, from known", "hill climb, from random"]
    assert list(sets) == ["designs", "known, best", "known, best scores", "random, best", *mutants, *climbs]
    assert sets["designs"]["meet_constraints"] == sets["designs"]["distinct"] == 1.0
    assert sets["designs"]["score"] > sets["random, best"]["score"] - 1
    assert document["predictors"]["second predictor 0.spearman"] > 0.3
    assert document["best_measured"] == max(text.count("A") for text in decode(random_codes(500)))
    lines = Path("out.fa").read_text().splitlines()
    assert len(lines) == 16 and all(line.startswith("TT") for line in lines[1::2])
    for word in ("model=", "latent_index=", "score=", "second=", "soft=", "nearest=row_", "distance="):
        assert word in lines[0]
    assert call("design", "design.yaml", "-o", "out.fa", capsys=capsys)[0] == 2  # never overwrites unasked
    code, again, _ = call("design", "design.yaml", "-o", "again.fa", capsys=capsys)
    assert code == 0 and Path("again.fa").read_text() == Path("out.fa").read_text()
    assert "above best score" in again and "hill climb" in again


@pytest.mark.parametrize("method", ["joint", "feedback"])
def test_methods_that_need_a_gan(folder: Path, capsys, method: str) -> None:
    few = ["search.steps=5", "search.rounds=2", "search.round_steps=2", "search.pool=40", "objectives.0.steps=5"]
    source = "gan.yaml" if method == "joint" else str(gantk.run("gan.yaml", out="gan").path)
    arguments = ["design", "design.yaml", f"search.method={method}", f"generator={source}", *few]
    code, out, err = call(*arguments, "-o", "out.csv", "--json", capsys=capsys)
    assert code == 0, err
    found = json.loads(out)["sets"]["designs"]
    assert found["meet_constraints"] == 1.0
    assert (
        found["plausibility"] is None and "the column 'plausible' is left out" in err
    )  # after 5 steps it knows nothing
    assert (found["latent_norm"] is None) == (method == "feedback")
    assert "generator, not optimised" in out
    assert Path("out.csv").read_text().startswith("name,sequence,")


@pytest.mark.parametrize(
    ("overrides", "code", "words"),
    [
        (["search.method=joint"], 1, "needs a generator"),
        (["search.metod=joint"], 1, "did you mean 'method'"),
        (["objectives=[]"], 1, "one at least"),
        (["objectives.0.use=dna/pwn"], 1, "dna/pwm"),
        (["objectives=[{use: dna/command, run: [score]}]"], 2, "GANTK_ALLOW_PROGRAMS=1"),
        (["data.path=nowhere.csv"], 2, "nowhere.csv"),
        (["constraints.fixed=ACGT"], 1, "constraints.fixed has 4 letters"),
        (["generator=nowhere"], 2, "nowhere"),
    ],
)
def test_mistakes(folder: Path, capsys, overrides: list[str], code: int, words: str) -> None:
    found, _, err = call("design", "design.yaml", *overrides, "-o", "out.fa", capsys=capsys)
    assert (found, words in err) == (code, True), err
    assert not Path("out.fa").exists() and not [*Path().glob("runs/*/search-*")]


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("designs.gb", "designs.gb: no installed format"),
        ("designs.ome.tif", "OME-TIFF takes images"),
        ("nowhere/designs.fa", "nowhere is not a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_search(folder: Path, capsys, out: str, words: str) -> None:
    code, _, err = call("design", "design.yaml", "-o", out, capsys=capsys)
    assert code in (1, 2) and words in err, err
    assert "learning" not in err and "searching" not in err
    assert not Path(out).exists() and not Path("runs").exists()


def test_low_of_one_and_near_a_value_of_another(folder: Path, capsys, pwm_file: Path) -> None:
    entry = f"{{use: dna/pwm, file: {pwm_file}, goal: %s}}"
    for goal, expected in (("min", lambda each: each < 2), ("5", lambda each: abs(each + 0) < 2)):
        arguments = [f"objectives=[{entry % goal}]", "search.steps=40", "constraints={}"]
        code, out, err = call("design", "design.yaml", *arguments, "--json", capsys=capsys)
        assert code == 0, err
        assert json.loads(out)["model"] is None and "model=" not in Path(json.loads(out)["out"]).read_text()
        words = (Path(json.loads(out)["folder"]) / "designs.fa").read_text().split()
        scores = [float(word[6:]) for word in words if word.startswith("score=")]
        assert all(expected(-score) for score in scores), (goal, scores)


def test_a_run_that_trains_a_predictor_alone(folder: Path) -> None:
    Path("predictor.yaml").write_text(
        "data: {use: dna/sequences, path: scored.csv, score: number}\n"
        "critic: {use: dna/predictor, width: 12, kernel: 3, hidden: 12}\n"
        "loss: {use: dna/regression}\n"
        "train: {steps: 120, batch: 64}\n"
        "play: {critic_optimizer: {use: basics/adam, lr: 5e-3}}\n"
        "evaluate: [{use: dna/prediction}]\n"
    )
    run = gantk.run("predictor.yaml", out="predictor")
    assert run.evaluation["prediction"]["spearman"].value > 0.5


def test_regression_has_a_default_optimizer() -> None:
    assert Regression.play_defaults()["critic_optimizer"]


@pytest.mark.parametrize("name", ["dna/design_lac", "dna/design_motif", "dna/design_pbm"])
def test_shipped_design_recipes_are_without_mistakes(name: str) -> None:
    values = load_as(DesignBlocks, name)
    assert len(values["about"]) > 10
    assert load(values["generator"]).values["data"]["use"] == values["data"]["use"]
