"""What a branch's base had spent, read from real git repositories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.git_repo import Repo
from support.state_samples import call

from agentd.errors import AgentdError, InputError, StateError
from agentd.ledger.rows import Row
from agentd.ledger.store import StateStore
from agentd.reports.git_base import read_base
from agentd.reports.model import Group, Report, Sums, difference


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def all_at_base(root: Path, rev: str) -> list[Row]:
    """The base of all changes, of which no call is at hand."""
    return read_base(root, rev, [], every=True)


def numbers(rows: Sequence[Row]) -> list[int]:
    return [int(row.call_id[-8:], 16) for row in rows]


def test_the_calls_at_the_commit_where_the_branch_left(repo: Repo) -> None:
    repo.record(1, 2)
    repo.commit("two calls")
    at_base = repo.rows("agentd/changes/add-oauth")
    repo.git("switch", "-qc", "feature")
    repo.record(3)
    repo.commit("a third")
    repo.record(4)
    assert all_at_base(repo.root, "main") == at_base
    assert numbers(all_at_base(repo.root, "HEAD")) == [1, 2, 3]
    assert numbers(all_at_base(repo.root, "HEAD~2")) == []
    repo.git("tag", "-a", "v1", "-m", "x", "main")
    assert numbers(all_at_base(repo.root, "v1")) == [1, 2]


def test_what_the_base_got_since_does_not_count(repo: Repo) -> None:
    repo.record(1)
    repo.commit("one")
    repo.git("switch", "-qc", "feature")
    repo.record(2)
    repo.commit("two")
    repo.git("switch", "-q", "main")
    repo.record(3)
    repo.record(4, place="agentd/changes/other")
    repo.commit("others' work")
    repo.git("switch", "-q", "feature")
    assert numbers(all_at_base(repo.root, "main")) == [1]


def branched(repo: Repo) -> None:
    """main has the calls 1 and 5, feature 1, 2 and 3; feature is checked out."""
    repo.record(1)
    repo.commit("one")
    repo.git("switch", "-qc", "feature")
    for number in (2, 3):
        repo.record(number)
        repo.commit(f"call {number}")
    repo.git("switch", "-q", "main")
    repo.record(5, place="agentd/changes/other")
    repo.commit("others' work")
    repo.git("switch", "-q", "feature")


def compared(repo: Repo, rev: str, place: str = "agentd/changes/add-oauth") -> list[int]:
    """The numbers of the calls that this branch has and ``rev`` has not."""
    base = read_base(repo.root, rev, repo.rows(place))
    return sorted({*numbers(repo.rows(place))} - {*numbers(base)})


def test_after_a_merge_and_a_rebase_only_what_is_new_counts(repo: Repo) -> None:
    branched(repo)
    assert compared(repo, "main") == [2, 3]
    repo.git("merge", "-q", "main")
    assert compared(repo, "main") == [2, 3]
    repo.git("reset", "-q", "--hard", "HEAD^1")
    repo.git("rebase", "-q", "main")
    assert compared(repo, "main") == [2, 3]
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "feature")
    assert compared(repo, "feature") == []
    assert compared(repo, "HEAD~1") == [3]


def test_what_was_squashed_or_picked_into_the_base_is_not_new(repo: Repo) -> None:
    branched(repo)
    repo.git("switch", "-q", "main")
    repo.git("cherry-pick", "feature~1")
    repo.git("switch", "-q", "feature")
    assert compared(repo, "main") == [3]
    repo.git("switch", "-q", "main")
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("merge", "-q", "--squash", "feature")
    repo.git("commit", "-qm", "squashed")
    assert compared(repo, "HEAD^") == [2, 3]
    repo.git("switch", "-q", "feature")
    repo.record(4)
    assert compared(repo, "main") == [4]
    archived = "agentd/archive/20261122-add-oauth"
    (repo.root / archived).parent.mkdir()
    (repo.root / "agentd/changes/add-oauth").rename(repo.root / archived)
    assert compared(repo, "main", archived) == [4]
    (repo.root / archived / "STATE.yaml").touch()
    rows = repo.rows(archived)
    every = read_base(repo.root, "main", rows, every=True)
    assert sorted(numbers(every)) == [1, 2, 3]  # the call 5 came to main since


def test_crossed_merges_have_two_bases(repo: Repo) -> None:
    branched(repo)
    repo.git("branch", "side", "main")
    repo.git("merge", "-q", "-m", "x", "main")
    repo.git("switch", "-q", "side")
    repo.git("merge", "-q", "-m", "y", "feature~1")
    repo.record(6, place="agentd/changes/other")
    repo.commit("call 6")
    repo.git("switch", "-q", "feature")
    repo.record(7)
    base = numbers(all_at_base(repo.root, "side"))
    assert sorted(base) == [1, 2, 3, 5]
    assert compared(repo, "side") == [7]


def test_both_layouts_and_nothing_else(repo: Repo) -> None:
    places = [
        "agentd/archive/20261122-b",
        "agentd/changes/a",
        "agentd/changes/archive",
        "openspec/changes/archive/2026-11-22-d",
        "openspec/changes/c",
    ]
    for number, place in enumerate(places):
        repo.record(number, place=place)
    for other in (
        "agentd/specs/x",
        "agentd/archive/no-date",
        "openspec/changes/archive",
        "x/agentd/changes/a",
    ):
        repo.record(9, place=other)
    repo.commit("all")
    rows = all_at_base(repo.root, "HEAD")
    assert [row.change_id for row in rows] == ["b", "a", "archive", "d", "c"]
    assert numbers(rows) == [0, 1, 2, 3, 4]


def test_a_change_is_known_by_its_calls_wherever_it_lay(repo: Repo) -> None:
    repo.record(1, 2)
    repo.record(8, place="agentd/archive/20260101-add-oauth")
    repo.record(9, place="agentd/changes/other")
    repo.commit("base")
    (repo.root / "agentd/changes/add-oauth").rename(repo.root / "agentd/archive/20261122-add-oauth")
    repo.record(3, place="agentd/archive/20261122-add-oauth")
    repo.record(4)
    archived = repo.rows("agentd/archive/20261122-add-oauth")
    assert numbers(read_base(repo.root, "HEAD", archived)) == [1, 2]
    begun_again = repo.rows("agentd/changes/add-oauth")
    assert read_base(repo.root, "HEAD", begun_again) == []
    assert read_base(repo.root, "HEAD", []) == []
    assert numbers(all_at_base(repo.root, "HEAD")) == [8, 1, 2, 9]


def test_a_change_is_known_by_its_calls_whatever_it_was_called(repo: Repo) -> None:
    """Its folder was renamed, or `validate --fix` has left a call of two changes to this one."""
    repo.record(1, 2)
    repo.record(7, 8, place="agentd/changes/other")
    (repo.root / "agentd/changes/broken").mkdir()
    (repo.root / "agentd/changes/broken/STATE.yaml").write_text("phase: [\n")
    repo.commit("base")
    (repo.root / "agentd/changes/broken/STATE.yaml").unlink()
    (repo.root / "agentd/changes/add-oauth").rename(repo.root / "agentd/changes/a-login")
    repo.record(3, 7, place="agentd/changes/a-login")
    StateStore(repo.root / "agentd/changes/other").take_out([call(7).id])
    now = repo.rows("agentd/changes/a-login", "a-login")
    assert numbers(now) == [1, 2, 3, 7]
    assert sorted(numbers(read_base(repo.root, "HEAD", now))) == [1, 2, 7]


def test_calls_without_an_id_are_known_by_all_they_say(repo: Repo) -> None:
    text = """change_id: add-oauth
schema_version: '2.0'
phase: proposed
telemetry:
  calls:
  - {step: proposal, model: m, tokens_in: 1, tokens_out: 2, cost_usd: 0.5}
"""
    change = repo.root / "agentd/changes/add-oauth"
    change.mkdir(parents=True)
    (change / "STATE.yaml").write_text(text)
    repo.commit("by the original agentd")
    rows = repo.rows("agentd/changes/add-oauth")
    assert read_base(repo.root, "HEAD", rows) == rows != []


def test_many_ledgers(repo: Repo) -> None:
    text = (repo.record(*range(3)) / "STATE.yaml").read_text()
    for number in range(300):
        folder = repo.root / f"agentd/changes/change-{number}"
        folder.mkdir()
        (folder / "STATE.yaml").write_text(text.replace("-proposal-", f"-proposal-{number}-"))
    repo.commit("many")
    assert len(all_at_base(repo.root, "main")) == 301 * 3


def test_worktrees_hooks_and_odd_names(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.record(1)
    repo.commit("one")
    repo.git("branch", "größe/ü")
    repo.git("worktree", "add", "-q", str(tmp_path / "-tree ö"), "-b", "feature")
    other = Repo(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    monkeypatch.chdir(tmp_path)
    for rev in ("größe/ü", "main", "HEAD^{commit}", "@", ":/one"):
        assert numbers(all_at_base(tmp_path / "-tree ö" / "app", rev)) == [1]


def refused(kind: type[AgentdError], repo: Repo, rev: str) -> AgentdError:
    with pytest.raises(kind) as caught:
        all_at_base(repo.root, rev)
    assert caught.value.exit_code == 1
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    "rev",
    [
        "nope",
        "",
        "--all",
        "-",
        "--output=x",
        "main..HEAD",
        "HEAD^{tree}",
        "HEAD:app",
        "a b",
        "a\0b",
        "^main",
        "main\n",
    ],
)
def test_what_is_no_commit(repo: Repo, rev: str) -> None:
    error = refused(InputError, repo, rev)
    assert error.message == f"git knows no commit {rev!r}"
    assert not (repo.root / "x").exists()


def test_no_repository_and_no_git(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    shutil.rmtree(repo.top / ".git")
    assert "not a git repository" in refused(InputError, repo, "main").message
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused(InputError, repo, "main").message == "git is not installed"


def test_histories_that_never_met(repo: Repo) -> None:
    repo.git("switch", "-q", "--orphan", "apart")
    repo.root.mkdir(exist_ok=True)
    error = refused(InputError, repo, "main")  # a branch without a commit
    assert error.message.startswith("HEAD and main have no commit in common")
    repo.git("commit", "-q", "--allow-empty", "-m", "x")
    assert refused(InputError, repo, "main").message == "HEAD and main have no commit in common"


def test_a_shallow_clone_is_told_what_to_fetch(repo: Repo, tmp_path: Path) -> None:
    repo.record(1)
    repo.commit("one")
    repo.git("switch", "-qc", "feature")
    repo.record(2)
    repo.commit("two")
    clone = tmp_path / "clone"
    origin = f"file://{repo.top}"
    repo.git(
        "clone", "-q", "--depth", "1", "--no-single-branch", "-b", "feature", origin, str(clone)
    )
    for rev in ("origin/main", "nope"):
        with pytest.raises(InputError, match="git fetch --unshallow"):
            all_at_base(clone / "app", rev)
    repo.git("fetch", "-q", "--unshallow", cwd=clone)
    assert numbers(all_at_base(clone / "app", "origin/main")) == [1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "Git LFS"),
        (b"\0\xff\xfe binary", "not UTF-8"),
        (b"change_id: x\ntelemetry:\n  calls: [\n", "line"),
        (b"telemetry:\n  calls:\n  - {step: a}\n", "line"),
    ],
)
def test_a_ledger_that_cannot_be_read(repo: Repo, data: bytes, said: str) -> None:
    state = repo.record(1) / "STATE.yaml"
    good = state.read_bytes()
    state.write_bytes(data)
    repo.commit("broken")
    state.write_bytes(good)
    error = refused(StateError, repo, "main")
    assert error.message.startswith("agentd/changes/add-oauth/STATE.yaml at ")
    assert "the base of main" in error.message
    assert said in error.message


def test_a_link_in_a_ledgers_place(repo: Repo) -> None:
    state = repo.record(1) / "STATE.yaml"
    state.rename(state.with_name("other.yaml"))
    state.symlink_to("other.yaml")
    repo.commit("link")
    assert "symbolic link" in refused(StateError, repo, "main").message


def test_an_object_that_is_missing(repo: Repo) -> None:
    repo.record(1)
    repo.commit("one")
    oid = repo.git("rev-parse", "HEAD:app/agentd/changes/add-oauth/STATE.yaml")
    (repo.top / ".git/objects" / oid[:2] / oid[2:]).unlink()
    assert oid in refused(StateError, repo, "main").message


def test_ledgers_in_a_submodule(repo: Repo, tmp_path: Path) -> None:
    other = Repo(tmp_path / "other")
    repo.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.top), "app/agentd"
    )
    repo.commit("submodule")
    assert "agentd is a submodule" in refused(InputError, repo, "main").message


COSTS = st.decimals(min_value=0, max_value=10**14, places=40)
SUMS = st.builds(Sums, *[st.integers(0, 10**18)] * 7, COSTS)
GROUPS = st.dictionaries(st.sampled_from("abcdef"), SUMS)


def report(groups: dict[str, Sums], total: Sums, scope: str) -> Report:
    listed = tuple(Group((name,), sums) for name, sums in groups.items())
    return Report(scope=scope, by=("model",), groups=listed, total=total)


@given(GROUPS, SUMS, GROUPS, SUMS)
def test_the_difference_is_exact(
    now: dict[str, Sums], total: Sums, then: dict[str, Sums], before: Sums
) -> None:
    more = difference(report(now, total, "now"), report(then, before, "then"))
    assert (more.scope, more.by, more.days) == ("then", ("model",), ())
    names = [group.names[0] for group in more.groups]
    assert names == [*now, *(name for name in then if name not in now)]
    pairs = [(more.total, total, before)]
    for group in more.groups:
        name = group.names[0]
        pairs.append((group.sums, now.get(name, Sums()), then.get(name, Sums())))
    for gained, one, other in pairs:
        assert [*gained[:7]] == [a - b for a, b in zip(one[:7], other[:7], strict=True)]
        costs = [Fraction(sums.cost_usd) for sums in (gained, one, other)]
        assert costs[0] == costs[1] - costs[2]
