"""What merging a change would make of the specs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.openspec_cases import CHANGE_ID, RENAME, block, delta, tree
from support.spec_project import SPECS, lay_out, spec_project

from agentd.project.layout import Project
from agentd.specs.model import SpecError
from agentd.specs.overlap import Overlap, overlaps
from agentd.specs.plan import plan_merge


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return spec_project(tmp_path)


@pytest.fixture
def change(project: Project) -> Path:
    return project.changes_dir / CHANGE_ID


def test_a_plan_writes_nothing(project: Project, change: Path) -> None:
    plan = plan_merge(project, change)
    assert plan.ok
    assert [t.target.relative_to(project.specs_dir).as_posix() for t in plan.targets] == [
        "area/new/spec.md",
        "login.md",
        "pay/spec.md",
    ]
    assert tree(project.specs_dir) == {k: v.encode() for k, v in SPECS.items()}


def test_one_refused_file_refuses_the_change(project: Project, change: Path) -> None:
    lay_out(change / "specs", {"pay/spec.md": delta(modified=block("Nothing"), removed="x")})
    before = tree(project.specs_dir)
    plan = plan_merge(project, change)
    assert [(path, p.line) for path, p in plan.problems] == [
        (f"agentd/changes/{CHANGE_ID}/specs/pay/spec.md", 3)
    ]
    with pytest.raises(SpecError, match='there is no "Nothing" to modify'):
        plan.texts()
    assert tree(project.specs_dir) == before


@pytest.mark.parametrize("where", ["specs/link.md", "specs/pay", "specs/area/new/spec.md"])
def test_links_in_a_change_are_refused(project: Project, change: Path, where: str) -> None:
    path = change / where
    if path.is_dir():
        path.rename(change / "elsewhere")
    path.unlink(missing_ok=True)
    path.symlink_to(change / "elsewhere")
    with pytest.raises(SpecError, match=f"{where}: this is a symbolic link"):
        plan_merge(project, change)


@pytest.mark.parametrize("where", ["login.md", "pay", "area"])
def test_links_in_the_specs_are_refused(
    project: Project, change: Path, where: str, tmp_path: Path
) -> None:
    path = project.specs_dir / where
    if path.exists():
        path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match=f"{where}: this is a symbolic link"):
        plan_merge(project, change)


def test_a_capability_has_one_spec(project: Project, change: Path) -> None:
    lay_out(change / "specs", {"login/spec.md": delta(added=block("Delta"))})
    with pytest.raises(SpecError, match=r"the main spec of login is agentd/specs/login\.md"):
        plan_merge(project, change)


def test_a_main_spec_that_openspec_does_not_read_is_to_be_moved(tmp_path: Path) -> None:
    """The change's spec is right: a flat one would be refused there."""
    project = Project(tmp_path, "openspec")
    lay_out(project.specs_dir, {"login.md": SPECS["login.md"]})
    change = project.changes_dir / "add-x"
    lay_out(change / "specs", {"login/spec.md": delta(added=block("Delta"))})
    with pytest.raises(SpecError, match=r"is openspec/specs/login\.md") as caught:
        plan_merge(project, change)
    assert caught.value.fix.startswith("Move it to openspec/specs/login/spec.md")


def test_overlaps(project: Project) -> None:
    lay_out(
        project.changes_dir / "b" / "specs", {"login.md": delta(removed="### Requirement: Beta")}
    )
    lay_out(
        project.changes_dir / "c" / "specs",
        {
            "login.md": delta(renamed=RENAME.format("Gamma", "Omega")),
            "pay/spec.md": delta(added=block("Delta")),
            "broken.md": "\0",
        },
    )
    assert overlaps(project) == [
        Overlap(capability="login", requirement="Beta", changes=("b", CHANGE_ID))
    ]
    (project.changes_dir / "c" / "specs" / "broken.md").unlink()
    assert [(o.capability, o.requirement, o.changes) for o in overlaps(project)] == [
        ("login", "Beta", ("b", CHANGE_ID)),
        ("pay", "Delta", ("c", CHANGE_ID)),
    ]
