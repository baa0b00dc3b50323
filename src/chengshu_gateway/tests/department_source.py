"""A department's HTTP interface for the tests: it answers as it is told to, and remembers what it was asked."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[["Asked", BaseHTTPRequestHandler], None]
PERSON = {"xm": "张三丰", "sfzh": "330383199001011234", "nl": "36", "secret": "不在约定里"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Department:
    """The running server; `answer` can be changed at any time."""

    port: int
    answer: Answer
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


def says(document: Any, status: int = 200, **headers: str) -> Answer:
    """Answer with JSON (or, as bytes, with these)."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()

    def answer(_asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(content)

    return answer


def people(*records: dict[str, Any]) -> Answer:
    """Answer with records where the tests' source expects them."""
    return says({"code": 200, "data": {"list": list(records)}})


def slowly(seconds: float, then: Answer) -> Answer:
    """Answer after a while."""

    def answer(asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        then(asked, handler)

    return answer


def dripping(seconds: float) -> Answer:
    """Send one byte now and then: every single read is quick, the whole never ends."""

    def answer(_asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        until = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.05)

    return answer


def hanging_up(_asked: Asked, handler: BaseHTTPRequestHandler) -> None:
    """End the connection without a word."""
    handler.connection.close()


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other, the last one for ever."""
    left = list(answers)

    def answer(asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(asked, handler)

    return answer


@contextlib.contextmanager
def department(answer: Answer) -> Iterator[Department]:
    """Run the interface on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            parts = urlsplit(self.path)
            body = json.loads(self.rfile.read(size)) if size else None
            asked = Asked(
                self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body
            )
            running.asked.append(asked)
            with contextlib.suppress(OSError, ValueError):
                running.answer(asked, self)

        do_GET = do_POST = handle_any  # noqa: N815 - the names of http.server

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = Department(server.server_address[1], answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
