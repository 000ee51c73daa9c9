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


LONG = f"{KEY}i9J0k1L2m3N4o5P6"
AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
BASIC = "dXNlcjpwYXNzd29yZA=="


@pytest.mark.parametrize(
    "key",
    [
        *(f"sk-proj-{LONG}_{KEY}-A", f"sk-svcacct-{LONG}", f"sk-ant-oat01-{LONG}", f"ghs_{LONG}"),
        *(f"AQ.Ab8RN6{LONG}", f"GOCSPX-{LONG}", f"1//0g{LONG}", f"ya29.a0{LONG}", f"hf_{LONG}"),
        *(f"ABSKQmVkcm9ja0FQSUtleS{LONG}==", f"bedrock-api-key-{LONG}", f"xapp-1-A0B-{LONG}"),
        *(f"pplx-{LONG}", f"r8_{LONG}", f"nvapi-{LONG}", f"fw_{LONG}", f"tgp_v1_{LONG}"),
        *(f"csk-{LONG}", f"lsv2_pt_{LONG}_a", f"gloas-{LONG}", f"shpat_{LONG}", f"dop_v1_{LONG}"),
        *(f"ATATT3xFf{LONG}", f"tvly-dev-{LONG}"),
    ],
)
def test_keys_by_their_forms_wherever_they_stand(key: str) -> None:
    for text in ("{}", "it said {}\n", '{{"a": "{}"}}', '\\"{}\\"', "x={}&y"):
        assert without_keys(text.format(key), {}) == text.format("***")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"Authorization: Basic {BASIC}\nHost: x", "Authorization: Basic ***\nHost: x"),
        (f"authorization: token {LONG}", "authorization: token ***"),
        (f"Proxy-Authorization: Basic {BASIC}", "Proxy-Authorization: Basic ***"),
        (
            f"Authorization: AWS4-HMAC-SHA256 Credential=x/y, Signature={LONG}",
            "Authorization: AWS4-HMAC-SHA256 ***",
        ),
        (f"https://x.example/c?sv=2&sig={LONG}%2B&a", "https://x.example/c?sv=2&sig=***&a"),
        (f"https://hooks.slack.com/services/T0/B0/{LONG}", "https://hooks.slack.com/services/***"),
    ],
)
def test_headers_and_urls_in_what_an_agent_said(text: str, wanted: str) -> None:
    assert without_keys(text, {}) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"aws_secret_access_key: {AWS}", "aws_secret_access_key: ***"),
        (f'"SecretAccessKey": "{AWS}"', '"SecretAccessKey": ***'),
        (f"AccountKey={KEY}/+==;Endpoint=x", "AccountKey=***;Endpoint=x"),
        (f'"clientSecret": "{KEY}", "accessToken":"x"', '"clientSecret": ***, "accessToken":***'),
        ("PGPASSWORD=hunter2x psql", "PGPASSWORD=*** psql"),
        (f'{{\\"api_key\\": \\"{KEY}\\"}}', '{\\"api_key\\": ***}'),
        (f"Set-Cookie: session={KEY}; Path=/", "Set-Cookie: ***"),
        ("curl -u me:hunter2x https://x", "curl -u me:*** https://x"),
    ],
)
def test_by_names_in_errors(text: str, wanted: str) -> None:
    assert masked(text, {}) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic is not supported",
        'headers["Authorization"] = "Basic " + credentials',
        "docker run --user 1000:1000 -u 10:10",
        "git push -u origin main, monkey=3, keyboard: b2",
        "a cookie: eat it",
        "see https://x.example/?sigma=4",
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
