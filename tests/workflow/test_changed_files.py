"""What a result shows: the files a step changed and by how many lines, issues, why a model."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.git_repo import Repo
from support.loop_box import STREAMS, sandbox, verdict
from support.workspace import REVIEW

from agentd.project.layout import Project
from agentd.workflow.changed_files import Lines, changed_since, look_before


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "top")
    (repo.root / "a.py").write_text("1\n2\n3\n")
    (repo.root / "b.py").write_text("1\n")
    (repo.root / ".gitignore").write_text("build/\n")
    repo.commit("code")
    return repo


def told(files: Mapping[str, Lines]) -> dict[str, str]:
    return {name: lines.told() for name, lines in files.items()}


def test_lines_added_and_removed_also_of_new_files(repo: Repo) -> None:
    before = look_before(Project(repo.root))
    (repo.root / "a.py").write_text("1\nzwei\n3\n4\n")
    (repo.root / "b.py").unlink()
    (repo.root / "new ü.py").write_text("one\ntwo")
    (repo.root / "picture.png").write_bytes(b"\x89PNG\0\n")
    for own in ("agentd/changes/x/tasks.md", "build/out", "../other"):
        path = repo.root / own
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    assert told(changed_since(before)) == {
        "a.py": "+2 -1",
        "b.py": "+0 -1",
        "new ü.py": "+2 -0",
        "picture.png": "",
    }


def test_it_is_what_the_step_changed_not_what_a_person_did_before(repo: Repo) -> None:
    (repo.root / "a.py").write_text("mine\n2\n3\n")
    (repo.root / "b.py").write_text("mine\n")
    (repo.root / "mine.py").write_text("one\ntwo\nthree\n")
    (repo.root / "again.py").write_text("as it was\n")
    (repo.root / "gone.py").write_text("one\ntwo\n")
    before = look_before(Project(repo.root))
    repo.git("checkout", "-q", "app/b.py")
    (repo.root / "mine.py").write_text("one\nzwei\nthree\nfour")
    (repo.root / "again.py").write_text("as it was\n")
    (repo.root / "gone.py").unlink()
    assert told(changed_since(before)) == {
        "b.py": "+1 -1",
        "gone.py": "+0 -2",
        "mine.py": "+2 -1",
    }


def test_a_step_that_commits_is_told_by_what_it_changed(repo: Repo) -> None:
    before = look_before(Project(repo.root))
    (repo.root / "a.py").write_text("1\n2\n")
    (repo.root / "c.py").write_text("c\n")
    repo.commit("its work")
    assert told(changed_since(before)) == {"a.py": "+0 -1", "c.py": "+1 -0"}


def test_what_has_no_lines_to_count_is_named_alone(repo: Repo) -> None:
    large = "x\n" * 600_000
    numbers = "".join(f"{number}\n" for number in range(4000))
    for name, text in {"large": large, "numbers": numbers, "link": "", "data": "\0"}.items():
        (repo.root / name).write_text(text)
    before = look_before(Project(repo.root))
    (repo.root / "large").write_text(f"{large}y\n")
    (repo.root / "numbers").write_text(numbers.replace("\n", "0\n"))
    (repo.root / "data").write_text("\0\0")
    assert told(changed_since(before)) == {"data": "", "large": "", "numbers": ""}


@pytest.mark.parametrize("kind", ["no git", "nothing is committed"])
def test_where_git_has_nothing_to_compare_with_the_files_are_read(
    tmp_path: Path, kind: str
) -> None:
    if kind != "no git":
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in ("a.py", "src/b.py", "node_modules/x.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one\n")
    (tmp_path / ".gitignore").write_text("node_modules/\n")
    before = look_before(Project(tmp_path))
    (tmp_path / "src/b.py").write_text("one\ntwo\n")
    (tmp_path / "c.py").write_text("new\n")
    (tmp_path / "node_modules/x.js").write_text("other\n")
    assert told(changed_since(before)) == {"c.py": "+1 -0", "src/b.py": "+1 -0"}


def test_results_show_files_issues_and_why_a_model(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    issues = [f"Issue of kind {number}" for number in range(12)]
    needs = verdict("NEEDS_CHANGES", *issues).replace("# Challenge", "# Review")
    box.answers(
        "review",
        (STREAMS["gemini"], {"change/REVIEW.md": needs}),
        (STREAMS["gemini"], {"change/REVIEW.md": REVIEW}),
    )
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *arguments], cwd=box.root, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, "commit", "-qm", "x"], cwd=box.root, check=True)
    box.ok("plan", "add-x", "Let users log in")
    shown = box.ok("impl", "add-x")
    assert "\n  login.py  +1 -0\n" in shown[: shown.index("review:")]
    assert "\n  login.py  +1 -1\n" in shown[shown.index("\nresolve:") :]
    assert "  verdict: NEEDS_CHANGES\n    - Issue of kind 0\n" in shown
    assert "    - Issue of kind 9\n    and 2 more\n" in shown
    assert "  gemini-2.5-pro: default of [gemini]\n" in shown
    assert "login.py" not in shown[shown.index("\nreview:") : shown.index("\nresolve:")]


def test_a_model_chosen_by_size_says_so(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    config = box.root / "agentd/config.toml"
    entry = '[[gemini.models]]\nid = "s"\nmodel = "gemini-2.5-pro"\ncomplexity = "low"\n'
    config.write_text(config.read_text().replace("[pricing]", f"{entry}[pricing]", 1))
    box.ok("proposal", "add-x", "Let users log in")
    assert "\n  gemini-2.5-pro: low complexity (2)\n" in box.ok("challenge", "add-x")
    config.write_text(config.read_text().replace("gemini-2.5-pro", "gemini-flash"))
    shown = box.ok("challenge", "add-x")  # another one answers
    assert "gemini gemini-2.5-pro, in" in shown
    assert "\n  gemini-flash: low complexity (2)\n" in shown
