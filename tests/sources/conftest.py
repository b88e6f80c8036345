"""A web server on this machine that can break off, redirect, and tell what it was asked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class Web:
    """Files by path; ``broken`` breaks the next answers off, ``asked`` keeps requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.broken = 0
        self.asked: list[tuple[str, str, str | None]] = []
        self.address = ""

    def serve(self, folder: Path, *, under: str = "") -> None:
        """Offer a folder's files."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.files[f"/{under}{path.relative_to(folder).as_posix()}"] = path.read_bytes()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        web, span = self.web, self.headers.get("Range")
        web.asked.append((self.command, self.path, span))
        if self.path in web.redirects:
            self.send_response(302)
            self.send_header("Location", web.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = web.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and self.headers.get("If-Range") == tag else 0
        if start > len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", tag)
        self.end_headers()
        if not body:
            return
        if web.broken:
            web.broken -= 1
            self.wfile.write(content[start : start + (len(content) - start) // 2])
            self.close_connection = True
            return
        self.wfile.write(content[start:])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"web": found}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
