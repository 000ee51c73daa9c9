"""The part of GitHub's REST API that keeps the comments of a pull request, on loopback."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass
class GitHub:
    """``refuses`` is the status that each write gets instead of being done, ``saying`` its headers.

    ``gone`` are the ids of comments that a run beside this one takes away once they were listed.
    """

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    refuses: int = 0
    saying: dict[str, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    def add(self, body: str, *, association: str = "NONE", **user: str) -> None:
        number = 1 + max((each["id"] for each in self.comments), default=100)
        comment = {"id": number, "body": body, "user": user or BOT}
        self.comments.append(comment | {"author_association": association})


@contextlib.contextmanager
def github_api() -> Iterator[GitHub]:
    """Pages of two comments, as a long discussion has several."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, content: object = None, **headers: str) -> None:
            data = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def handle_one(self) -> None:
            path = urlsplit(self.path)
            github.asked.append(f"{self.command} {path.path}")
            github.tokens.add(self.headers["Authorization"])
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "GET":
                page = int(parse_qs(path.query).get("page", ["1"])[0])
                shown = github.comments[2 * page - 2 : 2 * page]
                more = len(github.comments) > 2 * page
                after = f'<{github.url}{path.path}?per_page=100&page={page + 1}>; rel="next"'
                self.answer(200, shown, **({"Link": after} if more else {}))
            elif github.refuses:
                refusal = {"message": "Resource not accessible by integration"}
                self.answer(github.refuses, refusal, **github.saying)
            elif self.command == "POST":
                github.add(json.loads(sent)["body"])
                self.answer(201, github.comments[-1])
            else:
                number = int(path.path.rpartition("/")[2])
                one = next(each for each in github.comments if each["id"] == number)
                if number in github.gone:
                    github.comments.remove(one)
                    self.answer(404, {"message": "Not Found"})
                elif self.command == "DELETE":
                    github.comments.remove(one)
                    self.answer(204)
                else:
                    one["body"] = json.loads(sent)["body"]
                    self.answer(200, one)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
