"""The server: what it is asked, from where it may be asked, and what it sends.

Nothing but this page may ask it anything. It listens on the loopback address; a name that another
site made point there is refused by the header Host, a request that another site made by Origin and
Sec-Fetch-Site, and what is sent may neither be framed nor load anything from elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from anticrossing._core.checks import AnticrossingError, InputError, fail, integer
from anticrossing.page import answers, starts
from anticrossing.studies.file import LARGEST_FILE

PORT = 8017
"""Where the page is found unless another port is asked for."""

_ADDRESS = "127.0.0.1"
_HOSTS = (_ADDRESS, "localhost")
_OWN_SITE = ("none", "same-origin")  # as browsers say it
_BAD_INPUT = 422
_FORBIDDEN = 403
_TOO_LARGE = 413
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_Answer = Callable[[Any], Awaitable[Response]]


class Guard:
    """An application that only its own page, on this machine, may ask."""

    def __init__(self, app: Any, port: int) -> None:
        self.app = app
        self.hosts = {f"{host}:{port}" for host in _HOSTS}
        self.origins = {f"http://{host}" for host in self.hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request of the page, refuse all others, and add the headers to all answers."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        request = Request(scope)
        reason = self.refusal(request.method, request.headers)
        app = self.app if not reason else JSONResponse({"line": reason}, _FORBIDDEN)

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await app(scope, receive, with_headers)

    def refusal(self, method: str, headers: Mapping[str, str]) -> str:
        """Return why a request is refused, nothing if it is not."""
        if headers.get("host") not in self.hosts:
            return "The header Host must name this machine."
        site = headers.get("sec-fetch-site", "none")
        if method in ("GET", "HEAD"):
            followed = headers.get("sec-fetch-mode") == "navigate"
            if site in ("none", "same-origin") or (
                followed and site in ("same-site", "cross-site")
            ):
                return ""  # a link to the page may stand anywhere, its parts may not be used there
            return "Only the page itself may use its parts."
        if method != "POST":
            return "Only GET and POST are answered."
        if headers.get("origin") not in self.origins or site not in _OWN_SITE:
            return "Only the page itself may ask."
        if headers.get("content-type") != "application/json":
            return "A question must be JSON."
        return ""


def application(port: int, start: str = "") -> Any:
    """Return the ASGI application; `start` is the text of the file that it opens with."""
    found = files("anticrossing.page").joinpath("static")
    parts = {
        part.name: Response(part.read_bytes(), media_type=_TYPES[Path(part.name).suffix])
        for part in found.iterdir()
        if Path(part.name).suffix in _TYPES
    }

    async def part(request: Request) -> Response:
        name = request.path_params.get("name", "page.html")
        return parts.get(name) or JSONResponse({"line": f"There is no {name!r}."}, 404)

    async def opening(request: Request) -> Response:
        return JSONResponse({"text": start, **starts.everything()})

    routes = [Route("/", part), Route("/opening", opening), Route("/static/{name}", part)]
    for path, answer in _QUESTIONS.items():
        routes.append(Route(path, _asked(answer), methods=["POST"]))
    return Guard(Starlette(routes=routes), port)


def _asked(
    answer: Callable[[Any], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a question in JSON; what is wrong with it is one line."""

    async def answered(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FILE:
                line = f"An experiment must have at most {LARGEST_FILE} bytes."
                return JSONResponse({"line": line}, _TOO_LARGE)
        try:
            return await answer(_object(bytes(body)))
        except AnticrossingError as error:
            return JSONResponse({"line": str(error)}, _BAD_INPUT)

    return answered


def _object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("A question must be JSON, but it cannot be read.") from None
    if not isinstance(asked, dict):
        raise InputError("A question must be a JSON object, but it is none.")
    return asked


async def _read(asked: Any) -> Response:
    return JSONResponse(await run_in_threadpool(answers.read, asked))


async def _picture(asked: Any) -> Response:
    """Send the picture piece by piece: one line of JSON each, as soon as it is known."""
    pieces = await run_in_threadpool(answers.picture, asked)

    def lines() -> Iterator[str]:
        for piece in pieces:
            yield json.dumps(piece, allow_nan=False) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _download(asked: Any) -> Response:
    content, kind, name = await run_in_threadpool(answers.download, asked)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


_QUESTIONS: dict[str, _Answer] = {"/read": _read, "/picture": _picture, "/download": _download}


# ---- serving ----------------------------------------------------------------------------------


def serve(file: Path | None = None, *, port: int | None = None, browser: bool = True) -> None:
    """Serve the page on this machine until it is interrupted.

    Parameters
    ----------
    file : Path, optional
        The experiment file that it opens with.
    port : int, optional
        Where; without it 8017, or any free one where that is taken.
    browser : bool
        Whether to open the page in the browser.

    Raises
    ------
    InputError
        For a file that the page cannot show, or a port that is taken.
    """
    start = answers.opened(file) if file is not None else ""
    listening = listen(port)
    number = int(listening.getsockname()[1])
    address = f"http://{_ADDRESS}:{number}/"
    print(f"page: {address}  (Ctrl-C ends it)", flush=True)
    threading.Thread(target=answers.warm_up, daemon=True).start()
    if browser:
        webbrowser.open(address)
    with contextlib.suppress(KeyboardInterrupt):  # that is how it ends
        server(application(number, start)).run(sockets=[listening])


def server(app: Any) -> uvicorn.Server:
    """Return a server that speaks HTTP alone and keeps no record of requests."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on the loopback address, at this port if one is given."""
    if port is not None:
        integer("port", port, minimum=0, maximum=65535)
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":  # where it would let two programs have one port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_ADDRESS, PORT if port is None else port))
    except OSError as error:
        if port is not None:
            listening.close()
            why = (error.strerror or str(error)).lower()
            raise fail("port", "be one that is free", f"{port} is not ({why})") from None
        listening.bind((_ADDRESS, 0))
    listening.listen()
    return listening
