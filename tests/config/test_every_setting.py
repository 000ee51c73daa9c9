"""The example and the manual tell every setting of config.toml, and the names of every step."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path

from support.config_texts import read

from agentd.config.model import (
    STEP_NAMES,
    BudgetConfig,
    ChecksConfig,
    GuardConfig,
    HttpConfig,
    MeterConfig,
    ModelConfig,
    NotifyConfig,
    PartBudget,
    PathsConfig,
    ProjectBudget,
    ProviderConfig,
    StepConfig,
    ValidationPattern,
    WorkflowConfig,
)
from agentd.metering.rates import PricingConfig
from agentd.providers import PROVIDERS
from agentd.workflow.model_choice import usual_provider
from agentd.workflow.steps import STEPS

ROOT = Path(__file__).parents[2]


def test_the_names_are_those_of_the_room_above() -> None:
    assert set(STEPS) <= set(STEP_NAMES)


def test_tomllib_and_the_example_agree_on_every_setting() -> None:
    """The example shows each setting: with its comments taken away it is still sound."""
    text = (ROOT / "agentd.example.toml").read_text()
    lines = [line.removeprefix("# ") if is_setting(line) else line for line in text.splitlines()]
    everything = "\n".join(lines)
    config = read(everything)
    assert config.warnings == ()
    data = tomllib.loads(everything)
    assert set(data) == {
        "project_name",
        "min_version",
        "workflow",
        *PROVIDERS,
        "providers",
        "http",
        "steps",
        "checks",
        "validation",
        "paths",
        "pricing",
        "budget",
        "meter",
        "guard",
        "notify",
    }
    assert set(data["guard"]) == set(GuardConfig.__slots__)
    assert set(data["notify"]) == set(NotifyConfig.__slots__)
    assert set(data["meter"]) == set(MeterConfig.__slots__)
    assert set(data["workflow"]) == set(WorkflowConfig.__slots__)
    assert set(data["budget"]) == {field.name for field in fields(BudgetConfig)}
    assert set(data["budget"]["project"]) == {field.name for field in fields(ProjectBudget)}
    for limits in (data["budget"]["steps"], data["budget"]["providers"]):
        assert [set(limit) for limit in limits.values()] == [
            {field.name for field in fields(PartBudget)}
        ]
    assert set(data["checks"]) == set(ChecksConfig.__slots__)
    assert set(data["paths"]) == set(PathsConfig.__slots__)
    assert set(data["validation"]) == {"patterns"}
    assert set(data["validation"]["patterns"][0]) == set(ValidationPattern.__slots__)
    assert {key for step in data["steps"].values() for key in step} == set(StepConfig.__slots__)
    assert set(data["providers"]["work"]) == {"base", "command", "set_env"}
    assert set(data["http"]["local"]) == set(HttpConfig.__slots__)
    assert set(data["claude"]) == {"command", "default", "extra_args", "env", "models"}
    prices = data["pricing"]["models"]["your-model"]
    assert set(prices) == set(PricingConfig.__slots__)
    assert {*data["claude"]["models"][0], "prices"} == set(ModelConfig.__slots__)
    for step in config.steps.values():
        assert step.provider
        assert step.model in [entry.id for entry in config.providers[step.provider].models]


def test_the_manual_tells_every_setting_and_every_steps_provider() -> None:
    manual = (ROOT / "docs" / "configuration.md").read_text()
    for form in (
        *(WorkflowConfig, ProjectBudget, PricingConfig, StepConfig),
        *(HttpConfig, ChecksConfig, ValidationPattern, PathsConfig, GuardConfig, MeterConfig),
        NotifyConfig,
    ):
        for key in form.__slots__:
            assert f"| `{key}` |" in manual
    for key in {*ProviderConfig.__slots__, *ModelConfig.__slots__} - {"models", "prices"}:
        assert f"| `{key}` |" in manual
    for form in (WorkflowConfig, BudgetConfig, ProjectBudget):
        for key in form.__slots__:
            if form is BudgetConfig and key in ("project", "steps", "providers"):
                continue  # tables of their own
            value = getattr(form(), key)
            default = {None: "none", (): "`[]`", False: "false"}.get(value, value)
            assert f"| `{key}` | {default} |" in manual
    for key, value in (
        *asdict(ChecksConfig()).items(),
        *asdict(PathsConfig()).items(),
    ):
        default = {"None": "found by itself", "('test',)": '`["test"]`', "{}": "none"}.get(
            str(value), value
        )
        assert f"| `{key}` | {default} |" in manual
    rows = [line.strip("| ").split(" | ") for line in manual.splitlines() if line.startswith("| `")]
    told = {
        step: provider for steps, provider, *_ in rows for step in steps.strip("`").split("` `")
    }
    assert {name: told.get(name) for name in STEPS} == {
        name: usual_provider(step, PROVIDERS.values()) for name, step in STEPS.items()
    }
    assert set(STEP_NAMES) <= set(told)


def is_setting(line: str) -> bool:
    """Whether a comment is a setting that only waits for its ``# `` to go."""
    return line.startswith("# [") or (line.startswith("# ") and line.split()[2:3] == ["="])
