"""The commands config get, set, unset and list."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.command import agentd

from agentd.project.init import initialise
from agentd.providers import PROVIDERS


def config(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return agentd("config", *arguments, cwd=cwd)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    initialise(tmp_path, project_name="shop")
    return tmp_path


def test_get_prints_what_is_in_force(project: Path) -> None:
    def get(key: str) -> str:
        return config("get", key, cwd=project).stdout

    assert get("project_name") == "shop\n"
    assert get("workflow.gates") == "[]\n"
    assert get("checks.timeout_secs") == "600\n"
    assert get("gemini.models.flash.model") == "gemini-3.8-flash\n"
    assert get("pricing.sources") == '["config", "reported", "catalog"]\n'
    unset = config("get", "budget.limit_usd", cwd=project)
    assert (unset.returncode, unset.stdout) == (0, "")
    assert unset.stderr == "budget.limit_usd is not set.\n"
    assert get("budget") == (
        "budget.warn_at_percent = 90  # default\n"
        'budget.on_unpriced = "warn"  # default\n'
        "budget.strict = false  # default\n"
        'budget.project.period = "month"  # default\n'
        'budget.project.timezone = "UTC"  # default\n'
        "budget.project.warn_at_percent = 90  # default\n"
    )


def test_a_models_price_is_got_by_the_key_it_is_set_by(project: Path) -> None:
    key = "gemini.models.flash.cost_per_1m_input"
    alone = config("set", key, "0.75", cwd=project)
    assert "cost_per_1m_output is missing, so its other prices are not used" in alone.stderr
    assert config("get", key, cwd=project).stderr == f"{key} is not set.\n"
    config("set", "gemini.models.flash.cost_per_1m_output", "3", cwd=project)
    assert config("get", key, cwd=project).stdout == "0.75\n"
    below = config("get", "gemini.models.flash", cwd=project).stdout
    assert f"{key} = 0.75\n" in below
    assert "default" not in below
    assert ".prices" not in config("list", cwd=project).stdout


def test_get_as_json(project: Path) -> None:
    config("set", "budget.limit_usd", "50.10", cwd=project)
    done = config("get", "budget.limit_usd", "--json", cwd=project)
    assert '"value": 50.10,' in done.stdout
    assert json.loads(done.stdout)["source"] == "config"
    default = json.loads(config("get", "steps.review.model", "--json", cwd=project).stdout)
    told = {"key": "steps.review.model", "value": None, "source": "default"}
    assert default == {"version": "1", **told}


def test_list_has_what_get_has(project: Path) -> None:
    lines = config("list", cwd=project).stdout.splitlines()
    assert lines[0] == 'project_name = "shop"'
    assert "checks.timeout_secs = 600  # default" in lines
    rows = json.loads(config("list", "--json", cwd=project).stdout)["settings"]
    assert [row["key"] for row in rows] == [line.split(" = ")[0] for line in lines]


def test_an_unknown_key_is_an_error_with_the_nearest(project: Path) -> None:
    for command in ("get", "unset"):
        done = config(command, "workflow.script_retris", cwd=project)
        assert done.returncode == 1
        assert done.stderr == (
            "Error: there is no setting workflow.script_retris\n"
            "Did you mean workflow.script_retries?\n"
        )


def test_set_and_unset(project: Path) -> None:
    path = project / "agentd" / "config.toml"
    before = path.read_text()
    below = project / "src"
    below.mkdir()
    done = config("set", "budget.limit_usd", "50", "claude.command", "-c", cwd=below)
    assert done.stdout == 'budget.limit_usd = 50\nclaude.command = "-c"\n', done.stderr
    changed = before.replace('command = "claude" ', 'command = "-c" ')
    assert path.read_text() == f"{changed}\n[budget]\nlimit_usd = 50\n"
    done = config("unset", "budget.limit_usd", cwd=below)
    assert done.stdout == "budget.limit_usd is not set\n"
    assert path.read_text() == f"{changed}\n[budget]\n"
    assert (
        config("unset", "workflow.gates", cwd=below).stdout == "workflow.gates is [] by default\n"
    )
    done = config("unset", "workflow.gates", cwd=below)
    assert (done.returncode, done.stderr) == (0, "workflow.gates is not set in the file.\n")


def test_a_wrong_value_changes_nothing(project: Path) -> None:
    path = project / "agentd" / "config.toml"
    before = path.read_bytes()
    done = config("set", "workflow.gates", "plan", "steps.review.provider", "gpt", cwd=project)
    assert done.returncode == 1
    assert done.stderr == (
        'Error: agentd/config.toml: steps.review.provider is "gpt"; '
        f"expected one of {', '.join(PROVIDERS)}\n"
        "agentd/config.toml is as it was.\n"
    )
    assert path.read_bytes() == before
    assert config("set", "workflow.gates", cwd=project).returncode == 2


def test_set_tells_the_warnings_of_the_file(project: Path) -> None:
    (project / "agentd" / "config.toml").write_text("[codex]\nzzz = 1\n")
    done = config("set", "codex.command", "x", cwd=project)
    assert done.stderr == "warning: agentd/config.toml: unknown key codex.zzz is ignored\n"


def test_a_version_that_is_not_out_yet_can_be_taken_back(project: Path) -> None:
    assert config("set", "min_version", "99.0", cwd=project).returncode == 0
    refused = config("set", "project_name", "other", "min_version", "0.1", cwd=project)
    assert (refused.returncode, "can only read" in refused.stderr) == (1, True)
    assert config("set", "min_version", "98", cwd=project).returncode == 0
    assert config("unset", "min_version", cwd=project).stdout == "min_version is not set\n"
    assert config("set", "project_name", "other", cwd=project).returncode == 0
