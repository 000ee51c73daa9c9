"""Which provider and model run a step: order, [steps.X], size of the change, default."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentd.config.load import load
from agentd.config.model import Complexity, Config
from agentd.errors import ConfigError
from agentd.workflow.model_choice import choose, complexity_of
from agentd.workflow.steps import STEPS

MODELS = """
[[{provider}.models]]
id = "small"
model = "{provider}-small"
complexity = "low"
[[{provider}.models]]
id = "middle"
model = "{provider}-middle"
complexity = "medium"
[[{provider}.models]]
id = "large"
model = "{provider}-large"
complexity = "high"
"""
CLAUDE = '[claude]\ncommand = "claude"\ndefault = "middle"\n' + MODELS.format(provider="claude")
CODEX = '[codex]\ncommand = "codex"\ndefault = "middle"\n' + MODELS.format(provider="codex")
REVIEW, IMPLEMENTATION = STEPS["review"], STEPS["implementation"]


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def config(tmp_path: Path, *parts: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text('project_name = "x"\n' + "\n".join(parts))
    return load(path)


def test_a_cli_that_is_not_installed_is_nobodys_choice_but_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "claude").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    both = config(tmp_path, CLAUDE, CODEX)
    assert choose(both, REVIEW).provider == "claude"
    assert choose(both, REVIEW, provider="codex").provider == "codex"
    asked = config(tmp_path, CLAUDE, CODEX, '[steps.review]\nprovider = "codex"\n')
    assert choose(asked, REVIEW).provider == "codex"
    (tmp_path / "claude").unlink()
    assert choose(both, REVIEW).provider == "codex"


@pytest.mark.parametrize(
    ("specs", "tasks", "complexity"),
    [
        (0, 0, "low"),
        (1, 3, "low"),
        (1, 4, "medium"),
        (4, 1, "medium"),
        (3, 7, "medium"),
        (3, 8, "high"),
        (1, 19, "high"),
        (1, 20, "critical"),
        (21, 0, "critical"),
    ],
)
def test_size_of_a_change(specs: int, tasks: int, complexity: Complexity) -> None:
    assert complexity_of(specs + tasks) == complexity


@pytest.mark.parametrize(
    ("specs", "tasks", "model"),
    [(1, 3, "small"), (2, 5, "middle"), (6, 5, "large"), (9, 50, "large"), (0, 0, "middle")],
)
def test_model_follows_the_size_of_the_change(
    tmp_path: Path, specs: int, tasks: int, model: str
) -> None:
    got = choose(config(tmp_path, CLAUDE), IMPLEMENTATION, size=specs + tasks)
    assert (got.provider, got.model) == ("claude", f"claude-{model}")


def rated(*complexities: str, default: str = "m0") -> str:
    entries = [
        f'[[claude.models]]\nid = "m{number}"\nmodel = "M{number}"\n'
        + (f'complexity = "{complexity}"\n' if complexity else "")
        for number, complexity in enumerate(complexities)
    ]
    return f'[claude]\ncommand = "claude"\ndefault = "{default}"\n' + "".join(entries)


@pytest.mark.parametrize(
    ("section", "specs", "model"),
    [
        (rated("low", "critical"), 5, "M1"),  # the simplest that is up to it
        (rated("high", "critical"), 1, "M0"),
        (rated("critical", "high"), 1, "M1"),
        (rated("critical", "low"), 4, "M0"),  # not a simpler one, though it is nearer
        (rated("high", "medium"), 30, "M0"),  # none is up to it: the most complex
        (rated("low", "low"), 1, "M0"),
        (rated("low", "low", default="m1"), 1, "M1"),  # of two alike the default
        (rated("", "low"), 9, "M1"),  # one without a complexity is never chosen by size
        (rated("", ""), 9, "M0"),
    ],
)
def test_nearest_model_is_taken(tmp_path: Path, section: str, specs: int, model: str) -> None:
    assert choose(config(tmp_path, section), IMPLEMENTATION, size=specs + 1).model == model


def test_command_line_goes_before_the_steps_table_and_that_before_the_size(tmp_path: Path) -> None:
    settings = config(
        tmp_path, CLAUDE, CODEX, '[steps.review]\nprovider = "claude"\nmodel = "large"'
    )
    got = choose(settings, REVIEW, size=2)
    assert (got.provider, got.model) == ("claude", "claude-large")
    got = choose(settings, REVIEW, model="small", size=2)
    assert (got.provider, got.model) == ("claude", "claude-small")
    got = choose(settings, REVIEW, provider="codex", size=2)
    assert (got.provider, got.model) == ("codex", "codex-small")
    got = choose(settings, REVIEW, provider="codex", model="any-name", size=2)
    assert (got.provider, got.model) == ("codex", "any-name")
    got = choose(settings, STEPS["challenge"], size=2)
    assert (got.provider, got.model) == ("codex", "codex-small")


def test_a_choice_says_why(tmp_path: Path) -> None:
    settings = config(
        tmp_path, CLAUDE, CODEX, '[steps.review]\nprovider = "claude"\nmodel = "large"'
    )
    assert choose(settings, IMPLEMENTATION, size=3).why == "low complexity (3)"
    assert choose(settings, IMPLEMENTATION).why == "default of [claude]"
    assert choose(settings, REVIEW, size=3).why == "[steps.review]"
    assert choose(settings, REVIEW, size=3, model="small").why == "--model"


def test_model_of_the_steps_table_is_not_given_to_another_provider(tmp_path: Path) -> None:
    settings = config(tmp_path, CLAUDE, CODEX, '[steps.review]\nmodel = "large"')
    assert choose(settings, REVIEW).model == "codex-large"
    assert choose(settings, REVIEW, provider="claude").model == "claude-middle"


def test_one_provider_runs_every_step(tmp_path: Path) -> None:
    settings = config(tmp_path, CODEX)
    for step in STEPS.values():
        got = choose(settings, step)
        assert (got.provider, got.model) == ("codex", "codex-middle")


def test_provider_without_models_leaves_the_choice_to_its_cli(tmp_path: Path) -> None:
    settings = config(tmp_path, '[claude]\ncommand = "claude"\n')
    assert choose(settings, IMPLEMENTATION, size=6).model is None


def test_missing_section_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(config(tmp_path, CLAUDE), REVIEW, provider="gpt")
    told = "config.toml: no provider gpt for step review; it has claude"
    assert caught.value.message == f"{tmp_path}/{told}"
    assert caught.value.fix == "Name one of these: --provider claude."
