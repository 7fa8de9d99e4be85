"""`gantk doctor`."""

from __future__ import annotations

import time

import click

from gantk import cli_options, console


@click.command()
@click.option(
    "--plugin", "only", metavar="NAME", help="Only this one: does each of its components keep the rules of its kind?"
)
@cli_options.as_json
def command(only: str | None, as_json: bool) -> None:
    """Say what is installed, what is broken and what is slow here. Exits with 1 where a plugin is broken.

    With --plugin, every rule is checked for every component, as `gantk.testing.conformance` does under pytest.
    """
    if only is not None:
        _check(only, as_json)
        return
    from gantk import machine
    from gantk.components.registry import installed_registry
    from gantk.errors import BrokenPlugin, ComponentError

    started = time.perf_counter()
    import torch  # noqa: F401  # timed

    import_seconds = time.perf_counter() - started
    found = machine.describe_machine(machine.find_device("auto"))
    found["torch_import_seconds"] = round(import_seconds, 2)
    found["gflops"] = round(_gflops(), 1)
    plugins = installed_registry().plugins
    broken = [plugin for plugin in plugins if plugin.state in ("broken", "refused")]
    unloadable = {}
    for declared in installed_registry().components:
        try:
            installed_registry().load(declared)
        except ComponentError as error:
            unloadable[declared.full] = str(error)
    if as_json:
        console.answer_json(
            found
            | {
                "plugins": [
                    {
                        "name": plugin.name,
                        "distribution": plugin.distribution,
                        "version": plugin.version,
                        "state": plugin.state,
                        "reason": plugin.reason,
                        "traceback": plugin.traceback,
                    }
                    for plugin in plugins
                ],
                "unloadable": unloadable,
            }
        )
    else:
        rows = [(name, str(value)) for name, value in found.items() if name != "versions"]
        rows += [(name, version) for name, version in found["versions"].items()]
        console.table("this machine", ("what", "value"), rows)
        console.answer("")
        console.table(
            "plugins",
            ("plugin", "from", "state", "why"),
            [
                (plugin.name, f"{plugin.distribution} {plugin.version}", plugin.state, plugin.reason)
                for plugin in plugins
            ],
        )
        for plugin in broken:
            if plugin.traceback:
                console.answer(f"\n{plugin.title}:\n{plugin.traceback}")
        for reason in unloadable.values():
            console.answer(f"\n{reason}")
    if broken or unloadable:
        raise BrokenPlugin(f"{len(broken)} broken plugins, {len(unloadable)} components that cannot be imported")


def _check(plugin: str, as_json: bool) -> None:
    """The conformance kit, without pytest."""
    from gantk.errors import BrokenPlugin
    from gantk.testing import cases

    every = cases(plugin)
    outcomes = [(case, *case.outcome()) for case in console.progress(every, text=f"checking {plugin}")]
    broken = [text for _, outcome, text in outcomes if outcome == "broken"]
    if as_json:
        console.answer_json(
            [
                {"component": case.component, "rule": case.rule, "outcome": outcome, "text": text}
                for case, outcome, text in outcomes
            ]
        )
    else:
        rows = [
            (case.component, case.rule, outcome, text.partition("\n")[0] if outcome == "not checked" else "")
            for case, outcome, text in outcomes
        ]
        console.table(f"plugin {plugin}", ("component", "rule", "outcome", "why"), rows)
        for text in broken:
            console.answer(f"\n{text}")
    if broken:
        raise BrokenPlugin(f"{len(broken)} of {len(outcomes)} rules are broken; docs/plugins.md explains them")


def _gflops(size: int = 1024) -> float:
    """Measured speed of a float32 matrix product on the CPU, in 10⁹ operations a second."""
    import torch

    matrix = torch.ones(size, size)
    matrix @ matrix
    started = time.perf_counter()
    for _ in range(3):
        matrix @ matrix
    return 3 * 2 * size**3 / (time.perf_counter() - started) / 1e9
