"""A change that touches no spec, such as one of tooling, goes all the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.loop_box import approving, archived_state, for_openspec, sandbox, steps_of
from support.workspace import PROPOSAL, REVIEW, Sandbox

from agentd.documents.owed import PROPOSING
from agentd.workflow.steps import STEPS

STREAM = "gemini/0.61.0/model_stream_json"
TOOLING = {
    "change/proposal.md": PROPOSAL["change/proposal.md"].replace("Specs: login", "Specs: none"),
    "change/tasks.md": "# Tasks\n\n- [ ] 1.1 Cache the builds (`ci.yml`)\n",
}
UNSAID = {**TOOLING, "change/proposal.md": PROPOSAL["change/proposal.md"]}
COVERED = "| Log in by name | known user | login.py:1 | test_login.py |\n"
METADATA = "schema: spec-driven\ncreated: 2026-11-30\nskip_specs: true\n"
AFTER_PROPOSAL = ["challenge", "implementation", "review", "archive", "archive-review"]


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    made = sandbox(tmp_path, ("gemini",))
    approving(made)
    made.answers("review", (STREAM, {"change/REVIEW.md": REVIEW.replace(COVERED, "")}))
    return made


def test_the_steps_that_propose_are_those_of_the_table() -> None:
    planning = {name for name, step in STEPS.items() if "proposal.md" in step.writes}
    assert set(PROPOSING) == {name for name in planning if not STEPS[name].reads}


def test_its_proposal_says_so(box: Sandbox) -> None:
    box.answer("proposal", STREAM, TOOLING)
    out = box.ok("run", "add-x", "Cache the builds")
    assert steps_of(archived_state(box, "add-x")) == ["proposal", *AFTER_PROPOSAL]
    assert "archived as agentd/archive/" in out
    assert [path.name for path in (box.root / "agentd/specs").iterdir()] == ["CHANGELOG.md"]
    (prompt,) = (box.root / "agentd/archive").glob("*/runs/????????T??????-review-*/prompt")
    assert "It touches no spec" in prompt.read_text()


def test_a_proposal_that_forgot_its_specs_is_not_done(box: Sandbox) -> None:
    box.answer("proposal", STREAM, UNSAID)
    done = box.run("run", "add-x", "Cache the builds")
    assert done.returncode == 4
    assert "without writing specs" in done.stderr


def openspec_change(box: Sandbox, metadata: str | None, documents: dict[str, str]) -> Path:
    """The project as one of OpenSpec, with a change that OpenSpec has made."""
    (box.root / "openspec/specs").mkdir(parents=True)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text() + '[paths]\nlayout = "openspec"\n')
    for_openspec(box, "add-x")
    folder = box.root / "openspec/changes/add-x"
    folder.mkdir(parents=True)
    if metadata is not None:
        (folder / ".openspec.yaml").write_text(metadata)
    for name, text in documents.items():
        (folder / name.removeprefix("change/")).write_text(text)
    return folder


@pytest.mark.parametrize("metadata", [METADATA, None])
def test_openspec_is_asked_for_none(box: Sandbox, metadata: str | None) -> None:
    """With ``skip_specs``, and without, as OpenSpec archives it too."""
    folder = openspec_change(box, metadata, UNSAID)
    told = box.ok("validate", "add-x")
    assert ("there is no spec" in told) is (metadata is None)
    box.ok("run", "add-x")
    (archived,) = (box.root / "openspec/changes/archive").glob("*-add-x")
    state = yaml.safe_load((archived / "STATE.yaml").read_text())
    assert steps_of(state) == AFTER_PROPOSAL
    assert (archived / ".openspec.yaml").exists() is (metadata is not None)
    assert not folder.exists()


def test_skip_specs_beside_specs_is_told_before_money_is_spent(box: Sandbox) -> None:
    folder = openspec_change(box, METADATA, UNSAID)
    (folder / "specs/login").mkdir(parents=True)
    (folder / "specs/login/spec.md").write_text(PROPOSAL["change/specs/login.md"])
    told = box.run("validate", "add-x")
    assert told.returncode == 1
    assert "skip_specs says that the change has no spec, but it has" in told.stdout


def test_a_proposal_by_agentd_owes_specs_with_openspec_too(box: Sandbox) -> None:
    """Else a proposal that was killed before its specs would be taken for one of tooling."""
    openspec_change(box, None, {})
    box.plan["proposal"][0]["files"].pop("openspec/changes/add-x/specs/login/spec.md")
    box.write_plan()
    done = box.run("plan", "add-x", "Let users log in")
    assert done.returncode == 4
    assert "without writing specs" in done.stderr
    done = box.run("validate", "add-x")
    assert done.returncode == 1
    assert "specs: error: there is no spec" in done.stdout


@pytest.mark.parametrize("documents", [{}, {"README.md": "# add-x\n\nLet users log in\n"}])
@pytest.mark.parametrize("goal", ["", 'goal: "No\n  passwords"\n'])
def test_what_openspec_new_was_told_is_the_description(
    box: Sandbox, documents: dict[str, str], goal: str
) -> None:
    folder = openspec_change(box, f"schema: spec-driven\n{goal}", documents)
    following = box.ok("status", "add-x").splitlines()[-1]
    done = box.run("plan", "add-x")
    if not (documents or goal):
        assert following == 'Next: agentd run add-x "DESCRIPTION"'
        assert done.returncode == 1
        assert 'Say what to change: agentd run add-x "DESCRIPTION"' in done.stderr
        assert not (folder / "STATE.yaml").exists()
        return
    assert following == "Next: agentd run add-x"
    assert done.returncode == 0, done.stderr
    assert "takes the description that OpenSpec was given" in done.stderr
    (prompt,) = folder.glob("runs/*-proposal-*/prompt")
    told = ["> Let users log in"] * bool(documents) + ["> Goal: No passwords"] * bool(goal)
    assert "\n> \n".join(told) in prompt.read_text()


def test_a_design_is_to_be_read(box: Sandbox) -> None:
    openspec_change(box, METADATA, {**UNSAID, "design.md": "# Design\n\n## Context\nBuilds.\n"})
    box.ok("plan", "add-x")
    (prompt,) = (box.root / "openspec/changes/add-x").glob("runs/*-challenge-*/prompt")
    assert "`openspec/changes/add-x/design.md` holds its design: read it too" in prompt.read_text()


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("user-auth.md", "user-auth/spec.md"),
        ("spec.md", "<capability>/spec.md"),
        ("login/more.md", "login/spec.md"),
    ],
)
@pytest.mark.parametrize("lacking", ["", "change/tasks.md"])
def test_a_spec_in_a_wrong_place_stops_the_plan_before_money_is_spent(
    box: Sandbox, name: str, right: str, lacking: str
) -> None:
    documents = {key: text for key, text in UNSAID.items() if key != lacking}
    folder = openspec_change(box, None, documents)
    (folder / "specs" / name).parent.mkdir(parents=True)
    (folder / "specs" / name).write_text(PROPOSAL["change/specs/login.md"])
    done = box.run("plan", "add-x")
    assert done.returncode == 1
    assert (
        f"openspec/changes/add-x/specs/{name}: OpenSpec reads no spec of this name" in done.stderr
    )
    assert f"Move what it says to openspec/changes/add-x/specs/{right}." in done.stderr
    assert yaml.safe_load((folder / "STATE.yaml").read_text())["telemetry"]["calls"] == []


def test_a_proposal_of_agentd_in_a_wrong_place_is_not_proposed_anew(box: Sandbox) -> None:
    folder = openspec_change(box, None, {})
    files = box.plan["proposal"][0]["files"]
    files["openspec/changes/add-x/specs/login.md"] = files.pop(
        "openspec/changes/add-x/specs/login/spec.md"
    )
    box.write_plan()
    done = box.run("plan", "add-x", "Let users log in")
    assert done.returncode == 1
    assert "specs/login/spec.md" in done.stderr
    (folder / "specs/login").mkdir()
    (folder / "specs/login.md").rename(folder / "specs/login/spec.md")
    box.ok("plan", "add-x")
    assert steps_of(yaml.safe_load((folder / "STATE.yaml").read_text())) == [
        "proposal",
        "challenge",
    ]
