"""Mistakes in recipes: each with its place, the line, a caret, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gantk.errors import RecipeError
from gantk.recipe.recipe import recipe_from_text
from tests.helpers.recipes_plugin import RECIPE, registry

REGISTRY = registry()


def mistakes_in(text: str, *overrides: str) -> str:
    """The message about a recipe, which must have mistakes."""
    with pytest.raises(RecipeError) as caught:
        recipe_from_text(text, "recipes/x.yaml", overrides, REGISTRY)
    return str(caught.value)


def test_one_message_in_full() -> None:
    assert mistakes_in(RECIPE.replace("batch: 16", "bach: 32")) == (
        "recipes/x.yaml:7:21: unknown key 'bach' in train\n"
        "    train: {steps: 100, bach: 32}\n"
        "                        ^^^^\n"
        "  did you mean 'batch'?"
    )


def test_an_override_in_full() -> None:
    assert mistakes_in(RECIPE, "train.bach=32") == (
        "command line: unknown key 'bach' in train\n"
        "    train.bach=32\n"
        "          ^^^^\n"
        "  did you mean 'batch'?"
    )  # fmt: skip


@dataclass
class Case:
    """RECIPE with `old` replaced by `new`: where the mistake stands, what is said of it, what the caret points at."""

    old: str
    new: str
    place: str
    says: list[str]
    points_at: str = ""


CASES = {
    "unknown key at the top": Case("loss:", "lose:", "5:1", ["unknown key 'lose' in the recipe", "'loss'"], "lose"),
    "unknown key in a component": Case("width: 32", "wide: 32", "3:27", ["unknown key 'wide' in toy/net"], "wide"),
    "unknown component": Case("toy/simple", "toy/simpel", "5:13", ["unknown loss 'toy/simpel'", "'toy/simple'?"]),
    "unknown plugin": Case("toy/simple", "toi/simple", "5:13", ["unknown loss", "did you mean 'toy/simple'?"]),
    "ambiguous name": Case(
        "toy/simple", "simple", "5:13", ["ambiguous loss 'simple'", "write 'other/simple' or 'toy/simple'"], "simple"
    ),
    "wrong kind": Case("toy/simple", "toy/net", "5:13", ["'toy/net' is a generator and a critic, not a loss"]),
    "not loadable": Case("critic: {use: toy/net}", "critic: {use: toy/absent}", "4:15", ["of plugin 'toy'", "Absent"]),
    "text for a number": Case("batch: 16", "batch: '16'", "7:28", ['integer >= 1, not "16"', "write 16"], "'16'"),
    "number for text": Case("a test", "5", "1:8", ["about must be text, not 5", 'in quotes: "5"'], "5"),
    "true for a number": Case("batch: 16", "batch: true", "7:28", ["integer >= 1, not true"], "true"),
    "yes for true": Case("names: [x, y]", "flip: yes", "2:50", ["true | false", "write true"], "yes"),
    "underscore in a number": Case("100", "50_000", "7:16", ["'_' is text in YAML 1.2: write 50000"], "50_000"),
    "wrong choice": Case("width: 32", "upsampling: nearst", "3:39", ['did you mean "nearest"?'], "nearst"),
    "out of range": Case("batch: 16", "batch: 0", "7:28", ["train.batch must be integer >= 1, not 0"], "0"),
    "fraction of a step": Case("100", "1e2", "7:16", ["not 100.0", "write 100"], "1e2"),
    "item of a list": Case("[x, y]", "[x, 7]", "2:55", ["data.names must be list of text, but item 2 is 7"], "7"),
    "missing block": Case("critic: {use: toy/net}\n", "", "1:1", ["the recipe needs 'critic'", "a critic"]),
    "no nets at all": Case(
        "generator: {use: toy/net, width: 32}\ncritic: {use: toy/net}",
        "generator: null\ncritic: null",
        "4:1",
        ["both null, so there is nothing to train", "name a critic"],
        "critic",
    ),
    "critic steps without a critic": Case(
        "critic: {use: toy/net}",
        "critic: null",
        "6:8",
        ["play.critic_steps says how a critic", "remove critic_steps"],
        "critic_steps",
    ),
    "critic optimizer without a critic": Case(
        "critic: {use: toy/net}\nloss: {use: toy/simple, penalty: 5}\nplay: {critic_steps: 2}",
        "critic: null\nloss: {use: toy/simple, penalty: 5}\nplay: {critic_optimizer: {use: toy/adam}}",
        "6:8",
        ["play.critic_optimizer says how a critic", "remove critic_optimizer, or name a critic"],
        "critic_optimizer",
    ),
    "no critic steps for a critic": Case(
        "critic_steps: 2", "critic_steps: null", "6:22", ["for recipes without a critic"], "null"
    ),
    "missing key": Case("toy/points", "toy/files", "2:43", ["unknown key 'names' in toy/files"], "names"),
    "missing required": Case(
        "{use: toy/points, root: data/points, names: [x, y]}", "{use: toy/files}", "2:1", ["needs 'root'"], "data"
    ),
    "missing use": Case(
        "use: toy/net, ", "", "3:1", ["generator does not say which generator", "toy/net"], "generator"
    ),
    "use without a mapping": Case("{use: toy/net}", "toy/net", "4:9", ["mapping with 'use'", "{use: toy/net}"]),
    "steps missing": Case("steps: 100, ", "", "7:1", ["train needs 'steps' or 'epochs'"], "train"),
    "steps and epochs": Case("batch: 16", "epochs: 2", "7:21", ["either 'steps' or 'epochs'"], "epochs"),
    "no train": Case("train: {steps: 100, batch: 16}\n", "", "1:1", ["train needs 'steps' or 'epochs'"]),
    "net without use": Case(
        "{use: toy/net, width: 32}", "{width: 32}", "3:1", ["does not say which generator", "use: plugin/name"]
    ),
    "no default optimizer": Case(
        "{use: toy/simple, penalty: 5}", "{use: toy/bare}", "6:1", ["play needs 'generator_optimizer'", "toy/bare"]
    ),
    "list for a mapping": Case("{steps: 100, batch: 16}", "[100, 16]", "7:8", ["mapping of keys, not a list"], "["),
    "mapping for a list": Case("[x, y]", "{x: y}", "2:51", ["data.names must be list of text"], "{"),
    "list for a component": Case("{use: toy/net}", "[toy/net]", "4:9", ["mapping with 'use', not a list"], "["),
    "nothing for a mapping": Case("{steps: 100, batch: 16}", "", "7:7", ["mapping of keys, not null"]),
    "two entries of one name": Case("toy/span", "toy/count", "10:11", ["entries 0 and 1", "both called 'count'"]),
    "bad name": Case("every: 10", "name: a.b", "9:28", ["evaluate.0.name"], "a.b"),
    "bad bar": Case('{">=": 0.9}', '{"=>": 0.9}', "10:50", ["evaluate.1.require must be"]),
    "keep_best of nothing": Case(
        "batch: 16", "keep_best: {metric: cuont.hits}", "7:41", ["called 'cuont'", "did you mean 'count.hits'?"]
    ),
    "keep_best without every": Case(
        "batch: 16", "keep_best: {metric: span.hits}", "7:41", ["measured during training", "`every: 100`"], "span.hits"
    ),
    "keep_best without a value": Case("batch: 16", "keep_best: {metric: span}", "7:41", ["train.keep_best.metric"]),
    "duplicate key": Case(
        "critic:", "data: {use: toy/points}\ncritic:", "4:1", ["the key 'data' is here twice", "on line 2"], "data"
    ),
    "not finite": Case("5}", ".inf}", "5:34", [".inf is not a finite number"], ".inf"),
    "too large": Case("5}", "1e999}", "5:34", ["1e999 is not a finite number"], "1e999"),
    "too many digits": Case("100", "9" * 5000, "7:16", ["more than 64 bits"]),
    "anchor": Case("critic: ", "critic: &a ", "4:9", ["anchors (&a)", "write it out"]),
    "alias": Case("critic: {use: toy/net}", "critic: *a", "4:9", ["aliases (*a)"], "*a"),
    "tag": Case("a test", "!!python/name:os.system a", "1:8", ["tags (tag:yaml.org,2002:python/name:os.system)"]),
    "merge": Case("names: [x, y]", "<<: {a: 1}", "2:44", ["merge keys (<<)"], "<<"),
    "second document": Case("critic:", "---\ncritic:", "4:1", ["second document"]),
    "key that is no word": Case("names: [x, y]", "[a]: 1", "2:44", ["a key must be a word"], "["),
    "tab": Case("  - {use: toy/count", "\t- {use: toy/count", "9:1", ["a tab in the indentation", "spaces"]),
    "open bracket": Case("[x, y]}", "[x, y", "3:10", ["not YAML", "bracket"]),
    "open quote": Case("a test", "'a test", "10:", ["not YAML", "a quote is opened"]),
    "colon in text": Case("a test", "a: test", "1:9", ["not YAML", "needs quotes"]),
    "bad indentation": Case("critic:", "  critic:", "4:", ["not YAML"]),
    "control character": Case("a test", "a \x07 test", "1:10", ["character U+0007 is not allowed"]),
    "empty": Case(RECIPE, "", "1:1", ["the file is empty", "gantk cp"]),
    "only a comment": Case(RECIPE, "# nothing\n", "1:1", ["the file is empty"]),
    "not YAML at all": Case(RECIPE, "\x89PNG\r\n\x1a\n\x00\x00", "1:1", ["U+0089 is not allowed"]),
    "a word": Case(RECIPE, "hello", "1:1", ['a mapping of keys to values, not "hello"', "its keys are about"]),
    "a list": Case(RECIPE, "- a\n- b", "1:1", ["a mapping of keys to values, not a list"]),
    "deep": Case("a test", "[" * 3000, "1:", ["deeper than"]),
    "many": Case("a test", f"[{'1,' * 30_000}]", "1:", ["more than 20,000 values"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_in_a_recipe(name: str) -> None:
    case = CASES[name]
    assert case.old in RECIPE
    message = mistakes_in(RECIPE.replace(case.old, case.new, 1))
    blocks = [block for block in message.split("recipes/x.yaml:") if block.startswith(f"{case.place}")]
    assert blocks, message
    for words in case.says:
        assert any(words in block for block in blocks), message
    if case.points_at:
        _, line, carets = blocks[0].splitlines()[:3]
        assert line[carets.index("^") : carets.rindex("^") + 1] == case.points_at, message
    assert message.isprintable() or all(part.isprintable() for part in message.splitlines())


OVERRIDES = {
    "unknown key": ("train.bach=3", "bach", ["unknown key 'bach' in train", "'batch'"]),
    "unknown block": ("trian.batch=3", "trian", ["unknown key 'trian' in the recipe", "'train'"]),
    "unknown parameter": ("loss.penaltie=3", "penaltie", ["unknown key 'penaltie' in toy/simple", "'penalty'"]),
    "unknown component": ("loss.use=toy/simpel", "toy/simpel", ["unknown loss", "'toy/simple'"]),
    "wrong type": ("train.batch=x", "x", ['train.batch must be integer >= 1, not "x"']),
    "out of range": ("seed=-1", "-1", ["seed must be integer >= 0, not -1"]),
    "underscore": ("train.batch=1_000", "1_000", ["write 1000"]),
    "no index": ("evaluate.2.samples=3", "2", ["no entry '2'", "the list has 2 entries, numbered from 0", "key=[…]"]),
    "negative index": ("evaluate.-1.samples=3", "-1", ["no entry '-1'"]),
    "name for an index": ("evaluate.count.samples=3", "count", ["write the number of the entry: 0"]),
    "below a number": ("seed.x=3", "x", ["nothing can stand below 0, which is not a mapping"]),
    "no value": ("train.batch", "train.batch", ["not an override", "write key=value"]),
    "no key": ("=3", "=", ["a part of the key is empty"]),
    "empty part": ("train..batch=3", ".", ["a part of the key is empty"]),
    "not YAML": ("data.names=[a", "", ["not YAML"]),
    "data without use": ("data={root: x}", "", ["does not say which dataset"]),
    "two documents": ("seed=1\n---\n2", "", ["second document"]),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_mistake_in_an_override(name: str) -> None:
    override, pointed, says = OVERRIDES[name]
    message = mistakes_in(RECIPE + "seed: 0\n", override)
    assert message.startswith("command line: "), message
    for words in says:
        assert words in message
    if pointed:
        _, line, carets = message.splitlines()[:3]
        assert line[carets.index("^") : carets.rindex("^") + 1] == pointed, message


def test_all_mistakes_at_once_from_top_to_bottom() -> None:
    text = RECIPE.replace("toy/net", "toy/nett").replace("steps: 100", "steps: x").replace("every: 10", "every: 0")
    message = mistakes_in(text, "seed=x", "nothing=1")
    heads = [line.partition(": ")[0] for line in message.splitlines() if line.startswith(("recipes", "command"))]
    assert heads == [
        "recipes/x.yaml:3:18",
        "recipes/x.yaml:4:15",
        "recipes/x.yaml:7:16",
        "recipes/x.yaml:9:29",
        "command line",
        "command line",
    ]


def test_what_a_terminal_would_obey_is_shown_escaped() -> None:
    message = mistakes_in(RECIPE + '"\\e[2J\\u202e": 1\n', "x\x1b[2J=1")
    assert "\x1b" not in message and "\u202e" not in message
    assert "unknown key '\\u001b[2J\\u202e'" in message or "unknown key '\\x1b[2J\\u202e'" in message


def test_long_lines_are_cut_around_the_mistake() -> None:
    message = mistakes_in(RECIPE.replace("a test", "x" * 500 + ", " + "y" * 500).replace("100", f"{'1' * 500}x"))
    assert max(len(line) for line in message.splitlines()) < 200


def test_a_loss_with_wrong_defaults_is_blamed_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers import recipes_plugin

    def gives(defaults: object) -> None:
        monkeypatch.setattr(recipes_plugin.Simple, "play_defaults", lambda **_: defaults)

    gives({"critic_steps": 0})
    assert "5:13: wrong default of toy/simple: play.critic_steps" in mistakes_in(RECIPE.replace("critic_steps: 2", ""))
    gives({"critic_step": 1})
    assert "name ['critic_step'], which play does not have" in mistakes_in(RECIPE)
    monkeypatch.setattr(recipes_plugin.Simple, "play_defaults", lambda penalty: {"critic_steps": penalty + 1})
    assert "play_defaults" not in mistakes_in(RECIPE, "loss.penalty=x")
    gives(7)
    assert "the play_defaults of toy/simple fail: TypeError" in mistakes_in(RECIPE)


def test_of_very_many_mistakes_the_first_are_shown() -> None:
    text = RECIPE + "".join(f"key_{number}: 1\n" for number in range(400))
    message = mistakes_in(text)
    assert message.count("unknown key") == 50
    assert message.endswith("… and 350 more mistakes")
