"""Properties that hold for all recipes: valid overrides validate, resolving twice changes nothing, damage is told."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gantk.errors import RecipeError
from gantk.recipe.diagnostics import Source
from gantk.recipe.recipe import recipe_from_text
from gantk.recipe.yaml_positions import compose, dump
from tests.helpers.recipes_plugin import RECIPE, registry

REGISTRY = registry()

words = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
some = st.integers(1, 10**6)
leaves = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | numbers | words
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))

OVERRIDES: dict[str, st.SearchStrategy[Any]] = {
    "about": words,
    "seed": st.integers(0, 2**63 - 1),
    "data.names": st.lists(words, max_size=3),
    "data.flip": st.booleans(),
    "data.scale": numbers | st.integers(-5, 5),
    "data.limits": st.none() | st.lists(numbers, min_size=1, max_size=3),
    "data.widths": st.dictionaries(words, some, max_size=3),
    "data.anything": trees,
    "generator": st.none() | st.just({"use": "other/net", "layers": [1, 2]}),
    "critic.width": some,
    "critic.layers": some | st.lists(some, max_size=3),
    "loss.use": st.sampled_from(["toy/simple", "other/simple"]),
    "loss": st.just({"use": "toy/around", "loss": {"use": "other/simple"}}),
    "play.critic_steps": some,
    "play.generator_optimizer": st.builds(lambda lr: {"use": "toy/adam", "lr": lr}, st.floats(1e-9, 1)),
    "train.batch": some,
    "train.ema": st.none() | st.floats(0, 0.999),
    "train.schedule": st.sampled_from(["constant", "linear", "cosine"]),
    "train.start_from": st.none() | st.just("a/b.h5"),
    "train.keep_best": st.none() | st.just({"metric": "count.hits"}),
    "train.callbacks": st.lists(st.builds(lambda text: {"use": "toy/told", "text": text}, words), max_size=2),
    "evaluate.0.samples": some,
    "evaluate.1.require": st.none() | st.just({"hits": {">=": 3}}) | st.just({"<": 1}),
    "machine.threads": st.none() | some,
}


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=OVERRIDES))
def test_any_subset_of_valid_overrides_gives_a_recipe_that_resolves_to_itself(overrides: dict[str, Any]) -> None:
    if overrides.get("generator", "there") is None:
        overrides.pop("play.generator_optimizer", None)  # beside no generator it is a mistake
    once = recipe_from_text(RECIPE, "x", overrides, REGISTRY)
    again = recipe_from_text(once.to_yaml(), "x", (), REGISTRY)
    assert again.values == once.values
    assert again.to_yaml() == once.to_yaml()
    assert set(again.origins) == set(once.origins)
    for path in overrides:
        assert any(f"{each}.".startswith(f"{path}.") and once.origins[each] == "command line" for each in once.origins)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(words, trees, max_size=4))
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    text = dump(values)
    root, mistakes = compose(Source("x", text))
    assert not mistakes, text
    assert root is not None and root.plain() == values


def told(text: str, *overrides: str) -> None:
    """Reads a damaged recipe, which may only go well or give a RecipeError that can be printed."""
    try:
        recipe_from_text(text, "x", overrides, REGISTRY)
    except RecipeError as error:
        assert all(line.isprintable() for line in str(error).splitlines())
        assert error.mistakes


pieces = words | st.sampled_from([*":-{}[]#&*!|>'\"%@`,?\t\n ", "<<: ", "--- ", "\n\t", "'", "1e-4", "use: ", "\\U"])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(RECIPE)), st.integers(0, 40), pieces)
def test_random_damage_never_gives_another_error(start: int, length: int, piece: str) -> None:
    told(RECIPE[:start] + piece + RECIPE[start + length :])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_random_text_never_gives_another_error(text: str) -> None:
    told(text)
    told(RECIPE, text)
    told(RECIPE, f"data.names={text}", f"{text}=3")


paths = st.sampled_from([*OVERRIDES, "use", "data.use", "loss.use", "evaluate", "evaluate.0", "train", "play", "x.0.y"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(paths, trees), max_size=4))
def test_values_of_any_shape_anywhere_never_give_another_error(overrides: list[tuple[str, Any]]) -> None:
    told(RECIPE, *[f"{path}={json.dumps(value)}" for path, value in overrides])


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["data", "critic", "loss", "play", "train", "evaluate", "machine"]), trees))
def test_blocks_of_any_shape_never_give_another_error(blocks: dict[str, Any]) -> None:
    told(dump(blocks))
