"""Words of habit on the command line, of other programs and of BioGANs' scripts, answered with the line to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from gantk.errors import GantkError
from gantk.messages import printable

COMMANDS = {
    "run": "train fit start launch exec",
    "sample": "predict generate gen draw infer inference test",
    "view": "visualize visualise plot picture draw-samples image",
    "evaluate": "eval score metrics judge",
    "interpolate": "animate walk morph",
    "resume": "continue restart",
    "compare": "diff",
    "list": "ls components recipes plugins models",
    "show": "info describe config explain print",
    "validate": "check lint",
    "cp": "copy init new create",
    "runs": "status history experiments ps",
    "bench": "benchmark profile",
    "doctor": "env diagnose selftest",
    "completion": "completions autocomplete",
    "schema": "json-schema",
}
"""A command to the words that people type for it."""

OPTIONS = {
    "--number": "n num number count samples num_samples n_samples sample_size",
    "--out": "o out output outdir out_dir outfile output_dir outf save_dir save_path logdir experiment dest",
    "--device": "device",
    "--quiet": "silent",
    "--verbose": "debug loud",
    "--force": "overwrite f y yes",
    "--json": "format",
    "--seed": "random_seed manual_seed",
    "--reject": "truncation",
    "--label": "class classes y_label",
    "--from": "checkpoint ckpt from_checkpoint",
    "--data": "reference real",
}
"""An option of gantk to those of other programs; it is named where the command at hand has it."""

POSITIONAL = "config config_file cfg conf recipe checkpoint ckpt model model_path run run_dir input netG resume load"
FLAGS = {"cuda": "cuda", "gpu": "cuda", "use_cuda": "cuda", "cpu": "cpu"}
"""Options without a value, as other programs have them, to the device that they mean."""


def plain(option: str) -> str:
    """An option as the tables have it."""
    return option.lstrip("-").replace("-", "_")


@dataclass
class Line:
    """A command line that is being put right.

    Args:
        command: the command of gantk that is meant.
        words: what stands behind it.
    """

    name: str
    command: click.Command
    words: Sequence[str]
    options: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = {
            name: each
            for each in self.command.params
            if isinstance(each, click.Option)
            for name in (*each.opts, *each.secondary_opts)
        }
        self.takes_overrides = any("KEY=VALUE" in (each.metavar or "") for each in self.command.params)

    def mended(self) -> str | None:
        """The line to type, or None where a word of it means nothing that gantk knows."""
        waiting = list(self.words)
        while waiting:
            word = waiting.pop(0)
            if word.startswith("-") and len(word) > 1:
                if not self._option(word, waiting):
                    return None
            elif "=" in word and not Path(word).exists():
                self.overrides.append(word)
            else:
                self.first.append(word)
        if not any(isinstance(each, click.Argument) for each in self.command.params):
            self.first = []
        elif not self.first:
            self.first = self.placeholders()
        line = ["gantk", self.name, *self.first, *self.overrides, *self.options]
        return " ".join(word if word in self.placeholders() else shlex.quote(word) for word in line)

    def placeholders(self) -> list[str]:
        """What stands in a line where nobody said which run or recipe."""
        needed = [each for each in self.command.params if isinstance(each, click.Argument) and each.required]
        return [each.human_readable_name.partition(" ")[0].rstrip(".") for each in needed]

    def _option(self, word: str, waiting: list[str]) -> bool:
        """Takes one option, with its value where it has one; says whether it means anything."""
        name, equals, value = word.partition("=")
        if name in self.known:
            self.options.append(word)
            if not equals and not self.known[name].is_flag and waiting:
                self.options.append(waiting.pop(0))
            return True
        if not equals and waiting and not waiting[0].startswith("--") and "=" not in waiting[0]:
            is_device = plain(name) in FLAGS and not waiting[0].isdigit()
            value = "" if is_device else waiting.pop(0)
        return self._own_option(name, value) or self._keys(name, value) or self._positional(name, value)

    def _own_option(self, name: str, value: str) -> bool:
        for own, words in OPTIONS.items():
            if own in self.known and plain(name) in words.split():
                flag = self.known[own].is_flag
                self.options += [own] if flag else [own, value or "VALUE"]
                return True
        if plain(name) in FLAGS and "--device" in self.known:
            self.options += ["--device", FLAGS[plain(name)]]
            return True
        return False

    def _keys(self, name: str, value: str) -> bool:
        from gantk.recipe.familiar_keys import as_overrides, keys_for
        from gantk.runs.changes import may_change

        if not self.takes_overrides:
            return False
        if self.name in OF_A_VIEW:
            keys = [plain(name)] if plain(name) in _parameters_of_views() else []
        else:
            keys = [*keys_for(plain(name), self._keys_of_recipe())]
        if self.name == "resume":
            keys = [key for key in keys if may_change(key)]
        if "machine.device" in keys and (not value or value.isdigit()):
            value = FLAGS[plain(name)]
        value = value or ("bfloat16" if keys == ["train.precision"] else "VALUE")
        self.overrides += as_overrides(keys, _in_full(keys[0], value)) if keys else []
        return bool(keys)

    def _positional(self, name: str, value: str) -> bool:
        if plain(name) not in POSITIONAL.split() or not value:
            return False
        self.first.append(value)
        return True

    def _keys_of_recipe(self) -> list[str]:
        """The keys of the recipe that the line names, where it can be read."""
        from gantk.recipe.recipe import leaves, load

        named = [word for word in self.words if not word.startswith("-") and "=" not in word]
        try:
            return [key for key, _ in leaves(load(named[0]).values)] if named else []
        except GantkError:
            return []


OF_A_VIEW = ("view", "interpolate", "inspect")
"""Commands whose KEY=VALUE are the parameters of a view."""


def _parameters_of_views() -> set[str]:
    from gantk.components.registry import installed_registry
    from gantk.components.signature import parameters

    registry = installed_registry()
    return {each.name for view in registry.of_kind("view") for each in parameters(registry.load(view))}


def _in_full(key: str, value: str) -> str:
    """A value as a recipe has it: of `use`, the full name of what is probably meant."""
    from gantk.components.registry import installed_registry

    kind = {"loss.use": "loss", "data.use": "dataset"}.get(key, "optimizer")
    if not key.endswith(".use"):
        return value
    try:
        return installed_registry().find(kind, value.lower().replace("-", "_"), allow_bare=True).full
    except GantkError:
        return value


def of_command(group: click.Group, context: click.Context, name: str, rest: Sequence[str]) -> str | None:
    """The line to type for a command that is known by another name, or None."""
    for own, words in COMMANDS.items():
        if name.lower().replace("_", "-") in words.split():
            command = group.get_command(context, own)
            assert command is not None
            line = Line(own, command, [name, *rest] if name in ("recipes", "plugins") and not rest else rest)
            return line.mended() or f"gantk {own} --help"
    if name == "help":
        return f"gantk {shlex.join(rest[:1])} --help" if rest else "gantk --help"
    return "gantk --version" if name == "version" else None


def in_groups(group: click.Group, context: click.Context, names: Iterable[str], word: str) -> list[str]:
    """The lines, without their options, of the groups among the commands `names` that have a command called `word`."""
    found = []
    for name in names:
        try:
            command = group.get_command(context, name)
        except GantkError:  # a plugin's that cannot be loaded: `gantk doctor` says why
            continue
        if isinstance(command, click.Group) and word in command.commands:
            found.append(f"gantk {name} {word}")
    return found


def of_error(error: click.UsageError, arguments: Sequence[str]) -> str | None:
    """The line to type where a command does not know an option, or None."""
    context = error.ctx
    if not isinstance(error, click.NoSuchOption) or context is None or context.parent is None:
        return None
    name = context.info_name or ""
    behind = list(arguments[list(arguments).index(name) + 1 :]) if name in arguments else []
    return Line(name, context.command, behind).mended()


def refuse_other_order(context: click.Context, name: str, command: click.Command, rest: Sequence[str]) -> None:
    """Raises a usage error where what is to be changed stands before the recipe or run that it is changed in."""
    if not rest or rest[0].startswith("-") or "=" not in rest[0] or Path(rest[0]).exists():
        return
    line = Line(name, command, rest)
    if line.takes_overrides:
        written = line.mended() or f"gantk {name} --help"
        raise click.UsageError(f"{line.placeholders()[0]} comes first. Write: {printable(written)}", context)
