"""Changing one value of config.toml: the rest of the file stays byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentd.config import edit
from agentd.config.edit import set_values, unset_value
from agentd.config.load import load
from agentd.config.values import given_in
from agentd.errors import ConfigError
from agentd.files import write_atomic
from agentd.locks import try_lock
from agentd.providers import PROVIDERS

EXAMPLE = Path(__file__).parents[2] / "agentd.example.toml"

SPREAD = """\
# top
[steps.review]   # one step
provider = 'codex'  # the reviewer

[codex]
extra_args = [
  "--a",  # first
]
[[codex.models]]
id = "fast"
model = "gpt-6-luna"
[[codex.models]]
id = "deep"
model = "gpt-6-astra"  # dear

[steps.resolve]
model = "fast"
# end
"""


def set_value(path: Path, key: str, text: str) -> None:
    set_values(path, [(key, text)])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(SPREAD)
    return path


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("steps.review.provider", "codex", "provider = 'codex'", 'provider = "codex"'),
        ("codex.models.deep.model", "gpt-5.5", '"gpt-6-astra"', '"gpt-5.5"'),
        ("steps.resolve.model", "deep", 'model = "fast"\n#', 'model = "deep"\n#'),
    ],
)
def test_a_value_is_replaced_in_place(
    config: Path, key: str, value: str, before: str, after: str
) -> None:
    set_value(config, key, value)
    assert config.read_text() == SPREAD.replace(before, after)


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("workflow.script_retries", 1, lambda c: c.workflow.script_retries),
        ("steps.merge.model", "deep", lambda c: c.steps["merge"].model),
        ("steps.archive-fix.model", "deep", lambda c: c.steps["archive-fix"].model),
        ("codex.command", "/opt/codex", lambda c: c.providers["codex"].command),
        ("codex.default", "deep", lambda c: c.providers["codex"].default),
        (
            "codex.models.fast.complexity",
            "low",
            lambda c: c.providers["codex"].models[0].complexity,
        ),
        ("budget.limit_usd", Decimal("0.1"), lambda c: c.budget.limit_usd),
        ("budget.limit_usd", Decimal("0.12345678901234567890123"), lambda c: c.budget.limit_usd),
        ("budget.warn_at_percent", Decimal(5), lambda c: c.budget.warn_at_percent),
        ("budget.warn_at_dollars", Decimal("1E-7"), lambda c: c.budget.warn_at_dollars),
        ("project_name", 'a "b" \\ ü', lambda c: c.project_name),
    ],
)
def test_a_new_value_is_read_back_and_every_old_line_is_still_there(
    config: Path, key: str, value: Any, read: Any
) -> None:
    set_value(config, key, str(value))
    assert read(load(config)) == value
    left = iter(config.read_text().splitlines())
    assert all(line in left for line in SPREAD.splitlines())


def test_a_list_is_replaced(config: Path) -> None:
    set_value(config, "codex.extra_args", '["-x", "y"]')
    assert config.read_text() == SPREAD.replace('[\n  "--a",  # first\n]', '["-x", "y"]')


def test_a_list_of_wrong_things_is_no_list_of_one_text(config: Path) -> None:
    with pytest.raises(ConfigError, match="extra_args"):
        set_value(config, "codex.extra_args", '["-x", 3]')
    assert config.read_text() == SPREAD


def test_a_price_is_set_under_a_quoted_name(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[codex]\n[pricing.models."gpt-5.5"]\n'
        "cost_per_1m_input = 1.50  # mine\ncost_per_1m_output = 2\n"
    )
    set_value(path, 'pricing.models."gpt-5.5".cost_per_1m_input', "0.30")
    assert "cost_per_1m_input = 0.30  # mine\n" in path.read_text()


def test_the_example_keeps_its_comments_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = EXAMPLE.read_text().replace("\n", "\r\n")
    path.write_bytes(text.encode())
    set_value(path, "claude.default", "opus")
    wanted = text.replace('default = "sonnet"', 'default = "opus"', 1)
    assert path.read_bytes() == wanted.encode()


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("steps.review.provider", "gpt", f"expected one of {', '.join(PROVIDERS)}"),
        ("workflow.script_retries", "-1", "workflow.script_retries is -1"),
        (
            "codex.models.huge.model",
            "x",
            'codex.models has no entry "huge"; it has fast, deep',
        ),
        ("codex.models.dep.model", "x", "Did you mean codex.models.deep"),
        ("codex.models.model", "x", "codex.models is a list of tables"),
        ("codex.models", "[]", "codex.models is a table"),
        ("codex", "x", "codex is a table"),
        ("steps.merge", '{ model = "x" }', "expected a table"),
        ("codex.command.name", "x", "codex.command is a value"),
        ("budget.limit_usd", "nan", "budget.limit_usd is nan; expected an amount"),
        ("codex.comand", "x", "unknown key codex.comand; did you mean codex.command"),
        ("step.review.model", "x", "unknown key step; did you mean steps"),
        ("budget.limit_usdd", "5", "unknown key budget.limit_usdd; did you mean budget.limit_usd"),
        ("pricing.models.new.cost_per_1m_input", "5", "cost_per_1m_output is missing"),
        ("a b", "x", '"a b" is no key'),
        ("", "x", '"" is no key'),
        ("a=0\nb", "x", "is no key"),
        ("[a]\nb", "x", "is no key"),
        ("a = 1 #", "x", "is no key"),
        ("project_name.", "x", "is no key"),
    ],
)
def test_a_wrong_value_or_key_leaves_the_file_alone(
    config: Path, key: str, text: str, message: str
) -> None:
    config.write_text('codex.command = "c"\n' if "command" in key else SPREAD)
    before = config.read_bytes()
    with pytest.raises(ConfigError) as error:
        set_value(config, key, text)
    assert message in str(error.value)
    assert config.read_bytes() == before
    assert not config.with_name(".config.toml.tmp").exists()


def test_permissions_are_kept(config: Path) -> None:
    config.chmod(0o600)
    set_value(config, "codex.command", "x")
    assert config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "message"), [(None, "no such file"), ("[codex\n", "line 1, column 7")]
)
def test_a_file_that_is_missing_or_broken_is_not_edited(
    config: Path, text: str | None, message: str
) -> None:
    config.unlink() if text is None else config.write_text(text)
    with pytest.raises(ConfigError, match=message):
        set_value(config, "codex.command", "x")
    assert (config.read_text() if config.exists() else None) == text


def test_the_lock_is_held_from_reading_to_writing(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []

    def probe(path: Path, data: bytes) -> None:
        with config.with_name(".config.toml.lock").open("rb") as file:
            held.append(not try_lock(file.fileno()))
        write_atomic(path, data)

    monkeypatch.setattr(edit, "write_atomic", probe)
    set_value(config, "codex.command", "x")
    assert held == [True]


def test_processes_that_edit_at_once_lose_nothing(config: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agentd.config.edit import set_values;"
        "set_values(Path(sys.argv[1]), [(sys.argv[2], sys.argv[3])])"
    )
    keys = ("planning_iterations", "script_retries", "retry_delay_secs", "step_timeout_secs")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(config), f"workflow.{key}", str(number)],
            env={**os.environ, "PYTHONPATH": str(EXAMPLE.parent)},
        )
        for number, key in enumerate(keys, 11)
    ]
    assert [process.wait() for process in running] == [0] * len(keys)
    workflow = load(config).workflow
    assert [getattr(workflow, key) for key in keys] == [11, 12, 13, 14]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("project_name", "12", "12"),
        ("project_name", '"a b"', "a b"),
        ("checks.test", "true", "true"),
        ("checks.test", "", ""),
        ("checks.test", "[ -f x ] && make", "[ -f x ] && make"),
        ("codex.extra_args", "--fast", ["--fast"]),
        ("codex.extra_args", "[]", []),
        ("workflow.fallback", "codex", ["codex"]),
        ("pricing.sources", '["config", "catalog"]', ["config", "catalog"]),
        ("budget.limit_tokens", "5_000_000", 5_000_000),
        ("budget.steps.review.limit_usd", "5", 5),
    ],
)
def test_a_text_is_what_the_key_takes(config: Path, key: str, text: str, value: object) -> None:
    set_value(config, key, text)
    assert given_in(config)[key] == value


def test_settings_that_need_each_other_are_set_together_or_not_at_all(config: Path) -> None:
    price = 'pricing.models."gpt-5.5".cost_per_1m_'
    with pytest.raises(ConfigError, match="output is missing"):
        set_values(config, [(f"{price}input", "1.50"), ("codex.command", "x")])
    assert config.read_text() == SPREAD
    set_values(config, [(f"{price}input", "1.50"), (f"{price}output", "2")])
    added = '\n[pricing.models."gpt-5.5"]\ncost_per_1m_input = 1.50\ncost_per_1m_output = 2\n'
    assert config.read_text() == SPREAD + added


def test_a_new_key_stands_behind_its_tables_last_one_not_behind_the_next_tables_comment(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text())
    set_values(path, [(f"gemini.models.pro.cost_per_1m_{way}put", "1") for way in ("in", "out")])
    model = 'model = "gemini-3.1-pro-preview"\ncomplexity = "high"\n'
    new = "cost_per_1m_input = 1\ncost_per_1m_output = 1\n"
    assert path.read_text() == EXAMPLE.read_text().replace(model, model + new)


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("[codex]\n\n# next\n[claude]\n", "codex.command", "[codex]\nX\n\n# next\n[claude]\n"),
        ("[codex] # mine\n", "codex.command", "[codex] # mine\nX\n"),
        ("[codex]", "codex.command", "[codex]\nX\n"),
        ('[codex]\ndefault = "a"', "codex.command", '[codex]\ndefault = "a"\nX\n'),
        ("[codex]\n  default = 'a'\n", "codex.command", "[codex]\n  default = 'a'\n  X\n"),
        ("[codex]\r\n\r\n[claude]\r\n", "codex.command", "[codex]\r\nX\r\n\r\n[claude]\r\n"),
        ("[codex]\r\n", "claude.command", "[codex]\r\n\r\n[claude]\r\nX\r\n"),
        ("# top\n[codex]\n", "steps.review.model", "# top\n[codex]\n\n[steps.review]\nX\n"),
        ("codex = {}\n", "codex.command", "codex = {X}\n"),
        ('codex.default = "a"\n', "codex.command", 'codex.default = "a"\ncodex.X\n'),
        ("\ufeff[codex]\n", "codex.command", "\ufeff[codex]\nX\n"),
    ],
)
def test_where_a_new_key_stands(tmp_path: Path, before: str, key: str, after: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(before.encode())
    set_value(path, key, "x")
    wanted = after.replace("X", f'{key.rpartition(".")[2]} = "x"')
    assert path.read_bytes().decode() == wanted


def test_a_wrong_value_can_be_set_right(config: Path) -> None:
    config.write_text(SPREAD.replace("'codex'", "'gpt'"))
    set_value(config, "steps.review.provider", "codex")
    assert load(config).steps["review"].provider == "codex"


def test_the_file_behind_a_link_is_changed(config: Path, tmp_path: Path) -> None:
    link = tmp_path / "below" / "link.toml"
    link.parent.mkdir()
    link.symlink_to(config)
    set_value(link, "codex.command", "x")
    assert set(tmp_path.iterdir()) == {config, link.parent}  # the lock: where git ignores it
    assert link.is_symlink()
    assert load(config).providers["codex"].command == "x"


def test_a_key_is_taken_out_with_its_line(config: Path) -> None:
    assert unset_value(config, "steps.resolve.model")
    assert config.read_text() == SPREAD.replace('model = "fast"\n#', "#")
    assert not unset_value(config, "steps.resolve.model")
    assert not unset_value(config, "budget.limit_usd")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("steps.resolve", "steps.resolve is a table"),
        ("codex.models", "codex.models is a table"),
        ("codex.models.deep.model", "codex.models.deep.model is missing"),
    ],
)
def test_what_the_file_needs_is_not_taken_out(config: Path, key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        unset_value(config, key)
    assert config.read_text() == SPREAD
