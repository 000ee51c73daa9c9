"""Who committed each call first, and on which branch, read from real git repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.git_repo import Repo

from agentd import git
from agentd.reports import origins as reading
from agentd.reports.costs import CostRequest, open_costs
from agentd.reports.dimensions import NOT_COMMITTED, UNKNOWN

CHANGE, ARCHIVED = "agentd/changes/add-oauth", "agentd/archive/20261101-add-oauth"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repo = Repo(tmp_path / "repo")
    (repo.root / "agentd").mkdir()
    (repo.root / "agentd" / "config.toml").write_text('project_name = "x"\n')
    repo.git("config", "user.name", "Me")
    repo.record(1)
    repo.commit("one", user="Ann")
    return repo


def origins(repo: Repo, *by: str) -> dict[tuple[str, ...], int]:
    """How many calls are of which branch and author."""
    dimensions = by or ("branch", "author")
    report = open_costs(repo.root, CostRequest(all_changes=True, by=dimensions)).report
    assert sum(group.sums.calls for group in report.groups) == report.total.calls
    return {group.names: group.sums.calls for group in report.groups}


def on_branch(repo: Repo, name: str, *numbers: int, user: str) -> None:
    repo.git("switch", "-qc", name)
    repo.record(*numbers)
    repo.commit(f"work on {name}", user=user)


def test_a_merged_branch_is_named_by_its_merge_when_it_is_gone(repo: Repo) -> None:
    on_branch(repo, "feature", 2, 3, user="Bob")
    repo.git("switch", "-q", "main")
    (repo.top / "other").write_text("x")
    repo.commit("meanwhile")
    repo.git("merge", "-q", "--no-ff", "--no-edit", "feature", user="Ann")
    repo.git("branch", "-qD", "feature")
    assert origins(repo) == {("main", "Ann"): 1, ("feature", "Bob"): 2}


def test_what_is_not_committed_is_of_this_branch_and_of_who_would_commit_it(repo: Repo) -> None:
    repo.git("switch", "-qc", "feature")
    repo.record(2)
    assert origins(repo) == {("main", "Ann"): 1, ("feature", "Me"): 1}
    repo.git("config", "--unset", "user.name")
    repo.git("switch", "-q", "--detach")
    assert origins(repo, "branch")[(NOT_COMMITTED,)] == 1


def test_an_ignored_ledger_is_not_committed(repo: Repo) -> None:
    (repo.top / ".gitignore").write_text("changes/\n")
    repo.git("rm", "-rq", "--cached", f"app/{CHANGE}")
    repo.commit("ignore it")
    repo.record(2)
    assert origins(repo) == {("main", "Ann"): 1, (NOT_COMMITTED, NOT_COMMITTED): 1}


def test_archiving_a_change_leaves_each_call_to_who_made_it(repo: Repo) -> None:
    (repo.root / ARCHIVED).parent.mkdir()
    repo.git("mv", f"app/{CHANGE}", f"app/{ARCHIVED}")
    repo.commit("archive", user="Zoe")
    assert origins(repo) == {("main", "Ann"): 1}


def test_the_first_commit_counts_after_a_cherry_pick_a_rebase_and_a_squash(repo: Repo) -> None:
    on_branch(repo, "feature", 2, user="Bob")
    repo.git("switch", "-q", "main")
    repo.git("cherry-pick", "feature", user="Ann")  # its author stays
    assert origins(repo) == {("main", "Ann"): 1, ("main", "Bob"): 1}
    repo.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    assert origins(repo)[("feature", "Bob")] == 1
    on_branch(repo, "other", 3, user="Cy")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--squash", "other")
    repo.commit("squashed", user="Dee")
    assert origins(repo) == {("main", "Ann"): 1, ("feature", "Bob"): 1, ("main", "Dee"): 1}


def test_an_unmerged_branch_has_what_the_trunk_lacks(repo: Repo) -> None:
    on_branch(repo, "below", 2, user="Bob")
    on_branch(repo, "above", 3, user="Cy")
    repo.git("switch", "-q", "main")
    (repo.top / "other").write_text("x")
    repo.commit("the trunk goes on")
    repo.git("switch", "-q", "above")
    repo.git("merge", "-q", "--no-edit", "main")
    expected = {("main", "Ann"): 1, ("below", "Bob"): 1, ("above", "Cy"): 1}
    assert origins(repo) == expected
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--ff-only", "above")
    assert origins(repo) == expected  # the merge names the branch that was moved into the trunk


def test_calls_that_only_the_merge_itself_has(repo: Repo) -> None:
    on_branch(repo, "feature", 2, user="Bob")
    repo.git("switch", "-q", "main")
    (repo.top / "other").write_text("x")
    repo.commit("meanwhile")
    repo.git("merge", "-q", "--no-ff", "--no-commit", "feature")
    repo.record(3)
    repo.commit("Merge branch 'feature'", user="Dee")
    assert origins(repo)[("main", "Dee")] == 1


def test_a_shallow_clone_knows_what_it_has(repo: Repo, tmp_path: Path) -> None:
    repo.record(2)
    repo.commit("two", user="Bob")
    repo.record(3)
    repo.commit("three", user="Cy")
    repo.git("clone", "-q", "--depth=2", f"file://{repo.top}", str(tmp_path / "clone"))
    repo.top, repo.root = tmp_path / "clone", tmp_path / "clone" / "app"
    assert origins(repo) == {(UNKNOWN, UNKNOWN): 2, ("main", "Cy"): 1}


def test_a_mailmap_and_odd_names_count(repo: Repo) -> None:
    (repo.top / ".mailmap").write_text("Bob <t@example.org> bob\x85\u2028\x1f! <t@example.org>\n")
    repo.git("-c", "core.quotePath=true", "switch", "-qc", "a/b,c")
    repo.record(2)
    repo.commit("odd\x1f\x0b\u2028subject", user="Ann\u2028B\x1fC")
    assert origins(repo, "branch") == {("main",): 1, ("a/b,c",): 1}


def test_without_a_repository_it_is_said_that_nothing_is_known(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repo.top / ".git").rename(tmp_path / "gone")
    costs = open_costs(repo.root, CostRequest(all_changes=True, by=("author",)))
    assert [group.names for group in costs.report.groups] == [(UNKNOWN,)]
    assert "not a git repository" in costs.warnings[0]


def test_before_the_first_commit_all_is_to_be_committed(repo: Repo, tmp_path: Path) -> None:
    (repo.top / ".git").rename(tmp_path / "gone")
    repo.git("init", "-q", "-b", "start")
    repo.git("config", "user.name", "Me")
    assert origins(repo) == {("start", "Me"): 1}


def test_with_a_base_the_base_is_grouped_alike(repo: Repo) -> None:
    on_branch(repo, "feature", 2, user="Bob")
    request = CostRequest(all_changes=True, by=("author",), base="main")
    base = open_costs(repo.root, request).base
    assert base is not None
    assert [group.names for group in base.groups] == [("Ann",)]


def test_a_commit_is_read_once_and_git_is_started_a_few_times_only(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 8):
        on_branch(repo, f"b{number}", number, user="Bob")
    started: list[tuple[str, ...]] = []
    real = git.run

    def counted(folder: Path, *arguments: str, send: bytes = b"") -> object:
        started.append((*arguments, str(len(send))))
        return real(folder, *arguments, send=send)

    monkeypatch.setattr(reading, "run", counted)
    first = reading.read_origins(repo.root, with_branches=True)
    assert [one[0] for one in started] == ["log", "diff-tree"]
    assert reading.read_origins(repo.root, with_branches=True) == first
    assert [one[0] for one in started] == ["log", "diff-tree", "log"]
    repo.record(9)
    repo.commit("one more", user="Cy")
    reading.read_origins(repo.root, with_branches=False)
    assert started[-1][-1] == "41"  # one commit's name
