"""What the project claims of itself is what CI runs, and what stands elsewhere in it."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from real.install import AGENTS, CLIS

from agentd.metering.models import ModelRegistry
from agentd.version import __version__

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def workflow(name: str) -> str:
    text = (ROOT / ".github/workflows" / name).read_text()
    assert yaml.safe_load(text)["jobs"]
    return text


def test_the_python_versions_that_are_claimed_are_those_that_ci_runs() -> None:
    prefix = "Programming Language :: Python :: 3."
    claimed = {c.removeprefix(prefix) for c in PROJECT["classifiers"] if c.startswith(prefix)}
    assert claimed == set(re.findall(r'"3\.(\d+)"', workflow("ci.yml")))
    assert PROJECT["requires-python"] == f">=3.{min(claimed, key=int)}"


def test_ci_and_a_release_run_all_there_is() -> None:
    assert "- run: .ci/run\n" in workflow("ci.yml")
    assert "- run: .ci/run\n" in workflow("release.yml")


def test_a_release_is_a_tag_that_is_tested_built_summed_up_and_attested() -> None:
    text = workflow("release.yml")
    assert yaml.safe_load(text)[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads "on" so
    steps = yaml.safe_load(text)["jobs"]["build"]["steps"]
    done = [step.get("run") or step["uses"].partition("@")[0] for step in steps]
    order = [".ci/run", "make dist", "actions/attest-build-provenance", "actions/upload-artifact"]
    assert [each for each in done if each in order] == order
    attested = steps[done.index("actions/attest-build-provenance")]
    assert attested["with"] == {"subject-checksums": "dist/SHA256SUMS"}
    assert "__version__" in done[done.index(".ci/run") - 1]  # the tag is the version


def test_every_target_that_ci_runs_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    listed = re.search(r"(?m)^for part in (.*); do$", (ROOT / ".ci/run").read_text())
    assert listed
    assert set(listed[1].split()) <= targets


def test_the_changelog_has_the_version() -> None:
    versions = re.findall(r"(?m)^## (\S+)(?: - (.*))?$", (ROOT / "CHANGELOG.md").read_text())
    assert __version__ in [version for version, date in versions if date]
    assert versions[0][0] in ("Unreleased", __version__)
    told = re.findall(r"(?m)^## (\S+)|^### (Upgrading)$", (ROOT / "CHANGELOG.md").read_text())
    first = versions[-1][0]
    for one, following in pairwise([*told, ("", "")]):
        assert one[0] in ("", first) or following[1] == "Upgrading", one


def test_macos_is_not_claimed() -> None:
    assert not [c for c in PROJECT["classifiers"] if "MacOS" in c or "OS Independent" in c]
    assert "On macOS it is not tested" in README


def test_the_clis_that_were_tried_are_those_that_the_tests_install() -> None:
    tried = re.search(r"(?m)^\| CLIs \| (.*), as npm has them", README)
    assert tried
    installed = [f"{name} {version}" for name, (_, version) in CLIS.items()]
    installed += [f"{agent.name} {agent.version}" for agent in AGENTS.values()]
    assert tried[1].split(", ") == installed
    login = (ROOT / "tests/real/sandbox.py").read_text()
    assert 'DUMMY_KEY = "not-a-key"' in login


def test_the_readme_begins_with_the_two_commands() -> None:
    commands = re.findall(r"(?m)^    (\S+ \S+)", README)
    assert commands[:3] == ["make demo", "make test", "pipx install"]


WORDS = {"exact": "exact", "close": "family", "an estimate": "heuristic"}
MATRIX = re.findall(r"(?m)^\| ([^|]+) \| ((?:`[^`]+`(?:, )?)+) \| ([^|]+) \| ([^|]+) \|$", README)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row[0])
def test_the_matrix_of_accuracy_is_what_the_registry_says(row: tuple[str, ...]) -> None:
    family, models, word, off = row
    for model in re.findall(r"`([^`]+)`", models):
        spec = ModelRegistry.resolve(model)
        assert spec.accuracy == WORDS[word], model
        assert off == _measured(spec.tokenizer, word), f"{family}: {model}"


def _measured(tokenizer: str, word: str) -> str:
    """The median error of English and Python in docs/estimates.md."""
    if word == "exact":
        return "0, 0"
    if word == "an estimate" or not tokenizer.endswith("-estimate"):
        return "not measured"
    page = (ROOT / "docs/estimates.md").read_text()
    section = page.partition(f"\n### `{tokenizer}` against ")[2].partition("\n### ")[0]
    medians = [re.search(rf"(?m)^\| {text} \| \S+ \| (\d+) ", section) for text in TEXTS]
    return ", ".join(f"{found[1]} %" for found in medians if found)


TEXTS = ("English", "Python")


def test_the_matrix_has_each_accuracy_and_each_estimate() -> None:
    models = [
        ModelRegistry.resolve(name) for row in MATRIX for name in re.findall("`(.+?)`", row[1])
    ]
    assert {spec.accuracy for spec in models} == set(WORDS.values())
    told = (ROOT / "docs/estimates.md").read_text()
    estimates = set(re.findall(r"(?m)^\| `([a-z0-9-]+-estimate)` \|", told))
    assert estimates <= {spec.tokenizer for spec in models}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file.read_text()), target


def _anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}
