"""The kinds of projects whose checks agentd finds by itself, and what is no sign of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentd.config.model import ChecksConfig
from agentd.workflow.checks.detect import LocalCheck, choose, detect
from agentd.workflow.checks.run_checks import run_checks

UNITTEST = "import unittest\n"
PYTEST = "import pytest\n"
PLAIN = "def test_a():\n    pass\n"
TEST = "tests/test_a.py"
ROOTED = {
    "requirements.txt": "pytest\n",
    TEST: "import x\n",
    ".venv/bin/python": "",
    ".venv/bin/pytest": "",
}
PYPROJECT = "[project]\nname = 'x'\n"


def scripts(**given: str) -> str:
    return json.dumps({"scripts": given})


def found(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    below: str = "",
    tools: tuple[str, ...] = ("python", "uv", "poetry", "pdm", "tox", "nox"),
) -> dict[str, str]:
    bin_dir = root / "bin"
    for name in tools:
        put(bin_dir / name, "")
        (bin_dir / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_dir))
    project = root / "project"
    (project / ".git").mkdir(parents=True)
    for name, text in files.items():
        put(project / name, text)
    return {check.name: check.command for check in detect(project / below)}


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("files", "test"),
    [
        ({"requirements.txt": "pytest\n", "test_app.py": PLAIN}, "pytest"),
        ({"requirements/dev.txt": "pytest>=8 # tests\n", TEST: PLAIN}, "pytest"),
        ({"pytest.ini": "[pytest]\n"}, "pytest"),
        ({"setup.cfg": "[tool:pytest]\naddopts = -q\n"}, "pytest"),
        ({"setup.cfg": "[options.extras_require]\ntest = pytest\n", TEST: UNITTEST}, "pytest"),
        ({"pyproject.toml": PYPROJECT, "src/x/tests/test_a.py": PLAIN}, "pytest"),
        ({"pyproject.toml": PYPROJECT, "x/sub/test_a.py": PYTEST}, "pytest"),
        ({"Pipfile": '[dev-packages]\npytest = "*"\n', TEST: UNITTEST}, "pytest"),
        (
            {"pyproject.toml": "[tool.poetry.group.dev.dependencies]\npytest = '^8'\n", TEST: ""},
            "pytest",
        ),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["PyTest"]\n', TEST: UNITTEST}, "pytest"),
        ({"setup.py": "", "test_a.py": UNITTEST}, "python -m unittest"),
        ({"setup.py": "", TEST: UNITTEST, "tests/__init__.py": ""}, "python -m unittest"),
        ({"setup.py": "", TEST: UNITTEST}, "python -m unittest discover -s tests"),
        (
            {"setup.py": "", "src/x/__init__.py": "", "src/x/test_a.py": UNITTEST},
            "python -m unittest discover -s src",
        ),
        ({"setup.py": "", TEST: f"from unittest import mock\n{PLAIN}"}, "pytest"),
        ({"setup.py": "", TEST: f"import unittest.mock as m\n{PLAIN}"}, "pytest"),
        ({"setup.py": "", "test.py": UNITTEST}, "python -m unittest"),
        ({"setup.py": "", "a_test.py": UNITTEST}, "python -m unittest discover -p '*_test.py'"),
        (
            {"setup.py": "", "a b/a_test.py": UNITTEST, "a b/test_b.py": UNITTEST},
            "python -m unittest discover -s 'a b'"
            " && python -m unittest discover -s 'a b' -p '*_test.py'",
        ),
        ({"setup.py": "", TEST: UNITTEST, "tests/test_b.py": PYTEST}, "pytest"),
        ({"manage.py": "", "app/tests.py": "", "requirements.txt": ""}, "python manage.py test"),
        ({"tox.ini": "[testenv]\ncommands = python run.py\n", TEST: UNITTEST}, "tox -e py"),
        (
            {"noxfile.py": "import nox\n\n@nox.session\ndef tests(session): pass\n", TEST: PLAIN},
            "nox -s tests",
        ),
        ({"noxfile.py": "", "src/x/tests/test_a.py": PLAIN}, "pytest"),
        (
            {"setup.py": "", TEST: UNITTEST, "tests/__init__.py": "", "venv/bin/python": ""},
            "venv/bin/python -m unittest",
        ),
        # The project has an environment, and pytest is not in it: another's is no use.
        ({"setup.py": "", TEST: PLAIN, ".venv/bin/python": ""}, ".venv/bin/pytest"),
        ({"pyproject.toml": "", TEST: PLAIN, "pdm.lock": ""}, "pdm run pytest"),
        # Only python has the root on its path, where the tests find what they import.
        ({**ROOTED, "x.py": ""}, ".venv/bin/python -m pytest"),
        ({**ROOTED, "x/__init__.py": ""}, ".venv/bin/python -m pytest"),
        (
            {"requirements.txt": "pytest\n", TEST: "import x\n", "x.py": "", "uv.lock": ""},
            "uv run --frozen python -m pytest",
        ),
        ({**ROOTED, "src/x.py": ""}, ".venv/bin/pytest"),
        ({**ROOTED, "x.py": "", "conftest.py": ""}, ".venv/bin/pytest"),
        ({**ROOTED, "x.py": "", "tests/__init__.py": ""}, ".venv/bin/pytest"),
        ({**ROOTED, "x.py": "", "pytest.ini": "[pytest]\npythonpath = .\n"}, ".venv/bin/pytest"),
    ],
)
def test_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], test: str
) -> None:
    assert found(tmp_path, monkeypatch, files) == {"test": test}


@pytest.mark.parametrize(
    ("files", "test"),
    [
        ({"tox.ini": "[testenv]\ncommands = x\n", "test_a.py": UNITTEST}, "python -m unittest"),
        ({"tox.ini": "[testenv]\ncommands = x\n", "setup.py": ""}, "tox -e py"),
    ],
)
def test_a_runner_that_is_not_installed_comes_after_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], test: str
) -> None:
    assert found(tmp_path, monkeypatch, files, tools=("python",)) == {"test": test}


def test_a_uv_workspace_is_tested_with_all_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n",
        "uv.lock": "",
        "packages/a/pyproject.toml": PYPROJECT,
        "packages/a/tests/test_a.py": PLAIN,
    }
    assert found(tmp_path, monkeypatch, files) == {"test": "uv run --frozen --all-packages pytest"}
    (member,) = detect(tmp_path / "project/packages/a")
    assert member.command == "uv run --frozen pytest"


@pytest.mark.parametrize(
    ("files", "below", "test"),
    [
        (
            {
                "pnpm-lock.yaml": "",
                "package.json": json.dumps({"packageManager": "pnpm@9.0.0"}),
                "packages/web/package.json": scripts(test="vitest run"),
            },
            "packages/web",
            "pnpm run test",
        ),
        (
            {"yarn.lock": "", "package.json": "{}", "a/package.json": scripts(test="jest")},
            "a",
            "yarn run test",
        ),
        (
            {
                "package.json": json.dumps(
                    {"packageManager": "yarn@4.1.0", "scripts": {"test": "vitest"}}
                ),
                "package-lock.json": "",
            },
            "",
            "yarn run test",
        ),
        ({"bun.lock": "", "package.json": scripts(test="bun test")}, "", "bun run test"),
        (
            {
                "pnpm-workspace.yaml": "packages: ['packages/*'] # a comment\n",
                "package.json": "{}",
                "packages/web/package.json": scripts(test="vitest"),
            },
            "",
            "pnpm --recursive run test",
        ),
        (
            {
                "package.json": json.dumps({"workspaces": ["./packages/*"]}),
                "packages/a/package.json": scripts(test="node --test"),
                "packages/b/package.json": scripts(),
            },
            "",
            "npm run test --workspaces --if-present",
        ),
        (
            {
                "package.json": json.dumps({"workspaces": {"packages": ["p/*"]}}),
                "yarn.lock": "# yarn lockfile v1\n",
                "p/a/package.json": scripts(test="jest"),
            },
            "",
            "yarn workspaces run test",
        ),
        (
            {
                "package.json": json.dumps({"workspaces": ["p/*"]}),
                "yarn.lock": "# yarn lockfile v1\n",
                "p/a/package.json": json.dumps({"name": "@x/a", "scripts": {"test": "jest"}}),
                "p/b/package.json": json.dumps({"name": "b"}),
                "p/c/package.json": json.dumps({"name": "c", "scripts": {"test": "jest"}}),
            },
            "",
            "yarn workspace @x/a run test && yarn workspace c run test",
        ),
        (
            {
                "package.json": json.dumps({"workspaces": ["p/*"]}),
                "yarn.lock": "\n__metadata:\n  version: 8\n",
                "p/a/package.json": scripts(test="jest"),
            },
            "",
            "yarn workspaces foreach --all run test",
        ),
        (
            {
                "package.json": json.dumps({"workspaces": ["p/*"]}),
                "bun.lockb": "",
                "p/a/package.json": scripts(test="bun test"),
            },
            "",
            "bun run --filter '*' test",
        ),
    ],
)
def test_node(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    below: str,
    test: str,
) -> None:
    assert found(tmp_path, monkeypatch, files, below) == {"test": test}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Makefile": "test:\n\tpytest\n", "app.py": ""}, {"test": "make test"}),
        (
            {"Makefile": ".PHONY: test lint\nall lint check: x\n\nTEST := test: x\ntest :: x\n"},
            {"test": "make test", "lint": "make lint"},
        ),
        ({"justfile": "# test: no\ndefault:\n\ntest *args:\n    pytest\n"}, {"test": "just test"}),
        ({"justfile": "test filter='a:b' *args='': build\n    pytest\n"}, {"test": "just test"}),
        ({"justfile": "test name:\n    pytest {{name}}\n"}, {}),
        ({"pom.xml": ""}, {"test": "mvn --batch-mode test"}),
        ({"pom.xml": "", "mvnw": ""}, {"test": "sh ./mvnw --batch-mode test"}),
        ({"build.gradle.kts": ""}, {"test": "gradle test"}),
        ({"settings.gradle": "", "gradlew": ""}, {"test": "sh ./gradlew test"}),
        ({"a.sln": ""}, {"test": "dotnet test"}),
        ({"src/a.csproj": "", "a.slnx": ""}, {"test": "dotnet test"}),
        ({"Src/a/a.csproj": "", "Src/a b.sln": ""}, {"test": "dotnet test 'Src/a b.sln'"}),
        (
            {"composer.json": json.dumps({"scripts": {"test": "phpunit"}})},
            {"test": "composer run-script test"},
        ),
        (
            {"composer.json": "{}", "phpunit.xml.dist": ""},
            {"test": "vendor/bin/phpunit"},
        ),
        (
            {"composer.json": json.dumps({"require-dev": {"pestphp/pest": "^2"}})},
            {"test": "vendor/bin/pest"},
        ),
        ({"Gemfile": "", "spec/a_spec.rb": ""}, {"test": "bundle exec rspec"}),
        (
            {"Gemfile": "", "Rakefile": "Rake::TestTask.new do |t|\nend\n"},
            {"test": "bundle exec rake test"},
        ),
        ({"Rakefile": "task :spec do\nend\n"}, {"test": "rake spec"}),
        ({"deno.json": '{"tasks": {"test": "deno test -A"}}'}, {"test": "deno task test"}),
        (
            {"deno.jsonc": '{ // a "comment"\n "lint": {"x": "//"}, }', "src/a_test.ts": ""},
            {"test": "deno test", "lint": "deno lint"},
        ),
        ({"Cargo.toml": "[workspace]\nmembers = []\n"}, {"test": "cargo test --workspace"}),
        (
            {"go.mod": "", "Makefile": "test:\n\tgo test\naudit:\n\tgovulncheck\n"},
            {"test": "go test ./...", "lint": "go vet ./...", "audit": "make audit"},
        ),
    ],
)
def test_other_languages(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    expected: dict[str, str],
) -> None:
    assert found(tmp_path, monkeypatch, files) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "# we do not use pip-audit or ruff\n" + PYPROJECT},
        {"requirements.txt": "# pytest\n-r other.txt\n", "app.py": ""},
        {"pyproject.toml": PYPROJECT, ".pre-commit-config.yaml": "ruff"},
        {"setup.py": "# pytest, pip-audit\n"},
        {"tox.ini": "# [pytest]\n[testenv]\ndeps = x\n"},
        {"setup.cfg": "[metadata]\ndescription = [tool:pytest]\n"},
        {"noxfile.py": "# @nox.session\ndef tests(): pass\n"},
        {"package.json": '{"description": "scripts: test"}'},
        {"Makefile": "# test: x\nall:\n\techo test: x\ntest = 1\ntesting: x\n"},
        {"Rakefile": "# task :test\n", "Gemfile": "# rspec\n"},
        {"Gemfile": "", "Rakefile": ""},
        {"composer.json": "{}"},
        {"deno.json": "{}"},
        {"src/a.csproj": ""},
        {"x/a.sln": "", "y/b.sln": ""},
        {"pyproject.toml": PYPROJECT, "node_modules/x/test_a.py": "", ".venv/lib/test_b.py": ""},
    ],
)
def test_no_word_in_a_comment_is_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    assert found(tmp_path, monkeypatch, files) == {}


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool]\nruff = 1\npytest = 2\npoetry = []\nuv = ''\n", TEST: "("},
        {"setup.cfg": "[a\n", "tox.ini": "x\n", "Pipfile": "=", "setup.py": "", TEST: "\0"},
        {"package.json": '{"workspaces": 1}', "pnpm-workspace.yaml": "{", "setup.py": "", TEST: ""},
        {"package.json": '{"workspaces": ["../*", "/x"], "packageManager": 1}', "setup.py": ""},
    ],
)
def test_odd_files_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    assert set(found(tmp_path, monkeypatch, files)) <= {"test", "lint"}


def test_checks_of_the_users_own_come_last(tmp_path: Path) -> None:
    config = ChecksConfig(test="make test", own={"types": "mypy .", "docs": "make docs"})
    assert choose(tmp_path, config)[1:] == (
        LocalCheck("types", "mypy ."),
        LocalCheck("docs", "make docs"),
    )


def test_pytest_that_finds_no_tests_has_not_failed(tmp_path: Path) -> None:
    put(tmp_path / "pytest", "exit 5\n")
    (none, other) = run_checks(
        tmp_path,
        [LocalCheck("test", "sh ./pytest"), LocalCheck("test", "exit 5")],
        10,
        100,
        tmp_path,
    )
    assert none.told().startswith("test: no tests found, in ")
    assert not none.failed
    assert other.told().startswith("test: FAILED (exit 5)")
    assert other.failed


def test_a_tool_that_is_not_installed_is_only_warned_of_when_it_was_detected(
    tmp_path: Path,
) -> None:
    for detected in (True, False):
        (result,) = run_checks(
            tmp_path, [LocalCheck("test", "no-such-tool test", detected)], 10, 100, tmp_path
        )
        assert (result.passed, result.failed) == (False, not detected)
