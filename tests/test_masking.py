"""What is secret is masked, and what is not stays readable."""

from __future__ import annotations

import time

import pytest

from agentd.masking import masked, masked_arguments, without_keys

KEY = "a1B2c3D4e5F6g7H8"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"claude --api-key {KEY} --model x", "claude --api-key *** --model x"),
        (f"claude --api-key={KEY}", "claude --api-key=***"),
        (f'extra_args = ["--token", "{KEY}", "-v"]', 'extra_args = ["--token", ***, "-v"]'),
        (f"OPENAI_API_KEY={KEY} codex exec", "OPENAI_API_KEY=*** codex exec"),
        (f'"api_key": "{KEY}", "a": 1', '"api_key": ***, "a": 1'),
        (f"password = '{KEY}'", "password = ***"),
        (f"https://me:{KEY}@host.example/x?a=1", "https://***@host.example/x?a=1"),
        (f"https://host.example/x?key={KEY}&a=1", "https://host.example/x?key=***&a=1"),
        (f"Authorization: Bearer {KEY}", "Authorization: Bearer ***"),
        (f"it said sk-ant-api03-{KEY}.", "it said ***"),
        (f"AIza{KEY}", "***"),
        (f"key: {KEY}.", "key: ***."),
        ("sk-or-v1-0123456789abcdef0123456789abcdef", "***"),
        ("sk-0123456789", "***"),
        (f"xoxb-1234-{KEY}, AKIAIOSFODNN7EXAMPLE", "***, ***"),
        (f"eyJhbGciOiJIUzI1NiJ9.{KEY}.x-_y", "***"),
        (f"sk_live_{KEY} gsk_{KEY} github_pat_{KEY}", "*** *** ***"),
        (
            f"a\n-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----\nb",
            "a\n***\nb",
        ),
        (f"-----BEGIN PRIVATE KEY-----\n{KEY}", "***"),
        (f"ghp_{KEY}", "***"),
    ],
)
def test_keys_and_passwords(text: str, wanted: str) -> None:
    assert masked(text, {}) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "unknown key codex.zzz is ignored",
        "rotate-api-key: agentd/changes/rotate-api-key/STATE.yaml, line 3",
        "Invalid API key: check your login",
        "agentd review sk-locale-2fa-dates",
        ".github/workflows/pypi-publish.yml, npm_lifecycle_event, src/hf_hub_download.py",
        "add-oauth-token: 1 call",
        "limit_tokens = 5000000",
        "tokens_in: 24939",
        "cost_per_1m_input = 3",
        "codex exec --json --model gpt-6-luna -",
        "https://host.example/a@b",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert masked(text, {}) == text


def test_the_values_of_secret_variables_wherever_they_stand() -> None:
    environ = {"MY_TOKEN": "swordfish", "PATH": "/usr/bin", "PIN_KEY": "12"}
    assert masked("say swordfish in /usr/bin, 12", environ) == "say *** in /usr/bin, 12"


def test_places_longest_first() -> None:
    places = {"/home/ann": "~", "/home/ann/shop": "PROJECT", "/": "ROOT"}
    assert masked("/home/ann/shop/a /home/ann/b", {}, places) == "PROJECT/a ~/b"


def test_paths_and_short_words_of_secret_variables_stay() -> None:
    environ = {"KEY_FILE": "/home/ann/.ssh/id", "A_KEY": "none", "B_TOKEN": ""}
    text = "/home/ann/.ssh/id, none"
    assert masked(text, environ) == text


def test_an_agents_own_words_lose_keys_alone() -> None:
    text = f"if key = 'abcdef1' and token == sk-{KEY}: say swordfish"
    environ = {"MY_TOKEN": "swordfish"}
    assert without_keys(text, environ) == "if key = 'abcdef1' and token == ***: say ***"


def test_arguments_after_a_secret_option() -> None:
    argv = ["claude", "--api-key", "plainword", "--model", "x", f"--token={KEY}", "-c", f"k={KEY}"]
    assert masked_arguments(argv, {}) == [
        *("claude", "--api-key", "***", "--model", "x", "--token=***", "-c", f"k={KEY}")
    ]


@pytest.mark.parametrize("text", ["a-" * 50_000, "key=" * 50_000, "sk-" * 50_000, "eyJ" * 50_000])
def test_any_text_takes_little_time(text: str) -> None:
    began = time.process_time()
    masked(text, {})
    assert time.process_time() - began < 2
