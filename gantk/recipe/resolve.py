"""From the values that a recipe gives to all of its values: defaults, those of the loss, and rules across blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gantk.components.annotations import Nested
from gantk.components.registry import Registry
from gantk.components.registry import installed_registry as installed
from gantk.components.schedules import as_built, found_in
from gantk.components.signature import parameters, to_plain
from gantk.components.validate import Path, Problem, Reader, dotted
from gantk.errors import ComponentError
from gantk.messages import nearest, printable
from gantk.recipe.blocks import Blocks, PlayBlock
from gantk.recipe.diagnostics import Node, Source, node_of
from gantk.recipe.overrides import COMMAND_LINE


class Resolver:
    """What a loss says by default in `play`, and the rules across blocks."""

    def __init__(self, root: Node, registry: Registry):
        self.root = root
        self.reader = Reader(registry)
        self.from_loss: dict[str, Node] = {}
        """key of `play` -> what the loss says there by default; its source is "default of <the loss>"."""

    def given(self) -> dict[str, Any]:
        """What the recipe says, and in `play` what its loss says by default."""
        self.raw = self.root.plain()
        play = self.raw.get("play", {})
        of_loss = Reader(self.reader.registry)
        self.loss = of_loss.component(Nested("loss"), self.raw.get("loss"), ())
        if of_loss.problems:
            self.loss = {}  # reported with the rest; until it is mended, nobody knows its defaults
            if isinstance(play, dict):
                self.raw["play"] = {key: value for key, value in play.items() if not _is_part_of_optimizer(key, value)}
        if isinstance(play, dict) and self.loss:
            self.raw["play"] = self._with_defaults_of(self.loss, play)
        if self._says_no_critic() and isinstance(play, dict):
            self.raw["play"] = {"critic_steps": None} | self.raw.get("play", {})
        return self.raw

    def _says_no_critic(self) -> bool:
        """Whether the recipe says `critic: null`; one that does not say `critic` at all is told so."""
        return "critic" in self.raw and self.raw["critic"] is None

    def check(self, values: dict[str, Any]) -> None:
        """Checks the rules across blocks; mistakes are added to `self.reader.problems`.

        Args:
            values: what `self.reader` made of `given()`.
        """
        self._blame_loss()
        self._check_sides()
        self._check_optimizers(self.raw, self.loss)
        self._check_length(self.raw.get("train", {}))
        self._check_names(values.get("evaluate") or [])
        self._check_keep_best(values)
        self._check_said_twice(values)

    def entries(self) -> list[dict[str, Any]]:
        """The entries of `evaluate` alone, where there is no whole recipe."""
        known = [each for each in parameters(Blocks) if each.name == "evaluate"]
        values = self.reader.block(known, self.root.plain(), (), "what a sample file is judged by")
        self._check_names(values.get("evaluate") or [])
        return values.get("evaluate") or []

    def _with_defaults_of(self, loss: dict[str, Any], play: dict[str, Any]) -> dict[str, Any]:
        """`play`, and what the loss says by default where the recipe says nothing."""
        try:
            defaults = play_defaults(loss, self.reader.registry)
        except ComponentError as error:
            self.reader.add(("loss", "use"), str(error))
            return play
        play = dict(play)
        for key, (default, full) in defaults.items():
            if self.raw.get("generator") is None and key == "generator_optimizer":
                continue
            if self._says_no_critic() and key.startswith("critic_"):
                continue
            given, node = play.get(key), node_of(default, Source(f"default of {full}", "", is_file=False))
            if given is None and (key != "critic_steps" or key not in play):
                play[key], self.from_loss[key] = default, node
            elif (
                isinstance(given, dict)
                and isinstance(default, dict)
                and given.get("use", default["use"]) == default["use"]
            ):
                play[key], self.from_loss[key] = default | given, node  # of the same component, what is not said stays
                own = self.root.child("play")
                own = own.child(key) if own is not None else None
                for name in given:
                    node.value[name] = (own.child(name) if own is not None else None) or node_of(
                        given[name], node.spot.source
                    )
        return play

    def _blame_loss(self) -> None:
        """Reports a mistake in the defaults of a loss as one of the loss, not of the recipe."""
        for index, each in enumerate(self.reader.problems):
            default = self.from_loss.get(str(each.path[1])) if each.path[0:1] == ("play",) and each.path[1:] else None
            for step in each.path[2:]:
                default = default and (default.child(step) or default)
            if default and default.spot.source.name.startswith("default of"):
                message = f"wrong {default.spot.origin}: {each.message}"
                self.reader.problems[index] = Problem(("loss", "use"), message, each.hint)

    def _check_sides(self) -> None:
        """There is a net to train, and `play` says nothing of a side that has none."""
        play = self.raw.get("play", {})
        if not isinstance(play, dict):
            return
        if self.raw.get("generator") is None and play.get("generator_optimizer") is not None:
            message = (
                "play.generator_optimizer says how a generator is trained, and this recipe has none (generator: null)"
            )
            hint = "remove generator_optimizer, or name a generator"
            self.reader.add(("play", "generator_optimizer"), message, hint, at_key=True)
        if not self._says_no_critic():
            if "critic_steps" in play and play["critic_steps"] is None:
                message = "play.critic_steps is null, which is for recipes without a critic"
                self.reader.add(("play", "critic_steps"), message, "write how many critic updates a step has, from 1")
            return
        if self.raw.get("generator") is None:
            message = "generator and critic are both null, so there is nothing to train"
            self.reader.add(("critic",), message, "name a critic, a generator, or both", at_key=True)
        for key in ("critic_steps", "critic_optimizer"):
            if play.get(key) is not None:
                message = f"play.{key} says how a critic is trained, and this recipe has none (critic: null)"
                self.reader.add(("play", key), message, f"remove {key}, or name a critic", at_key=True)

    def _check_optimizers(self, raw: dict[str, Any], loss: dict[str, Any]) -> None:
        play = raw.get("play", {})
        if not isinstance(play, dict) or not loss:
            return
        for side in ("generator", "critic"):
            key = f"{side}_optimizer"
            if play.get(key) is None and raw.get(side) is not None:
                if not self._trains(loss, side):
                    message = f"{loss['use']} trains no {side}, and this recipe names one"
                    self.reader.add((side,), message, f"write {side}: null, or choose a loss that trains one")
                    continue
                message = f"play needs '{key}', since {loss['use']} has no default for it"
                self.reader.add(("play",), message, f"write play: {{{key}: {{use: plugin/name, …}}}}", at_key=True)

    def _trains(self, loss: dict[str, Any], side: str) -> bool:
        """Whether the loss defines terms of this side (`Loss.trains`, asked of the class), or of neither."""
        target = self.reader.registry.load(self.reader.registry.find("loss", loss["use"]))
        inherited = {
            each: getattr(getattr(target, f"{each}_loss", None), "__qualname__", "") == f"Loss.{each}_loss"
            for each in ("generator", "critic")
        }
        return not inherited[side] or all(inherited.values())

    def _check_length(self, train: Any) -> None:
        if not isinstance(train, dict):
            return
        given = [key for key in ("steps", "epochs") if train.get(key) is not None]
        if len(given) == 2:
            message = "train takes either 'steps' or 'epochs', not both"
            self.reader.add(("train", "epochs"), message, "remove one of them, or set it to null", at_key=True)
        if not given:
            self.reader.add(("train",), "train needs 'steps' or 'epochs'", "write train: {steps: 1000}", at_key=True)

    def _check_names(self, entries: list[dict[str, Any]]) -> None:
        """Each entry of `evaluate` gets a name, and no two the same."""
        seen: dict[str, int] = {}
        for index, entry in enumerate(entries):
            if "use" not in entry:
                continue  # reported already
            at = "name" if entry["name"] else "use"
            entry["name"] = entry["name"] or entry["use"].rpartition("/")[2]
            if entry["name"] in seen:
                message = f"entries {seen[entry['name']]} and {index} of evaluate are both called '{entry['name']}'"
                self.reader.add(("evaluate", index, at), message, "give one of them another name: …")
            seen.setdefault(entry["name"], index)

    def _check_keep_best(self, values: dict[str, Any]) -> None:
        keep_best = (values.get("train") or {}).get("keep_best") or {}
        if not keep_best and (values.get("train") or {}).get("patience"):
            hint = "write train: {keep_best: {metric: entry.value}}, with an entry of evaluate that has `every`"
            self.reader.add(
                ("train", "patience"), "patience needs keep_best, which says what is to become better", hint
            )
        if not keep_best.get("metric"):
            return
        name = keep_best["metric"].partition(".")[0]
        every = {entry["name"]: entry["every"] for entry in values.get("evaluate") or [] if "use" in entry}
        path = ("train", "keep_best", "metric")
        if name not in every:
            near = nearest(name, every) or next(iter(every), None)
            hint = f"did you mean '{near}.{keep_best['metric'].partition('.')[2]}'?" if near else "evaluate is empty"
            self.reader.add(path, f"keep_best needs an entry of evaluate called '{printable(name)}'", hint)
        elif every[name] is None:
            message = f"keep_best needs '{name}' to be measured during training"
            self.reader.add(path, message, f"give the entry '{name}' of evaluate an `every: 100`")

    def _check_said_twice(self, values: dict[str, Any]) -> None:
        """One number has one schedule."""
        train = values.get("train") or {}
        if train.get("ema") is not None and train.get("ema_half_life") is not None:
            message = "train takes either 'ema' or 'ema_half_life', not both"
            self.reader.add(("train", "ema_half_life"), message, "remove one of them, or set it to null", at_key=True)
        rates = [path for path, _ in found_in(values.get("play") or {}, "play") if path.endswith(".lr")]
        if rates and train.get("schedule", "constant") != "constant":
            message = f"train.schedule is the short form for both rates, and {rates[0]} has a schedule of its own"
            self.reader.add(("train", "schedule"), message, "write schedule: constant")

    def origins(self, values: dict[str, Any]) -> dict[str, str]:
        """Dotted path of every value -> where it comes from."""
        found: dict[str, str] = {}

        def walk(value: Any, node: Node | None, path: Path) -> None:
            if path[:1] == ("play",) and len(path) == 2:
                node = self.from_loss.get(str(path[1]), node)
            items: Iterable[tuple[str | int, Any]] = ()
            if isinstance(value, dict):
                items = value.items()
            elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
                items = enumerate(value)
            for key, item in items:
                walk(item, node.child(key) if node else None, (*path, key))
            if not items:
                found[dotted(path)] = _origin(node) if node else "default"

        walk(values, self.root, ())
        return found


def _is_part_of_optimizer(key: str, value: Any) -> bool:
    """Whether `play` says some numbers of an optimiser, and leaves it to the loss which one."""
    return key.endswith("_optimizer") and isinstance(value, dict) and "use" not in value


def _origin(node: Node) -> str:
    if isinstance(node.value, list) and any(item.spot.source.name == COMMAND_LINE for item in node.value):
        return COMMAND_LINE
    return node.spot.origin


def play_defaults(loss: dict[str, Any], registry: Registry | None = None) -> dict[str, tuple[Any, str]]:
    """What a loss says about `play` by default. A loss that wraps a loss passes on what it does not say itself.

    Args:
        loss: the loss with all its parameters filled in.
        registry: where components come from; None: what is installed.

    Returns:
        key of `play` -> (value as a recipe writes it, full name of the loss that says so).

    Raises:
        ComponentError: the loss's own `play_defaults` fails, or names what `play` does not have.
    """
    registry = registry or installed()
    target = registry.load(registry.find("loss", loss["use"]))
    found: dict[str, tuple[Any, str]] = {}
    own: dict[str, Any] = {}
    for each in parameters(target):
        value = loss[each.name]
        if each.nested is None:
            own[each.name] = each.typed(as_built(each.annotation, value)) if value is not None else None
            continue
        own[each.name] = value
        if each.nested.kind == "loss" and value:
            for inner in value if each.nested.many else [value]:
                found |= play_defaults(inner, registry)
    try:
        said = to_plain(target.play_defaults(**own)) if hasattr(target, "play_defaults") else {}
        unknown = set(said) - {each.name for each in parameters(PlayBlock)}
    except Exception as error:  # a plugin's code
        raise ComponentError(f"the play_defaults of {loss['use']} fail: {type(error).__name__}: {error}") from error
    if unknown:
        raise ComponentError(f"the play_defaults of {loss['use']} name {sorted(unknown)}, which play does not have")
    return found | {key: (value, loss["use"]) for key, value in said.items()}
