"""The command line: a click group whose commands are imported when they are used. Only this package exits."""

from __future__ import annotations

import importlib
import os
import sys

import click

from gantk import __version__, console
from gantk.errors import GantkError, Interrupted
from gantk.messages import nearest, printable
from gantk.runs.signals import sent_again

COMMANDS = {
    "run": "train a recipe, judge the result, write a report",
    "resume": "go on with a run where it stopped",
    "sweep": "search the settings of a recipe: trials, the best one, what mattered",
    "sample": "draw samples from a run or a checkpoint into a file",
    "encode": "latents of samples, by the encoder of a model that has one",
    "explore": "a page in the browser: sliders for what a run or a checkpoint has learnt",
    "view": "make a picture of a run, a sample file or an image",
    "interpolate": "samples along a path through the latents, animated",
    "evaluate": "metrics of a run or a checkpoint on the test split",
    "inspect": "what a file or folder of data holds, and a recipe that trains on it",
    "export": "a trained generator for other tools: ONNX, torch.export, safetensors",
    "cite": "BibTeX of the papers behind a run or a recipe",
    "runs": "your runs: recipe, steps, how each ended, its best value",
    "compare": "metric tables of several runs side by side, and in what their recipes differ",
    "list": "components and recipes that are installed",
    "show": "parameters of a component, or every value of a recipe",
    "validate": "check a recipe without running it",
    "schema": "the JSON Schema of recipes, for editors",
    "cp": "copy a shipped recipe to start from",
    "new-plugin": "a small, tested package to start a plugin from",
    "bench": "what this machine does with a recipe, and what would be faster",
    "completion": "what a shell needs to complete recipes, components, keys and runs",
    "doctor": "what is installed, broken or slow on this machine",
}
"""Name to one line; the command is `command` in the module gantk.cli.<name>, with '_' for '-'."""


class LazyGroup(click.Group):
    """Knows its commands by name, gantk's own and those of plugins, and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *self._from_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return importlib.import_module(f"gantk.cli.{cmd_name.replace('-', '_')}").command
        declared = self._from_plugins().get(cmd_name)
        if declared is None:
            return None
        from gantk.components.registry import installed_registry

        return installed_registry().load(declared)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.UsageError as error:
            from gantk.cli import habits

            near, line = nearest(args[0], self.list_commands(ctx)), habits.of_command(self, ctx, args[0], args[1:])
            hint = f"Did you mean '{near}'?" if near else "`gantk --help` lists them."
            hint = f"Write: {printable(line)}" if line else hint
            others = habits.in_groups(self, ctx, self._from_plugins(), args[0])
            hint += "".join(f"\nWith another program's options: {other} --help" for other in others)
            raise click.UsageError(f"There is no command '{printable(args[0])}'. {hint}", ctx) from error
        if command is not None and "=" in "".join(rest[:1]) and not ctx.resilient_parsing:
            from gantk.cli import habits

            habits.refuse_other_order(ctx, str(name), command, rest)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from_plugins = self._from_plugins()
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if from_plugins:
            with formatter.section("Commands from plugins"):
                formatter.write_dl([(name, declared.summary) for name, declared in from_plugins.items()])

    def _from_plugins(self) -> dict:
        from gantk.components.registry import installed_registry

        return {declared.name.replace("_", "-"): declared for declared in installed_registry().of_kind("command")}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gantk")
def gantk() -> None:
    """Train, evaluate and sample generative adversarial networks, from YAML recipes.

    \b
    gantk run toy_motif          a first run, about a minute
    gantk list                   what there is
    gantk show basics/wgan_gp    what a component takes
    """


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 good, 1 what was checked failed, 2 usage or files, 130/143 interrupted."""
    from gantk.machine import prepare_environment

    prepare_environment()
    sys.exit(run_command_line(arguments))


def _show(error: click.ClickException, arguments: list[str]) -> None:
    """Prints an error of click's, with the line to type where that can be told."""
    if isinstance(error, click.NoSuchOption):
        from gantk.cli import habits

        line = habits.of_error(error, arguments)
        if line is not None:
            without = click.NoSuchOption(error.option_name)  # a like word is not what is meant
            error = click.UsageError(f"{without.format_message()} Write: {printable(line)}", error.ctx)
    error.show()


def run_command_line(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    try:
        console.prepare_streams()
        if "_GANTK_COMPLETE" in os.environ:  # the shell asks
            from gantk.cli.completion import register

            register()
        with sent_again():
            return gantk.main(arguments, prog_name="gantk", standalone_mode=False) or 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        _show(error, sys.argv[1:] if arguments is None else arguments)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        console.error("interrupted")
        return 130
    except Interrupted as error:
        console.warn(str(error))
        return error.exit_code
    except GantkError as error:
        console.error(str(error), getattr(error, "topic", "cause"))
        return error.exit_code
    except BrokenPipeError:  # `gantk list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # whatever nobody foresaw: a name too long, a disk that is gone
        where = f"{error.filename}: " if error.filename else ""
        console.error(f"{where}{error.strerror or error}"[:600])
        return 2
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
            raise
        reason = str(error).splitlines()[0] if str(error) else "the memory is full"
        console.error(f"there is not enough memory: {reason}. `gantk validate` estimates what a recipe needs")
        return 2
