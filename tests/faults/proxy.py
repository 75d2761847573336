"""A proxy between one command and the embedded AWS: it sees every call, and does to the chosen one what is asked.

Calls are told apart by what they do (``glue CreateJob transform-test``) and how often that was seen before, not by
their number: steps on threads and polling come in another order each time.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

Kind = Literal["kill before", "kill after", "answer", "lose answer", "hang"]

_RUN_ID = re.compile(r"jr_[0-9a-f]+(_attempt_\d+)?")
_READS = ("Get", "List", "Head", "BatchGet", "Describe")
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass(frozen=True, order=True)
class Call:
    """One call of a command: what it does, and the how-manyth of its kind it is, from 0."""

    what: str
    nth: int

    @property
    def changes(self) -> bool:
        """Whether it changes something on AWS."""
        return not self.what.split()[1].startswith(_READS)

    def __str__(self) -> str:
        return f"{self.what} #{self.nth}"


@dataclass(frozen=True)
class Fault:
    """What happens to a call.

    Attributes:
        kind: ``kill before`` it is forwarded, ``kill after`` it was and before it is answered; ``answer`` with an
            error, without forwarding it; ``lose answer``: forwarded, and the connection closed; ``hang`` without
            forwarding it.
        at: which call; None for all.
        onwards: whether all later calls suffer the same.
        code, status: of the error.
        forwarded: whether an ``answer`` replaces that of a call that took effect.
    """

    kind: Kind
    at: Call | None
    onwards: bool = False
    code: str = ""
    status: int = 400
    forwarded: bool = False


@dataclass
class FaultProxy:
    """Forwards to the embedded AWS at ``target``; serves until closed."""

    target: str
    kill: Callable[[], None] = lambda: None
    calls: list[Call] = field(default_factory=list)
    fault: Fault | None = None
    struck: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._closing = threading.Event()
        proxy = self

        class Handler(_Handler):
            def handle_any(self) -> None:
                proxy.handle(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def arm(self, fault: Fault | None, kill: Callable[[], None] = lambda: None) -> None:
        """Begin with a new command."""
        with self._lock:
            self.calls, self._seen, self.struck = [], Counter(), False
            self.fault, self.kill = fault, kill

    def handle(self, request: _Handler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault, struck = self._note(_what(request, body))
        if not struck or fault is None:
            request.answer(self._forward(request, body))
            return
        match fault.kind:
            case "kill before":
                self.kill()
                request.drop()
            case "kill after":
                self._forward(request, body)
                self.kill()
                request.drop()
            case "lose answer":
                self._forward(request, body)
                request.drop()
            case "hang":
                self._closing.wait(5)
                request.drop()
            case "answer":
                if fault.forwarded:
                    self._forward(request, body)
                request.answer(_error(request, fault))

    def _note(self, what: str) -> tuple[Fault | None, bool]:
        with self._lock:
            call = Call(what, self._seen[what])
            self._seen[what] += 1
            self.calls.append(call)
            fault = self.fault
            hit = fault is not None and (fault.at is None or call == fault.at or (fault.onwards and self.struck))
            self.struck = self.struck or hit
            return fault, hit

    def _forward(self, request: _Handler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=60)
        try:
            headers = {key: value for key, value in request.headers.items() if key.lower() != "expect"}
            connection.request(request.command, request.path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.handle_any()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args

    def answer(self, answer: tuple[int, list[tuple[str, str]], bytes]) -> None:
        status, headers, body = answer
        with suppress(OSError):  # the client may be gone
            self.send_response_only(status)
            for key, value in headers:
                if key.lower() not in _HOP or (key.lower() == "content-length" and self.command == "HEAD"):
                    self.send_header(key, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    def drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(2)


def _what(request: _Handler, body: bytes) -> str:
    """Say what a call does, in words that are the same each time."""
    split = urlsplit(request.path)
    target = request.headers.get("X-Amz-Target")
    if target is not None:
        asked = json.loads(body or b"{}")
        about = asked.get("JobName") or asked.get("Name") or asked.get("DatabaseName") or asked.get("ResourceArn")
        about = about or (asked.get("DatabaseInput") or {}).get("Name") or ""
        text = f"{target.split('_')[0].split('.')[0].lower()[3:]} {target.split('.')[-1]} {about}"
    elif request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        text = f"query {parse_qs(body.decode())['Action'][0]}"
    else:
        text = _s3_call(request.command, unquote(split.path), dict(parse_qsl(split.query, keep_blank_values=True)))
    return _RUN_ID.sub("RUN", text).strip()


def _s3_call(method: str, path: str, query: dict[str, str]) -> str:
    has_key = path.strip("/").count("/") > 0
    noun = next((n for n in ("tagging", "versions", "uploads", "delete", "versioning") if n in query), "")
    match method:
        case "GET" | "HEAD":
            verb = "Get" if has_key else "List"
        case "POST" if noun == "delete":
            verb = "Delete"
        case _:
            verb = method.capitalize()
    name = {"": "Object", "tagging": "Tags", "versions": "Versions", "uploads": "Uploads", "delete": "Objects"}
    return f"s3 {verb}{name.get(noun, noun)} {path}{query.get('prefix', '')}"


def _error(request: _Handler, fault: Fault) -> tuple[int, list[tuple[str, str]], bytes]:
    message = f"injected: {fault.code}"
    if request.headers.get("X-Amz-Target") is not None:
        document = json.dumps({"__type": fault.code, "message": message}).encode()
        return fault.status, [("Content-Type", "application/x-amz-json-1.1")], document
    error = f"<Error><Code>{fault.code}</Code><Message>{message}</Message></Error>"
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        error = f"<ErrorResponse>{error}</ErrorResponse>"
    return fault.status, [("Content-Type", "application/xml")], error.encode()
