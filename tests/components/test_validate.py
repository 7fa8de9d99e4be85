"""Parameters from signatures: read, checked, filled, built; and as JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from annotated_types import Ge, Interval, Len, MultipleOf
from pydantic import Field
from torch import nn

from gantk.components.annotations import Kind, type_text
from gantk.components.construct import build
from gantk.components.signature import parameters, supplied
from gantk.components.validate import fill, find_problems
from gantk.errors import ComponentError, RecipeError
from gantk.interfaces import Critic, Dataset, Loss
from gantk.recipe.json_schema import component_schema
from tests.helpers import recipes_plugin as toy

REGISTRY = toy.registry()

TYPES = [
    (int, "integer"),
    (Annotated[int, Ge(1)], "integer >= 1"),
    (Annotated[float, Interval(ge=0, lt=1)], "number >= 0 and < 1"),
    (Annotated[int, Field(ge=1, multiple_of=8)], "integer >= 1 and that is a multiple of 8"),
    (Annotated[int, MultipleOf(4)], "integer that is a multiple of 4"),
    (bool, "true | false"),
    (Literal["nearest", "transposed"], '"nearest" | "transposed"'),
    (str | None, "text | null"),
    (list[str], "list of text"),
    (Sequence[int], "list of integer"),
    (tuple[float, float], "list of 2, each number"),
    (tuple[int, str], "list of 2: integer, text"),
    (tuple[int, ...], "list of integer"),
    (list[int | str], "list of (integer | text)"),
    (Annotated[list[int], Len(1, 3)], "list of integer with at least 1 and with at most 3"),
    (Annotated[str, Field(pattern="^[01]+$")], "text like ^[01]+$"),
    (dict[str, float], "mapping of text to number"),
    (Path, "path"),
    (Any, "any value"),
    (Loss, "a loss"),
    (toy.Simple, "a loss"),
    (Critic | None, "a critic | null"),
    (Dataset, "a dataset"),
    (nn.Module, "a net"),
    (list[Loss], "list, each a loss"),
    (Annotated[Any, Kind("optimizer")], "an optimizer"),
]


@pytest.mark.parametrize(("annotation", "words"), TYPES, ids=[words for _, words in TYPES])
def test_types_in_words(annotation: Any, words: str) -> None:
    assert type_text(annotation) == words


def test_the_star_divides_gantks_arguments_from_the_recipes() -> None:
    assert supplied(toy.Net) == ("spec",)
    assert [each.name for each in parameters(toy.Net)] == ["width", "upsampling", "share", "layers"]
    assert supplied(toy.adam) == ("parameters",)
    assert (supplied(toy.Bare), parameters(toy.Bare)) == ((), ())
    assert [each.name for each in parameters(toy.Count)] == ["samples", "motif"]


def test_a_parameter_knows_its_default_and_its_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {each.name: each for each in parameters(toy.Points)}
    assert names["names"].default == ["a", "b"]
    assert names["names"].help == "what they are called, over two lines."
    assert names["scale"].default == 1.0 and isinstance(names["scale"].default, float)
    assert names["root"].default == "data"
    monkeypatch.chdir(tmp_path)
    assert fill("dataset", {"use": "toy/points"}, REGISTRY)["root"] == str(tmp_path / "data")
    (root, _) = parameters(toy.Files)
    assert root.required and root.default is None


def test_an_annotation_that_cannot_be_read_names_the_parameter() -> None:
    with pytest.raises(ComponentError, match=r"parameter 'when' of tests.helpers.recipes_plugin:broken"):
        parameters(toy.broken)


def wrong_default(*, width: Annotated[int, Ge(1)] = 0) -> None:
    """Its default is not of its type."""


def mixed(*, loss: Loss | int = 3) -> None:
    """A component or a number."""


@pytest.mark.parametrize("target", [wrong_default, mixed])
def test_an_authors_mistake_is_told_to_the_author(target: Any) -> None:
    with pytest.raises(ComponentError, match="cannot be read from a recipe"):
        parameters(target)


GOOD = [
    ("dataset", {"use": "toy/points", "scale": 2}, "scale", 2.0),
    ("dataset", {"use": "toy/points", "names": ["x"]}, "names", ["x"]),
    ("dataset", {"use": "toy/points", "root": "a/b"}, "root", str(Path.cwd() / "a/b")),
    ("dataset", {"use": "toy/points", "root": "~/b"}, "root", str(Path.home() / "b")),
    ("dataset", {"use": "toy/points", "limits": None}, "limits", None),
    ("dataset", {"use": "toy/points", "limits": [1]}, "limits", [1.0]),
    ("dataset", {"use": "toy/points", "widths": {"a": 1}}, "widths", {"a": 1}),
    ("dataset", {"use": "toy/points", "anything": {"a": [1, "x"]}}, "anything", {"a": [1, "x"]}),
    ("generator", {"use": "toy/net", "layers": [1, 2]}, "layers", [1, 2]),
    ("generator", {"use": "toy/net", "layers": 4}, "layers", 4),
    ("optimizer", {"use": "toy/adam", "betas": [0, 0.9]}, "betas", [0.0, 0.9]),
    ("loss", {"use": "toy/around", "loss": {"use": "toy/bare"}}, "loss", {"use": "toy/bare"}),
    ("loss", {"use": "toy/around", "loss": {"use": "toy/simple"}}, "loss", {"use": "toy/simple", "penalty": 10.0}),
    ("loss", {"use": "toy/around", "loss": {"use": "toy/bare"}}, "more", []),
    ("metric", {"use": "toy/count", "motif": "01"}, "motif", "01"),
]


@pytest.mark.parametrize(("kind", "values", "name", "filled"), GOOD)
def test_values_are_converted_by_annotation(kind: str, values: Any, name: str, filled: Any) -> None:
    assert find_problems(kind, values, REGISTRY) == []
    once = fill(kind, values, REGISTRY)
    assert once[name] == filled and type(once[name]) is type(filled)
    assert fill(kind, once, REGISTRY) == once


BAD = [
    ("generator", {"use": "toy/net", "width": "64"}, ("width",), 'not "64"', "write 64"),
    ("generator", {"use": "toy/net", "width": True}, ("width",), "must be integer >= 1, not true", ""),
    ("generator", {"use": "toy/net", "width": 64.0}, ("width",), "not 64.0", "write 64"),
    ("generator", {"use": "toy/net", "width": "5_000"}, ("width",), "integer", "'_' is text in YAML 1.2: write 5000"),
    ("generator", {"use": "toy/net", "width": 0}, ("width",), "integer >= 1, not 0", "how wide"),
    ("generator", {"use": "toy/net", "share": 1}, ("share",), "number > 0 and < 1, not 1", ""),
    ("generator", {"use": "toy/net", "upsampling": "nearst"}, ("upsampling",), '"nearest"', 'did you mean "nearest"?'),
    ("generator", {"use": "toy/net", "layers": "x"}, ("layers",), "integer | list of integer", ""),
    ("generator", {"use": "toy/net", "widht": 3}, ("widht",), "unknown key 'widht' in toy/net", "'width'"),
    ("generator", {"use": "toy/nett"}, ("use",), "unknown generator", "'toy/net'"),
    ("generator", {"use": 3}, ("use",), "use must be the name of a generator, not 3", ""),
    ("generator", {"width": 3}, (), "does not say which generator", "toy/net"),
    ("generator", "toy/net", (), "must be a mapping with 'use'", "write {use: toy/net}"),
    ("generator", [1], (), "not a list", ""),
    ("dataset", {"use": "toy/points", "flip": "no"}, ("flip",), 'not "no"', "write false"),
    ("dataset", {"use": "toy/points", "names": "x"}, ("names",), "list of text", '["x"]'),
    ("dataset", {"use": "toy/points", "names": ["x", 3]}, ("names", 1), "but item 2 is 3", ""),
    ("dataset", {"use": "toy/points", "widths": {"a": 0}}, ("widths", "a"), "but 'a' is 0", ""),
    ("dataset", {"use": "toy/points", "limits": []}, ("limits",), "with at least 1", ""),
    ("dataset", {"use": "toy/points", "scale": float("nan")}, ("scale",), "cannot be", ""),
    ("dataset", {"use": "toy/files"}, (), "toy/files needs 'root'", "root: path. the folder."),
    ("optimizer", {"use": "toy/adam", "betas": [0.5]}, ("betas",), "list of 2, each number", ""),
    ("metric", {"use": "toy/count", "motif": 10}, ("motif",), "text | null, not 10", 'in quotes: "10"'),
    ("loss", {"use": "toy/around"}, (), "needs 'loss'", "a loss"),
    ("loss", {"use": "toy/around", "loss": None}, ("loss",), "loss must be a mapping with 'use', not null", ""),
    ("loss", {"use": "toy/around", "loss": {"use": "toy/net"}}, ("loss", "use"), "not a loss", ""),
    (
        "loss",
        {"use": "toy/around", "loss": {"use": "toy/bare"}, "more": [{"use": "toy/simple", "penalty": -1}]},
        ("more", 0, "penalty"),
        "more.0.penalty must be number >= 0",
        "",
    ),
    ("critic", {"use": "toy/broken"}, ("use",), "cannot be evaluated", ""),
    ("critic", {"use": "toy/absent"}, ("use",), "cannot be imported", ""),
]


@pytest.mark.parametrize(("kind", "values", "path", "message", "hint"), BAD)
def test_mistakes_say_where_what_and_what_instead(kind: str, values: Any, path: Any, message: str, hint: str) -> None:
    (problem,) = find_problems(kind, values, REGISTRY)
    assert problem.path == path
    assert message in problem.message
    assert hint in problem.hint
    with pytest.raises(RecipeError):
        fill(kind, values, REGISTRY)


def test_all_mistakes_are_found_at_once() -> None:
    problems = find_problems(
        "generator", {"use": "toy/net", "width": 0, "share": 2, "layers": "x", "more": 1}, REGISTRY
    )
    assert {each.path for each in problems} == {("width",), ("share",), ("layers",), ("more",)}


def test_build_gives_each_component_what_it_asks_for() -> None:
    net = build(REGISTRY.find("generator", "toy/net"), {"width": 8}, registry=REGISTRY, spec="spec", split="train")
    given = {"spec": "spec", "width": 8, "upsampling": "nearest", "share": 0.5, "layers": 3}
    assert net.given == given
    data = build(REGISTRY.find("dataset", "toy/points"), {"names": ["x"], "root": "r"}, registry=REGISTRY, split="test")
    assert data.given["names"] == ("x",) and data.given["root"] == Path.cwd() / "r" and data.given["split"] == "test"


def test_build_makes_nested_components() -> None:
    values = {"loss": {"use": "toy/simple", "penalty": 3}, "more": [{"use": "toy/bare"}], "meter": {"use": "toy/count"}}
    loss = build(REGISTRY.find("loss", "toy/around"), values, registry=REGISTRY)
    assert isinstance(loss.loss, toy.Simple) and loss.loss.penalty == 3.0
    assert isinstance(loss.more[0], toy.Bare) and loss.meter == toy.Count(samples=1000)


def test_build_refuses_what_cannot_be_built() -> None:
    points = REGISTRY.find("dataset", "toy/points")
    with pytest.raises(ComponentError, match="asks for 'split', which gantk does not supply to a dataset"):
        build(points, {}, registry=REGISTRY)
    with pytest.raises(RecipeError, match="dataset 'toy/points': these names are forbidden"):
        build(points, {"names": ["forbidden"]}, registry=REGISTRY, split="train")
    with pytest.raises(RecipeError, match="unknown key 'nmaes'"):
        build(points, {"nmaes": ["x"]}, registry=REGISTRY, split="train")


@pytest.mark.parametrize("kind", ["dataset", "generator", "optimizer", "metric", "loss"])
def test_json_schema_agrees_with_check(kind: str) -> None:
    schema = component_schema(kind, REGISTRY)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for each, values, _, _ in GOOD:
        if each == kind:
            assert validator.is_valid(values), values
            assert validator.is_valid(fill(kind, values, REGISTRY)), values
    for each, values, path, message, _ in BAD:
        if each == kind and message not in ("not 64.0", "cannot be"):  # to JSON Schema 64.0 is an integer, NaN a number
            assert not validator.is_valid(values), (values, path)
