"""Overrides: `train.batch=32` on the command line, put into the values of a recipe."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantk.components.schedules import KEYS
from gantk.components.validate import plain
from gantk.errors import RecipeError
from gantk.messages import nearest, printable, shown
from gantk.recipe.diagnostics import Mistake, Node, Source, Spot
from gantk.recipe.yaml_positions import compose

COMMAND_LINE = "command line"
KEPT_BESIDE_USE = ("every",)  # of an entry of `evaluate`: not the metric's own, nor about its numbers


@dataclass
class Override:
    """One `key=value`: the words of its dotted key with their places, and the value."""

    words: list[str]
    spots: list[Spot]
    value: Node

    @property
    def changes_use(self) -> bool:
        """Whether it says which component stands somewhere; these apply first."""
        value = self.value.value
        holders = value if isinstance(value, list) else [self.value]
        return self.place != self.words or any(isinstance(node.value, dict) and "use" in node.value for node in holders)

    @property
    def place(self) -> list[str]:
        """The words that lead to the component (or the value) that it sets."""
        return self.words[:-1] if self.words[-1] == "use" and len(self.words) > 1 else self.words


def as_text(overrides: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Overrides as a command line has them: {"train.batch": 32} -> ["train.batch=32"]."""
    if isinstance(overrides, Mapping):
        return [f"{key}={inline(value)}" for key, value in overrides.items()]
    return [overrides] if isinstance(overrides, str) else list(overrides)


def inline(value: Any) -> str:
    """A Python value as YAML on one line: JSON, but YAML knows no surrogate pairs."""
    text = json.dumps(plain(value), ensure_ascii=False, default=str)
    return "".join(each if each.isprintable() or ord(each) > 0xFFFF else f"\\u{ord(each):04x}" for each in text)


def apply(root: Node, overrides: Sequence[str] | Mapping[str, Any]) -> tuple[list[str], list[Mistake]]:
    """Puts overrides into the values of a recipe, in place.

    Those that say which component is used apply first (the loss before the rest, since it drops `play`), the others
    from left to right.

    Returns:
        what overrides of `use` dropped, one readable line each; and the mistakes.
    """
    mistakes: list[Mistake] = []
    parsed = [found for text in _whole(as_text(overrides), mistakes) if (found := _parse(text, mistakes))]
    first = [each for each in parsed if each.changes_use]
    first.sort(key=lambda each: (each.place[0] != "loss", len(each.place)))
    dropped: dict[str, str] = {}
    for each in first + [each for each in parsed if not each.changes_use]:
        holder = _holder(root, each, mistakes)
        if holder is not None:
            if each.changes_use:
                dropped |= _drop(root, holder, each)
            _put(holder, each, mistakes)
    return [line for path, line in dropped.items() if not _is_there(root, path.split("."))], mistakes


def apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of a command line that name recipes, and those that change something in them."""
    names, overrides, begun = list[str](), list[str](), ""
    for word in words:
        if begun and _goes_on(begun, word):
            begun = f"{begun} {word}"
        elif "=" in word and not Path(word).exists():
            begun = word
        else:
            names.append(word)
            continue
        overrides.append(word)
    return names, overrides


def refuse_others(overrides: Sequence[str] | Mapping[str, Any], blocks: Sequence[str], why: str) -> None:
    """Overrides that would change nothing are refused.

    Args:
        overrides: as a command takes them.
        blocks: what they may be about: the first words of their keys.
        why: what becomes of the others.

    Raises:
        RecipeError: one is about something else.
    """
    for text in as_text(overrides):
        key = _key_of(text)
        if "=" in text and key.partition(".")[0] not in blocks:
            may = " and ".join(f"{block}…" for block in blocks)
            raise RecipeError(f"{printable(key)} has no effect here, {why}; what may be changed is {may}")


def _whole(texts: Sequence[str], mistakes: list[Mistake]) -> list[str]:
    """The overrides that came as they were meant; of others, which a shell has split at their blanks, a mistake."""
    whole, waiting = list[str](), list(texts)
    while waiting:
        parts = [waiting.pop(0)]
        while waiting and _goes_on(" ".join(parts), waiting[0]):
            parts.append(waiting.pop(0))
        if len(parts) == 1:
            whole += parts
            continue
        key, _, value = re.sub(r"\s*[=:](?=\s|$)\s*|=", "=", " ".join(parts), count=1).partition("=")
        spot = Spot(Source(COMMAND_LINE, " ".join(parts), is_file=False), 0, 0, len(" ".join(parts)))
        mistakes.append(Mistake(spot, "split at its blanks", f"write {shlex.quote(f'{key}={value}')}"))
    return whole


def _goes_on(begun: str, following: str) -> bool:
    """Whether an override that was split at a blank goes on with the text that follows."""
    key, equals, value = begun.partition("=")
    if equals and KEY.match(following):
        return False
    if equals:
        is_open = any(each in value for each in "[{") and compose(Source(COMMAND_LINE, begun, len(key) + 1))[1]
        return bool(is_open) or not value.strip()
    if following == "=":
        return True
    return re.fullmatch(r"[\w.]+:", begun) is not None and not KEY.match(following)


KEY = re.compile(r"[\w.]+=")


def _parse(text: str, mistakes: list[Mistake]) -> Override | None:
    key = _key_of(text)
    equals = text[len(key) : len(key) + 1]
    source = Source(COMMAND_LINE, text, len(key) + 1, is_file=False)
    words = key.split(".")
    spots = _spots(source, words)
    if not equals:
        mistakes.append(Mistake(Spot(source, 0, 0, max(1, len(text))), "not an override", "write key=value"))
        return None
    for word, spot in zip(words, spots, strict=True):
        if not word.strip() or word != word.strip():
            mistakes.append(Mistake(spot, "a part of the key is empty or has spaces", "write block.key=value"))
            return None
    value, wrong = compose(source)
    mistakes += wrong
    if value is None and wrong:
        return None
    return Override(words, spots, value or Node(None, Spot(source, 0, len(key) + 1)))


def _key_of(text: str) -> str:
    """What stands before the `=` of an override; the bar of `require.modes.>==990` is called `>=`."""
    bar = re.match(r"[^=]*\.[<>]=(?==)", text)
    return bar[0] if bar else text.partition("=")[0]


def _spots(source: Source, words: Sequence[str]) -> list[Spot]:
    """Where the words of a dotted key stand."""
    spots, column = [], 0
    for word in words:
        spots.append(Spot(source, 0, column, max(1, len(word))))
        column += len(word) + 1
    return spots


def _holder(root: Node, override: Override, mistakes: list[Mistake]) -> Node | None:
    """The mapping or list that the last word stands in; mappings are made on the way, indices must exist."""
    node = root
    for word, spot in zip(override.words[:-1], override.spots[:-1], strict=True):
        if isinstance(node.value, dict):
            inner = node.value.get(word)
            if inner is None or inner.value is None:
                inner = Node({}, spot)
                node.value[word] = inner
                node.keys[word] = spot
            node = inner
        elif isinstance(node.value, list):
            index = _index(node, word, spot, mistakes)
            if index is None:
                return None
            node = node.value[index]
        else:
            break
    if isinstance(node.value, (dict, list)):
        return node
    message = f"nothing can stand below {shown(node.value)}, which is not a mapping"
    hint = ""
    if override.words[-1] in KEYS and isinstance(node.value, int | float):
        hint = f"write the whole schedule: {shlex.quote('.'.join(override.words[:-1]) + '={from: 2, to: 0.2}')}"
    mistakes.append(Mistake(override.spots[-1], message, hint))
    return None


def _index(node: Node, word: str, spot: Spot, mistakes: list[Mistake]) -> int | None:
    count = len(node.value)
    if word.isascii() and word.isdigit() and len(word) < 9 and int(word) < count:
        return int(word)
    there = f"the list has {count} {'entry' if count == 1 else 'entries'}"
    hint = f"{there}, numbered from 0; to change their number, give the whole list: key=[…]"
    names = [_short_name(item) for item in node.value]
    named = nearest(word, names)
    if named:
        hint = f"write the number of the entry: {names.index(named)}"
    mistakes.append(Mistake(spot, f"there is no entry '{word}' in this list", hint))
    return None


def _short_name(entry: Node) -> str:
    use = entry.child("use")
    return str(use.value).rpartition("/")[2] if use else ""


def _drop(root: Node, holder: Node, override: Override) -> dict[str, str]:
    """Removes what belonged to the component that is replaced; of the loss, what `play` said too."""
    dropped: dict[str, str] = {}
    old = holder
    if override.place == override.words:
        inner = holder.child(override.words[-1]) if isinstance(holder.value, dict) else None
        old = inner if inner is not None else Node(None, holder.spot)
    named = override.value.value if override.place != override.words else None
    now = old.child("use") if isinstance(old.value, dict) else None
    if now is not None and named == now.value:
        return {}  # what stands there already
    if isinstance(old.value, dict):
        for key in [key for key in old.value if key not in ("use", *KEPT_BESIDE_USE)]:
            path = ".".join([*override.place, key])
            dropped[path] = f"{path}: {shown(old.value.pop(key).plain())}"
            old.keys.pop(key, None)
    play = root.child("play")
    if override.place == ["loss"] and play is not None and isinstance(play.value, dict):
        for key, node in play.value.items():
            dropped[f"play.{key}"] = f"play.{key}: {shown(node.plain())}"
        play.value.clear()
        play.keys.clear()
    return dropped


def _put(holder: Node, override: Override, mistakes: list[Mistake]) -> None:
    word, spot = override.words[-1], override.spots[-1]
    if isinstance(holder.value, dict):
        holder.value[word] = override.value
        holder.keys[word] = spot
    else:
        index = _index(holder, word, spot, mistakes)
        if index is not None:
            holder.value[index] = override.value


def _is_there(root: Node, words: Sequence[str]) -> bool:
    node: Node | None = root
    for word in words:
        if node is None:
            return False
        node = node.child(int(word) if isinstance(node.value, list) and word.isdecimal() else word)
    return node is not None
