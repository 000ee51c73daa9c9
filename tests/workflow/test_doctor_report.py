"""``agentd doctor --report``: enough for a bug report, and nothing that is secret or personal."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import pytest
from support.command import agentd
from support.workspace import PROPOSAL, Sandbox, make_sandbox

from agentd.version import __version__

CONFIG = """
project_name = "moonshot"
min_version = "0.1"
[gemini]
command = "{gemini}"
default = "tuned"
extra_args = ["--api-key", "swordfish", "--proxy=http://ann:opensesame@proxy.example:8080", "-v"]
token = "tiddlywinks"
[[gemini.models]]
id = "tuned"
model = "ft:gpt-4o:acme:lander:123"
[steps.proposal]
rules = ["Never mention the merger."]
[checks]
test = "make launch"
[checks.own]
liftoff = "make countdown"
[[validation.patterns]]
name = "no-codename"
pattern = "bluebird"
[budget]
limit_usd = 5.25
"""
STREAM = "gemini/0.61.0/model_stream_json"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = make_sandbox(tmp_path / "home" / "ann", CONFIG)
    box.answer("proposal", STREAM, PROPOSAL)
    box.ok("proposal", "secret-plan", "Buy the rocket")
    return box


def report(box: Sandbox, **environ: str) -> str:
    given = {"USER": "ann", "MY_SERVICE_TOKEN": "hunter22", "LANG": "C.UTF-8", **environ}
    done = box.run("doctor", "--report", **given)
    assert done.returncode == 0, done.stderr
    assert "Read it before you share it" in done.stderr
    return done.stdout


def test_it_has_what_a_bug_report_needs(box: Sandbox) -> None:
    text = report(box)
    for told in (
        f"agentd {__version__}",
        platform.python_version(),
        platform.system(),
        "ruamel.yaml 0.",
        "LANG=C.UTF-8",
        "MY_SERVICE_TOKEN",
        "- layout agentd; changes 1, archived 0\n- calls 1; phases: proposed 1\n",
        "project: PROJECT",
        'min_version = "0.1"',
        "budget.limit_usd = 5.25",
        'gemini.extra_args = ["--api-key", ***, "--proxy=***", "-v"]',
        'gemini.models.tuned.model = "ft:gpt-4o:***"',
        "# steps.proposal.rules is set",
        "# validation.patterns.* is set",
        "# checks.own.* is set",
        "ok    a check of the project\n",
    ):
        assert told in text
    assert re.search(r"gemini: PROJECT|gemini: ~", text)


def test_it_has_nothing_that_is_secret_or_personal(box: Sandbox) -> None:
    text = report(box)
    for secret in (
        *("swordfish", "opensesame", "tiddlywinks", "hunter22"),
        *("proxy.example", "acme", "lander"),
        *(
            "moonshot",
            "merger",
            "launch",
            "liftoff",
            "countdown",
            "no-codename",
            "bluebird",
            "rocket",
            "secret-plan",
        ),
        *(str(box.root), str(box.root.parent), "/ann"),
    ):
        assert secret not in text


def test_it_is_markdown_with_two_blocks(box: Sandbox) -> None:
    lines = report(box).splitlines()
    assert lines[0] == "### agentd doctor --report"
    assert [line for line in lines if line.startswith("```")] == [
        "```text",
        "```",
        "```toml",
        "```",
    ]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('[steps.review]\nrules = "swordfish"', "steps.review.rules is ***; expected a list of"),
        ('[checks]\ntest = ["swordfish"]', "checks.test is ***; expected a shell command"),
        ('checks = "swordfish"', 'checks = "***"'),
        ('[checks.own]\n"sword is fish" = "swordfish"', "checks.own.* can't be set"),
        ('[checks.own]\nswordfish = "x"\n[checks]\nrequired = ["none"]', 'required = ["***"]'),
        (
            '[[validation.patterns]]\nname = "swordfish"\npattern = "("',
            "patterns.* is ***; expected",
        ),
        (
            2 * '[[validation.patterns]]\nname = "swordfish"\npattern = "x"\n',
            "validation.patterns.*",
        ),
        ('[codex]\nextra_args = "X: swordfish; expected"', 'codex.extra_args = "***"'),
        ('[codex]\nheaders = ["X: swordfish"]', 'codex.headers = "***"'),
        ("[workflow]\nscript_retries = -4", "workflow.script_retries is -4; expected"),
    ],
)
def test_a_wrong_value_is_told_without_the_persons_own_words(
    tmp_path: Path, config: str, told: str
) -> None:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd" / "config.toml").write_text(f"{config}\n")
    text = agentd(
        "doctor", "--report", cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}
    ).stdout
    assert told in text
    assert "fish" not in text


@pytest.mark.parametrize("config", [None, "[codex\n", "[codex]\ncommand = 1\n"])
def test_there_is_a_report_when_things_are_broken(tmp_path: Path, config: str | None) -> None:
    if config is not None:
        (tmp_path / "agentd").mkdir()
        (tmp_path / "agentd" / "config.toml").write_text(config)
    environ = {**os.environ, "HOME": str(tmp_path)}
    done = agentd("doctor", "--report", cwd=tmp_path, env=environ)
    assert done.returncode == 0, done.stderr
    assert "fail" in done.stdout
    assert str(tmp_path) not in done.stdout


def test_report_and_json_exclude_each_other(box: Sandbox) -> None:
    assert box.run("doctor", "--report", "--json").returncode == 2
