"""`gantk doctor`."""

from __future__ import annotations

import time

import click

from gantk import cli_options, console

WORTH_THREADS = 1.2  # times as fast as one that several threads must be to be worth their processor time


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
    found["gflops_one_thread"] = round(_gflops(threads=1), 1)
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
        if remark := _remark_on_threads(found["threads"], found["gflops"], found["gflops_one_thread"]):
            console.answer(f"\n{remark}")
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


def _remark_on_threads(threads: int, together: float, alone: float) -> str:
    """What to do where several threads are hardly faster than one, and nothing where they are.

    Args:
        threads: how many.
        together: speed of all of them.
        alone: speed of one.
    """
    if threads == 1 or together >= WORTH_THREADS * alone:
        return ""
    return (
        f"{threads} threads are hardly faster than one here: the machine is busy, or its cores share one "
        "(hyperthreads).\nWith machine.threads=1 a run takes about as long and less processor time; "
        "`gantk bench RECIPE` measures it."
    )


def _gflops(size: int = 1024, threads: int | None = None) -> float:
    """Measured speed of float32 matrix products on the CPU, in 10⁹ operations a second: the best of three rounds.

    Args:
        size: of the matrices.
        threads: that compute them; None: as many as torch takes.
    """
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(threads or usual)
    try:
        matrix = torch.ones(size, size)
        matrix @ matrix
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            matrix @ matrix @ matrix
            seconds.append(time.perf_counter() - started)
    finally:
        torch.set_num_threads(usual)
    return 2 * 2 * size**3 / min(seconds) / 1e9
