"""BioGANs as on Biowulf: every option of its scripts, its example lines, and its tree of links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
from gantk_cells import biogans as scripts
from gantk_cells.commands.biogans import biogans
from gantk_cells.data.lin import Lin
from gantk_cells.data.simulated import simulated_classes
from PIL import Image

from gantk.cli import run_command_line
from gantk.recipe import Recipe, load
from tests.helpers.documents import ROOT

OPTIONS = {
    "train": "-a --gan_algorithm -b --batch_size -c --checkpoints_dir --epochs -e -g --num_gpus --lrD --lrG -m "
    "--network_model -M --monitor_progress --num_D_iters --num_G_iters --ngf --ndf -o --optimizer -p "
    "--polarity_factors -s --seed -w --use_pretrained_weights -z --nz --wgan_clip_value --wgangp_lambda -v --verbose "
    "-d --data",
    "predict": "-b --batch_size -c --checkpoints_dir -d --data -D --debug -e --evaluate --lrD --lrG -m --network_model "
    "--ndf --ngf -o --optimizer -p --polarity_factors -s --seed -v --verbose -w --use_pretrained_weights "
    "--wgan_clip_value --wgangp_lambda -z --nz -i --input_file",
    "visualize": "-i -v",
}
"""Names of the options of train.py, predict.py and visualize.py, from https://hpc.nih.gov/apps/biogans.html."""

PAGE = (ROOT / "docs" / "from-biogans.md").read_text()
NAMES = ("Alp14", "Tea1")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data` as Biowulf lays it out: links to two folders of another place."""
    folder, elsewhere = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("fdb")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTK_CACHE", str(tmp_path_factory.mktemp("cache")))
        for split, count in (("train", 12), ("test", 3)):
            own = elsewhere / f"LIN_Normalized_WT_size-48-80_{split}"
            for part in simulated_classes(split, count, NAMES, 0, 24, 40):  # smaller: the probe is quick
                (own / part.name).mkdir(parents=True)
                for file, image in zip(part.files, part.images, strict=True):
                    pixels = torch.from_numpy(image).movedim(0, 2)
                    empty = torch.zeros_like(pixels[..., :1])
                    Image.fromarray(torch.cat([pixels, empty], 2).numpy()).save(own / part.name / file)
            (folder / "data" / own.name).symlink_to(own)
    return folder


def printed(line: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert run_command_line([*shlex.split(line), "--print"]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("script", OPTIONS)
def test_every_option_of_the_script_is_taken_and_has_a_row(script: str) -> None:
    names = set(OPTIONS[script].split())
    command = biogans.commands[script]
    assert names <= {name for option in command.params for name in option.opts}
    rows = re.search(rf"### {script}\.py\n(.*?)\n##", PAGE, re.S)
    assert rows
    told = {name for row in rows[1].splitlines() if row.startswith("| `") for name in re.findall(r"`(--?\w+)`", row)}
    assert names <= told


@pytest.mark.parametrize(
    ("line", "recipe", "loss"),
    [
        ("biogans train -d data", "lin_starshaped_paper", "basics/wgan_gp"),
        ("biogans train -d data/X_train -e 2000 -a WGAN -m DCGAN-separable", "lin_separable_paper", "basics/wgan"),
        ("biogans train -d data/X_train/Alp14 -m DCGAN -a GAN", "lin_dcgan_paper", "basics/gan"),
    ],
)
def test_the_examples_of_the_page_become_recipes_with_its_defaults(
    line: str, recipe: str, loss: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = printed(line, capsys)
    gantk, run, name, out, where, *overrides = shlex.split(text)
    assert (gantk, run, name, out) == ("gantk", "run", recipe, "--out")
    assert where.startswith("checkpoints/DCGAN")
    values = load(name, overrides).values
    assert values["loss"]["use"] == loss
    assert values["train"]["batch"] == 64 and values["seed"] == 42
    assert values["train"]["steps"] == (2000 if "-e" in line else 50_000)
    assert values["play"]["generator_optimizer"]["lr"] == 2e-4
    assert values["play"]["critic_optimizer"]["lr"] == (2e-4 if loss == "basics/gan" else 5e-5)
    assert values["data"]["proteins"] is None


@pytest.mark.parametrize("protein", [None, "Alp14"])
def test_spellings_of_the_page_are_one_data_set_through_its_links(
    tree: Path, protein: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tree)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    train = "data/LIN_Normalized_WT_size-48-80_train"
    spellings: list[tuple[str, list[str] | None]]
    if protein is None:
        spellings = [("data", None), (train, None), (train, list(NAMES))]
    else:
        spellings = [(f"{train}/{protein}", None), (train, [protein]), ("data", [protein])]
    for split in ("train", "validation", "test"):
        found = [Lin(split, root=Path(root), proteins=proteins) for root, proteins in spellings]
        assert len(found[0].stored) > 0
        for other in found[1:]:
            assert torch.equal(found[0].stored, other.stored)
            assert found[0].spec == other.spec


def test_three_scripts_one_after_another(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    small = "-e 1 -M 1 --ngf 4 --ndf 4 -b 4 --num_D_iters 1"
    assert run_command_line(shlex.split(f"biogans train -d {tree}/data {small}")) == 0
    assert "checkpoints/DCGAN-starshaped.WGAN-GP-1" in capsys.readouterr().out
    (again,) = printed("biogans train -d data -w", capsys)
    assert "--out checkpoints/DCGAN-starshaped.WGAN-GP-2" in again
    assert "train.start_from=checkpoints/DCGAN-starshaped.WGAN-GP-1" in again
    assert run_command_line(shlex.split("biogans predict -i checkpoints/DCGAN-starshaped.WGAN-GP-1 -p Tea1 -z 5")) == 0
    told = capsys.readouterr().err
    assert "no effect here, since the checkpoint says it: nz" in told and "drawn at random" in told
    stack = "images/stack1.DCGAN-starshaped.WGAN-GP-1.h5"
    assert run_command_line(shlex.split(f"biogans visualize -i {stack}")) == 0
    with Image.open(tmp_path / stack.replace(".h5", ".view.png"), formats=["PNG"]) as picture:
        assert picture.width > 48


def test_a_file_of_keras_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "weights.generator.DCGAN.WGAN-GP.1.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert run_command_line(["biogans", "predict", "-i", str(path)]) == 2
    assert "no checkpoint of gantk" in capsys.readouterr().err
    assert run_command_line(["biogans", "train", "-d", "x", "-w", "-c", str(tmp_path)]) == 2
    assert "has none called DCGAN-starshaped.WGAN-GP-1" in capsys.readouterr().err


PAIRS = re.findall(
    r"^\| `(lin_\w+)` \| `(-m (\S+) -a (\S+))` \| (.*?) \| (.*?) \| `(.*?)` \|$", PAGE, re.M
)  # recipe, options, model, algorithm, the page's values, gantk's, overrides


def test_the_page_has_a_row_for_each_pair_of_model_and_algorithm() -> None:
    assert {(model, algorithm) for _, _, model, algorithm, *_ in PAIRS} == {
        (model, algorithm) for model in scripts.RECIPES for algorithm in scripts.LOSSES
    }
    assert len(PAIRS) == 9


def defaults(recipe: Recipe) -> str:
    """What the page's table says of a recipe."""
    play = recipe.values["play"]
    generator, critic = play["generator_optimizer"], play["critic_optimizer"]
    assert generator["use"] == critic["use"]
    assert generator.get("betas") == critic.get("betas")
    name = {"basics/adam": "Adam", "basics/rmsprop": "RMSprop"}[generator["use"]]
    if "betas" in generator:
        name += " ({:g}, {:g})".format(*generator["betas"])
    rates = " and ".join(f"{each['lr']:.0e}".replace("e-0", "e-") for each in (generator, critic))
    return f"{name}, {rates}, {play['critic_steps']}"


@pytest.mark.parametrize(("name", "options", "model", "algorithm", "page", "own", "overrides"), PAIRS)
def test_a_pair_defaults_to_what_its_row_says(
    name: str,
    options: str,
    model: str,
    algorithm: str,
    page: str,
    own: str,
    overrides: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (text,) = printed(f"biogans train -d data {options}", capsys)
    _, _, recipe, _, _, *typed = shlex.split(text)
    where = ["data.root=data", "data.proteins=null"]
    by_script, by_row = load(recipe, typed), load(name, [*where, *shlex.split(overrides)])
    assert by_row.values == by_script.values
    assert defaults(by_script) == page
    loss = [] if algorithm == "WGAN-GP" else [f"loss.use={scripts.LOSSES[algorithm]}"]
    assert defaults(load(name, [*where, *loss])) == own


@pytest.mark.parametrize(("word", "own"), [("train", "run"), ("predict", "sample"), ("visualize", "view")])
def test_the_names_of_the_scripts_lead_to_both_commands(
    word: str, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([word, "-d", "data"]) == 2
    told = capsys.readouterr().err
    assert f"Write: gantk {own}" in told
    assert f"gantk biogans {word} --help" in told
    assert run_command_line(["biogans", word, "--help"]) == 0
