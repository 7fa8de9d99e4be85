"""Every command, option, key, component and document that a message names is there: hints are followed, not believed.

They are collected from the source, so that a new message is tried without a line here. What looks like a hint and is
none stands in a list below, with its reason.
"""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import pytest

from gantk.cli import COMMANDS, habits
from gantk.cli import gantk as group
from gantk.components.registry import installed_registry
from gantk.components.signature import parameters
from gantk.errors import ComponentError
from gantk.recipe.blocks import Blocks, EvaluateEntry
from gantk.recipe.familiar_keys import NAMES, as_overrides, keys_for, without_dashes
from gantk.recipe.find_file import shipped, shipped_sweeps
from gantk.recipe.recipe import leaves, load
from tests.helpers.documents import ROOT
from tests.helpers.hints import COMMAND, COMPONENT, DOCUMENT, KEY, OPTION, PLACE, texts

NO_COMMANDS = {
    "authors": "who wrote it: the gantk authors, in BibTeX",
    "brings": "a sentence: gantk brings these recipes",
    "checkpoint": "what a file is called",
    "does": "a sentence: gantk does not use or supply something",
    "reads": "a sentence: gantk reads up to that version",
    "recipe": "the title of the JSON Schema",
    "says": "a sentence: what the numbers are, as gantk says, which wrote them",
    "samples": "the first bytes of a sample file",
    "supplies": "a sentence: gantk supplies these arguments",
    "wrote": "a sentence: gantk wrote a sidecar",
    "resume goes on": "a sentence of the report",
}
NO_OPTIONS = {"--nproc-per-node": "of torchrun"}
NO_KEYS = {
    "data.h5ad": "a file",
    "data.png": "a file",
    "play.mean": "a method of Play",
    "play.normal": "a method of Play",
    "play.step": "an attribute of Play",
    "play.uniform": "a method of Play",
    "train.yaml": "a file that gantk crop writes",
}
NO_COMPONENTS: dict[str, str] = {}
NO_DOCUMENTS = {"README.md": "of the package that gantk new-plugin writes", "model_card.md": "a template of gantk's"}
KINDS_OF_BLOCKS = {"data": "dataset", "generator": "generator", "critic": "critic", "loss": "loss"}
OF_A_VIEW = ("view", "interpolate", "inspect")


def found(pattern: re.Pattern[str]) -> dict[str, str]:
    """What a pattern finds in all texts, and where it stands first."""
    places: dict[str, str] = {}
    for text in all_texts():
        for match in pattern.findall(text.text):
            places.setdefault(match.strip(), text.place)
    return places


@lru_cache
def all_texts() -> list[Any]:
    return list(texts())


@lru_cache
def commands() -> dict[str, click.Command]:
    context = click.Context(group)
    return {name: each for name in group.list_commands(context) if (each := group.get_command(context, name))}


@lru_cache
def options() -> set[str]:
    groups = [each for each in commands().values() if isinstance(each, click.Group)]
    below = [each for one in groups for each in one.commands.values()]
    every = [each for one in (*commands().values(), *below) for each in one.params if isinstance(each, click.Option)]
    return {name for each in every for name in (*each.opts, *each.secondary_opts)} | {"--help", "--version"}


def components_of(kind: str) -> Iterator[Any]:
    """Every component of a kind, those of examples/ too."""
    registry = installed_registry()
    for declared in registry.of_kind(kind):
        yield registry.load(declared)
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        for each in importlib.import_module("gantk_examples.plugin").gantk_components():
            module, _, name = each.target.partition(":")
            if each.kind == kind:
                yield getattr(importlib.import_module(module), name)
    finally:
        sys.path.remove(str(ROOT / "examples"))


@lru_cache
def keys() -> set[str]:
    """Every key that some recipe may have."""
    known = {each.name for each in parameters(Blocks)}
    for name in (name for name in shipped() if "/" not in name):
        known |= {key for key, _ in leaves(load(name).values)}
    blocks = dict(KINDS_OF_BLOCKS) | {f"play.{side}_optimizer": "optimizer" for side in ("generator", "critic")}
    for block, kind in blocks.items():
        known |= {f"{block}.use"} | {f"{block}.{each.name}" for one in components_of(kind) for each in parameters(one)}
    known |= {f"evaluate.{each.name}" for one in components_of("metric") for each in parameters(one)}
    return known | {f"evaluate.{each.name}" for each in parameters(EvaluateEntry)}


def without_numbers(key: str) -> str:
    return re.sub(r"\.\d+", "", key)


@lru_cache
def view_parameters() -> set[str]:
    return {each.name for view in components_of("view") for each in parameters(view)}


def follow(line: str) -> None:
    """Parses a command line as gantk does, and looks up every key in it; nothing is carried out.

    Args:
        line: behind "gantk"; placeholders may stand for values.
    """
    name, *words = shlex.split(line)
    command = commands()[name]
    if all(word.startswith("--") for word in words):  # the command, or an option of it, is named alone
        names = {each for option in command.params for each in (*option.opts, *option.secondary_opts)}
        assert {*words} <= names | {"--help"}
        return
    for index, word in enumerate(words):
        option = next((each for each in command.params if words[index - 1] in each.opts), None) if index else None
        if isinstance(option, click.Option) and PLACE in word:
            words[index] = option.type.choices[0] if isinstance(option.type, click.Choice) else "1"
    context = command.make_context(name, list(words))
    changed = context.params.get("overrides") or [word for word in context.params.get("words", ()) if "=" in word]
    for text in changed:
        key, equals, _ = text.partition("=")
        if PLACE in key or text == "KEY=VALUE":
            continue
        assert equals, f"{text} is no KEY=VALUE"
        if name in OF_A_VIEW and not (name == "inspect" and key.startswith("data.")):
            assert key in view_parameters(), key
        elif name == "design":
            assert key.partition(".")[0] in design_keys(), key
        else:
            assert without_numbers(key) in keys(), key
    recipe = context.params.get("recipe")
    if recipe and "recipe" in [each.name for each in command.params if isinstance(each, click.Argument)]:
        own = ("RECIPE", "my.yaml", "my_design.yaml", "inspected.yaml", "-", "runs/my_design-1")
        known = {*shipped(), *(shipped_sweeps() if name == "cp" else ())}
        assert recipe in own or PLACE in recipe or recipe.removeprefix("recipes/").removesuffix(".yaml") in known


@lru_cache
def design_keys() -> set[str]:
    blocks = importlib.import_module("gantk_dna.design.design").DesignBlocks
    return {each.name for each in parameters(blocks)}


def cut(text: str) -> str:
    """The command line at the start of a text: up to where the sentence goes on, outside quotes and braces."""
    depth, quoted = 0, False
    for index, letter in enumerate(text):
        quoted ^= letter == "'"
        depth += (letter in "{[") - (letter in "]}")
        if quoted or depth:
            continue
        ends = letter in ",.:" and text[index + 1 : index + 2] in ("", " ")
        if ends or letter in '()"' or text[index : index + 2] == "  ":
            return text[:index].strip()
    return text.strip().removesuffix("'") if quoted else text.strip()


def is_none(line: str) -> bool:
    return line in NO_COMMANDS or line.split(" ")[0].rstrip(",.") in NO_COMMANDS


def command_lines() -> list[tuple[str, str]]:
    """Lines behind "gantk", cut where the sentence goes on, and their places."""
    lines = {}
    for text, place in found(COMMAND).items():
        lines.setdefault(cut(text), place)
    return [(line, place) for line, place in lines.items() if line and not line.startswith(PLACE)]


@pytest.mark.parametrize(("line", "place"), [pytest.param(*each, id=each[0]) for each in command_lines()])
def test_every_command_line_in_a_message_can_be_typed(
    line: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_none(line):
        return
    monkeypatch.chdir(tmp_path)
    for folder in ("my_images", PLACE):
        Path(folder).mkdir()
    Path("cells.h5ad").touch()
    follow(line)


def test_every_option_in_a_message_is_one() -> None:
    assert {name: place for name, place in found(OPTION).items() if name not in options() | set(NO_OPTIONS)} == {}


def test_every_key_in_a_message_is_one() -> None:
    wrong = {key: place for key, place in found(KEY).items() if key not in NO_KEYS and not is_key(key)}
    assert wrong == {}


def is_key(key: str) -> bool:
    key = without_numbers(key)
    return key in keys() or any(each.startswith(f"{key}.") for each in keys())


def test_every_component_in_a_message_is_installed() -> None:
    known = {each.full for each in installed_registry().components} | set(shipped())
    assert {name: place for name, place in found(COMPONENT).items() if name not in known | set(NO_COMPONENTS)} == {}


def test_every_document_in_a_message_is_there() -> None:
    missing = {name: place for name, place in found(DOCUMENT).items() if not (ROOT / name).exists()}
    assert {name: place for name, place in missing.items() if name not in NO_DOCUMENTS} == {}


def test_what_is_no_hint_still_stands_somewhere() -> None:
    lines = [line for line, _ in command_lines()]
    assert [each for each in NO_COMMANDS if not any(is_none(line) and line.startswith(each) for line in lines)] == []
    assert [each for each in NO_OPTIONS if each not in found(OPTION)] == []
    assert [each for each in NO_KEYS if each not in found(KEY)] == []
    assert [each for each in NO_COMPONENTS if each not in found(COMPONENT)] == []


# Lines that are put together when they are said: words of habit.


@pytest.mark.parametrize("word", [word for words in habits.COMMANDS.values() for word in words.split()])
def test_a_command_by_another_name_is_answered_with_one_that_is_there(word: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for rest in ([], ["toy_motif"]):
        line = habits.of_command(group, click.Context(group), word, rest)
        assert line is not None
        assert line.startswith("gantk ")
        name, *words = shlex.split(line)[1:]
        assert name in COMMANDS
        if words in (["--help"], []) or isinstance(commands()[name].params[0].type, click.Choice):
            continue
        commands()[name].make_context(name, words)


class OfPlugins(click.Group):
    """Commands as plugins bring them: one that cannot be loaded, one that is no group, one that has `train`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "broken":
            raise ComponentError("command 'acme/broken' cannot be imported")
        return {"lone": click.Command("lone"), "scripts": click.Group("scripts", {"train": click.Command("train")})}[
            cmd_name
        ]


def test_a_command_in_a_group_of_a_plugin_is_named_and_a_broken_plugin_costs_nothing() -> None:
    group = OfPlugins()
    context, names = click.Context(group), ("broken", "lone", "scripts")
    assert habits.in_groups(group, context, names, "train") == ["gantk scripts train"]
    assert habits.in_groups(group, context, names, "test") == []


def test_a_word_means_one_thing() -> None:
    for table in (habits.COMMANDS, habits.OPTIONS, NAMES):
        own = str if table is habits.OPTIONS else without_dashes
        rows = [{own(word) for word in each.split()} for each in table.values()]
        assert sum(map(len, rows)) == len(set().union(*rows)), table


def test_no_word_of_habit_is_a_command() -> None:
    words = {word for each in habits.COMMANDS.values() for word in each.split()}
    assert words & set(commands()) == set()


VALUES = {
    "about": "mine",
    "betas": "[0.5, 0.9]",
    "device": "cpu",
    "precision": "bfloat16",
    "root": "data",
    "start_from": "runs/x-1/checkpoints/step-9.h5",
}
FRACTIONS = ("ema", "clip", "red_portion")


def likely(key: str) -> str:
    """A value that such a key takes."""
    last = key.rpartition(".")[2]
    kind = {"loss.use": "basics/wgan_gp", "data.use": "basics/ring"}.get(key, "basics/adam")
    return kind if last == "use" else VALUES.get(last, "0.5" if last in FRACTIONS else "3")


@pytest.mark.parametrize("keys_meant", list(NAMES), ids=lambda each: each[0])
def test_keys_by_another_name_are_taken(keys_meant: tuple[str, ...]) -> None:
    word = NAMES[keys_meant].split()[0]
    for recipe in ("lin_starshaped", "toy_motif_wgan_gp", "toy_motif_wgan", "mnist_dcgan"):
        known = [key for key, _ in leaves(load(recipe).values)]
        meant = keys_for(word, known)
        if set(meant) & set(keys_meant):
            load(recipe, as_overrides(meant, likely(meant[0])))
            return
    pytest.fail(f"{word}: no recipe has {keys_meant}")


def test_options_of_the_original_scripts_lead_where_the_table_says() -> None:
    """docs/from-biogans.md: every option whose place is a key is answered with that key."""
    page = (ROOT / "docs/from-biogans.md").read_text(encoding="utf-8")
    page = page.partition("## Training with the original")[2]
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `--")]
    tried = 0
    for option, *_, right in rows:
        named = re.findall(r"`--([A-Za-z_0-9]+)[ `]", option)
        told = re.findall(r"([a-z_]+\.[a-z_.]+|seed)=", right)
        for word in named:
            if without_dashes(word) in NOT_BY_NAME or not told:
                continue
            meant = keys_for(word)
            assert set(meant) & set(told), (word, meant, told)
            tried += 1
    assert tried > 20


NOT_BY_NAME = {
    "fixednoisefile": "samples over training always use the same latents",
    "rednnfile": "what a layout of data does",
    "testdata": "found by itself",
    "imageheight": "read from the images",
    "imagewidth": "read from the images",
}


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("train toy_motif", "gantk run toy_motif"),
        ("train --config my.yaml --lr 1e-3 --cuda", "gantk run my.yaml play.generator_optimizer.lr=1e-3"),
        ("train --GAN_algorithm WGAN-GP", "gantk run RECIPE loss.use=basics/wgan_gp"),
        ("predict runs/x-1 --num_samples 5", "gantk sample runs/x-1 --number 5"),
        ("visualize runs/x-1", "gantk view runs/x-1"),
        ("run toy_motif --seed 3", "gantk run toy_motif seed=3"),
        ("run toy_motif --batch_size 4", "gantk run toy_motif train.batch=4"),
        ("run toy_motif -n 5", "gantk run toy_motif train.steps=5"),
        ("run toy_motif --epochs 5", "gantk run toy_motif train.steps=null train.epochs=5"),
        ("run toy_motif --gpu -o out", "gantk run toy_motif machine.device=cuda -o out"),
        ("run toy_motif steps=10", "write train.steps=10"),
        ("run toy_motif lr=1e-3", "write play.generator_optimizer.lr=0.001 play.critic_optimizer.lr=0.001"),
        ("run toy_motif train.batch_size=4", "write train.batch=4"),
        ("run train.steps=3 toy_motif", "gantk run toy_motif train.steps=3"),
        ("run train.steps=3 -o out toy_motif", "gantk run toy_motif train.steps=3 -o out"),
        ("run toy_motif data.x=[0, 1]", "write 'data.x=[0, 1]'"),
        ("run toy_motif evaluate=[{use: basics/diversity}]", "write 'evaluate=[{use: basics/diversity}]'"),
        ("run toy_motif train.steps = 3", "write train.steps=3"),
        ("run toy_motif train.steps: 3", "write train.steps=3"),
        ("resume runs/x-1 --lr 3", "No such option"),
        ("view runs/x-1 --colours magenta/green", "gantk view runs/x-1 colours=magenta/green"),
        ("help run", "gantk run --help"),
        ("version", "gantk --version"),
    ],
)
def test_words_of_habit_are_answered_with_the_line_to_type(
    typed: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gantk.cli import run_command_line

    monkeypatch.chdir(tmp_path)
    assert run_command_line(typed.split(" ")) in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert written in said.err
    assert not Path("runs").exists()


def test_summaries_of_commands_say_what_they_do() -> None:
    assert all(inspect.getdoc(each.callback) for each in commands().values())
