"""Branches that both spend, joined by git: every call once, the totals exact."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.branches import ARCHIVED, OPEN, Branches, History, checked, everything, spent
from support.hand_sessions import claude_line, claude_log
from support.slices import KIND, part_of, seed
from support.workflow_box import STREAM, box_with, put_change

from agentd.budget.project_account import ProjectAccount
from agentd.clock import utc_now
from agentd.config.model import ProjectBudget
from agentd.ledger.store import StateStore
from agentd.project.layout import Project

HOW = ("merge", "rebase", "cherry-pick", "squash")


def play(top: Path, number: int, *, driver: bool) -> tuple[Branches, set[str], int]:
    """A history of two or three branches, joined into main; the calls there must be."""
    styles = ("merge", "diff3", "zdiff3")
    repo = Branches(top, driver=driver, style=styles[number % 3])
    history = History(repo, number)
    repo.record(*range(1, (0, 1, 2, 4)[number % 4] + 1))
    names = [f"b{each}" for each in range(history.random.randint(1, 2))]
    for name in names:
        repo.git("branch", name)
    for name in ("main", *names):
        repo.git("switch", "-q", name)
        history.work(history.random.randint(1, 3))
    want = everything(repo, ["main", *names])
    repo.git("switch", "-q", "main")
    conflicts = 0
    for name in names:
        how = history.random.choice(HOW)
        if not repo.join(how, name):
            conflicts += 1
            explained(repo, driver=driver)
            repo.resolved(how, name, "main")
    return repo, want, conflicts


def explained(repo: Branches, *, driver: bool) -> None:
    """Where git left markers: with the driver outside the calls, else every command says so."""
    marked = [path for path in repo.ledgers() if "<<<<<<< " in path.read_text()]
    for path in marked:
        if driver:
            block = path.read_text().partition("\ntelemetry:\n")[2]
            assert "<<<<<<< " not in block.partition("\n  total_tokens_out: ")[0]
            continue
        for arguments in (["status"], ["cost"], ["list"], ["validate"], ["cost", "--all"]):
            done = repo.agentd(*arguments)
            told = done.stdout + done.stderr
            assert (done.returncode, "agentd validate --fix" in told) == (1, True), told


def check(repo: Branches, want: set[str]) -> dict[str, object]:
    def counted() -> int:
        told = repo.agentd("cost", "--all", "--json")
        return int(json.loads(told.stdout)["total"]["calls"])

    assert counted() == len(want)
    if len(repo.ledgers()) > 1:  # archived on two days, or in one branch alone
        assert "left it here and in" in repo.agentd("validate").stdout
        repo.agentd("validate", "--fix")
        assert counted() == len(want)
    (path,) = repo.ledgers()
    calls = checked(path)
    assert set(calls) == want
    assert repo.agentd("validate", "--strict").returncode == 0
    told = repo.agentd("list")
    assert (told.stdout.count("add-oauth"), told.stderr) == (1, "")
    return dict(calls)


@pytest.mark.reliability
def test_random_histories_lose_and_double_nothing(tmp_path: Path) -> None:
    for number in range(1 if KIND == "test" else part_of(200)):
        kept = []
        for driver in (True, False):
            top = tmp_path / f"{number}-{driver}"
            repo, want, _ = play(top, seed(number), driver=driver)
            kept.append(check(repo, want))
        assert kept[0] == kept[1]


@pytest.mark.parametrize("found", ["no agentd", "an older agentd"])
def test_without_an_agentd_that_can_git_leaves_a_conflict(tmp_path: Path, found: str) -> None:
    repo = Branches(tmp_path)
    bin_dir = tmp_path.parent / f"{tmp_path.name}-bin"
    bin_dir.mkdir()
    for tool in ("git", "sh"):
        (bin_dir / tool).symlink_to(str(shutil.which(tool)))
    if found == "an older agentd":
        (bin_dir / "agentd").write_text("#!/bin/sh\necho no such command; exit 2\n")
        (bin_dir / "agentd").chmod(0o755)
    repo.environ["PATH"] = str(bin_dir)
    forked(repo)
    assert not repo.join("merge", "feature")
    text = repo.ledgers()[0].read_text()
    assert "<<<<<<< ours" in text
    assert all(f"id: {spent(number).id}" in text for number in (1, 2, 3))
    assert repo.agentd("validate", "--fix", "add-oauth").stdout.startswith(
        "agentd/changes/add-oauth/STATE.yaml: mended: united the calls of ours and theirs"
    )
    assert len(checked(repo.ledgers()[0])) == 3


def forked(repo: Branches) -> None:
    """main has the calls 1 and 2, feature 1 and 3; main is checked out."""
    repo.record(1)
    repo.git("branch", "feature")
    repo.record(2)
    repo.record(3, on="feature")
    repo.git("switch", "-q", "main")


@pytest.mark.parametrize("how", HOW)
def test_a_project_anywhere_in_the_repository(tmp_path: Path, how: str) -> None:
    repo = Branches(tmp_path / "it's a 'repo' ö", app="apps/my app ü")
    forked(repo)
    assert repo.join(how, "feature")
    assert len(checked(repo.ledgers()[0])) == 3
    assert repo.git("status", "--porcelain") == ""


def test_what_git_says_of_a_call_that_is_kept(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    forked(repo)
    path = repo.ledgers()[0]
    text = path.read_text()
    start, end = text.index("  - id: "), text.index("  - id: ", text.index("  - id: ") + 1)
    path.write_text(text[:start] + text[end:])
    repo.commit("a call is taken out")
    done = repo.try_git("merge", "--no-edit", "feature")
    assert done.returncode == 0
    assert "STATE.yaml: only one side still has 1 call, kept" in done.stderr
    assert len(checked(path)) == 3


def test_what_a_revert_keeps_of_what_the_work_cost(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    for number in (1, 2, 3):
        (repo.root / f"{number}.py").write_text("")
        repo.record(number)
    repo.git("revert", "--no-edit", "HEAD~1")  # more was recorded since: git asks the driver
    (path,) = repo.ledgers()
    assert (len(checked(path)), (repo.root / "2.py").exists()) == (3, False)
    repo.record(4)
    repo.git("revert", "--no-commit", "HEAD")  # and here it does not
    assert len(checked(path)) == 3
    repo.git("checkout", "HEAD", "--", "*STATE.yaml")
    repo.git("commit", "-qm", "taken back", "--allow-empty")
    assert len(checked(path)) == 4


def test_a_ledger_that_a_merge_left_where_it_was_archived(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    forked(repo)
    store = repo.store
    for number in range(10, 30):  # so that git sees no move
        store.append(spent(number))
    store.update(phase="archived")
    (repo.root / ARCHIVED).parent.mkdir()
    store.change_dir.rename(repo.root / ARCHIVED)
    repo.commit("archived")
    assert not repo.join("merge", "feature")
    assert len(repo.ledgers()) == 2
    told = repo.agentd("cost", "--all")
    assert told.stdout.startswith("23 calls, ")
    assert "1 call of change add-oauth in two ledgers" in told.stderr
    assert repo.agentd("cost", "add-oauth").stdout.startswith("23 calls, ")
    told = repo.agentd("status", "add-oauth")
    assert "--fix add-oauth` makes one of the two" in told.stderr
    total = total_of(repo)
    assert same_everywhere(repo) == {total}
    assert repo.agentd("log", "--json").stdout.count('"id": ') == 23
    config = repo.root / "agentd" / "config.toml"
    config.write_text(config.read_text() + f"[budget]\nlimit_usd = {2 * total}\n")
    limited = json.loads(repo.agentd("status", "--json").stdout, parse_float=Decimal)
    assert limited["budget"]["spent_usd"] == total
    project = Project(repo.root)
    account = ProjectAccount(
        project, ProjectBudget(limit_usd=Decimal(9), period="total"), utc_now()
    )
    assert account.now().spent.usd == total
    done = repo.agentd("validate")
    assert (done.returncode, "`agentd validate --fix add-oauth`" in done.stdout) == (0, True)
    repo.agentd("validate", "--fix", "add-oauth")
    assert repo.ledgers() == [repo.root / ARCHIVED / "STATE.yaml"]
    assert not (repo.root / OPEN).exists()
    assert len(checked(repo.ledgers()[0])) == 23
    assert "phase: archived\n" in repo.ledgers()[0].read_text()


def total_of(repo: Branches) -> Decimal:
    """What the calls in all ledgers cost, each once."""
    calls = {key: cost for path in repo.ledgers() for key, (_, cost) in checked(path).items()}
    return sum(calls.values(), Decimal(0))


def same_everywhere(repo: Branches) -> set[Decimal]:
    """The totals that reports tell of the one change, on a machine without another."""
    home = str(repo.top / ".git" / "home")
    repo.environ |= dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"), home)

    def told(*arguments: str) -> dict[str, Any]:
        done = repo.agentd(*arguments, "--json")
        return dict(json.loads(done.stdout, parse_float=Decimal))

    (listed,) = told("list")["changes"]
    costs = [told("cost"), told("cost", "add-oauth"), told("cost", "--all")]
    costs += [told("cost", "--all", "--since", "2020-01-01")]
    costs += [told("cost", "--everywhere")]
    views = [told("status"), told("status", "add-oauth"), listed]
    return {*(one["total"]["cost_usd"] for one in costs), *(one["total_cost_usd"] for one in views)}


def test_what_was_deleted_goes_to_where_a_branch_went_on_with_it(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    repo.record(1, 2)
    repo.git("switch", "-qc", "feature")
    repo.record(3)
    repo.git("switch", "-q", "main")
    assert repo.agentd("delete", "add-oauth", "--yes").returncode == 0
    StateStore(repo.root / OPEN).create("add-oauth")
    StateStore(repo.root / OPEN).append(spent(4))
    (repo.root / OPEN / "proposal.md").write_text("# Begun anew\n")
    repo.commit("deleted, and begun anew")
    assert repo.join("merge", "feature")
    assert len(repo.ledgers()) == 2
    assert "makes one of the two" in repo.agentd("list").stderr
    fixed = repo.agentd("validate", "--fix")
    assert f"moved its calls to {OPEN}/STATE.yaml" in fixed.stdout
    assert "all ledgers: ok (no errors, no warnings)" in fixed.stdout
    (path,) = repo.ledgers()
    assert path.parent == repo.root / OPEN
    assert set(checked(path)) == {spent(number).id for number in (1, 2, 3, 4)}
    listed = repo.agentd("list")
    assert (listed.stdout.count("add-oauth"), listed.stderr) == (1, "")


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("dearer", [ARCHIVED, OPEN])
def test_entries_in_two_places_that_differ_have_one_total(
    tmp_path: Path, dearer: str, *, named: bool
) -> None:
    repo = Branches(tmp_path)
    repo.record(1, 2)
    shutil.copytree(repo.root / OPEN, repo.root / ARCHIVED)
    StateStore(repo.root / OPEN).append(spent(3))
    for place in (ARCHIVED, OPEN):
        path = repo.root / place / "STATE.yaml"
        text = path.read_text()
        if not named:
            text = re.sub(r"(?m)^  - id: .*\n    ", "  - ", text)
        elif place == dearer:
            text = re.sub(r"cost_usd: .*", "cost_usd: 0.5", text, count=1)
        path.write_text(text)
    costs = [Decimal(cost) for cost in re.findall(r"(?m)^    cost_usd: (.*)", path.read_text())]
    want = sum(costs[1:], Decimal("0.5") if named else costs[0])
    assert same_everywhere(repo) == {want}


def test_markers_where_a_change_was_archived_are_found_by_its_id(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    forked(repo)
    repo.git("merge", "-q", "--no-edit", "feature")
    shutil.copytree(repo.root / OPEN, repo.root / ARCHIVED)
    path = repo.root / ARCHIVED / "STATE.yaml"
    head, one, two, rest = re.split("(?m)^(?=  - id: )", path.read_text())
    path.write_text(f"{head}<<<<<<< HEAD\n{one}=======\n{two}>>>>>>> feature\n{rest}")
    views = [repo.agentd(command, "add-oauth") for command in ("cost", "status")]
    assert (views[0].returncode, views[0].stdout[:8]) == (1, "3 calls,")
    assert all(f"{ARCHIVED}/STATE.yaml: line " in view.stderr for view in views)
    told = repo.agentd("validate", "add-oauth")
    assert (told.returncode, f"{ARCHIVED}/STATE.yaml:" in told.stdout) == (1, True)
    told = repo.agentd("validate", "--fix", "add-oauth")
    assert f"{ARCHIVED}/STATE.yaml: mended: united the calls of HEAD and feature" in told.stdout
    assert repo.ledgers() == [path]
    assert len(checked(path)) == 3


def test_runs_that_git_ignores_are_no_change_where_it_was_archived(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    repo.record(1)
    run_dir = repo.root / OPEN / "runs" / spent(1).id
    run_dir.mkdir(exist_ok=True)
    repo.git("switch", "-qc", "archives")
    (repo.root / ARCHIVED).mkdir(parents=True)
    (repo.root / OPEN / "STATE.yaml").rename(repo.root / ARCHIVED / "STATE.yaml")
    repo.commit("archived")
    assert [path.name for path in (repo.root / OPEN).iterdir()] == ["runs"]
    told = repo.agentd("status", "add-oauth")  # it is not entered: somebody must look at it
    assert "agentd/changes/add-oauth" in told.stdout + told.stderr
    (run_dir / "call.json").write_text("{}")
    for arguments in (["status"], ["status", "add-oauth"], ["list"]):
        told = repo.agentd(*arguments)
        assert (told.returncode, "missing" in told.stdout + told.stderr) == (0, False)
    assert repo.agentd("cost", "add-oauth").stdout.startswith("1 call, ")
    assert repo.agentd("list").stdout.count("add-oauth") == 1
    assert repo.agentd("validate", "add-oauth").returncode == 0


def test_a_change_that_two_branches_archived_on_two_days_is_made_one(tmp_path: Path) -> None:
    repo = Branches(tmp_path)
    forked(repo)
    (repo.root / OPEN / "proposal.md").write_text("# It\n")
    (repo.root / OPEN / "tasks.md").write_text("# Tasks\n")
    repo.commit("documents")
    repo.git("switch", "-q", "feature")
    repo.git("merge", "-q", "main")
    for branch, day in (("main", "20261122"), ("feature", "20261123")):
        repo.git("switch", "-q", branch)
        repo.store.update(phase="archived")
        there = repo.root / f"agentd/archive/{day}-add-oauth"
        there.parent.mkdir(exist_ok=True)
        shutil.rmtree(repo.root / OPEN / "runs", ignore_errors=True)
        (repo.root / OPEN).rename(there)
        record = spent(int(day))
        StateStore(there).append(record)
        (there / "tasks.md").write_text(f"# Tasks of {day}\n")
        (there / "runs" / record.id).mkdir()  # git ignores it
        (there / "runs" / record.id / "call.json").write_text("{}")
        repo.commit(f"archived on {day}")
    repo.git("switch", "-q", "main")
    repo.join("merge", "feature")
    repo.git("checkout", "main", "--", "app/agentd/archive/20261122-add-oauth")
    repo.git("checkout", "feature", "--", "app/agentd/archive/20261123-add-oauth")
    repo.git("rm", "-rfq", "--ignore-unmatch", f"app/{OPEN}")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "both")
    early, late = (repo.root / f"agentd/archive/{day}-add-oauth" for day in (20261122, 20261123))
    ids = {*checked(early / "STATE.yaml"), *checked(late / "STATE.yaml")}
    assert len(ids) == 5
    costs = [json.loads(repo.agentd("cost", *which, "--json").stdout) for which in ([], ["--all"])]
    assert [one["total"]["calls"] for one in costs] == [5, 5]
    assert repo.agentd("list").stdout.count("add-oauth") == 1
    assert "`agentd validate --fix add-oauth`" in repo.agentd("validate").stdout
    told = repo.agentd("validate", "--fix", "add-oauth").stdout
    assert "moved its calls to agentd/archive/20261123-add-oauth/STATE.yaml" in told
    assert "left there, as they differ: tasks.md\n" in told
    assert (early / "tasks.md").read_text() == "# Tasks of 20261122\n"
    assert not (early / "STATE.yaml").exists()
    assert set(checked(late / "STATE.yaml")) == ids
    runs = {path.name for path in (late / "runs").iterdir() if path.is_dir()}
    assert runs == {spent(day).id for day in (20261122, 20261123)}
    assert repo.agentd("list").stderr == ""
    for run_id in runs:  # as in a clone, which git brings the mended state
        (late / "runs" / run_id).rename(early / "runs" / run_id)
    told = repo.agentd("list")
    assert (told.stdout.count("add-oauth"), told.stderr) == (1, "")
    assert "without agentd" not in told.stdout
    assert repo.agentd("validate", "--fix").stdout == "all ledgers: ok (no errors, no warnings)\n"
    assert json.loads(repo.agentd("cost", "--all", "--json").stdout)["total"]["calls"] == 5


def by_hand(repo: Branches, *lines: int, branch: str = "feature/add-oauth") -> None:
    """A session in claude of these requests; what was there before goes."""
    home = repo.top / ".git" / "home"
    repo.environ |= dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"), str(home))
    log = claude_log(repo.root, home=home.parent)
    log.write_text("".join(claude_line(number, repo.root, branch=branch) for number in lines))


@pytest.mark.parametrize(("lengths", "owner"), [((1, 1), "add-oauth"), ((1, 2), "a-fix")])
def test_one_session_that_two_changes_have_imported_counts_once(
    tmp_path: Path, lengths: tuple[int, int], owner: str
) -> None:
    repo = Branches(tmp_path)
    changes = ("add-oauth", "a-fix")  # the branch's own, and one that sorts before it
    for change in changes:
        StateStore(repo.root / "agentd/changes" / change).create(change)
    repo.commit("changes")
    for change, length in zip(changes, lengths, strict=True):
        repo.git("switch", "-qc", f"of-{change}", "main")
        by_hand(repo, *range(length))
        assert "1 call" in repo.agentd("import", "--into", change).stdout
        repo.commit(f"imported into {change}")
    repo.git("switch", "-q", "main")
    for change in changes:
        assert repo.join("merge", f"of-{change}")
    other = next(change for change in changes if change != owner)
    by_change = json.loads(repo.agentd("cost", "--all", "--by", "change", "--json").stdout)
    assert {one["change"]: one["tokens_in"] for one in by_change["groups"]} == {
        owner: 100 * max(lengths)
    }
    told = repo.agentd("cost", "--all")
    cure = f"`agentd validate --fix {other}` leaves it to {owner}"
    assert (
        f"1 call of change {other} in change {owner} too; counted once, there: {cure}"
        in told.stderr
    )
    budget = ProjectBudget(limit_usd=Decimal(9), period="total")
    shared = ProjectAccount(Project(repo.root), budget, utc_now()).now().spent
    whole = json.loads(repo.agentd("cost", "--everywhere", "--json").stdout, parse_float=Decimal)
    assert (shared.tokens, shared.usd) == (
        110 * max(lengths),
        whole["total"]["cost_usd"],
    )
    audit = repo.agentd("cost", "audit")
    assert "counts twice" not in audit.stdout
    assert "it counts once" in audit.stdout
    assert cure in repo.agentd("validate").stdout
    assert cure in repo.agentd("validate", other).stdout
    assert cure not in repo.agentd("validate", owner).stdout
    fixed = repo.agentd("validate", "--fix").stdout
    assert f"{other}/STATE.yaml: mended: took 1 call out that {owner} has too" in fixed
    calls = [checked(repo.root / "agentd/changes" / each / "STATE.yaml") for each in (owner, other)]
    assert list(map(len, calls)) == [1, 0]
    assert repo.agentd("cost", "--all").stderr == ""
    assert "validate" not in repo.agentd("cost", "audit").stdout


def test_calls_of_a_change_whose_folder_was_renamed_count_once(tmp_path: Path) -> None:
    """git has not seen that it was, so both folders have them."""
    repo = Branches(tmp_path)
    forked(repo)
    renamed = repo.root / "agentd/changes/a-login"
    repo.store.change_dir.rename(renamed)
    for number in range(10, 30):
        StateStore(renamed).append(spent(number))
    repo.commit("renamed")
    assert not repo.join("merge", "feature")
    ids = [set(checked(path / "STATE.yaml")) for path in (renamed, repo.root / OPEN)]
    both, every = ids[0] & ids[1], ids[0] | ids[1]
    told = repo.agentd("cost", "--all")
    assert told.stdout.startswith(f"{len(every)} calls, ")
    assert f"{len(both)} call" in told.stderr
    repo.agentd("validate", "--fix")
    left = [set(checked(path / "STATE.yaml")) for path in (renamed, repo.root / OPEN)]
    assert left == [ids[0], ids[1] - both]
    told = repo.agentd("cost", "--all")
    assert (told.stdout.startswith(f"{len(every)} calls, "), told.stderr) == (True, "")


def test_three_branches_at_once_are_a_conflict_that_validate_resolves(tmp_path: Path) -> None:
    """git asks no merge driver then."""
    repo = Branches(tmp_path)
    repo.record(1)
    for number in (2, 3):
        repo.git("switch", "-qc", f"b{number}", "main")
        repo.record(number)
    repo.git("switch", "-q", "main")
    assert repo.try_git("merge", "--no-edit", "b2", "b3").returncode
    told = repo.agentd("cost", "--all")
    assert (told.returncode, "agentd validate --fix add-oauth" in told.stderr) == (1, True)
    repo.agentd("validate", "--fix")
    assert set(checked(repo.ledgers()[0])) == {spent(number).id for number in (1, 2, 3)}


@pytest.mark.parametrize("driver", [True, False])
def test_a_conflict_where_both_branches_have_archived_it_is_resolved(
    tmp_path: Path, *, driver: bool
) -> None:
    """git makes its markers longer then, by one."""
    repo = Branches(tmp_path, driver=driver)
    forked(repo)
    for branch, day in (("main", 20261122), ("feature", 20261123)):
        repo.git("switch", "-q", branch)
        repo.store.update(iteration=day)
        (repo.root / "agentd/archive").mkdir(exist_ok=True)
        (repo.root / OPEN).rename(repo.root / f"agentd/archive/{day}-add-oauth")
        repo.commit(f"archived on {day}")
    repo.git("switch", "-q", "main")
    assert not repo.join("merge", "feature")
    early, late = repo.ledgers()
    assert "\n<<<<<<<< " in early.read_text()
    explained(repo, driver=driver)
    repo.resolved("merge", "feature", "main")
    assert len(check(repo, {spent(number).id for number in (1, 2, 3)})) == 3
    assert not early.exists()
    assert f"iteration: {20261122}\n" in late.read_text()  # as a person has chosen


def test_no_money_is_spent_on_a_ledger_with_markers(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "a", "proposed")
    path = box.change("a") / "STATE.yaml"
    sound = path.read_text()
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    marked = sound.replace("phase:", "<<<<<<< HEAD\n=======\nx: 1\n>>>>>>> b\nphase:", 1)
    path.write_text(marked)
    for step in (["challenge", "a"], ["plan", "a"], ["run", "a"]):
        done = box.run(*step)
        assert (done.returncode, "agentd validate --fix a" in done.stderr) == (1, True)
    assert not (box.root.parent / "argv.txt").exists()
    assert path.read_text() == marked
    path.write_text(sound)
    assert box.run("challenge", "a").returncode == 0


def test_markers_outside_the_calls_are_left_and_told(tmp_path: Path) -> None:
    repo = Branches(tmp_path, driver=False)
    forked(repo)
    repo.store.update(phase="challenged")
    repo.commit("on main")
    repo.git("switch", "-q", "feature")
    repo.store.update(phase="archived")
    repo.commit("on feature")
    repo.git("switch", "-q", "main")
    assert not repo.join("merge", "feature")
    done = repo.agentd("validate", "--fix")
    assert "united the calls of HEAD and feature; what else differs is left to you" in done.stdout
    assert (done.returncode, 'merge-conflict marker "<<<<<<< HEAD"' in done.stdout) == (1, True)
    text = repo.ledgers()[0].read_text()
    assert text.count("<<<<<<< HEAD\nphase: challenged\n=======\nphase: archived\n>>>>>>> f") == 1
    assert "mended" not in repo.agentd("validate", "--fix").stdout
    repo.mend()
    assert len(checked(repo.ledgers()[0])) == 3
    assert repo.agentd("validate").returncode == 0


@pytest.mark.parametrize("driver", [True, False])
def test_two_entries_of_a_call_of_which_neither_says_more_are_for_a_person(
    tmp_path: Path, driver: bool
) -> None:
    repo = Branches(tmp_path, driver=driver)
    repo.record(1)
    repo.git("branch", "feature")
    path = repo.ledgers()[0]
    for branch, status in (("feature", "failed"), ("main", "cancelled")):
        repo.git("switch", "-q", branch)
        path.write_text(path.read_text().replace("status: ok", f"status: {status}"))
        repo.commit(status)
    assert not repo.join("merge", "feature")
    told = f"Keep one of the two entries of the call {spent(1).id}: neither side says more."
    for arguments in (["validate"], ["validate", "--fix"], ["validate", "add-oauth"]):
        assert told in repo.agentd(*arguments).stdout
    repo.mend()
    assert repo.agentd("validate").returncode == 0
    assert len(checked(path)) == 1


def test_what_only_one_side_changed_is_known_by_the_base_that_git_has(tmp_path: Path) -> None:
    repo = Branches(tmp_path, driver=False)  # git shows no base between the markers
    forked(repo)
    path = repo.ledgers()[0]
    for branch, at, phase in (("feature", "T01", "challenged"), ("main", "T02", "proposed")):
        repo.git("switch", "-q", branch)
        head = f"updated_at: 2026-12-01{at}:00:00Z\nphase: {phase}"
        path.write_text(re.sub(r"updated_at: .*\nphase: \w+", head, path.read_text(), count=1))
        repo.commit(f"on {branch}")
    assert not repo.join("merge", "feature")
    assert "\nphase: challenged\n>>>>>>> " in path.read_text()
    assert repo.agentd("validate", "--fix").returncode == 0
    assert len(checked(path)) == 3
    assert "updated_at: 2026-12-01T02:00:00Z\nphase: challenged\n" in path.read_text()
