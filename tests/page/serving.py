"""The page, served in this process for as long as a test needs it."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from anticrossing.page import server


class Answer(NamedTuple):
    """What came back: the status, the headers by lower-case name, the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return str(json.loads(self.body)["line"])

    @property
    def pieces(self) -> dict[str, Any]:
        """The last piece of each name."""
        found = [json.loads(line) for line in self.body.decode().splitlines()]
        return {piece["piece"]: piece for piece in found}


class Served(NamedTuple):
    """A page that is being served."""

    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, content: Any = None, *, method: str = "", headers: Any = None
    ) -> Answer:
        """Ask as the page itself does, but for the headers that are given; None leaves one out."""
        body = content if content is None or isinstance(content, bytes) else json.dumps(content)
        sent = {"Host": f"127.0.0.1:{self.port}"}
        if body is not None:
            sent |= {"Origin": self.address, "Content-Type": "application/json"}
        sent |= headers or {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(
                method or ("GET" if body is None else "POST"), path, skip_host=True
            )
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            raw = body.encode() if isinstance(body, str) else body
            if raw is not None:
                connection.putheader("Content-Length", str(len(raw)))
            connection.endheaders(raw)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())


@contextlib.contextmanager
def served(start: str = "") -> Iterator[Served]:
    """Serve the page at a free port."""
    listening = server.listen(0)
    port = int(listening.getsockname()[1])
    running = server.server(server.application(port, start))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield Served(port)
    finally:
        running.should_exit = True
        thread.join()
        listening.close()
