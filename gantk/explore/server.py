"""The server of the page: on 127.0.0.1 alone, behind an address that nobody can guess."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
import webbrowser
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import FrameType
from typing import Any

from gantk.errors import GantkError
from gantk.explore.explorer import Explorer
from gantk.explore.page import Page
from gantk.explore.widgets import pn

HERE = "127.0.0.1"
TITLE = "gantk explore"


def listening_port(port: int) -> int:
    """The port itself where it is free; for 0 one that is.

    Raises:
        GantkError: it is in use, or not allowed.
    """
    with socket.socket() as trial:
        try:
            trial.bind((HERE, port))
        except OSError as error:
            raise GantkError(
                f"port {port} of {HERE} cannot be had ({error.strerror or error}): give another --port, or none for "
                "one that is free"
            ) from error
        return int(trial.getsockname()[1])


def open_browser(address: str) -> None:
    """Opens an address in a browser with windows, where there is one: one in the terminal would take that over."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return
    if not isinstance(found, webbrowser.GenericBrowser) or isinstance(found, webbrowser.BackgroundBrowser):
        found.open(address)


def serve_page(explorer: Explorer, *, port: int, on_start: Callable[[str], None], browser: bool) -> int:
    """Serves the page until it is told to stop, and returns the signal that did: 2 of Ctrl-C, 15 of a SIGTERM.

    Args:
        explorer: of the model.
        port: to listen on; 0: any that is free.
        on_start: told the address once it can be opened.
        browser: whether it is opened in one.

    Raises:
        GantkError: the port is in use.
    """
    from tornado.ioloop import IOLoop
    from tornado.websocket import WebSocketClosedError

    logging.getLogger("bokeh").setLevel(logging.ERROR)
    logging.getLogger("tornado").setLevel(logging.ERROR)

    def opened() -> object:
        pn.state.curdoc.template_variables["app_favicon"] = "data:,"  # else one is asked for that is not there
        return Page(explorer).view()

    port, token = listening_port(port), secrets.token_urlsafe(24)
    server = pn.io.server.get_server(
        {"/": opened},
        port=port,
        address=HERE,
        websocket_origin=f"{HERE}:{port}",
        prefix=token,
        title=TITLE,
        show=False,
        start=False,
        verbose=False,
        use_index=False,
        ico_path="none",
        keep_alive_milliseconds=10_000,
    )
    address = f"http://{HERE}:{port}/{token}/"
    loop, stopped_by = IOLoop.current(), [0]

    def failed(running: AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), WebSocketClosedError):  # a tab that was closed meanwhile
            running.default_exception_handler(context)

    def stop(number: int, frame: FrameType | None) -> None:
        stopped_by[0] = number
        loop.add_callback_from_signal(loop.stop)

    loop.asyncio_loop.set_exception_handler(failed)  # type: ignore[attr-defined]
    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.start()
        on_start(address)
        if browser:
            open_browser(address)
        loop.start()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        server.stop()
    return stopped_by[0]
