"""Two changes and one spec, up to the archive, over the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.workflow_box import (
    MAIN,
    STREAM,
    archiving,
    block,
    box_with,
    calls_of,
    entry,
    modified,
    put_change,
    put_plan,
    specs_of,
    state_of,
    tasks_for,
)
from support.workspace import Sandbox

OURS = block("Greet", "The system SHALL greet loudly.", "hello", "it says HELLO")
THEIRS = block("Greet", "The system SHALL greet twice.", "hello", "it says hello hello")
AGREED = block("Greet", "The system SHALL greet loudly and twice.", "hello", "it says HELLO HELLO")
OUT = block("Log out", "The system SHALL let a user out at once.", "bye", "the user is out")


def changing(name: str, text: str) -> dict[str, str]:
    return {"specs/login.md": modified(text), "tasks.md": tasks_for(name)}


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    (box.root / "agentd/specs/login.md").write_text(MAIN)
    archiving(box, "APPROVED")
    return box


@pytest.fixture
def clash(box: Sandbox) -> Sandbox:
    """Change ``ours`` is archived; ``theirs`` changes the same requirement otherwise."""
    put_change(box, "theirs", "complete", changing("Greet", THEIRS))
    put_change(box, "ours", "complete", changing("Greet", OURS))
    box.ok("archive", "ours")
    assert "greet loudly" in spec(box)
    return box


def spec(box: Sandbox) -> str:
    return (box.root / "agentd/specs/login.md").read_text()


def test_conflict_shows_both_texts_spends_nothing_and_changes_no_spec(clash: Sandbox) -> None:
    before = specs_of(clash)
    for command in ("archive", "merge"):
        done = clash.run(command, "theirs")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "greet loudly" in done.stderr
        assert "greet twice" in done.stderr
        assert "--resolve" in done.stderr
    assert calls_of(clash, "theirs") == []
    assert specs_of(clash) == before
    assert clash.run("validate", "theirs").returncode == 1


def test_resolved_conflict_is_one_recorded_merge_and_archived(clash: Sandbox) -> None:
    text = spec(clash).replace(OURS.strip(), AGREED.strip())
    assert text != spec(clash)
    clash.answer("merge", STREAM, {"change/merged/login.md": text})
    clash.ok("archive", "theirs", "--resolve")
    assert calls_of(clash, "theirs") == [
        ("merge", "ok"),
        ("archive", "ok"),
        ("archive-review", "ok"),
    ]
    assert spec(clash) == text


def test_proposal_that_touches_another_requirement_is_refused(clash: Sandbox) -> None:
    before = specs_of(clash)
    text = spec(clash).replace(OURS.strip(), AGREED.strip()).replace("is out", "is thrown out")
    clash.answer("merge", STREAM, {"change/merged/login.md": text})
    done = clash.run("archive", "theirs", "--resolve")
    assert done.returncode == 4
    assert "changes more than was asked: Log out" in done.stderr
    assert calls_of(clash, "theirs") == [("merge", "ok")]
    assert specs_of(clash) == before
    good = text.replace("is thrown out", "is out")
    clash.answer("merge", STREAM, {"change/merged/login.md": good})
    clash.ok("archive", "theirs", "--resolve")
    assert spec(clash) == good


@pytest.mark.parametrize(
    "broken",
    [
        "no spec at all\n",
        "# Login\n\n## Purpose\nx\n\n## Requirements\n",
        "{main}\n<<<<<<< HEAD\n",
        "{main}\n## ADDED Requirements\n\n### Requirement: New\nIt SHALL.\n",
        "{title}",
    ],
)
def test_proposal_that_is_no_such_spec_is_refused(clash: Sandbox, broken: str) -> None:
    before = specs_of(clash)
    text = broken.replace("{main}", spec(clash).replace(OURS.strip(), AGREED.strip()))
    text = text.replace(
        "{title}",
        spec(clash)
        .replace(OURS.strip(), AGREED.strip())
        .replace("Let users in.", "Let nobody in."),
    )
    clash.answer("merge", STREAM, {"change/merged/login.md": text})
    done = clash.run("archive", "theirs", "--resolve")
    assert done.returncode in (1, 4), done.stdout + done.stderr
    assert specs_of(clash) == before
    assert state_of(clash, "theirs")["phase"] == "complete"


def test_a_resolution_is_not_asked_for_again_when_merging_was_killed(clash: Sandbox) -> None:
    """What stands in merged/ by then has the deltas that are merged by rule, too."""
    (clash.change("theirs") / "specs/login.md").write_text(modified(THEIRS, OUT))
    text = spec(clash).replace(OURS.strip(), AGREED.strip())
    clash.answer("merge", STREAM, {"change/merged/login.md": text})
    clash.ok("merge", "theirs", "--resolve")
    (clash.change("theirs") / "runs/staged.json").unlink()  # it was killed before it noted the rest
    clash.ok("merge", "theirs", "--resolve")
    assert calls_of(clash, "theirs") == [("merge", "ok")]
    merged = (clash.change("theirs") / "merged/login.md").read_text()
    assert "loudly and twice" in merged
    assert "out at once" in merged


def test_other_edits_of_two_changes_merge_three_ways(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    put_change(box, "two", "complete", changing("Log out", OUT))
    longer = MAIN[MAIN.index("### Requirement: Greet") : MAIN.index("### Requirement: Log out")]
    longer += "#### Scenario: nobody\n- **WHEN** nobody is in\n- **THEN** it is silent\n"
    put_change(box, "three", "complete", changing("Greet", longer))
    box.ok("archive", "two")
    (box.root / "agentd/specs/login.md").write_text(
        spec(box).replace(
            "The system SHALL greet.", "The system SHALL greet.\nIt SHALL do so in any language."
        )
    )
    box.ok("archive", "three")
    merged = spec(box)
    assert "in any language" in merged
    assert "it is silent" in merged
    assert "out at once" in merged
    assert calls_of(box, "three") == [("archive", "ok"), ("archive-review", "ok")]


def test_two_changelog_entries_stand(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    put_change(box, "two", "complete", changing("Log out", OUT))
    box.answer("archive", STREAM, {"change/merged/CHANGELOG.md": entry("The first.")})
    box.ok("archive", "one")
    box.answer("archive", STREAM, {"change/merged/CHANGELOG.md": entry("The second.")})
    box.ok("archive", "two")
    changelog = (box.root / "agentd/specs/CHANGELOG.md").read_text()
    assert changelog.index("The second.") < changelog.index("The first.")
    assert changelog.count("# Changelog\n") == 1


def test_spec_that_changes_during_the_archive_review_is_merged_anew(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    late = "\n" + block("Late", "The system SHALL be late.", "late", "it is late")
    # A person edits while the review runs: not the run's doing, so outside of what it may touch.
    review = box.plan["archive-review"][0]
    box.plan["archive-review"] = [{**review, "sleep_s": 2}, review]
    put_plan(box, "archive-fix")
    with subprocess.Popen(
        [sys.executable, "-m", "agentd", "archive", "one"],
        cwd=box.root,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        runs = box.change("one") / "runs"
        while not list(runs.glob("*-archive-review-*/prompt")) and process.poll() is None:
            pass
        with (box.root / "agentd/specs/login.md").open("a") as main:
            main.write(late)
        process.communicate()
    assert process.returncode in (1, 4)
    edited = spec(box)
    box.ok("archive", "one")
    assert "greet loudly" in spec(box)
    assert "SHALL greet." not in spec(box)
    if "be late" in edited:
        assert "be late" in spec(box)


def test_archive_fix_and_then_approved(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    archiving(box, "NEEDS_FIX", "APPROVED")
    box.ok("archive", "one")
    steps = ["archive", "archive-review", "archive-fix", "archive-review"]
    assert [step for step, _ in calls_of(box, "one")] == steps
    assert "Users can log in." in (box.root / "agentd/specs/CHANGELOG.md").read_text()


def test_rejected_archive_leaves_the_specs_and_a_person_can_go_on(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    archiving(box, "REJECTED", "APPROVED")
    before = specs_of(box)
    for _ in range(2):
        done = box.run("archive", "one")
        assert done.returncode == 5
        assert "REJECTED" in done.stderr
    assert specs_of(box) == before
    assert [step for step, _ in calls_of(box, "one")] == ["archive", "archive-review"]
    (box.change("one") / "ARCHIVE_REVIEW.md").unlink()
    box.ok("archive", "one")
    assert "greet loudly" in spec(box)


def test_archive_of_an_invalid_change_spends_nothing(box: Sandbox) -> None:
    broken = OURS.replace("#### Scenario", "##### Scene")
    put_change(box, "one", "complete", changing("Greet", broken))
    before = specs_of(box)
    done = box.run("archive", "one")
    assert done.returncode == 1
    assert "is not valid" in done.stderr
    assert calls_of(box, "one") == []
    assert specs_of(box) == before


TAMPERED = [
    ("archive", "sed -i.bak 's/loudly/softly/' {merged}/login.md; rm {merged}/login.md.bak"),
    ("archive", "rm {merged}/login.md"),
    ("archive", "printf '# Other\\n' > {merged}/other.md"),
    ("archive-review", "rm {merged}/login.md"),
]


@pytest.mark.parametrize(("step", "shell"), TAMPERED)
def test_step_of_the_archive_cannot_change_what_was_merged_by_rule(
    box: Sandbox, step: str, shell: str
) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    before = specs_of(box)
    shell = shell.format(merged="agentd/changes/one/merged")
    if step == "archive":
        put_plan(box, step, shell=shell)
    else:
        box.plan[step][0]["shell"] = shell
        put_plan(box, "archive")
    done = box.run("archive", "one")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "agentd/changes/one/merged/" in done.stderr
    assert specs_of(box) == before


def test_archive_without_an_entry_is_not_done(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    put_plan(box, "archive", files={})
    done = box.run("archive", "one")
    assert done.returncode == 4
    assert "without writing" in done.stderr


@pytest.mark.parametrize("place", ["publish", "publish-done", "archived", "forgotten"])
def test_kill_while_publishing_is_finished_by_the_next_archive(box: Sandbox, place: str) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    before = specs_of(box)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, place, "archive", "one"],
        cwd=box.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    if place == "publish":
        # Half of it is there; what undoes it is the next archive, of whatever change.
        assert specs_of(box) != before
    box.ok("archive", "one")
    assert "greet loudly" in spec(box)
    assert "Users log in." in (box.root / "agentd/specs/CHANGELOG.md").read_text()
    assert calls_of(box, "one") == [("archive", "ok"), ("archive-review", "ok")]
    assert not box.change("one").exists()


def test_killed_publishing_does_not_take_back_the_archive_of_another(box: Sandbox) -> None:
    put_change(box, "one", "complete", changing("Greet", OURS))
    put_change(box, "two", "complete", changing("Log out", OUT))
    killed = [sys.executable, "-c", KILLED, "publish-done", "archive", "one"]
    assert subprocess.run(killed, cwd=box.root, check=False).returncode == -signal.SIGKILL
    box.ok("archive", "two")
    assert "out at once" in spec(box)
    box.ok("archive", "one")
    assert "out at once" in spec(box)
    assert "greet loudly" in spec(box)
    changelog = (box.root / "agentd/specs/CHANGELOG.md").read_text()
    assert changelog.startswith("# Changelog\n")


KILLED = """
import os, signal, sys
from agentd.cli import main
from agentd.workflow import archive
from agentd.specs import staging
from agentd.specs import journal

place = sys.argv.pop(1)

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if place == "publish":
    write, written = journal.write_atomic, []
    def first_only(path, data):
        if path.parent.name == "specs":
            if written:
                die()
            written.append(path)
        write(path, data)
    journal.write_atomic = first_only
elif place == "publish-done":
    publish = archive.publish
    def publish_and_die(*given, **keys):
        publish(*given, **keys)
        die()
    archive.publish = publish_and_die
elif place == "archived":
    journal.Journal.forget = die
else:
    from pathlib import Path
    Path.rename = die
sys.exit(main())
"""
