"""`wavesmith studio`: the page where a producer plays, and the HTTP API behind it."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import webbrowser
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.console import note, tell
from wavesmith.errors import RequestError, WavesmithError


def studio(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")
    ] = 8321,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine a token is needed.")
    ] = ("127.0.0.1"),
    token: Annotated[
        str | None,
        typer.Option(help="Token that requests carry; by default drawn for addresses beyond this machine."),
    ] = None,
    library: Annotated[Path, typer.Option(help="Folder for all sounds and models.")] = Path("~/wavesmith"),
    model: Annotated[
        list[str] | None, typer.Option(help="Model folder or hub repository to offer as well; repeatable.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Open the studio: a page in your browser that needs no network, and an HTTP API (docs at /docs).

    All sounds are kept in the library. Ctrl-C closes the studio; unfinished jobs and trainings continue when
    it is opened again.
    """
    if token is not None and not re.fullmatch(r"[\w.~-]{8,200}", token, re.ASCII):
        raise RequestError("A token needs 8 letters or digits or more; leave --token out to have one drawn.")
    from wavesmith.serve.worker_client import WorkerClient

    listening = _listening(host, port)
    library = library.expanduser().absolute()
    worker = WorkerClient(library)  # loads its model while this process imports the rest
    try:
        import uvicorn

        from wavesmith.serve.app import create_app
    except ModuleNotFoundError as error:
        raise RequestError(
            f"The studio needs the package {error.name}; install it with: pip install 'wavesmith[studio]'."
        ) from error
    from wavesmith.serve.middleware import is_local
    from wavesmith.serve.studio import Studio

    local = is_local(host)
    token = token or (None if local else secrets.token_urlsafe(16))
    try:
        opened = Studio(library, model or (), worker=worker)
    except WavesmithError:
        worker.end()
        raise
    address = f"http://{'localhost' if local else host}:{listening.getsockname()[1]}/"
    address += f"?token={token}" if token else ""
    tell(f"The studio is at {address} (library: {library}).")
    reach = "this machine only" if local else "everyone who can reach this address and has the token"
    note(f"It answers {reach}; Ctrl-C closes it.")
    if open_page:
        webbrowser.open(address)
    config = uvicorn.Config(
        create_app(opened, token=token, local=local),
        log_level="warning",
        limit_concurrency=opened.limits.connections,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: everything is closed in order
    with closing(opened), suppress(KeyboardInterrupt):  # which comes once all requests are answered
        uvicorn.Server(config).run([listening])


def _listening(host: str, port: int) -> socket.socket:
    """Return a listening socket."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        raise RequestError(
            f"Cannot listen on {host}, port {port} ({error.strerror or error}); choose another with --port."
        ) from error
    return listening
