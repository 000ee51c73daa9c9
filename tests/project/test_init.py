"""What `agentd init` writes, and what it leaves alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from genai_prices import data
from support.command import agentd

from agentd.config.load import load, parse
from agentd.errors import ConfigError, InputError
from agentd.project.init import detect_project_name, initialise, render_config
from agentd.project.layout import Project, find_project
from agentd.project.workspace import Workspace
from agentd.providers import PROVIDERS

EXAMPLE = Path(__file__).parents[2] / "agentd.example.toml"
FILES = ["agentd/config.toml", "agentd/project.md", "agentd/.gitignore", "agentd/specs/.gitkeep"]
ATTRIBUTES = "agentd/.gitattributes"


def test_a_new_project_gets_all_files_and_a_sound_config(tmp_path: Path) -> None:
    done = initialise(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in done.created] == [*FILES, ATTRIBUTES]
    assert done.kept == ()
    assert find_project(tmp_path) == done.project
    config = load(done.project.config_path)
    assert config.warnings == ()
    assert config.project_name == tmp_path.name
    assert sorted(config.providers) == sorted(PROVIDERS)
    assert config.pricing.sources == ("config", "reported", "catalog")
    ignored = (tmp_path / "agentd/.gitignore").read_text().split()
    assert {"changes/*/runs/", "archive/*/runs/", "*.tmp"} <= set(ignored)
    guide = (tmp_path / "agentd/project.md").read_text()
    for heading in ("## Overview", "## Stack", "## Conventions", "## How to test"):
        assert heading in guide


def put_clis(folder: Path, *names: str) -> dict[str, str]:
    """An environment in which only these CLIs are installed, in ``folder``."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": str(folder), "HOME": str(folder)}


def test_the_config_gets_the_clis_that_are_installed(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    environ = put_clis(tmp_path / "bin", "claude", "gemini")
    lines = agentd("init", cwd=root, env=environ).stdout.splitlines()
    assert f"found claude: {tmp_path}/bin/claude" in lines
    assert "no codex here: npm install -g @openai/codex@latest" in lines
    path = root / "agentd/config.toml"
    assert list(load(path).providers) == ["claude", "gemini"]
    assert load(path).warnings == ()
    put_clis(tmp_path / "more", "codex", "gemini")
    environ["PATH"] = str(tmp_path / "more")
    again = agentd("init", cwd=root, env=environ).stdout
    assert "codex has no section in config.toml: agentd init --provider codex" in again
    assert list(load(path).providers) == ["claude", "gemini"]
    assert agentd("init", "--remove", cwd=root, env=environ).returncode == 0
    assert not (root / "agentd").exists()


def test_where_no_cli_is_installed_the_config_gets_all(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    done = agentd("init", cwd=root, env=put_clis(tmp_path / "bin"))
    assert "no step can run until one is installed" in done.stdout
    assert list(load(root / "agentd/config.toml").providers) == [*PROVIDERS]


def test_of_a_config_that_is_kept_it_is_not_told_what_it_gets(tmp_path: Path) -> None:
    initialise(tmp_path, provider="claude")
    again = agentd("init", cwd=tmp_path, env=put_clis(tmp_path / "bin")).stdout
    assert "kept  agentd/config.toml" in again
    assert "config.toml gets" not in again


@pytest.mark.parametrize("kind", ["link to nothing", "folder"])
def test_a_config_that_is_no_file_is_not_called_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "agentd/config.toml"
    path.parent.mkdir()
    path.mkdir() if kind == "folder" else path.symlink_to("nowhere")
    with pytest.raises(InputError, match="is no file, or links to none"):
        initialise(tmp_path)
    assert list(path.parent.iterdir()) == [path]


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    initialise(tmp_path)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in FILES}
    done = initialise(tmp_path, provider="codex", project_name="other")
    assert (done.created, done.added) == ((), False)
    assert [str(path.relative_to(tmp_path)) for path in done.kept] == FILES
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in FILES} == before


@pytest.mark.parametrize("end", ["\n", "", "\r\n"])
def test_a_second_run_adds_the_section_that_is_asked_for(tmp_path: Path, end: str) -> None:
    path = initialise(tmp_path, provider="claude").project.config_path
    lines = [*path.read_text().splitlines(), "# mine: keep", "[paths] # and this"]
    before = (end or "\n").join(lines).encode() + end.encode()
    path.write_bytes(before)
    done = initialise(tmp_path, provider="codex")
    assert (done.added, done.created, path in done.kept) == (True, (), False)
    after = path.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\r\n") == (after.count(b"\n") if end == "\r\n" else 0)
    config = load(path)
    assert list(config.providers) == ["claude", "codex"]
    assert config.warnings == ()
    assert config.providers["codex"].default == "balanced"
    assert not initialise(tmp_path, provider="codex").added
    assert path.read_bytes() == after


def test_no_section_is_added_to_a_config_that_is_not_sound(tmp_path: Path) -> None:
    path = initialise(tmp_path, provider="claude").project.config_path
    path.write_text("[claude\n")
    with pytest.raises(ConfigError, match="no valid TOML"):
        initialise(tmp_path, provider="codex")
    assert path.read_text() == "[claude\n"


@pytest.mark.parametrize("name", FILES[:3])
def test_a_users_file_is_left_and_reported(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("mine = 1\n")
    done = initialise(tmp_path)
    assert path.read_text() == "mine = 1\n"
    assert done.kept == (path,)
    assert len(done.created) == 4


def test_nothing_is_written_through_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd/project.md").symlink_to(tmp_path / "elsewhere")
    done = initialise(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
    assert done.kept == (tmp_path / "agentd/project.md",)


def test_specs_that_are_there_get_no_gitkeep(tmp_path: Path) -> None:
    (tmp_path / "agentd/specs").mkdir(parents=True)
    (tmp_path / "agentd/specs/login.md").touch()
    initialise(tmp_path)
    assert [path.name for path in (tmp_path / "agentd/specs").iterdir()] == ["login.md"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_provider_alone_is_all_the_config_names(tmp_path: Path, provider: str) -> None:
    done = initialise(tmp_path, provider=provider)
    config = load(done.project.config_path)
    assert list(config.providers) == [provider]
    assert config.warnings == ()
    text = done.project.config_path.read_text()
    for other in set(PROVIDERS) - {provider}:
        assert f"[{other}]" not in text
        assert f'"{other}"' not in text
    assert "[pricing]" in text
    assert "# [budget]" in text


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_model_of_the_template_has_a_price_in_the_catalogue(provider: str) -> None:
    config = parse(render_config("x", [provider]), Path("config.toml"))
    models = config.providers[provider].models
    assert [entry.complexity for entry in models] == ["low", "medium", "high"]
    assert config.providers[provider].model_name() == models[1].model
    known = {model.id for company in data.providers for model in company.models}
    # Of Alibaba's own API the catalogue has no prices, and its section says so.
    is_priced = "has no prices of" not in render_config("x", [provider])
    assert ({entry.model.rpartition("/")[2] for entry in models} <= known) == is_priced
    prices = Workspace(Project(Path("/")), config).prices
    maker, now = PROVIDERS[provider].maker, datetime.now(UTC)
    priced = {prices.knows(entry.model, maker=maker, at=now) != "none" for entry in models}
    assert priced == {is_priced}


def test_the_example_is_what_init_writes() -> None:
    """Whoever changes agentd/config/template.toml copies it to agentd.example.toml."""
    assert EXAMPLE.read_text() == render_config("my-project")


def test_an_unknown_provider_and_a_missing_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=f"no provider gpt; expected one of {', '.join(PROVIDERS)}"
    ):
        initialise(tmp_path, provider="gpt")
    with pytest.raises(InputError, match="no such folder"):
        initialise(tmp_path / "missing")
    (tmp_path / "agentd").touch()
    with pytest.raises(InputError, match=r"config\.toml: cannot be written"):
        initialise(tmp_path)


@pytest.mark.parametrize(
    "name", ['a "quoted" name', "back\\slash", "tab\tnew\nline", "DEL\x7f", "Käse 🧀", "\udcff"]
)
def test_any_name_makes_a_sound_config(tmp_path: Path, name: str) -> None:
    done = initialise(tmp_path, project_name=name)
    written = name if name.isprintable() or name.isascii() else "?"
    assert load(done.project.config_path).project_name == written


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "folder"),
        ({"pyproject.toml": '[project]\nname = "py"'}, "py"),
        ({"pyproject.toml": '[tool.poetry]\nname = "poet"'}, "poet"),
        ({"pyproject.toml": "[tool.ruff]", "package.json": '{"name": "js"}'}, "js"),
        ({"pyproject.toml": "broken [", "Cargo.toml": '[package]\nname = "rs"'}, "rs"),
        ({"package.json": "[1]", "go.mod": "module example.com/you/tool/v2\n"}, "tool"),
        ({"package.json": '{"name": 3}', "go.mod": "// x\nmodule tool\n"}, "tool"),
        ({"Cargo.toml": "[workspace]", "go.mod": "go 1.22\n"}, "folder"),
    ],
)
def test_the_name_is_found_in_the_projects_own_files(
    tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    root = tmp_path / "folder"
    root.mkdir()
    for name, text in files.items():
        (root / name).write_text(text)
    assert detect_project_name(root) == expected
