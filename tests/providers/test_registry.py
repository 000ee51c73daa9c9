"""The registry of providers, its row and its enum."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from enum import Enum
from importlib.resources import files
from pathlib import Path

import pytest

import agentd.providers
from agentd.metering.catalog import model_ids
from agentd.providers import NAMED, PROVIDERS, LlmProvider, any_provider, maker_of

ROOT = Path(__file__).parents[2]
OUTSIDE = (
    *("agentd/providers/", "agentd/metering/", "agentd/cli/demo/"),
    "agentd/reports/export/focus/entities.py",  # names makers of models; qwen is one, too
)


def test_names_are_keys_and_folders() -> None:
    for name, row in PROVIDERS.items():
        assert row.name == name
        assert row.cli().new_parser().parsed().usage is None
        section = files(f"agentd.providers.{name}").joinpath("config.toml").read_text()
        assert section.startswith(f"# ---- {name}: {row.title} ---")
        assert not row.maker or any(model_ids(row.maker))


def test_no_other_file_of_the_package_names_a_provider() -> None:
    name = re.compile(rf"""["']({"|".join(PROVIDERS)})["']""")
    found = [
        f"{path}: {found[0]}"
        for path in sorted((ROOT / "agentd").rglob("*"))
        if path.suffix in (".py", ".toml", ".md")
        and not str(path.relative_to(ROOT)).startswith(OUTSIDE)
        and (found := name.search(path.read_text()))
    ]
    assert found == []


def test_a_provider_knows_nothing_of_the_others() -> None:
    for name in PROVIDERS:
        others = re.compile(rf"agentd\.providers\.({'|'.join(set(PROVIDERS) - {name})})\b")
        for path in (ROOT / "agentd" / "providers" / name).glob("*.py"):
            assert others.search(path.read_text()) is None, path


def test_type_checkers_see_members_that_are_there() -> None:
    """The stub for type checkers is a copy; each of its members must be a real one."""
    tree = ast.parse(inspect.getsource(agentd.providers))
    [stub] = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert stub.name == "LlmProvider"
    members = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in stub.body
        if isinstance(node, ast.Assign)
    }
    assert members
    assert {name: LlmProvider[name].value for name in members} == members
    assert issubclass(LlmProvider, Enum)
    assert [member.value for member in LlmProvider] == list(PROVIDERS)


def test_a_typed_user_keeps_the_members(tmp_path: Path) -> None:
    user = tmp_path / "user.py"
    user.write_text(
        "from agentd import LlmProvider, parse_usage_from_output\n"
        "def used(text: str) -> list[int]:\n"
        "    known = (LlmProvider.CLAUDE, LlmProvider.CODEX, LlmProvider.GEMINI)\n"
        "    every = (*known, LlmProvider('toy'))\n"
        "    return [parse_usage_from_output(text, one).input_tokens for one in every]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(user)],  # the cache of `make types` serves
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("provider", "maker"), [("claude", "anthropic"), ("new", ""), ("", ""), (None, None)]
)
def test_makers(provider: str | None, maker: str | None) -> None:
    assert maker_of(provider) == maker


def test_names_in_a_sentence() -> None:
    *others, last = PROVIDERS
    told = ", ".join(f"[{name}]" for name in others)
    assert any_provider("[{}]") == f"{told} or [{last}]"


def test_what_needs_no_run_loads_no_parser() -> None:
    code = (
        "import sys; from pathlib import Path; from agentd.config.load import load;"
        "import agentd.cli.steps, agentd.cli.setup; load(Path('agentd.example.toml'));"
        "print(*sorted(name for name in sys.modules if name.startswith('agentd.providers.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows = {f"agentd.providers.{name}" for name in (*PROVIDERS, *NAMED, "provider")}
    assert set(done.stdout.split()) == rows | {"agentd.providers.http.options"}
