"""The sections of config.toml about the work: its loops, its checks, its documents, its folders."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from agentd.config.model import (
    CHECKS,
    GATES,
    LAYOUTS,
    SEVERITIES,
    WIRES,
    ChecksConfig,
    Gate,
    Layout,
    MeterConfig,
    PathsConfig,
    Severity,
    ValidationConfig,
    ValidationPattern,
    Wire,
    WorkflowConfig,
)
from agentd.config.table import Problems, Table, shown
from agentd.providers import PROVIDERS

_TEXT_OR_EMPTY = r"|.*\S.*"


def read_workflow(table: Table, providers: Collection[str]) -> WorkflowConfig:
    """``[workflow]``; ``providers`` are those that have a section."""
    minimums = {
        "planning_iterations": 0,
        "implementation_iterations": 0,
        "archive_iterations": 0,
        "script_retries": 0,
        "retry_delay_secs": 0,
        "step_timeout_secs": 1,
    }
    given = {key: table.integer(key, minimum) for key, minimum in minimums.items()}
    gates = table.choices("gates", GATES)
    fallback = table.choices("fallback", tuple(PROVIDERS))
    table.finish()
    missing = [name for name in fallback if name not in providers]
    if missing:
        table.wrong(
            "fallback", f"providers that have a section here, and [{missing[0]}] is missing"
        )
    return WorkflowConfig(
        **{key: value for key, value in given.items() if value is not None},
        gates=cast("tuple[Gate, ...]", gates),
        fallback=fallback,
    )


def read_checks(table: Table) -> ChecksConfig:
    """``[checks]``."""
    expected = 'a shell command, or "" for none'
    test, lint, audit = (table.text(key, expected, pattern=_TEXT_OR_EMPTY) for key in CHECKS)
    required = table.choices("required", CHECKS)
    timeout_secs = table.integer("timeout_secs", 1)
    max_output_chars = table.integer("max_output_chars", 1)
    table.finish()
    usual = ChecksConfig()
    return ChecksConfig(
        test=test,
        lint=lint,
        audit=audit,
        required=required if "required" in table else usual.required,
        timeout_secs=timeout_secs or usual.timeout_secs,
        max_output_chars=max_output_chars or usual.max_output_chars,
    )


def read_validation(table: Table, problems: Problems) -> ValidationConfig:
    """``[validation]`` with its ``patterns``."""
    patterns = tuple(_read_pattern(entry, problems) for entry in table.tables("patterns", "name"))
    table.finish()
    names = [pattern.name for pattern in patterns]
    for twice in sorted({name for name in names if name and names.count(name) > 1}):
        problems.error(
            f"validation.patterns has the name {shown(twice)} twice; expected each name once"
        )
    return ValidationConfig(patterns=patterns)


def _read_pattern(table: Table, problems: Problems) -> ValidationPattern:
    expected_name = 'a name for the rule, such as "no-todo"'
    expected_pattern = r"a regular expression, such as '\bTODO\b'"
    expected_files = 'a glob within the change\'s folder, such as "specs/**/*.md"'
    name = table.text("name", expected_name)
    pattern = table.text("pattern", expected_pattern)
    files = table.text("files", expected_files)
    severity = table.choice("severity", SEVERITIES)
    message = table.text("message", "a sentence")
    table.finish()
    if pattern is not None and (reason := _why_no_pattern(pattern)):
        problems.error(
            f"{table.path('pattern')} is {shown(pattern)}; expected {expected_pattern}: {reason}"
        )
    if files is not None and (files.startswith("/") or ".." in files.split("/")):
        table.wrong("files", expected_files)
    usual = ValidationPattern(name="", pattern="")
    return ValidationPattern(
        name=table.require("name", name, expected_name),
        pattern=table.require("pattern", pattern, expected_pattern),
        files=files or usual.files,
        severity=cast("Severity", severity or usual.severity),
        message=message,
    )


def _why_no_pattern(pattern: str) -> str | None:
    """What makes ``pattern`` no regular expression, None when it is one."""
    import regex  # only projects with patterns of their own pay for its import

    try:
        regex.compile(pattern)
    except regex.error as error:
        return str(error)
    return None


def read_meter(table: Table) -> MeterConfig:
    """``[meter]``."""
    wire = table.choice("wire", WIRES)
    table.finish()
    return MeterConfig(wire=cast("Wire", wire)) if wire else MeterConfig()


def read_paths(table: Table) -> PathsConfig:
    """``[paths]``."""
    layout = table.choice("layout", LAYOUTS)
    table.finish()
    return PathsConfig(layout=cast("Layout | None", layout))
