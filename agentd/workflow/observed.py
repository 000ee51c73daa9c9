"""Where a change stands in a loop, read from its documents and calls.

``status`` asks too, which is why nothing that runs a step is loaded here.
"""

from __future__ import annotations

from agentd.documents.owed import owes_specs
from agentd.documents.review_issues import fingerprint
from agentd.documents.verdict import FAILED_CHECKS, Ruling, judged_text, ruling_of
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.workflow.decide import Loop, Situation
from agentd.workflow.steps import STEPS


def observe(change: Change, loop: Loop) -> Situation:
    """Where the change stands in ``loop``, after a person may have edited its documents.

    The phase is the one that the judge's document asks for, which STATE.yaml may not say yet.
    """
    state = change.state
    judge = STEPS[loop.judge]
    last = last_step(change, loop)
    ruling = ruling_of(change, judge.judgement) if last == loop.judge else Ruling(None)
    phase = read_phase(state.phase)
    asked = judge.verdicts.get(ruling.verdict or "")
    if asked is not None and asked != phase:
        judged = judged_text(change, judge.judgement) if judge.judgement else None
        if judged is not None and judged == change.text(judge.writes[0]):
            last = loop.first  # a person edited the phase
        else:
            phase = asked
    return Situation(
        phase=phase,
        last=last,
        iteration=state.iteration or 1,
        verdict=ruling.verdict,
        doubt=ruling.doubt,
        asked=_asked(state.calls, loop),
        stuck=_is_stuck(change, loop, state.calls),
        feedback=bool(state.feedback)
        and STEPS[loop.mend].takes_feedback
        and (change.folder / judge.writes[0]).is_file(),
    )


def last_step(change: Change, loop: Loop) -> str | None:
    """The step that ended well last; told by the documents where STATE.yaml does not know."""
    if change.state.last_action in loop.steps:
        return change.state.last_action
    owed = (name for name in STEPS[loop.first].writes if name != "specs" or owes_specs(change))
    there = all((change.folder / name).exists() for name in owed)
    told = read_phase(change.state.phase) in loop.told_by_documents
    return loop.first if there and told else None


def _asked(calls: tuple[CallRecord, ...], loop: Loop) -> int:
    """How often the judge has answered since another step did."""
    good = [call.step for call in calls if call.status == "ok"]
    return next((i for i, step in enumerate(reversed(good)) if step != loop.judge), len(good))


def _is_stuck(change: Change, loop: Loop, calls: tuple[CallRecord, ...]) -> bool:
    """Whether the judge's last two rounds, with a mending between, found the same issues.

    So they did where checks judged both times, and no file has changed between them and since.
    """
    name = STEPS[loop.judge].writes[0]
    if FAILED_CHECKS in (change.text(name) or ""):
        from agentd.workflow.checks.kept import is_red_as_before  # of a rare case

        return is_red_as_before(change)
    rounds = [
        call for call in calls if call.status == "ok" and call.step in (loop.judge, loop.mend)
    ]
    if [call.step for call in rounds[-3:]] != [loop.judge, loop.mend, loop.judge]:
        return False
    before, now = change.text(f"runs/{rounds[-3].id}/{name}"), change.text(name)
    if before is None or now is None:
        return False
    return bool(fingerprint(now)) and fingerprint(before) == fingerprint(now)
