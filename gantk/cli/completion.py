"""`gantk completion`, and what shells need besides click's own: no blank behind `train.steps=` and `runs/`."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete, add_completion_class

from gantk import console

VARIABLE = "_GANTK_COMPLETE"


class Bash(BashComplete):
    """click's, without a blank where a word goes on."""

    name = "bash"
    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        'COMPREPLY+=("$value")\n            [[ $value == *[=/] ]] && compopt -o nospace 2>/dev/null',
    )

    def source(self) -> str:
        """The script; an old bash says so itself when it reads it."""
        return ShellComplete.source(self)


class Zsh(ZshComplete):
    """click's, without a blank where a word goes on."""

    name = "zsh"
    source_template = (
        ZshComplete.source_template.replace("local -a completions\n", "local -a completions going_on\n")
        .replace(
            'completions+=("$key")\n',
            'if [[ "$key" == *[=/] ]]; then going_on+=("$key"); else completions+=("$key"); fi\n',
            1,
        )
        .replace(
            "        compadd -U -V unsorted -a completions\n    fi\n",
            "        compadd -U -V unsorted -a completions\n    fi\n\n"
            '    if [ -n "$going_on" ]; then\n        compadd -U -V unsorted -S "" -a going_on\n    fi\n',
        )
    )


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": FishComplete}


def register() -> None:
    """Has these complete in place of click's own."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> None:
    """Print what SHELL needs to complete commands, options, recipes, components, keys and runs.

    \b
    echo 'eval "$(gantk completion bash)"' >> ~/.bashrc
    echo 'eval "$(gantk completion zsh)"' >> ~/.zshrc
    gantk completion fish > ~/.config/fish/completions/gantk.fish
    """
    group = click.get_current_context().find_root().command
    console.answer(SHELLS[shell](group, {}, "gantk", VARIABLE).source())
