"""``agentd price`` and ``agentd models``, as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.command import agentd_bytes as agentd

from agentd.clock import utc_now
from agentd.project.prices import open_prices

CONFIG = """\
project_name = "p"
[gemini]
command = "gemini"
default = "quick"
[[gemini.models]]
id = "quick"
model = "gemini-3-flash-preview"
complexity = "medium"
cost_per_1m_input = 7.0
cost_per_1m_output = 70.0
[pricing]
sources = ["config", "reported", "catalog"]
[pricing.models."my-model"]
cost_per_1m_input = 1.0
cost_per_1m_output = 2.0
cost_per_1m_cache_read = 0.5
"""


NOW = utc_now()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd" / "config.toml").write_text(CONFIG)
    return tmp_path


def answer(*arguments: str, cwd: Path, stdin: bytes = b"", code: int = 0) -> dict[str, Any]:
    done = agentd(*arguments, "--json", cwd=cwd, stdin=stdin)
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout, parse_float=Decimal)
    return document


def test_price_as_text(tmp_path: Path) -> None:
    counts = ("--tokens-in", "1000", "--tokens-out", "500", "--cached", "200")
    done = agentd("price", "--model", "gpt-4o", *counts, "--at", "2026-11-25", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[:6] == [
        "openai/gpt-4o, 2026-11-25",
        "                       TOKENS  USD PER 1M       COST",
        "input, not cached         800         2.5  $0.002000",
        "input read from cache     200        1.25  $0.000250",
        "output                    500          10  $0.005000",
        "total                   1,500              $0.007250",
    ]
    assert lines[6].startswith("Price: gpt-4o in the catalogue (genai-prices ")
    assert len(lines) == 7


def test_price_as_json(tmp_path: Path) -> None:
    counts = ("--tokens-in", "1000", "--tokens-out", "500", "--cached", "200")
    cache = ("--cache-write", "100", "--at", "2026-11-25T12:00:00+02:00")
    told = answer("price", "--model", "claude-sonnet-4-5", *counts, *cache, cwd=tmp_path)
    price = told.pop("price")
    assert told == {
        "version": "1",
        "model": "anthropic/claude-sonnet-4-5",
        "provider": "anthropic",
        "at": "2026-11-25T10:00:00Z",
        "tokens_input": 1000,
        "tokens_output": 500,
        "tokens_cache_read": 200,
        "tokens_cache_write": 100,
        "tokens_cache_write_1h": 0,
        "web_searches": 0,
        "price_variant": None,
        "tokens_total": 1500,
        "tokens_source": "given",
        "tokenizer": None,
        "accuracy": "family",
        "approximate": False,
        "cost_input_usd": Decimal("0.002535"),  # 700 * 3 + 200 * 0.3 + 100 * 3.75
        "cost_output_usd": Decimal("0.0075"),
        "cost_web_search_usd": 0,
        "cost_usd": Decimal("0.010035"),
    }
    assert price.pop("catalog").startswith("genai-prices ")
    assert price == {
        "source": "catalog",
        "model": "claude-sonnet-4-5",
        "since": None,
        "cost_per_1m_input": 3,
        "cost_per_1m_output": 15,
        "cost_per_1m_cache_read": Decimal("0.3"),
        "cost_per_1m_cache_write": Decimal("3.75"),
        "cost_per_1m_cache_write_1h": 6,
        "cost_per_1k_web_searches": 10,
        "above": None,
    }


@pytest.mark.parametrize(
    ("arguments", "cost", "above", "since"),
    [
        (("gpt-4o", "--tokens-in", "1000"), "0.0025", None, None),
        (("o3", "--tokens-in", "1000", "--at", "2025-06-09"), "0.01", None, None),
        (("o3", "--tokens-in", "1000", "--at", "2025-06-10"), "0.002", None, "2025-06-10"),
        # midnight in Berlin is still the day before in UTC
        (("o3", "--tokens-in", "1000", "--at", "2025-06-10T00:00:00+02:00"), "0.01", None, None),
        (("gemini-2.5-pro", "--tokens-in", "200000"), "0.25", None, None),
        (("gemini-2.5-pro", "--tokens-in", "200001"), "0.5000025", 200_000, None),
        # 500.5 * 2.5 + 500.5 * 10
        (("gpt-4o", "--tokens", "1001"), "0.00625625", None, None),
    ],
)
def test_dates_tiers_and_totals(
    arguments: tuple[str, ...], cost: str, above: int | None, since: str | None, tmp_path: Path
) -> None:
    told = answer("price", "--model", *arguments, cwd=tmp_path)
    assert told["cost_usd"] == Decimal(cost)
    assert (told["price"]["above"], told["price"]["since"]) == (above, since)
    split = "--tokens" in arguments
    exact = "exact" if arguments[0] != "gemini-2.5-pro" else "family"
    assert told["accuracy"] == ("heuristic" if split else exact)
    assert told["tokens_source"] == ("split" if split else "given")
    assert told["approximate"] is split


def test_a_long_input_and_a_total_say_so(tmp_path: Path) -> None:
    long = ("--tokens", "400003", "--at", "2026-11-25")
    done = agentd("price", "--model", "gemini-2.5-pro", *long, cwd=tmp_path)
    lines = done.stdout.decode().splitlines()
    assert lines[2] == "input   200,001.5         2.5  $0.500004"
    assert lines[-2:] == [
        "Long input: the price for more than 200,000 tokens of input.",
        "Tokens: half and half, heuristic",
    ]


def test_a_text_is_counted(tmp_path: Path) -> None:
    text = b"tiktoken is great!\n"
    asked = ("price", "--model", "gpt-4o", "--tokens-out", "10")
    told = answer(*asked, cwd=tmp_path, stdin=text)
    assert (told["tokens_input"], told["tokens_output"]) == (6, 10)
    assert (told["tokenizer"], told["accuracy"]) == ("o200k_base", "exact")
    assert told["tokens_source"] == "counted"
    assert told["cost_usd"] == Decimal("0.000115")  # 6 * 2.5 + 10 * 10
    lines = agentd(*asked, cwd=tmp_path, stdin=text).stdout.decode().splitlines()
    assert lines[-1] == "Tokens: input counted by o200k_base, exact"
    assert answer(*asked, cwd=tmp_path)["tokens_input"] == 0


def test_an_estimated_text_is_approximate(tmp_path: Path) -> None:
    asked = ("price", "--model", "claude-sonnet-4-5")
    told = answer(*asked, cwd=tmp_path, stdin=b"some words of text")
    assert (told["tokenizer"], told["accuracy"]) == ("claude-3-estimate", "family")
    assert told["approximate"] is True
    assert told["cost_usd"] == told["tokens_input"] * Decimal("0.000003") > 0


def test_given_counts_do_not_make_an_unknown_model_exact(tmp_path: Path) -> None:
    told = answer("price", "--model", "generic/foo", "--tokens-in", "10", cwd=tmp_path, code=1)
    assert (told["tokens_source"], told["accuracy"]) == ("given", "heuristic")
    assert (told["tokenizer"], told["approximate"]) == (None, True)


def test_a_text_that_is_not_utf8(tmp_path: Path) -> None:
    done = agentd("price", "--model", "gpt-4o", cwd=tmp_path, stdin=b"abc\xff")
    assert done.returncode == 1
    assert b"stdin: not UTF-8 (byte 0xff at offset 3)" in done.stderr


@pytest.mark.parametrize(
    ("model", "cost", "source"),
    [
        ("my-model", "0.0018", "config"),  # 600 * 1 + 400 * 0.5 + 500 * 2
        ("quick", "0.042", "config"),  # the id of gemini-3-flash-preview: 1000 * 7 + 500 * 70
        ("google/gemini-3-flash-preview", "0.042", "config"),
        ("gpt-4o", "0.007", "catalog"),  # 600 * 2.5 + 400 * 1.25 + 500 * 10
    ],
)
def test_the_projects_config_goes_first(model: str, cost: str, source: str, project: Path) -> None:
    counts = ("--tokens-in", "1000", "--tokens-out", "500", "--cached", "400")
    told = answer("price", "--model", model, *counts, cwd=project)
    assert (told["cost_usd"], told["price"]["source"]) == (Decimal(cost), source)
    below = project / "below"
    below.mkdir()
    assert answer("price", "--model", model, *counts, cwd=below)["cost_usd"] == Decimal(cost)


def test_an_unknown_price_is_not_zero(tmp_path: Path, project: Path) -> None:
    outside = tmp_path.parent
    asked = ("price", "--model", "my-model", "--tokens-in", "5")
    done = agentd(*asked, cwd=outside)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Error: no price is known for my-model" in done.stderr
    assert b'[pricing.models."my-model"]' in done.stderr
    told = answer(*asked, cwd=outside, code=1)
    assert (told["cost_usd"], told["price"], told["approximate"]) == (None, None, True)
    assert told["tokens_input"] == 5


def test_what_changes_a_price_besides_tokens(tmp_path: Path) -> None:
    asked = ("price", "--model", "claude-opus-4-8", "--tokens-in", "1000", "--tokens-out", "1000")
    more = ("--cache-write-1h", "100", "--web-searches", "3", "--variant", "speed=fast")
    done = agentd(*asked, *more, "--at", "2026-11-25", cwd=tmp_path)
    lines = done.stdout.decode().splitlines()
    assert [" ".join(line.split()) for line in lines[2:7]] == [
        "input, not cached 900 10 $0.009000",
        "input written to one-hour cache 100 20 $0.002000",
        "output 1,000 50 $0.050000",
        "3 web searches 10000 $0.030000",
        "total 2,000 $0.091000",
    ]
    assert "Variant: speed=fast" in lines
    told = answer(*asked, *more, "--variant", "geo=us", cwd=tmp_path)
    assert (told["price_variant"], told["web_searches"]) == ("speed=fast,geo=us", 3)
    assert (told["cost_usd"], told["cost_web_search_usd"]) == (
        Decimal("0.0971"),  # 1.1 times the tokens
        Decimal("0.03"),
    )
    plain = answer(*asked, "--variant", "service_tier=default", cwd=tmp_path)
    assert (plain["cost_usd"], plain["price_variant"]) == (Decimal("0.03"), None)


def test_a_part_without_a_price_is_an_error(tmp_path: Path) -> None:
    asked = ("price", "--model", "claude-opus-4-8", "--tokens-in", "5", "--variant", "speed=warp")
    done = agentd(*asked, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no price is known for claude-opus-4-8, speed=warp" in done.stderr
    told = answer(*asked, cwd=tmp_path, code=1)
    assert told["approximate"]


def test_a_project_without_the_catalogue_says_how_to_get_it(project: Path) -> None:
    config = project / "agentd" / "config.toml"
    config.write_text(CONFIG.replace('"config", "reported", "catalog"', '"config"'))
    done = agentd("price", "--model", "gpt-4o", "--tokens-in", "5", cwd=project)
    assert done.returncode == 1
    assert b'Or add "catalog" to sources in [pricing].' in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--tokens-in", "-1"),
        ("--tokens-in", "abc"),
        ("--tokens-in", "nan"),
        ("--tokens-in", "1e3"),
        ("--tokens-in", "1" + "0" * 30),
        ("--tokens-in", "1", "--tokens-out", "-5"),
        ("--tokens-in", "1", "--cached", "2"),
        ("--tokens-in", "3", "--cached", "2", "--cache-write", "2"),
        ("--tokens", "1", "--tokens-in", "1"),
        ("--tokens", "1", "--cached", "1"),
        ("--tokens", "1", "--web-searches", "1"),
        ("--tokens", "1", "--variant", "speed=fast"),
        ("--tokens-in", "9", "--cache-write", "1", "--cache-write-1h", "2"),
        ("--tokens-in", "1", "--cache-write-1h", "2"),
        ("--tokens-in", "1", "--variant", "fast"),
        ("--tokens-in", "1", "--at", "yesterday"),
        ("--tokens-in", "1", "--at", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_wrong_usage(wrong: tuple[str, ...], tmp_path: Path) -> None:
    told = answer("price", "--model", "gpt-4o", *wrong, cwd=tmp_path, code=2)
    assert told["error"]["code"] == "usage"
    assert told["error"]["fix"]


def test_a_model_must_be_named(tmp_path: Path) -> None:
    assert agentd("price", "--tokens-in", "1", cwd=tmp_path).returncode == 2


def test_a_broken_config_is_told(project: Path) -> None:
    (project / "agentd" / "config.toml").write_text("project_name = 4\n")
    told = answer("price", "--model", "gpt-4o", "--tokens-in", "1", cwd=project, code=1)
    assert told["error"]["code"] == "config"


def test_models(project: Path) -> None:
    told = answer("models", "--at", "2026-11-25", cwd=project)
    listed = {entry["name"]: entry for entry in told["models"]}
    assert len(listed) == len(told["models"]) > 250
    # those of the config come first, and once
    assert list(listed)[:2] == ["my-model", "google/gemini-3-flash-preview"]
    assert listed["google/gemini-3-flash-preview"]["price"]["source"] == "config"
    gpt = listed["openai/gpt-4o"]
    assert (gpt["accuracy"], gpt["encoding"], gpt["tokenizer"]) == (
        "exact",
        "o200k_base",
        "o200k_base",
    )
    assert gpt["display_name"] == "GPT-4o"
    assert gpt["price"]["cost_per_1m_input"] == Decimal("2.5")
    pro = listed["google/gemini-2.5-pro"]["price"]
    assert [(tier["above"], tier["cost_per_1m_input"]) for tier in pro["tiers"]] == [
        (200_000, Decimal("2.5"))
    ]
    assert listed["openai/o3"]["price"]["since"] == "2025-06-10"
    assert told["catalog"].startswith("genai-prices ")


def test_models_of_a_filter_as_text(tmp_path: Path) -> None:
    done = agentd("models", "GEMINI-2.5-PRO", "--at", "2026-11-25", cwd=tmp_path)
    lines = done.stdout.decode().splitlines()
    shown = [" ".join(line.split()) for line in lines]
    assert shown[:2] == [
        "MODEL ACCURACY TOKENIZER IN OUT CACHED SOURCE SINCE",
        "google/gemini-2.5-pro family gemini-estimate 1.25 10 0.125 + catalog -",
    ]
    assert lines[-1].startswith("catalog: genai-prices ")
    none = agentd("models", "no-such-thing", cwd=tmp_path)
    assert (none.returncode, none.stdout) == (
        0,
        b"No listed model has 'no-such-thing' in its name.\n",
    )
    assert answer("models", "no-such-thing", cwd=tmp_path)["models"] == []


def test_models_without_the_catalogue_have_no_price(project: Path) -> None:
    config = project / "agentd" / "config.toml"
    config.write_text(CONFIG.replace('"config", "reported", "catalog"', '"config"'))
    listed = {entry["name"]: entry for entry in answer("models", cwd=project)["models"]}
    assert listed["my-model"]["price"]["source"] == "config"
    assert listed["openai/gpt-4o"]["price"] is None
    text = agentd("models", "openai/o3-mini", cwd=project).stdout.decode().splitlines()
    assert " ".join(text[1].split()) == "openai/o3-mini exact o200k_base - - - none -"


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("deepseek-chat", ["deepseek-chat", "deepseek/deepseek-chat"]),
        ("claude-sonnet-4.5", ["claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"]),
        ("meta-llama/Llama-3.3-70B-Instruct", ["meta/llama-3.3-70b-instruct"]),
        ("GPT-4o", ["gpt-4o", "openai/gpt-4o", " gpt-4o "]),
    ],
)
def test_a_price_of_the_config_counts_however_the_model_is_written(
    project: Path, key: str, names: list[str]
) -> None:
    own = f'[pricing.models."{key}"]\ncost_per_1m_input = 55\ncost_per_1m_output = 1\n'
    (project / "agentd/config.toml").write_text(CONFIG + own)
    for name in names:
        told = answer("price", "--model", name, "--tokens-in", "1000000", cwd=project)
        assert (told["cost_usd"], told["price"]["source"]) == (55, "config"), name


def test_the_list_tells_what_price_tells(project: Path) -> None:
    long = '[pricing.models."claude-sonnet-4-5[1m]"]\ncost_per_1m_input = 6\n'
    (project / "agentd/config.toml").write_text(CONFIG + long + "cost_per_1m_output = 22.5\n")
    quoting = open_prices(project)
    rows = {spec.name: quote for spec, quote in quoting.models(NOW)}
    assert {name: quoting.prices.quote(name, at=NOW) for name in rows} == rows
    base, special = (rows[f"anthropic/claude-sonnet-4-5{end}"] for end in ("", "[1m]"))
    assert base is not None
    assert special is not None
    assert (base.source, special.source) == ("catalog", "config")
    assert next(iter(rows)) == "my-model"


def test_an_unknown_price_is_an_error_in_json_too(tmp_path: Path) -> None:
    told = answer("price", "--model", "nope", "--tokens", "7", cwd=tmp_path, code=1)
    assert told["error"]["message"] == "no price is known for nope"
    assert told["cost_usd"] is None


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m agentd models --json | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("{\n0\n", "")
