"""``python -m agentd.providers.http``: one prompt from stdin to a server, JSON lines to stdout.

start: {model}, text: {text}, so_far: {input_tokens, output_tokens}, about, while the answer comes,
request: what is known of its usage, end: {error?: {reason, message}, sent?: false where no request
went out}.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from types import TracebackType
from typing import Any

from agentd.masking import MASK, masked_traceback
from agentd.metering.request_json import as_json
from agentd.providers.failure import Failure
from agentd.providers.http.client import Exchange
from agentd.providers.http.count import count
from agentd.providers.http.failures import Failed
from agentd.providers.http.options import Options, parse
from agentd.providers.http.so_far import SoFar
from agentd.providers.pointing import no_proxy


def main() -> int:
    """Ask once. 0: the answer came to its end; 1: it did not, and the last line says why."""
    sys.excepthook = _complain
    options = parse(sys.argv[1:])
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = no_proxy(os.environ)
    prompt = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    so_far = SoFar(prompt, _tell_so_far)
    exchange = Exchange(options, lambda text: _tell("text", text=text), os.environ, so_far)
    if options.count:
        return _count(options, exchange, prompt)
    _tell("start", model=options.model, api=options.api)
    failure: Failure | None = None
    try:
        asyncio.run(exchange.ask(prompt))
    except Failed as error:
        failure = error.failure
    except KeyboardInterrupt:
        _tell_requests(exchange)
        return 128 + signal.SIGINT
    _tell_requests(exchange)
    if failure is None:
        _tell("end")
        return 0
    message = failure.message
    for secret in exchange.secrets():
        message = message.replace(secret, MASK)
    _tell("end", error={"reason": failure.reason, "message": message}, sent=exchange.sent)
    return 1


def _count(options: Options, exchange: Exchange, prompt: str) -> int:
    """Say what the server itself tells of a prompt's tokens, and of its window."""
    try:
        tokens, window = asyncio.run(count(options, exchange.headers(), prompt))
    except Failed:
        return 1
    _tell("counted", tokens=tokens, window=window)
    return 0


def _complain(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    sys.stderr.write(masked_traceback(error, os.environ))


def _tell_requests(exchange: Exchange) -> None:
    for request in exchange.requests():
        _tell("request", **as_json(request))


def _tell_so_far(input_tokens: int, output_tokens: int) -> None:
    _tell("so_far", input_tokens=input_tokens, output_tokens=output_tokens)


def _tell(kind: str, **values: Any) -> None:
    sys.stdout.write(json.dumps({"type": kind, **values}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
