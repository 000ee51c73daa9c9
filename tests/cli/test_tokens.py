"""``agentd tokens``: text in, counts out."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import agentd_bytes
from support.tiktoken_truth import truth

from agentd.project.init import initialise

TEXT = "Don't count\r\nthis twice: \U0001f600 中文\n"


def tokens(
    *arguments: str | bytes, cwd: Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return agentd_bytes("tokens", *arguments, cwd=cwd, stdin=stdin)


def document(done: subprocess.CompletedProcess[bytes]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    loaded: dict[str, object] = json.loads(done.stdout)
    return loaded


def test_an_argument(tmp_path: Path) -> None:
    done = tokens("hello world", "--model", "gpt-4o", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    head, row = done.stdout.decode().splitlines()
    assert head.split() == ["MODEL", "TOKENIZER", "ACCURACY", "TOKENS", "INPUT", "COST"]
    # 2 tokens at $2.50 for a million
    assert row.split() == ["openai/gpt-4o", "o200k_base", "exact", "2", "$0.000005"]


@pytest.mark.parametrize("way", ["argument", "file", "stdin", "dash"])
def test_text_is_counted_as_it_is(way: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    arguments, stdin = {
        "argument": ([TEXT], b"not this"),
        "file": (["--file", str(path)], b"not this"),
        "stdin": ([], TEXT.encode()),
        "dash": (["--file", "-"], TEXT.encode()),
    }[way]
    for model, encoding in (("gpt-4", "cl100k_base"), ("gpt-4o", "o200k_base")):
        done = tokens(*arguments, "--model", model, "--json", cwd=tmp_path, stdin=stdin)
        assert document(done)["tokens"] == len(truth(encoding).encode_ordinary(TEXT))


def test_json_of_one_model(tmp_path: Path) -> None:
    assert document(tokens("--model", "gpt-4o", "--json", cwd=tmp_path, stdin=b"hello\n")) == {
        "version": "1",
        "model": "openai/gpt-4o",
        "provider": "openai",
        "display_name": "GPT-4o",
        "encoding": "o200k_base",
        "tokenizer": "o200k_base",
        "accuracy": "exact",
        "tokens": 2,
        "tokens_input": 2,
        "tokens_output": 0,
        "approximate": False,
        "cost_input_usd": 0.000005,
        "cost_usd": 0.000005,
        "cost_source": "catalog",
    }


def test_several_models_and_one_without_a_price(tmp_path: Path) -> None:
    models = ("--model", "gpt-4", "--model", "claude-sonnet-4-5", "--model", "who-knows")
    done = document(tokens("Hello, world!", *models, "--json", cwd=tmp_path))
    listed = done["models"]
    assert isinstance(listed, list)
    assert [each["accuracy"] for each in listed] == ["exact", "family", "heuristic"]
    assert [each["encoding"] for each in listed] == ["cl100k_base", None, None]
    assert all(1 <= each["tokens"] <= 10 for each in listed)
    assert [each["approximate"] for each in listed] == [False, True, True]
    assert [each["tokens_input"] for each in listed] == [each["tokens"] for each in listed]
    assert (listed[2]["cost_input_usd"], listed[2]["cost_usd"]) == (None, None)
    assert listed[2]["cost_source"] == "none"
    plain = tokens("Hello, world!", *models, cwd=tmp_path).stdout.decode()
    assert plain.splitlines()[3].split()[-1] == "unknown"


def test_a_project_has_its_own_prices_and_model_ids(tmp_path: Path) -> None:
    config = tmp_path / "agentd" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        'project_name = "x"\n[codex]\ncommand = "codex"\ndefault = "mine"\n'
        '[[codex.models]]\nid = "mine"\nmodel = "gpt-4o"\n'
        "cost_per_1m_input = 1000000.0\ncost_per_1m_output = 1.0\n"
    )
    done = document(tokens("hello world", "--model", "mine", "--json", cwd=tmp_path))
    assert (done["model"], done["tokens"]) == ("openai/gpt-4o", 2)
    assert (done["cost_input_usd"], done["cost_source"]) == (2, "config")


def test_a_large_text(tmp_path: Path) -> None:
    text = "It is long. \n" * 100_000
    done = tokens("--model", "gpt-4o", "--json", cwd=tmp_path, stdin=text.encode())
    assert document(done)["tokens"] == len(truth("o200k_base").encode_ordinary(text))


def test_no_text_at_all_is_0_tokens(tmp_path: Path) -> None:
    assert document(tokens("--model", "gpt-4", "--json", cwd=tmp_path))["tokens"] == 0
    assert document(tokens("", "--model", "gpt-4", "--json", cwd=tmp_path))["tokens"] == 0


@pytest.mark.parametrize("way", ["argument", "file", "stdin"])
def test_what_is_not_utf_8(way: str, tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes(b"caf\xe9")
    arguments: list[str | bytes] = {
        "argument": [b"caf\xe9"],
        "file": ["--file", "latin1.txt"],
        "stdin": [],
    }[way]
    done = tokens(*arguments, "--model", "gpt-4", "--json", cwd=tmp_path, stdin=b"caf\xe9")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "input"
    assert error["message"].endswith("not UTF-8 (byte 0xe9 at offset 3)")
    assert "iconv" in error["fix"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["x", "--file", "y", "--model", "gpt-4"], 2, "exclude each other"),
        (["x", "--model", ""], 2, "--model is empty"),
        (["--file", "no-such-file", "--model", "gpt-4"], 1, "no-such-file: there is no such file"),
        (["--file", ".", "--model", "gpt-4"], 1, ".: is a folder"),
    ],
)
def test_mistakes(arguments: list[str], exit_code: int, told: str, tmp_path: Path) -> None:
    done = tokens(*arguments, cwd=tmp_path)
    assert done.returncode == exit_code
    assert told in done.stderr.decode()


def test_a_terminal_is_not_read_from(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "agentd", "tokens", "--model", "gpt-4"],
            cwd=tmp_path,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert "there is no text" in done.stderr


def test_a_short_text_needs_no_fast_engine(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agentd", "tokens", "hi", "--model", "gpt-4o"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "agentd.metering.tokens.bpe" in done.stderr
    assert "toktok" not in done.stderr


def test_without_a_model_the_projects_default_counts_else_the_generic_estimate(
    tmp_path: Path,
) -> None:
    done = tokens("hello world", "--json", cwd=tmp_path)
    assert document(done)["tokenizer"] == "generic-estimate"
    assert b"note: without --model: the generic estimate" in done.stderr
    initialise(tmp_path, provider="codex")
    done = tokens("hello world", "--json", cwd=tmp_path)
    assert document(done)["model"] == "openai/gpt-6.1-sol"
    assert b"without --model: gpt-6.1-sol, the default of [codex]" in done.stderr
