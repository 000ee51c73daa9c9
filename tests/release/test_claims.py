"""What the project claims of itself is what CI runs, and what stands elsewhere in it."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import yaml

from agentd.version import __version__

ROOT = Path(__file__).parents[2]
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
    assert "On macOS it is not tested" in (ROOT / "README.md").read_text()
