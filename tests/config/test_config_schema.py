"""docs/schemas/config.schema.json: it takes what agentd takes, and refuses what agentd refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.config_texts import read
from support.schemas import problems, schema

from agentd.config.values import in_force
from agentd.errors import ConfigError
from agentd.project.init import initialise

ROOT = Path(__file__).parents[2]
SHIPPED = Draft202012Validator(schema("config"))
OLD = sorted((ROOT / "fixtures/projects/0.1.0").glob("*.json"))


def test_the_example_and_what_init_writes(tmp_path: Path) -> None:
    initialise(tmp_path)
    for path in (ROOT / "agentd.example.toml", tmp_path / "agentd/config.toml"):
        assert problems("config", tomllib.loads(path.read_text())) == "", path


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_the_configs_of_0_1_0(path: Path) -> None:
    text = json.loads(path.read_text())["files"]["agentd/config.toml"]["text"]
    assert SHIPPED.is_valid(tomllib.loads(text))


GOOD = (
    'min_version = "0.1"',
    "[codex]\n[steps.review]\nprovider = 'codex'\nmodel = 'gpt-5'\nrules = ['Be short.']",
    "[checks]\ntest = ''\nrequired = []\n[checks.own]\ntypes = 'mypy .'",
    "[budget]\nlimit_usd = 5\n[budget.project]\nperiod = 'week'",
    "[budget]\nwarn_at_percent = [50, 90.5]\n[budget.steps.review]\nwarn_at_percent = 0",
    "[budget.steps.review]\nlimit_usd = 1\n[budget.providers.claude]\nlimit_tokens = 5",
    '[pricing.models."m"]\ncost_per_1m_input = 1\ncost_per_1m_output = 2.5',
    "[pricing.models.m]\ncost_per_1m_input = 1\ncost_per_1m_output = 2\n"
    '[pricing.models.m.variants."speed=fast"]\ncost_per_1m_input = 3',
    "[providers.work]\nbase = 'claude'",
    "[http.local]\nbase_url = 'http://127.0.0.1:1/v1'\nmodel = 'm'",
    "[[claude.models]]\nid = 'a'\nmodel = 'b'\ncost_per_1m_input = 1\ncost_per_1m_output = 1",
    "[guard]\ncommits = 'keep'\n[paths]\nlayout = 'openspec'\n[meter]\nwire = 'off'",
    "[claude]\n[workflow]\ngates = ['plan']\nfallback = ['claude']",
    "[nobody]\nknows = 1",
    "[claude]\nmistyped = 1",
)
WRONG = (
    "[workflow]\nstep_timeout_secs = 0",
    "[workflow]\ngates = ['plan', 'plan']",
    "[workflow]\nscript_retries = '3'",
    "[claude]\ncommand = ''",
    "[claude]\nextra_args = 'x'",
    "[[claude.models]]\nid = 'a'",
    "[[claude.models]]\nid = '-a'\nmodel = 'b'",
    "[pricing]\nsources = ['web']",
    "[pricing.models.m]\ncost_per_1m_input = 1",
    "[pricing.models.m]\ncost_per_1m_input = -1\ncost_per_1m_output = 1",
    "[budget]\nlimit_uds = 5",
    "[budget]\nlimit_usd = '5'",
    "[budget]\nwarn_at_percent = 101",
    "[budget]\nwarn_at_percent = []",
    "[budget]\nwarn_at_percent = [50, 101]",
    "[budget.steps.review]\nwarn_at_percent = ['50']",
    "[budget.project]\nperiods = 'week'",
    "[budget.steps.reviews]\nlimit_usd = 1",
    "[budget.steps.review]\nlimit = 1",
    "[budget.providers.claude]\nlimit = 1",
    "[checks]\ntimeout_secs = 0",
    "[checks.own]\nTypes = 'mypy'",
    "[guard]\ncommits = 'never'",
    "[providers.work]\nbase = 'nobody'",
    "[providers.'My Work']\nbase = 'claude'",
    "min_version = 'newest'",
    "project_name = ''",
)


@pytest.mark.parametrize("text", GOOD)
def test_what_agentd_takes(text: str) -> None:
    read(text)
    assert SHIPPED.is_valid(tomllib.loads(text)), [*SHIPPED.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("text", WRONG)
def test_what_agentd_refuses(text: str) -> None:
    with pytest.raises(ConfigError):
        read(text)
    assert not SHIPPED.is_valid(tomllib.loads(text))


def test_every_setting_is_in_it_with_what_it_means() -> None:
    settings = in_force(read("[claude]\n[[claude.models]]\nid = 'a'\nmodel = 'b'"))
    assert len(settings) > 60
    for key in settings:
        part: Any = schema("config")
        for name in key.replace("claude.models.a", "claude.models").split("."):
            part = step_into(part, name)
            assert part is not None, key
        assert part.get("description"), key


def step_into(part: Any, name: str) -> Any:
    if "$ref" in part:
        part = schema("config")["$defs"][part["$ref"].rpartition("/")[2]]
    part = part.get("items", part)
    found = part.get("properties", {}).get(name, part.get("additionalProperties"))
    return found or None
