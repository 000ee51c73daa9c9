"""What is secret is masked, and what is not stays readable."""

from __future__ import annotations

import pytest

from agentd.masking import masked

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
        (f"Authorization: Bearer {KEY}", "Authorization: *** ***"),
        (f"it said sk-ant-api03-{KEY}.", "it said ***"),
        (f"AIza{KEY}", "***"),
        (f"ghp_{KEY}", "***"),
    ],
)
def test_keys_and_passwords(text: str, wanted: str) -> None:
    assert masked(text, {}) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "unknown key codex.zzz is ignored",
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
