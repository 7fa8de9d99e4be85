"""Recipes: located, read, overridden, filled; every value knows where it comes from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gantk.components.installed import installed_entry_points
from gantk.components.registry import Registry
from gantk.components.registry import installed_registry as installed
from gantk.errors import FileError, RecipeError
from gantk.recipe.diagnostics import Source
from gantk.recipe.find_file import locate, shipped, summary
from gantk.recipe.json_schema import json_schema
from gantk.recipe.recipe import Recipe, leaves, load, recipe_from_text
from gantk.recipe.yaml_positions import compose, dump
from tests.helpers.documents import ROOT
from tests.helpers.recipes_plugin import RECIPE, registry

REGISTRY = registry()


def resolved(*overrides: str, text: str = RECIPE) -> Recipe:
    """The recipe of the tests with overrides."""
    return recipe_from_text(text, "recipes/x.yaml", overrides, REGISTRY)


def test_everything_is_filled_in() -> None:
    values = resolved().values
    assert list(values) == [
        *("about", "seed", "data", "generator", "critic", "loss", "play", "train", "evaluate", "machine", "view"),
    ]
    assert values["data"]["root"] == str(Path.cwd() / "data/points")
    assert values["data"]["names"] == ["x", "y"]
    assert values["generator"] == {"use": "toy/net", "width": 32, "upsampling": "nearest", "share": 0.5, "layers": 3}
    assert values["play"]["critic_steps"] == 2
    assert values["play"]["generator_optimizer"] == {"use": "toy/adam", "groups": {}, "lr": 1e-4, "betas": [0.9, 0.999]}
    assert values["train"] | {"steps": 100, "batch": 16, "ema": None, "keep": 3} == values["train"]
    assert [entry["name"] for entry in values["evaluate"]] == ["count", "span"]
    assert values["evaluate"][1]["require"] == {">=": 0.9}
    assert values["machine"] == {"device": "auto", "devices": 1, "threads": None, "engine": "auto"}


def test_every_value_knows_where_it_comes_from() -> None:
    origins = resolved("train.batch=32", "evaluate.0.samples=5").origins
    assert origins["data.root"] == "recipes/x.yaml:2"
    assert origins["data.names"] == "recipes/x.yaml:2"
    assert origins["data.flip"] == "default"
    assert origins["play.critic_steps"] == "recipes/x.yaml:6"
    assert origins["play.generator_optimizer.lr"] == "default of toy/simple"
    assert origins["play.generator_optimizer.betas"] == "default"
    assert origins["train.batch"] == "command line"
    assert origins["evaluate.0.samples"] == "command line"
    assert origins["evaluate.0.use"] == "recipes/x.yaml:9"
    assert origins["evaluate.0.name"] == "default"
    assert origins["train.callbacks"] == "default"
    assert origins["data.widths"] == "default"


def test_defaults_of_a_loss_follow_its_parameters_and_pass_through_a_wrapper() -> None:
    assert resolved("loss.penalty=0").values["play"]["critic_optimizer"]["lr"] == 5e-5
    wrapped = resolved("loss={use: toy/around, loss: {use: toy/simple}}")
    assert wrapped.values["play"]["critic_steps"] == 5
    assert wrapped.origins["play.critic_steps"] == "default of toy/simple"


def test_a_generator_may_be_absent() -> None:
    values = resolved("generator=null").values
    assert values["generator"] is None and values["play"]["generator_optimizer"] is None
    assert resolved(text=resolved("generator=null").to_yaml()).values == values


def test_resolving_twice_changes_nothing() -> None:
    once = resolved("train.start_from=runs/a.h5", "train.callbacks=[{use: toy/told}]", "about='50_000: 1e-4'")
    again = resolved(text=once.to_yaml())
    assert again.values == once.values
    assert again.to_yaml() == once.to_yaml()


def test_component_gives_what_build_needs() -> None:
    recipe = resolved()
    declared, values = recipe.component("evaluate.1") or (None, {})
    assert declared is not None and declared.full == "toy/span" and values == {"samples": 10, "motif": None}
    declared, values = recipe.component("play.critic_optimizer") or (None, {})
    assert declared is not None and declared.kind == "optimizer" and set(values) == {"lr", "betas"}
    assert resolved("generator=null").component("generator") is None


OVERRIDES: list[tuple[list[str], str, Any]] = [
    (["train.batch=32"], "train.batch", 32),
    (["seed=7"], "seed", 7),
    (["machine.threads=1"], "machine.threads", 1),
    (["data.names=[p, q, r]"], "data.names", ["p", "q", "r"]),
    (["data.names.1=q"], "data.names", ["x", "q"]),
    (["data.flip=true"], "data.flip", True),
    (["evaluate.1.samples=3"], "evaluate.1.samples", 3),
    (["evaluate=[]"], "evaluate", []),
    (["evaluate=[{use: toy/span}]", "evaluate.0.samples=4"], "evaluate.0.samples", 4),
    (["evaluate.0.samples=4", "evaluate.0.use=toy/span", "evaluate.1.name=x"], "evaluate.0.samples", 4),
    (["train.batch=1", "train.batch=2"], "train.batch", 2),
    (["train.steps=null", "train.epochs=2"], "train.epochs", 2.0),
    (["loss.penalty=1e-4"], "loss.penalty", 1e-4),
    (["about=a=b"], "about", "a=b"),
    (['about=""'], "about", ""),
    (["play.generator_optimizer={use: toy/adam, lr: 0.5}"], "play.generator_optimizer.lr", 0.5),
    (["play.generator_optimizer={use: toy/adam, lr: 0.5}", "loss.use=toy/simple"], "play.generator_optimizer.lr", 0.5),
    (["play.critic_steps=7", "loss.use=toy/simple"], "play.critic_steps", 7),
    (["loss.penalty=3", "loss.use=toy/simple"], "loss.penalty", 3.0),
    (["train.keep_best.metric=count.hits"], "train.keep_best", {"metric": "count.hits"}),
]


@pytest.mark.parametrize(("overrides", "path", "value"), OVERRIDES)
def test_overrides(overrides: list[str], path: str, value: Any) -> None:
    found: Any = resolved(*overrides).values
    for word in path.split("."):
        found = found[int(word) if isinstance(found, list) else word]
    assert found == value and type(found) is type(value)


def test_overrides_from_python() -> None:
    given = {
        "train.batch": 8,
        "data.root": Path("p"),
        "data.names": ("ä", "😀"),
        "loss.penalty": 1e-7,
        "generator": None,
    }
    values = recipe_from_text(RECIPE, "x", given, REGISTRY).values
    assert values["train"]["batch"] == 8 and values["data"]["names"] == ["ä", "😀"]
    assert values["data"]["root"] == str(Path.cwd() / "p") and values["loss"]["penalty"] == 1e-7


def test_another_component_drops_what_belonged_to_the_one_before() -> None:
    recipe = resolved("loss.use=other/simple")
    assert recipe.values["loss"] == {"use": "other/simple", "penalty": 10.0}
    assert recipe.values["play"]["critic_steps"] == 5
    assert set(recipe.dropped) == {"loss.penalty: 5", "play.critic_steps: 2"}
    assert resolved("generator.use=other/net", "generator.width=3").dropped == ()
    entry = resolved("evaluate.0.use=toy/span", "evaluate.1.name=second")
    assert entry.values["evaluate"][0]["every"] == 10
    assert resolved("evaluate.1.use=other/count", "evaluate.1.name=b").dropped == (
        "evaluate.1.samples: 10",
        'evaluate.1.require: {">=": 0.9}',
    )


SCALARS = [
    ("1e-4", 1e-4),
    ("1E5", 1e5),
    ("-.5", -0.5),
    ("2.", 2.0),
    ("+3", 3),
    ("007", 7),
    ("0o17", 15),
    ("0x1F", 31),
    ("no", "no"),
    ("yes", "yes"),
    ("off", "off"),
    ("True", True),
    ("null", None),
    ("~", None),
    ("50_000", "50_000"),
    ("12:30:00", "12:30:00"),
    ("2020-01-01", "2020-01-01"),
    ("'1'", "1"),
    ('"\\u00e4"', "ä"),
    ("0b11", "0b11"),
    ("1.2.3", "1.2.3"),
    ("e5", "e5"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    root, mistakes = compose(Source("x", f"key: {text}\n"))
    assert root is not None and not mistakes
    found = root.plain()["key"]
    assert found == value and type(found) is type(value)
    for reader in (lambda dumped: compose(Source("x", dumped))[0].plain(), yaml.safe_load):  # type: ignore[union-attr]
        assert reader(dump({"key": found})) == {"key": value}


def test_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").write_text("\ufeff" + RECIPE.replace("\n", "\r\n"), encoding="utf-8")
    recipe = load("my.yaml", registry=REGISTRY)
    assert (recipe.name, recipe.values["train"]["batch"]) == ("my", 16)
    assert recipe.origins["train.batch"] == "my.yaml:7"
    assert summary(Path("my.yaml")) == "a test"


def test_a_folder_does_not_hide_the_recipe_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy_motif").mkdir()  # --out toy_motif
    assert locate("toy_motif").name == "toy_motif.yaml"


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.yaml").write_bytes(b"about: \xe4\n")
    Path("large.yaml").write_bytes(b"#" * 5_000_000)
    for name, words in {
        "nothing.yaml": "no file and no recipe called 'nothing.yaml'",
        ".": "is a folder",
        "latin.yaml": "not UTF-8",
        "large.yaml": "larger than any recipe",
        "a\0b": "no recipe",
        "x" * 5000: "no recipe",
        "\x1b[31m": r"'\\x1b\[31m'",
    }.items():
        with pytest.raises(FileError, match=words):
            load(name, registry=REGISTRY)


def test_recipes_of_plugins_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for plugin in ("one", "two"):
        package = tmp_path / f"recipes_of_{plugin}" / "recipes"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").write_text("")
        (package / "shared_name.yaml").write_text(RECIPE)
        (package / f"only_{plugin}.yaml").write_text(RECIPE)
        hooks = f"@hookimpl\ndef gantk_recipes(): return ['recipes_of_{plugin}.recipes', 'not.there']\n"
        (package.parent / "plugin.py").write_text(f"from gantk.plugin import hookimpl\n{hooks}")
    found = Registry([EntryPoint(name, f"recipes_of_{name}.plugin", "gantk") for name in ("one", "two")])
    assert {"one/shared_name", "one/only_one", "two/only_two"} <= set(shipped(found))
    assert locate("only_one", found).name == "only_one.yaml"
    assert locate("two/shared_name", found).parts[-3] == "recipes_of_two"
    with pytest.raises(FileError, match="ambiguous: write one/shared_name or two/shared_name"):
        locate("shared_name", found)
    with pytest.raises(FileError, match="did you mean 'one/only_one'"):
        locate("one/onlyone", found)


SHIPPED = [path for name, path in shipped(installed()).items() if "/" not in name]


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_shipped_recipes_are_found_and_fit_the_json_schema(path: Path, whole_schema: Any) -> None:
    assert locate(path.stem) == locate(f"recipes/{path.name}")
    recipe = load(path)
    for values in (yaml_values(path), recipe.values):
        assert [error.message for error in whole_schema.iter_errors(values)] == []
    assert recipe_from_text(recipe.to_yaml()).values == recipe.values
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 45


def yaml_values(path: Path) -> Any:
    """What a YAML 1.2 reader makes of a file."""
    root, mistakes = compose(Source(path.name, path.read_text(encoding="utf-8")))
    assert root is not None and not mistakes
    return root.plain()


@pytest.fixture(scope="module")
def whole_schema() -> Any:
    schema = json_schema(installed())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_json_schema_sees_mistakes() -> None:
    validator = jsonschema.Draft202012Validator(json_schema(REGISTRY))
    good = resolved().values
    assert validator.is_valid(good)
    assert validator.is_valid(yaml.safe_load(RECIPE))
    for block, key, value in [
        ("train", "bach", 3),
        ("train", "batch", "3"),
        ("data", "use", "toy/net"),
        ("data", "nmaes", []),
        ("loss", "penalty", -1),
        ("machine", "device", "tpu"),
    ]:
        assert not validator.is_valid({**good, block: {**good[block], key: value}})
    assert not validator.is_valid({**good, "evaluate": [{"use": "toy/count", "every": 0}]})
    assert not validator.is_valid({key: value for key, value in good.items() if key != "critic"})


def test_errors_are_recipe_errors_with_all_mistakes() -> None:
    with pytest.raises(RecipeError) as caught:
        resolved("train.bach=3", "seed=x", "evaluate.5.x=3", text=RECIPE + "train: {}\n")
    assert [(each["file"], each["line"]) for each in caught.value.mistakes] == [
        ("recipes/x.yaml", 11),
        *[("command line", 1)] * 3,
    ]


def test_what_a_loss_says_of_an_optimiser_stays_key_by_key_while_the_optimiser_does() -> None:
    """`play.critic_optimizer.lr=2e-5` is the course's cure for divergence, where the recipe names no optimiser."""
    before = load("toy_motif_dcgan")
    changed = load("toy_motif_dcgan", ["play.critic_optimizer.lr=2e-5"])
    expected = before.values["play"]["critic_optimizer"] | {"lr": 2e-5}
    assert changed.values["play"]["critic_optimizer"] == expected
    assert changed.origins["play.critic_optimizer.lr"] == "command line"
    assert changed.origins["play.critic_optimizer.betas"].startswith("default of basics/")
    named = ["play.critic_optimizer.use=basics/adam", "play.critic_optimizer.lr=2e-5"]
    assert load("toy_motif_dcgan", named).values["play"]["critic_optimizer"] == expected
    other = load("toy_motif_dcgan", ["play.critic_optimizer.use=basics/sgd", "play.critic_optimizer.lr=2e-5"])
    assert set(other.values["play"]["critic_optimizer"]) == {"use", "groups", "lr", "momentum", "weight_decay"}
    with pytest.raises(RecipeError, match=r"(?s)command line: unknown key 'lrr'.*did you mean 'lr'"):
        load("toy_motif_dcgan", ["play.critic_optimizer.lrr=2e-5"])


@pytest.mark.parametrize("key", ["loss", "critic", "generator", "data", "play.critic_optimizer"])
def test_a_use_that_stands_there_already_drops_nothing(key: str) -> None:
    before = load("lin_starshaped")
    use: Any = before.values
    for word in key.split("."):
        use = use[word]
    again = load("lin_starshaped", [f"{key}.use={use['use']}"])
    assert (again.values, list(again.dropped)) == (before.values, [])


EXAMPLES = sorted(f"examples/{path.stem}" for path in (ROOT / "examples/gantk_examples/recipes").glob("*.yaml"))


@pytest.fixture(scope="module")
def with_examples() -> Iterator[Registry]:
    """What is installed, and the plugin in examples/."""
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        yield Registry([*installed_entry_points(), EntryPoint("examples", "gantk_examples.plugin", "gantk")])
    finally:
        sys.path.remove(str(ROOT / "examples"))


@pytest.mark.parametrize("name", [*sorted(name for name in shipped() if "/" not in name), *EXAMPLES])
def test_every_value_that_show_prints_can_be_overridden(name: str, with_examples: Registry) -> None:
    """With the value that it has: nothing else changes. Lists of components are replaced whole, or by their numbers."""
    recipe = load(name, registry=with_examples)
    every = dict(leaves(recipe.values))
    # What is said of a component, or beside defaults of the loss, may drop or hide other values: these one by one.
    alone = [{path: each} for path, each in every.items() if path.startswith("play.") or path.endswith(".use")]
    for changes in [*alone, every]:
        again = load(name, changes, with_examples)
        assert again.values == recipe.values, changes
        assert not again.dropped, changes
