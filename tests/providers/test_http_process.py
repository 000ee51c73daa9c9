"""The process of an HTTP provider against servers that behave: what it asks, prints and tells."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from support.chat_api import USAGE, answer_of, chat_api, chunk, json_answer, streamed, whole
from support.raw_api import TLS, Asked, head, raw_api, sse
from support.warm_start import run_module

from agentd.providers.base import Invocation, Parsed
from agentd.providers.http.cli import CLI
from agentd.providers.http.options import Api, Options, arguments

KEY = "geheim-0123456789"
TEXT = "# Review: x\n\nAll is well.\n"


def ask(
    url: str, prompt: str = "Hello", *, environ: Mapping[str, str] | None = None, **options: Any
) -> tuple[Parsed, subprocess.CompletedProcess[str]]:
    """Run the process once, as agentd does, and read what it printed."""
    given = Options(
        **{"name": "local", "base_url": url, "model": "m-0", "timeout_secs": 20, **options}
    )
    ended = run_module(
        "agentd.providers.http",
        *("--model", "m-0", *arguments(given)),
        cwd=Path.cwd(),
        env={**os.environ, "LOCAL_KEY": KEY, **(environ or {})},
        stdin=prompt.encode(),
        timeout_s=60,
    )
    out, err = ended.stdout.decode(), ended.stderr.decode()
    parser = CLI.new_parser()
    for line in out.splitlines():
        parser.feed(json.loads(line))
    assert KEY not in out + err
    assert "Traceback" not in err
    return parser.parsed(), subprocess.CompletedProcess(ended.args, ended.returncode, out, err)


def failure(url: str, **options: Any) -> tuple[str, str]:
    """Why a request failed: the reason and the message."""
    parsed, done = ask(url, **options)
    assert done.returncode == 1, done.stderr
    assert parsed.failure is not None
    return parsed.failure.reason, parsed.failure.message


def test_a_streamed_answer_its_usage_and_the_model_that_answered() -> None:
    with chat_api(answer_of(TEXT)) as api:
        parsed, done = ask(f"{api.url}/v1", key_env="LOCAL_KEY", max_output_tokens=500)
    assert done.returncode == 0
    assert (parsed.final_text, parsed.model, parsed.complete) == (TEXT, "m-1", True)
    assert parsed.usage is not None
    assert (parsed.usage.input_tokens, parsed.usage.output_tokens) == (900, 40)
    [asked] = api.asked
    assert asked.line == "POST /v1/chat/completions HTTP/1.1"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    body = json.loads(asked.body)
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    assert body["stream_options"] == {"include_usage": True}
    assert (body["model"], body["max_tokens"]) == ("m-0", 500)


def test_an_answer_that_is_not_streamed() -> None:
    with chat_api(whole(TEXT)) as api:
        parsed, _ = ask(f"{api.url}/v1", stream=False)
    assert (parsed.final_text, parsed.model) == (TEXT, "m-1")
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 940
    assert json.loads(api.asked[0].body)["stream"] is False
    assert "authorization" not in api.asked[0].headers


def test_anthropics_messages() -> None:
    start = {"id": "msg_1", "model": "m-1", "usage": {"input_tokens": 9, "output_tokens": 1}}
    delta = {"type": "text_delta", "text": TEXT}
    end = {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    events = sse(
        {"type": "message_start", "message": start},
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "delta": delta},
        {"type": "message_delta", **end},
    )
    with chat_api(head("connection: close") + events) as api:
        parsed, _ = ask(f"{api.url}/v1", api="messages", key_env="LOCAL_KEY")
    assert (parsed.final_text, parsed.model) == (TEXT, "m-1")
    assert parsed.usage is not None
    assert (parsed.usage.input_tokens, parsed.usage.output_tokens) == (9, 7)
    [asked] = api.asked
    assert asked.line == "POST /v1/messages HTTP/1.1"
    assert asked.headers["x-api-key"] == KEY
    assert "authorization" not in asked.headers
    assert json.loads(asked.body)["max_tokens"] > 0


def test_openais_responses() -> None:
    usage = {"input_tokens": 12, "output_tokens": 5}
    response = {"id": "resp_1", "model": "m-1", "status": "completed", "usage": usage}
    events = sse(
        {"type": "response.reasoning_text.delta", "delta": "Hm."},
        {"type": "response.output_text.delta", "delta": TEXT},
        {"type": "response.completed", "response": response},
    )
    with chat_api(head("connection: close") + events) as api:
        parsed, _ = ask(f"{api.url}/v1", api="responses")
    assert (parsed.final_text, parsed.model) == (TEXT, "m-1")
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 17
    body = json.loads(api.asked[0].body)
    assert (body["input"], body["store"]) == ("Hello", False)


def test_headers_of_ones_own_and_a_query_of_the_base_url() -> None:
    with chat_api(answer_of(TEXT)) as api:
        ask(
            f"{api.url}/openai/deployments/d?api-version=2024-10-21",
            header_envs={"api-key": "LOCAL_KEY"},
        )
    [asked] = api.asked
    assert asked.headers["api-key"] == KEY
    path = "/openai/deployments/d/chat/completions?api-version=2024-10-21"
    assert asked.line == f"POST {path} HTTP/1.1"


# What each server puts where: the finish, the usage, and what it adds to it.
SHAPES: dict[str, tuple[bytes, dict[str, int], str | None]] = {
    "openai": (
        streamed(
            chunk(TEXT, usage=None),
            chunk(finish="stop", usage=None),
            chunk(
                usage={
                    **USAGE,
                    "prompt_tokens_details": {"cached_tokens": 512, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 16, "audio_tokens": 0},
                }
            )
            | {"choices": []},
        ),
        {"cache_read_input_tokens": 512, "reasoning_output_tokens": 16},
        None,
    ),
    "openrouter": (
        head("connection: close")
        + b": OPENROUTER PROCESSING\n\n"
        + streamed(
            chunk(TEXT),
            chunk("", finish="stop"),
            chunk(
                "",
                usage={
                    **USAGE,
                    "cost": 0.00014,
                    "is_byok": False,
                    "cost_details": {"upstream_inference_cost": None},
                    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
                    "completion_tokens_details": {"reasoning_tokens": 8},
                },
            ),
        ).split(b"\r\n\r\n", 1)[1],
        {
            "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 3,
            "reasoning_output_tokens": 8,
        },
        "0.00014",
    ),
    "openrouter with a key of one's own": (
        answer_of(
            TEXT,
            {
                **USAGE,
                "cost": 0.001,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.02},
            },
        ),
        {},
        "0.021",
    ),
    "llama.cpp": (
        streamed(
            chunk(None, timings={"prompt_n": 900, "predicted_n": 40}),
            chunk(TEXT),
            chunk(finish="stop"),
            chunk(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 0}}, timings={})
            | {"choices": []},
        ),
        {},
        None,
    ),
    "vllm": (
        streamed(
            chunk("", usage={"prompt_tokens": 900, "total_tokens": 900, "completion_tokens": 0}),
            chunk(TEXT),
            chunk("", finish="stop"),
            chunk(usage={**USAGE, "prompt_tokens_details": None}) | {"choices": []},
        ),
        {},
        None,
    ),
    "ollama": (
        streamed(
            chunk(TEXT, system_fingerprint="fp_ollama"),
            chunk("", finish="stop"),
            chunk(usage=USAGE) | {"choices": []},
        ),
        {},
        None,
    ),
    "the usage with the finish": (
        streamed(chunk(TEXT), chunk("", finish="stop", usage=USAGE)),
        {},
        None,
    ),
    "the usage before the finish": (
        streamed(chunk(TEXT), chunk("", usage=USAGE), chunk("", finish="stop")),
        {},
        None,
    ),
    "litellm": (
        streamed(
            chunk(TEXT, provider_specific_fields=None),
            chunk(finish="stop"),
            chunk(
                usage={
                    **USAGE,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "prompt_tokens_details": {"cached_tokens": 100, "text_tokens": None},
                    "completion_tokens_details": None,
                }
            )
            | {"choices": []},
        ),
        {"cache_read_input_tokens": 100},
        None,
    ),
    "azure": (
        streamed(
            {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
            chunk(TEXT, content_filter_results={}),
            chunk(finish="stop"),
            chunk(usage=USAGE) | {"choices": []},
        ),
        {},
        None,
    ),
    "deepseek": (
        answer_of(TEXT, {**USAGE, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 836}),
        {"cache_read_input_tokens": 64},
        None,
    ),
}


@pytest.mark.parametrize("server", SHAPES)
def test_every_shape_of_usage(server: str) -> None:
    answer, details, cost_usd = SHAPES[server]
    with chat_api(answer) as api:
        parsed, done = ask(f"{api.url}/v1")
    assert done.returncode == 0, done.stdout
    assert parsed.final_text == TEXT
    assert parsed.usage is not None
    told = {name: getattr(parsed.usage, name) for name in ("input_tokens", "output_tokens")}
    assert told == {"input_tokens": 900, "output_tokens": 40}
    for name, count in details.items():
        assert getattr(parsed.usage, name) == count
    told_usd = parsed.usage.reported_cost_usd
    assert (None if told_usd is None else f"{told_usd:f}") == cost_usd
    assert all(one.exact for one in parsed.requests)


@pytest.mark.parametrize(
    ("more", "cached", "cost_usd"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 512}}, 512, None),
        ({"prompt_tokens_details": None}, 0, None),  # vLLM
        ({"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 836}, 64, None),
        ({"cost": 0.00014, "prompt_tokens_details": {"cached_tokens": 4}}, 4, "0.00014"),
    ],
)
def test_every_shape_of_usage_of_an_answer_that_is_not_streamed(
    more: Mapping[str, Any], cached: int, cost_usd: str | None
) -> None:
    with chat_api(whole(TEXT, {**USAGE, **more}, prompt_filter_results=[])) as api:
        parsed, done = ask(f"{api.url}/v1", stream=False)
    assert (done.returncode, parsed.final_text) == (0, TEXT)
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 940
    assert parsed.usage.cache_read_input_tokens == cached
    told_usd = parsed.usage.reported_cost_usd
    assert (None if told_usd is None else f"{told_usd:f}") == cost_usd
    assert all(one.exact for one in parsed.requests)


def test_no_usage_at_all_is_not_told_as_one() -> None:
    with chat_api(answer_of(TEXT, None)) as api:
        parsed, done = ask(f"{api.url}/v1", include_usage=False)
    assert done.returncode == 0
    assert parsed.usage is None
    assert not any(one.exact for one in parsed.requests)
    assert "stream_options" not in json.loads(api.asked[0].body)


def thoughts(text: str, name: str = "reasoning_content") -> dict[str, Any]:
    """A chunk in which the model thinks."""
    return {**chunk(), "choices": [{"index": 0, "delta": {name: text}, "finish_reason": None}]}


ERRORS: dict[str, tuple[bytes, str, str]] = {
    "a wrong key": (
        json_answer({"error": {"message": f"Bad key {KEY}"}}, status="401 Unauthorized"),
        "auth",
        "answered 401: Bad key ***. Put a valid key into LOCAL_KEY (api_key_env in [http.local])",
    ),
    "no credit": (
        json_answer({"error": {"message": "Insufficient credits"}}, status="402 Payment Required"),
        "auth",
        "answered 402: Insufficient credits",
    ),
    "an unknown model": (
        json_answer({"error": {"message": "model 'm-0' not found"}}, status="404 Not Found"),
        "refused",
        "answered 404: model 'm-0' not found. Set model in [http.local]",
    ),
    "a rate limit": (
        json_answer(
            {"error": {"message": "slow down"}}, "retry-after: 30", status="429 Too Many Requests"
        ),
        "rate_limit",
        "answered 429: slow down; retry after 30 s",
    ),
    "the server's fault": (
        json_answer({"detail": "Internal"}, status="500 Internal Server Error"),
        "overloaded",
        "answered 500: Internal",
    ),
    "include_usage is refused": (
        json_answer(
            {"error": {"message": "Unrecognized request argument: stream_options"}},
            status="400 Bad Request",
        ),
        "refused",
        "set include_usage = false in [http.local]",
    ),
    "include_usage is refused by FastAPI": (
        json_answer(
            {"detail": [{"loc": ["body"], "msg": "include_usage: extra fields not permitted"}]},
            status="422 Unprocessable Entity",
        ),
        "refused",
        "set include_usage = false in [http.local]",
    ),
    "a login page": (
        head("connection: close", kind="text/html") + b"<!doctype html><title>Log in</title>",
        "refused",
        'answered with a web page ("Log in"), not with JSON',
    ),
    "a redirect to another host": (
        head("location: https://evil.example/v1?x=1", status="307 Temporary Redirect"),
        "refused",
        "redirects to https://evil.example/v1, and agentd follows no redirect",
    ),
    "a cut stream": (
        streamed(chunk("# Rev"), done=False),
        "network",
        "broke its answer off before its end",
    ),
    "an error in the stream": (
        streamed(chunk("# Rev"), {"error": {"code": 502, "message": "upstream died"}}),
        "overloaded",
        "ended its answer with an error: upstream died",
    ),
    "an answer that was cut by its limit": (
        streamed(chunk("# Rev"), chunk(finish="length", usage=USAGE)),
        "refused",
        "raise max_output_tokens in [http.local]",
    ),
    "a content filter": (
        streamed(chunk(""), chunk(finish="content_filter", usage=USAGE)),
        "refused",
        "withheld the answer",
    ),
    "no text": (
        streamed(chunk(""), chunk(finish="stop", usage=USAGE)),
        "no_result",
        "has no text",
    ),
    "only thoughts": (
        streamed(thoughts("Hm. "), chunk(finish="stop", usage=USAGE)),
        "refused",
        "has only thoughts (reasoning) and no text: raise max_output_tokens in [http.local]",
    ),
    "only thoughts, as some servers call them": (
        streamed(thoughts("Hm. ", "reasoning"), chunk(finish="stop", usage=USAGE)),
        "refused",
        "has only thoughts (reasoning) and no text",
    ),
    "only thoughts that are not told": (
        answer_of("", {**USAGE, "completion_tokens_details": {"reasoning_tokens": 40}}),
        "refused",
        "has only thoughts (reasoning) and no text",
    ),
    "only thoughts in the text": (
        answer_of("<think>\nHm, # Review?\n</think>\n"),
        "refused",
        "has only thoughts (reasoning) and no text",
    ),
    "thoughts that never end": (
        answer_of("<think>\nHm, # Review?\n"),
        "refused",
        "has only thoughts (reasoning) and no text",
    ),
    "thoughts in other marks that never end": (
        answer_of("<think>Hm.</think>[THINK]\nHm, # Review?\n"),
        "refused",
        "has only thoughts (reasoning) and no text",
    ),
    "thoughts that fill the limit": (
        streamed(thoughts("Hm. "), chunk(finish="length", usage=USAGE)),
        "refused",
        "and has only thoughts (reasoning) and no text; raise max_output_tokens in [http.local]",
    ),
    "no UTF-8": (
        head("connection: close") + b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',
        "refused",
        "is not UTF-8",
    ),
    "no JSON": (
        head("connection: close", kind="application/json") + b'{"choices": [',
        "network",
        "broke its answer off",
    ),
    "nothing": (head("connection: close"), "network", "broke its answer off"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_says_what_to_do(name: str) -> None:
    answer, reason, message = ERRORS[name]
    with chat_api(answer) as api:
        found = failure(f"{api.url}/v1", key_env="LOCAL_KEY")
    assert found[0] == reason
    assert message in found[1]
    assert len(api.asked) == 1  # nothing is asked again, and no other host


@pytest.mark.parametrize(
    ("api", "document"),
    [
        ("chat", {"choices": [{"message": {"reasoning": "Hm."}, "finish_reason": "stop"}]}),
        (
            "messages",
            {"content": [{"type": "thinking", "thinking": "Hm."}], "stop_reason": "end_turn"},
        ),
        ("responses", {"output": [{"type": "reasoning", "summary": []}], "status": "completed"}),
    ],
)
def test_an_answer_of_only_thoughts_that_is_not_streamed(
    api: Api, document: dict[str, Any]
) -> None:
    usage = {"input_tokens": 9, "output_tokens": 5, **USAGE}
    answer = {"id": "a-1", "model": "m-1", "usage": usage, **document}
    with chat_api(json_answer(answer)) as server:
        reason, message = failure(f"{server.url}/v1", api=api, stream=False)
    assert reason == "refused"
    assert "has only thoughts (reasoning) and no text" in message


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("", "may lack /v1: try {url}/v1"),
        ("/api", "may lack /v1: try {url}/api/v1"),
        ("/v1/chat/completions", "has /chat/completions too many: try {url}/v1"),
        ("/v1", 'Check base_url in [http.local], and whether the server knows api = "chat"'),
    ],
)
def test_a_wrong_base_url_is_guessed(path: str, advice: str) -> None:
    page = head("connection: close", status="404 Not Found", kind="text/html") + b"<html>Not found"
    with chat_api(page) as api:
        reason, message = failure(f"{api.url}{path}")
        assert reason == "refused"
        assert advice.format(url=api.url) in message


@pytest.mark.parametrize("wait_s", [100, 2_000_000])
def test_a_date_to_retry_after(wait_s: int) -> None:
    at = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + wait_s))
    answer = json_answer({}, f"retry-after: {at}", status="429 Too Many Requests")
    with chat_api(answer) as api:
        _, message = failure(f"{api.url}/v1")
    seconds = float(message.rpartition("; retry after ")[2].removesuffix(" s"))
    assert wait_s - 10 < seconds <= wait_s
    assert CLI.resets_at(message, datetime.now(UTC)) is not None


def test_a_certificate_that_nobody_vouches_for() -> None:
    with chat_api(answer_of(TEXT), tls=True) as api:
        reason, message = failure(f"{api.url}/v1", key_env="LOCAL_KEY")
        assert reason == "refused"
        assert "certificate that nobody vouches for, so nothing was sent" in message
        assert "SSL_CERT_FILE" in message
        assert api.asked == []
        trusted = {"SSL_CERT_FILE": str(TLS / "certificate.pem")}
        parsed, _ = ask(f"{api.url}/v1", key_env="LOCAL_KEY", environ=trusted)
        assert parsed.final_text == TEXT


def test_a_server_that_is_not_there() -> None:
    with chat_api(b"") as api:
        url = api.url
    reason, message = failure(f"{url}/v1")
    assert reason == "network"
    host = url.removeprefix("http://")
    assert message == f"{host} can't be reached: connection refused. Is the server running?"


def test_a_server_behind_a_proxy_that_is_not_there() -> None:
    with chat_api(b"") as api:
        place = api.url.removeprefix("http://")
    environ = {"http_proxy": f"http://ada:{KEY}@{place}", "HTTP_PROXY": "", "NO_PROXY": ""}
    reason, message = failure("http://models.example/v1", environ=environ)
    assert reason == "network"
    assert message == (
        f"models.example can't be reached: through the proxy {place} of the environment: "
        "connection refused. If the server is not behind it, put models.example into NO_PROXY"
    )


@pytest.mark.parametrize(
    "proxy",
    [
        f"ada:{KEY}@127.0.0.1:9",
        f"http://ada:{KEY}@127.0.0.1:port",
        f"http://ada:{KEY}/x@127.0.0.1:9",
        f"http://[ada:{KEY}@127.0.0.1:9",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_no_url_is_named_without_its_password(proxy: str, scheme: str) -> None:
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    environ = {**dict.fromkeys(names, proxy), "NO_PROXY": "", "no_proxy": ""}
    reason, message = failure(f"{scheme}://models.example/v1", environ=environ)
    assert reason == "refused"
    assert message == (
        "the proxy that the environment names for models.example is no URL such as "
        "http://NAME:PASSWORD@HOST:PORT: correct it, or put models.example into NO_PROXY"
    )


def test_a_key_in_clear_goes_to_no_proxy() -> None:
    with chat_api(answer_of(TEXT)) as proxy:
        environ = {"http_proxy": proxy.url, "HTTP_PROXY": proxy.url}
        reason, message = failure("http://models.example/v1", key_env="LOCAL_KEY", environ=environ)
        assert reason == "refused"
        assert "the proxy would read the key" in message
        assert "put models.example into NO_PROXY" in message
        assert proxy.asked == []
        parsed, _ = ask("http://models.example/v1", environ=environ)  # it has no key to tell
        assert parsed.final_text == TEXT
        assert proxy.asked[0].line.startswith("POST http://models.example/v1/chat/completions")


def test_loopback_is_never_behind_a_proxy() -> None:
    with chat_api(b"") as proxy, chat_api(answer_of(TEXT)) as api:
        environ = {"http_proxy": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": "", "no_proxy": ""}
        parsed, _ = ask(f"{api.url}/v1", key_env="LOCAL_KEY", environ=environ)
        assert parsed.final_text == TEXT
        assert proxy.asked == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "the environment has no LOCAL_KEY, which [http.local] names"),
        ("a\nb", "what stands in LOCAL_KEY can't be sent"),
        ("clé-de-Zoë", "what stands in LOCAL_KEY can't be sent"),
    ],
)
def test_a_key_that_is_none(value: str, message: str) -> None:
    with chat_api(answer_of(TEXT)) as api:
        reason, told = failure(api.url, key_env="LOCAL_KEY", environ={"LOCAL_KEY": value})
    assert (reason, api.asked) == ("auth", [])
    assert message in told


def slowly(_: Asked, out: BinaryIO) -> None:
    out.write(head("connection: close"))
    for _ in range(200):
        out.write(b":")
        out.flush()
        time.sleep(0.1)


def test_a_server_that_drips_is_given_up() -> None:
    with raw_api(slowly) as api:
        began = time.monotonic()
        reason, message = failure(f"{api.url}/v1", timeout_secs=2)
    assert reason == "timeout"
    assert "did not end its answer in 2 s (timeout_secs in [http.local])" in message
    assert time.monotonic() - began < 15


def endlessly(*, streams: bool) -> Iterator[bytes]:
    piece = chunk("word " * 1000)
    if streams:
        yield head("connection: close")
        while True:
            yield f"data: {json.dumps(piece)}\n\n".encode()
    yield head("connection: close", kind="application/json") + b'{"choices": [{"message": "'
    while True:
        yield b"word " * 1000


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_of_100_megabytes_is_not_kept(streams: bool) -> None:
    def answer(_: Asked, out: BinaryIO) -> None:
        sent = 0
        for piece in endlessly(streams=streams):
            sent += out.write(piece)
            if sent > 100 << 20:
                return

    with raw_api(answer) as api:
        parsed, done = ask(f"{api.url}/v1", stream=streams)
    assert done.returncode == 1
    assert parsed.failure is not None
    assert "longer than any document" in parsed.failure.message or (
        "has no end" in parsed.failure.message
    )
    assert len(done.stdout) < 6 << 20


def test_no_key_and_no_prompt_stand_in_the_arguments() -> None:
    options = Options(name="local", base_url="http://h/v1", model="m", key_env="LOCAL_KEY")
    argv = CLI.argv(
        Invocation(command="py", model="m", extra_args=tuple(arguments(options)), run_dir=TLS)
    )
    assert KEY not in " ".join(argv)
    assert "LOCAL_KEY" in argv


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_the_process_understands_its_own_arguments(api: Api) -> None:
    from agentd.providers.http.options import parse

    options = Options(
        name="a-1",
        base_url="https://h.example/v1?api-version=1",
        api=api,
        model="m",
        key_env="K",
        header_envs={"api-key": "X", "http-referer": "Y"},
        include_usage=False,
        stream=False,
        max_output_tokens=7,
        timeout_secs=9,
        at="http://127.0.0.1:1/t",
    )
    argv = [*arguments(options), "--model", "m", "--at", "http://127.0.0.1:1/t"]
    assert parse(argv) == options
    assert options.url("/x") == "http://127.0.0.1:1/t/x?api-version=1"


@pytest.mark.parametrize(
    "thoughts",
    [
        "<think>\nHm, # Review?\n</think>\n\n",
        "<think></think>",
        "\ufeff<think>\n# Review: a draft\n</think>\n<think>Or not.</think>\n",
        "<thinking>\n# Review: a draft\n</thinking>\n",
        "<seed:think>Hm.</seed:think>",
        "[THINK]\n# Review: a draft\n[/THINK]",
        "\u25c1think\u25b7Hm.\u25c1/think\u25b7",
        "Okay. The review it is.</think>\n\n",
        "Okay.\n\n# Review: a draft\n</think>\n\n",  # the model's template has begun them
    ],
)
def test_thoughts_before_an_answer_are_no_part_of_it(thoughts: str) -> None:
    with chat_api(answer_of(f"{thoughts}{TEXT}")) as api:
        parsed, _ = ask(f"{api.url}/v1")
    assert parsed.final_text == TEXT


@pytest.mark.parametrize("begin", ["", "\n", '<file path="a">\n', "```markdown\n"])
def test_an_answer_about_thoughts_stays_whole(begin: str) -> None:
    text = f"{begin}{TEXT}It ends at a line with\n</think>\nalone.\n"
    parser = CLI.new_parser()
    parser.feed({"type": "text", "text": text})
    assert parser.parsed().final_text == text
