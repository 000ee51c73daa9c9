"""What `make dist` built: its content, and that it works outside the checkout."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from agentd.version import __version__

pytestmark = pytest.mark.dist

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
WHEEL = DIST / f"agentd-{__version__}-py3-none-any.whl"
SDIST = DIST / f"agentd-{__version__}.tar.gz"
METADATA = f"agentd-{__version__}.dist-info"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.split("\0") if name}


def in_wheel() -> set[str]:
    with zipfile.ZipFile(WHEEL) as archive:
        return set(archive.namelist())


def in_sdist() -> set[str]:
    with tarfile.open(SDIST) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def test_wheel_is_the_package_and_the_recordings_of_the_demo() -> None:
    forced = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    recordings = {
        name.replace(source, target, 1)
        for source, target in forced.items()
        for name in tracked(source)
    }
    assert recordings
    metadata = {name for name in in_wheel() if name.startswith(METADATA)}
    assert in_wheel() - metadata == tracked("agentd") | recordings
    licences = {name.partition("/licenses/")[2] for name in metadata if "/licenses/" in name}
    assert licences == {"LICENSE"} | tracked("LICENSES")


def test_wheel_has_what_only_an_installed_agentd_misses() -> None:
    names = in_wheel()
    for needed in (
        "agentd/py.typed",
        "agentd/cli/demo/documents/greet-politely/proposal-1/change/proposal.md",
        "agentd/cli/demo/recordings/gemini/0.61.0/model_stream_json/stdout",
        "agentd/config/template.toml",
        "agentd/metering/tokens/data/o200k_base.ranks",
        "agentd/metering/tokens/data/cl100k_base.ranks",
        "agentd/metering/tokens/data/unicode-16.0.txt",
        "agentd/workflow/prompts/proposal.md",
    ):
        assert needed in names, needed


def test_sdist_is_the_repository() -> None:
    assert in_sdist() == tracked() | {"PKG-INFO"}


def test_metadata_says_what_pyproject_says() -> None:
    with zipfile.ZipFile(WHEEL) as archive:
        text = archive.read(f"{METADATA}/METADATA").decode()
        scripts = archive.read(f"{METADATA}/entry_points.txt").decode()
    for line in (
        f"Version: {__version__}",
        "License-Expression: MIT",
        "License-File: LICENSE",
        "Requires-Python: >=3.11",
    ):
        assert f"\n{line}\n" in text, line
    assert "agentd = agentd.cli:main" in scripts


def test_checksums_are_those_of_the_files() -> None:
    lines = [line.split() for line in (DIST / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {WHEEL.name, SDIST.name}
    for digest, name in lines:
        assert digest == hashlib.sha256((DIST / name).read_bytes()).hexdigest()


def run(*argv: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it where nothing of the checkout is on a path."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(each) for each in argv],
        cwd=cwd,
        env={**kept, "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def installed(done: subprocess.CompletedProcess[str]) -> None:
    """Skip when the package index is out of reach; any other failure is one."""
    said = done.stdout + done.stderr
    if done.returncode != 0 and ("Failed to establish" in said or "No matching distr" in said):
        pytest.skip(f"the package index is not reachable: {said.strip().splitlines()[-1]}")
    assert done.returncode == 0, said


def works(agentd: Path, cwd: Path) -> None:
    version = run(agentd, "--version", cwd=cwd)
    assert version.stdout.split()[-1] == __version__
    demo = run(agentd, "demo", cwd=cwd)
    assert demo.returncode == 0, demo.stderr
    assert "\nTotal Cost: $0.0140\nTokens: In: 43378, Out: 1182\n" in demo.stdout
    counted = run(agentd, "tokens", "--model", "gpt-4o", "hello world", cwd=cwd)
    assert counted.returncode == 0, counted.stderr
    assert run(agentd, "help", "budgets", cwd=cwd).stdout.startswith("# Budgets\n")


@pytest.mark.parametrize("built", [WHEEL, SDIST], ids=["wheel", "sdist"])
def test_installed_into_an_empty_environment_it_plays_the_demo(built: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    installed(run(python, "-m", "pip", "install", "-q", built, cwd=tmp_path))
    where = run(python, "-c", "import agentd; print(agentd.__file__)", cwd=tmp_path).stdout
    assert where.startswith(str(tmp_path))
    works(tmp_path / "venv/bin/agentd", tmp_path)


def test_installed_with_pipx_it_plays_the_demo(tmp_path: Path) -> None:
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    python = ("--python", sys.executable)
    installed(run(sys.executable, "-m", "pipx", "install", *python, WHEEL, cwd=tmp_path, **places))
    works(tmp_path / "bin/agentd", tmp_path)
