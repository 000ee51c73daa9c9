"""Two versions of a STATE.yaml made one: calls by id, the rest as text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from support.branches import checked, spent
from support.state_samples import FIXTURES, new_store

from agentd.errors import StateError
from agentd.ledger import document, source
from agentd.ledger.changes import Changes
from agentd.ledger.conflicts import mend, merge_files
from agentd.ledger.merge import Merged
from agentd.ledger.own_layout import Block
from agentd.ledger.store import StateStore
from agentd.ledger.text_merge import Merging


@pytest.fixture
def base(tmp_path: Path) -> StateStore:
    store = new_store(tmp_path / "base")
    for number in (1, 2):
        store.append(spent(number))
    return store


def branch(base: StateStore, name: str) -> StateStore:
    """A copy to go on with."""
    return new_store(base.change_dir.parents[1] / name, base.path.read_bytes())


def merged(base: StateStore, *sides: StateStore) -> tuple[str, Merged]:
    versions = [store.path.read_bytes() for store in (base, *sides)]
    data, found = merge_files(*versions, merging=Merging(base.change_dir))
    return data.decode(), found


def both_ways(base: StateStore, one: StateStore, other: StateStore) -> str:
    """What they lead to, which is the same from either side."""
    text, found = merged(base, one, other)
    assert not found.conflict, text
    assert merged(base, other, one)[0] == text
    one.path.write_text(text)
    checked(one.path)
    return text


def test_calls_are_united_and_ordered_and_the_totals_summed(base: StateStore) -> None:
    one, other = branch(base, "one"), branch(base, "other")
    one.append(spent(9))
    other.append(spent(5))
    other.append(spent(12))
    text = both_ways(base, one, other)
    numbers = [int(each["id"][-8:], 16) for each in yaml.safe_load(text)["telemetry"]["calls"]]
    assert numbers == [1, 2, 5, 9, 12]
    assert one.append(spent(20))
    assert isinstance(document.read(source.decode(one.path.read_bytes())).calls, Block)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"accuracy": "heuristic", "why": "answer cut"}, {}),
        ({"accuracy": "heuristic"}, {"accuracy": "family"}),
        ({}, {"usage": replace(spent(2).usage, input_tokens=99_999)}),
        ({}, {"amended": datetime(2026, 12, 1, tzinfo=UTC)}),
        (
            {"amended": datetime(2026, 12, 1, tzinfo=UTC), "cost_usd": Decimal(9)},
            {"amended": datetime(2026, 12, 2, tzinfo=UTC)},
        ),
        ({"session_id": None}, {}),
    ],
)
def test_of_one_call_the_entry_that_says_more_counts(
    base: StateStore, less: dict[str, object], more: dict[str, object]
) -> None:
    one, other = branch(base, "one"), branch(base, "other")
    for store, values in ((one, less), (other, more)):
        record = replace(spent(7), **values)  # type: ignore[arg-type]
        store.append(record)
    assert both_ways(base, one, other) == other.path.read_text()


def test_the_later_update_counts_and_no_calls_are_none(base: StateStore) -> None:
    empty = new_store(base.change_dir.parents[1] / "empty")
    one, other = branch(empty, "one"), branch(empty, "other")
    one.update(phase="challenged")
    for store, at in ((one, "2026-12-01T00:00:00Z"), (other, "2026-12-02T00:00:00Z")):
        text = re.sub("(?m)^updated_at: .*$", f"updated_at: '{at}'", store.path.read_text())
        store.path.write_text(text)
    state = yaml.safe_load(both_ways(empty, one, other))
    assert (state["phase"], state["updated_at"]) == (
        "challenged",
        datetime(2026, 12, 2, tzinfo=UTC),
    )
    assert state["telemetry"]["calls"] == []


def test_the_restart_holds_where_git_put_a_call_before_it(base: StateStore) -> None:
    base.restart_meter(keep="project")
    later = branch(base, "later")
    later.append(spent(3))
    call = later.path.read_text().partition("  - id: " + spent(3).id)[2].partition("  total")[0]
    first = f"  - id: {spent(1).id}\n"
    text = base.path.read_text().replace(first, f"  - id: {spent(3).id}{call}{first}", 1)
    base.path.write_text(text)
    assert (len(base.read().calls), base.read().metered_from) == (3, 3)


def test_a_call_that_differs_otherwise_is_a_conflict_and_the_rest_is_right(
    base: StateStore,
) -> None:
    one, other = branch(base, "one"), branch(base, "other")
    one.append(replace(spent(7), step="review"))
    other.append(replace(spent(7), step="resolve"))
    other.append(spent(8))
    text, found = merged(base, one, other)
    assert found.conflict
    assert text.count("<<<<<<< ours\n  - id: ") == text.count(">>>>>>> theirs\n") == 1
    ours = text.replace("<<<<<<< ours\n", "")
    start, end = ours.index("=======\n"), ours.index(">>>>>>> theirs\n")
    one.path.write_text(ours[:start] + ours[end:].replace(">>>>>>> theirs\n", ""))
    assert len(checked(one.path)) == 4
    one.path.write_text(text)
    assert one.mend() == ()  # a person must choose
    assert one.path.read_text() == text


def test_the_budgets_keys_are_united(base: StateStore) -> None:
    one, other = branch(base, "one"), branch(base, "other")
    one.warn(["budget:50"])
    one.append(spent(3))
    other.warn(["project@2026-11:90", "budget:80"])
    state = yaml.safe_load(both_ways(base, one, other))
    assert {*state["budget_warned"].split()} == {"budget:50", "budget:80", "project@2026-11:90"}
    assert "budget_reset_calls" not in state


def test_approvals_and_feedback_are_united_but_for_what_is_used_up(base: StateStore) -> None:
    base.approve(["plan"])
    base.give_feedback("Old, and done: # by one")
    one, other = branch(base, "one"), branch(base, "other")
    one.approve(["impl"])
    one.give_feedback("Mine")
    with one.locked():  # as the step that took what was there before
        one._change(*one._read(), Changes(feedback="Mine"))
    other.give_feedback("It's theirs:\nof two lines")
    state = yaml.safe_load(both_ways(base, one, other))
    assert [each.partition("@")[0] for each in state["approvals"].split()] == ["plan", "impl"]
    said = state["feedback"].split("\n\n")
    assert sorted(said) == ["It's theirs:\nof two lines", "Mine"]


def test_paragraphs_of_feedback_stay_in_their_order(base: StateStore) -> None:
    said = "Write it as:\n\n```py\nuse()\n\nend()\n\nuse()\n```\n\nAnd test it."
    one, other = branch(base, "one"), branch(base, "other")
    one.give_feedback(said)
    other.append(spent(9))
    assert yaml.safe_load(both_ways(base, one, other))["feedback"] == said
    other.give_feedback("Be brief.\n\nAnd test it.")
    both = yaml.safe_load(both_ways(base, one, other))["feedback"]
    assert both == f"Be brief.\n\nAnd test it.\n\n{said.removesuffix('And test it.').rstrip()}"


def test_an_approval_that_one_side_took_back_is_gone(base: StateStore) -> None:
    base.approve(["plan", "impl"])
    one, other = branch(base, "one"), branch(base, "other")
    one.update(approvals=one.read().approvals.split()[0])
    other.append(spent(3))
    assert yaml.safe_load(both_ways(base, one, other))["approvals"].startswith("plan@")
    assert one.read().approved == ["plan"]


def test_the_restart_is_the_last_calls_whatever_comes_between(base: StateStore) -> None:
    base.warn(["budget:50", "project:50"])
    one, other = branch(base, "one"), branch(base, "other")
    one.append(spent(9))
    one.restart_meter(keep="project")
    one.warn(["budget:10"])
    one.append(spent(11))
    other.append(spent(4))
    other.warn(["budget:80", "project:80"])
    other.append(spent(20))
    state = yaml.safe_load(both_ways(base, one, other))
    assert (state["budget_reset_calls"], state["budget_reset_after"]) == (4, spent(9).id)
    assert {*state["budget_warned"].split()} == {"budget:10", "project:50", "project:80"}
    assert state["budget_warned_before"] == f"budget:50 budget:80 reset@{spent(9).id}"
    assert [call.id for call in one.read().calls[one.read().metered_from :]] == [
        spent(11).id,
        spent(20).id,
    ]


def test_the_warnings_before_the_restarts_of_both_sides_stay(base: StateStore) -> None:
    base.warn(["budget:50"])
    base.restart_meter(keep="project")
    one, other = branch(base, "one"), branch(base, "other")
    for side, number, name in ((one, 9, "budget:70"), (other, 4, "budget:80")):
        side.append(spent(number))
        side.warn([name])
        side.restart_meter(keep="project")
    state = yaml.safe_load(both_ways(base, one, other))
    assert state["budget_warned_before"] == (
        f"budget:50 reset@{spent(2).id} budget:80 reset@{spent(4).id} budget:70 reset@{spent(9).id}"
    )


def test_an_older_agentds_restart_is_read(base: StateStore) -> None:
    base.restart_meter(keep="project")
    text = base.path.read_text()
    old = text.replace(f"budget_reset_after: {spent(2).id}\n", "")
    assert old != text
    base.path.write_text(old)
    assert base.read().metered_from == 2
    one, other = branch(base, "one"), branch(base, "other")
    one.append(spent(9))
    other.append(spent(0))  # began before all others
    state = yaml.safe_load(both_ways(base, one, other))
    assert (state["budget_reset_calls"], state["budget_reset_after"]) == (3, spent(2).id)
    # It restarts once more, and knows nothing of the id.
    later = one.path.read_text().replace("budget_reset_calls: 3", "budget_reset_calls: 4")
    one.path.write_text(later)
    assert one.read().metered_from == 4


def test_everything_else_is_merged_as_text_and_a_conflict_leaves_the_calls_right(
    base: StateStore,
) -> None:
    base.path.write_text(f"# by hand\n{base.path.read_text()}# the end\n")
    one, other = branch(base, "one"), branch(base, "other")
    one.append(spent(3))
    one.update(phase="challenged")
    one.path.write_text(one.path.read_text().replace("# by hand", "# by one"))
    other.append(spent(4))
    other.path.write_text(other.path.read_text().replace("# the end\n", "# the very end\nx: 1\n"))
    text = both_ways(base, one, other)
    assert text.startswith("# by one\nchange_id: ")
    assert text.endswith("# the very end\nx: 1\n")
    assert "phase: challenged\n" in text
    other.update(phase="archived")
    conflicted, found = merged(base, branch(one, "two"), other)
    assert found.conflict
    one.path.write_text(conflicted)
    assert "<<<<<<< ours\n" in conflicted.partition("telemetry:")[0]
    assert "<<<<<<<" not in conflicted.partition("telemetry:")[2]


def test_a_call_that_one_side_took_out_stays_and_is_told(base: StateStore) -> None:
    one, other = branch(base, "one"), new_store(base.change_dir.parents[1] / "other")
    other.append(spent(1))
    one.append(spent(3))
    text, found = merged(base, one, other)
    assert text.count("  - id: ") == 3
    assert found.notes == (f"only one side still has 1 call, kept: {spent(2).id}",)


def test_unknown_keys_comments_and_calls_without_ids_stay(base: StateStore) -> None:
    text = base.path.read_text()
    text = text.replace("    step:", "    newer: {a: 1}\n    step:", 1)
    text = text.replace("  total_cost_usd", "  # of all\n  total_cost_usd", 1)
    text = text.replace(f"  - id: {spent(2).id}\n    step", "  # the second\n  - step", 1)
    base.path.write_text(f"{text}  more_totals: 5\n")
    one, other = branch(base, "one"), branch(base, "other")
    one.append(spent(3))
    other.append(spent(4))
    merged_text = merged(base, one, other)[0]
    for line in ("    newer: {a: 1}\n", "  # of all\n", "  # the second\n", "  more_totals: 5\n"):
        assert merged_text.count(line) == 1
    assert len(yaml.safe_load(merged_text)["telemetry"]["calls"]) == 4


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_any_layout_is_merged(tmp_path: Path, path: Path) -> None:
    store = new_store(tmp_path / "base", path.read_bytes())
    before = store.read()
    one, other = branch(store, "one"), branch(store, "other")
    one.append(spent(100))
    other.append(spent(200))
    text, found = merged(store, one, other)
    assert not found.conflict, text
    one.path.write_bytes(source.decode(one.path.read_bytes()).encode(text.replace("\r\n", "\n")))
    assert len(one.read().calls) == len(before.calls) + 2
    assert one.read().phase == before.phase


@pytest.mark.parametrize("broken", ["telemetry: [", "<<<<<<< HEAD\n", "", b"\xff\xfe\0"])
def test_a_side_that_cannot_be_read_makes_it_a_conflict_of_text(
    base: StateStore, broken: str | bytes
) -> None:
    one = branch(base, "one")
    one.append(spent(3))
    data = broken if isinstance(broken, bytes) else broken.encode()
    for at in (1, 2):
        versions = [base.path.read_bytes(), one.path.read_bytes(), one.path.read_bytes()]
        versions[at] = data
        result, found = merge_files(*versions, merging=Merging(base.change_dir))
        assert found.conflict
        assert "can't be read: line" in found.notes[0]
        assert spent(3).id.encode() in result
    result, found = merge_files(
        data, one.path.read_bytes(), one.path.read_bytes(), merging=Merging(base.change_dir)
    )
    assert (result, found.conflict) == (one.path.read_bytes(), False)


def test_crlf_and_a_byte_order_mark_stay(base: StateStore) -> None:
    data = b"\xef\xbb\xbf" + base.path.read_bytes().replace(b"\n", b"\r\n")
    base.path.write_bytes(data)
    one, other = branch(base, "one"), branch(base, "other")
    one.append(spent(3))
    other.append(spent(4))
    versions = [store.path.read_bytes() for store in (base, one, other)]
    result, found = merge_files(*versions, merging=Merging(base.change_dir))
    assert not found.conflict
    assert result.startswith(b"\xef\xbb\xbf")
    assert result.count(b"\r\n") == result.count(b"\n")


def test_an_id_twice_counts_once_and_is_taken_out(base: StateStore) -> None:
    text = base.path.read_text()
    first = text[text.index("  - id: ") : text.index("  - id: ", text.index("  - id: ") + 1)]
    less = first.replace("accuracy: exact", "accuracy: heuristic")
    for twice in (first + first, less + first, first + less):
        base.path.write_text(text.replace(first, twice, 1))
        state = base.read()
        assert (len(state.calls), state.twice) == (2, (spent(1).id,))
        assert state.calls[0].accuracy == "exact"
        assert state.totals.cost_usd == spent(1).cost_usd + spent(2).cost_usd
        base.append(spent(3))  # the totals of the file are right, too
        assert yaml.safe_load(base.path.read_text())["telemetry"]["total_tokens_in"] == sum(
            spent(number).usage.input_tokens for number in (1, 2, 3)
        )
        base.path.write_text(text.replace(first, twice, 1))
        assert base.mend() == ("took 1 call out that stood there twice",)
        assert base.path.read_text() == text
        assert base.mend() == ()


def test_twice_with_nothing_to_choose_by_is_left_to_a_person(base: StateStore) -> None:
    text = base.path.read_text()
    other = text[text.index("  - id: ") :].partition("  - id: ")[2].partition("  - id: ")[0]
    entry = f"  - id: {other}"
    changed = entry.replace("step: proposal", "step: review")
    base.path.write_text(text.replace(entry, entry + changed, 1))
    assert base.mend() == ()
    assert base.read().calls[0].step == "proposal"


@pytest.mark.parametrize(
    "text",
    [
        "=======\n",
        ">>>>>>> b\n",
        "<<<<<<< a\n<<<<<<< a\n=======\n>>>>>>> b\n",
        "<<<<<<< a\n=======\n",
        "<<<<<<<< a\n=======\n>>>>>>>> b\n",
    ],
)
def test_markers_that_do_not_fit_are_left(base: StateStore, text: str) -> None:
    data = f"{base.path.read_text()}{text}"
    base.path.write_text(data)
    assert base.mend() == ()
    assert base.path.read_text() == data
    with pytest.raises(StateError, match="merge-conflict marker"):
        base.read()


def test_markers_around_a_side_that_is_broken_are_left(base: StateStore) -> None:
    data = base.path.read_bytes() + b"<<<<<<< a\nx: [\n=======\ny: 1\n>>>>>>> b\n"
    with pytest.raises(source.Malformed, match="of one side line"):
        mend(base.path, data)
    base.path.write_bytes(data)
    assert base.mend() == ()
    assert base.path.read_bytes() == data
