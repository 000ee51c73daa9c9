"""The checks of projects in other languages, and what a Makefile or a justfile calls ``test``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from agentd.late_pattern import late_pattern
from agentd.workflow.checks import node, python
from agentd.workflow.checks.check_files import CheckFiles, installed, table, wrapped

_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_JUSTFILES = ("justfile", "Justfile", ".justfile", "JUSTFILE")
# A rule's name at the beginning of a line; in a comment or a recipe it stands elsewhere.
_MAKE_TARGET = r"^(?:[\w.-]+ +)*{}(?: +[\w.-]+)* *::?(?!=)"
# Only with parameters that need no argument: "*args", "filter=''".
_JUST_RECIPE = (
    r"^@?{}(?: +(?:\*\$?[\w-]+(?!=)|\*?\$?[\w-]+=(?:'[^'\n]*'|\"[^\"\n]*\"|[\w./-]+)))* *:(?!=)"
)
_RAKE_TASK = late_pattern(
    r"^[ \t]*(?:(?:Rake::TestTask|Minitest::TestTask|RSpec::Core::RakeTask)\b|"
    r"(?:multi)?task[ (]+[:\"']?(test|spec)\b)",
    re.MULTILINE,
)
_DENO_TESTS = [
    f"*{dot}test.{end}" for dot in "._" for end in ("ts", "tsx", "js", "jsx", "mts", "mjs")
]


def rust(files: CheckFiles) -> dict[str, str]:
    """cargo's tests, and clippy where it is installed."""
    if not files.has("Cargo.toml"):
        return {}
    clippy = {"lint": "cargo clippy --all-targets"} if installed("cargo-clippy") else {}
    whole = " --workspace" if table(files.toml("Cargo.toml"), "workspace") else ""
    return {"test": f"cargo test{whole}", **clippy}


def go(files: CheckFiles) -> dict[str, str]:
    """go's tests, and vet."""
    return {"test": "go test ./...", "lint": "go vet ./..."} if files.has("go.mod") else {}


def java(files: CheckFiles) -> dict[str, str]:
    """Maven's or Gradle's tests, by the project's wrapper where it has one."""
    if files.has("pom.xml"):
        return {"test": f"{wrapped(files, 'mvnw', 'mvn')} --batch-mode test"}
    builds = [f"{name}.gradle{kts}" for name in ("build", "settings") for kts in ("", ".kts")]
    if files.has(*builds):
        return {"test": f"{wrapped(files, 'gradlew', 'gradle')} test"}
    return {}


def dotnet(files: CheckFiles) -> dict[str, str]:
    """The tests of a solution or project at the root, or of the only solution below it."""
    kinds = (".sln", ".slnx", ".csproj", ".fsproj", ".vbproj")
    if any("/" not in path and path.endswith(kinds) for path in files.below):
        return {"test": "dotnet test"}
    below = files.named("*.sln", "*.slnx")
    return {"test": f"dotnet test {shlex.quote(below[0])}"} if len(below) == 1 else {}


def php(files: CheckFiles) -> dict[str, str]:
    """Composer's script ``test``, else PHPUnit or Pest where the project has it."""
    composer = files.json("composer.json")
    commands = {
        kind: f"composer run-script {kind}"
        for kind in ("test", "lint")
        if table(composer, "scripts").get(kind)
    }
    if "test" not in commands:
        needed = {**table(composer, "require"), **table(composer, "require-dev")}
        if "pestphp/pest" in needed:
            commands["test"] = "vendor/bin/pest"
        elif files.has("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"):
            commands["test"] = "vendor/bin/phpunit"
        elif "phpunit/phpunit" in needed and files.named("*Test.php"):
            commands["test"] = "vendor/bin/phpunit tests"
    return commands


def ruby(files: CheckFiles) -> dict[str, str]:
    """RSpec, Rails' or Rake's tests."""
    if not files.has("Gemfile", "Rakefile", ".rspec"):
        return {}
    bundled = "bundle exec " if files.has("Gemfile") else ""
    commands = {}
    tasks = {found[1] or "test" for found in _RAKE_TASK.finditer(files.text("Rakefile"))}
    if files.has(".rspec") or files.named("*_spec.rb"):
        commands["test"] = f"{bundled}rspec"
    elif files.has("bin/rails") and files.named("*_test.rb"):
        commands["test"] = f"{bundled}rails test"
    elif tasks:
        commands["test"] = f"{bundled}rake {'test' if 'test' in tasks else 'spec'}"
    if files.has(".rubocop.yml"):
        commands["lint"] = f"{bundled}rubocop"
    return commands


def deno(files: CheckFiles) -> dict[str, str]:
    """The task ``test`` of deno.json, else ``deno test`` where there are tests."""
    name = next((name for name in ("deno.json", "deno.jsonc") if files.has(name)), None)
    if name is None:
        return {}
    tasks = table(files.json(name), "tasks")
    commands = {kind: f"deno task {kind}" for kind in ("test", "lint") if tasks.get(kind)}
    if "test" not in commands and files.named(*_DENO_TESTS):
        commands["test"] = "deno test"
    if "lint" not in commands and "lint" in files.json(name):
        commands["lint"] = "deno lint"
    return commands


def make(files: CheckFiles) -> dict[str, str]:
    """What a Makefile or a justfile has under the names of the checks."""
    tools = (("make", _MAKEFILES, _MAKE_TARGET), ("just", _JUSTFILES, _JUST_RECIPE))
    for tool, names, form in tools:
        text = next((text for name in names if (text := files.text(name))), "")
        found = {
            kind: f"{tool} {kind}"
            for kind in ("test", "lint", "audit")
            if re.search(form.format(kind), text, re.MULTILINE)
        }
        if found:
            return found
    return {}


LANGUAGES: dict[str, Callable[[CheckFiles], dict[str, str]]] = {
    "python": python.look,
    "node": node.look,
    "rust": rust,
    "go": go,
    "java": java,
    "dotnet": dotnet,
    "php": php,
    "ruby": ruby,
    "deno": deno,
}
