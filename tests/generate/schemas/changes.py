"""What the commands print that tell about changes: where they stand, what they say, their calls."""

from __future__ import annotations

from typing import get_args

from generate.schemas.ledger import CALL, MODEL, OPTIONAL_MODELS, call
from generate.schemas.parts import (
    Answer,
    Schema,
    answer,
    by_name,
    count,
    flag,
    listed,
    null_or,
    number,
    of,
    shape,
    text,
    time,
    usd,
    word,
)

from agentd.config.model import GATES
from agentd.documents.report import Severity
from agentd.project.phases import PHASES

_AS_KEPT = "in UTC, as 2026-11-22T05:40:52Z; what else its STATE.yaml has there stands as it is"
CHANGE_ID = text("The change's id")
PATH = text("The change's folder, as an absolute path")
ARCHIVED_ON = null_or(text("The day it was archived or deleted, as 20261130"), "where it is open")
PROBLEM = text("Why it can't be read; only where it can't")
PARTIAL_BECAUSE = by_name(count("How many calls"), "What is not known of partial calls, by reason")
NOT_IMPORTED = shape(
    "Sessions of the CLIs that no ledger has: agentd import",
    {
        "sessions": count("How many sessions"),
        "calls": count("How many calls they would be recorded as"),
        "cost_usd": usd("What they cost; of a session that grew, what came since it was imported"),
        "unpriced": count("How many of these calls have no price"),
        "all_read": flag("Whether all logs were read; if not, there may be more"),
        "problem": null_or(text("Why the logs could not be looked at"), "where they could"),
    },
)
TOTALS = shape(
    "The sums of some calls",
    {
        "total_cost_usd": usd("What they cost, unpriced ones left out"),
        "tokens_in": count("All input tokens, cached ones included"),
        "tokens_out": count("All output tokens, reasoning included"),
        "calls": count("How many calls"),
        "failed": count("Calls that did not end ok"),
        "unpriced": count("Calls whose tokens have no known price"),
        "partial": count("Calls of whose usage something is not known"),
        "estimated": count("Partial calls that may have used less than is summed"),
        "local": count("Calls that a model on the user's machine answered, for nothing"),
    },
)
_LINES_OF = shape(
    "What the lines of a file add to a change",
    {
        "change_id": CHANGE_ID,
        "recorded": listed(text("A call's id"), "The calls that were recorded, in their order"),
    },
)
_BUDGET = shape(
    "The change's own budget",
    {
        "limit_usd": null_or(usd("The limit"), "without one"),
        "limit_tokens": null_or(count("The limit in tokens, input and output"), "without one"),
        "spent_usd": usd("What is spent"),
        "spent_tokens": count("Tokens that are spent"),
        "left_usd": null_or(number("What is left, in USD"), "without a limit in USD"),
        "left_tokens": null_or(
            {"type": "integer", "description": "Tokens that are left"}, "without a limit in tokens"
        ),
        "percentage_used": null_or(
            number("The share of the limit in USD that is spent, 1.0 is all of it", minimum=0),
            "without a limit in USD",
        ),
        "percentage_used_tokens": null_or(
            number("The share of the limit in tokens that is spent", minimum=0),
            "without a limit in tokens",
        ),
    },
)
_ARTIFACT = shape(
    "A document of the change",
    {
        "name": text("What it is, such as proposal, specs or archive review"),
        "files": count("How many files it is made of; 0 where it is not there"),
        "judges": flag("Whether it is a judge's document"),
        "verdict": null_or(text("What the judge says, such as APPROVED"), "for none"),
        "revised": flag("Whether the work was mended since it was written"),
        "done": flag("Whether it is there and, if it judges, approves"),
    },
)
_TASKS_DONE = shape(
    "The tasks of tasks.md", {"done": count("How many are done"), "total": count("How many")}
)
_OVERVIEW_FIELDS: dict[str, Schema] = {
    "change_id": CHANGE_ID,
    "path": PATH,
    "archived_on": ARCHIVED_ON,
    "taken_up": flag("Whether agentd has run on it: it has a STATE.yaml"),
    "phase": null_or(word("Where it is", *PHASES), "where no STATE.yaml says it"),
    "iteration": null_or(count("The round of its loop, from 1"), "before the first"),
    "last_action": null_or(text("The step that ended last"), "before the first"),
    "checks": null_or(
        word("What the project's checks came to the last time", "passed", "failed", "skipped"),
        "where none ran",
    ),
    "created_at": null_or(text(f"When it was begun, {_AS_KEPT}"), "where nothing says it"),
    "updated_at": null_or(
        text(f"When agentd last wrote its STATE.yaml, {_AS_KEPT}"), "where nothing says it"
    ),
    "check_results": listed(text("A check"), "What each check came to, where that is known here"),
    "total_cost_usd": usd("What its calls cost, unpriced ones left out"),
    "total_tokens_in": count("All input tokens, cached ones included"),
    "total_tokens_out": count("All output tokens, reasoning included"),
    "calls": count("How many calls it has"),
    "failed": count("Calls that did not end ok"),
    "budget_stopped": count("Failed calls that a budget ended"),
    "unpriced": count("Calls whose tokens have no known price: they are not in the total"),
    "partial": count("Calls of whose usage something is not known"),
    "estimated": count("Partial calls that may have used less than is summed"),
    "partial_because": PARTIAL_BECAUSE,
    "budget": {
        "description": "The change's own budget; null without a limit",
        "anyOf": [{"$ref": "#/$defs/budget"}, {"type": "null"}],
    },
    "by_step": by_name(of("totals", "The sums of a step"), "The sums by step"),
    "by_model": by_name(of("totals", "The sums of a model"), "The sums by model"),
    "artifacts": listed(of("artifact", "A document"), "The documents, in the order of the way"),
    "tasks": of("tasks", "The tasks of tasks.md"),
    "at_work": null_or(count("The pid of the agentd that works on it now"), "for none"),
    "orphans": listed(count("A pid"), "Processes of CLIs whose agentd was killed"),
    "gate": null_or(text("The gate that waits for a person", *GATES), "for none"),
    "waits_for": null_or(text("What waits for a person: a gate, or a verdict"), "for nothing"),
    "approvals": listed(text("A gate"), "The gates that a person has passed"),
    "feedback": null_or(text("What a person said and no step has got yet"), "for nothing"),
    "next": null_or(text("The command that goes on"), "where nothing is to do"),
}
_OVERVIEW_DEFS = {
    "totals": TOTALS,
    "budget": _BUDGET,
    "artifact": _ARTIFACT,
    "tasks": _TASKS_DONE,
    "not_imported": NOT_IMPORTED,
}
_OVERVIEW = shape("Where a change stands and what it cost", _OVERVIEW_FIELDS, {"problem": PROBLEM})
_SPEC = shape(
    "A main spec",
    {
        "capability": text("What it is about, its file's name"),
        "path": text("Its file, from the project's root"),
        "purpose": text('What it is for; "" where it does not say'),
        "requirements": listed(text("A name"), "The names of its requirements"),
    },
)
_TASK = shape(
    "A task of tasks.md",
    {
        "number": null_or(text("Its number, such as 1.2"), "without one"),
        "text": text("What is to do"),
        "done": flag("Whether it is checked"),
    },
)
_DELTA = shape(
    "A requirement that the change touches",
    {
        "capability": text("The spec it is in"),
        "operation": text("What happens to it", "ADDED", "MODIFIED", "REMOVED", "RENAMED"),
        "requirement": text("Its name"),
        "former": null_or(text("Its old name"), "unless it is RENAMED"),
        "text": null_or(text("What it says; of a REMOVED one the reason"), "where it is RENAMED"),
    },
)
_VERDICT = shape(
    "What a judge's document says",
    {
        "document": text("Its file, such as REVIEW.md"),
        "verdict": null_or(text("The verdict, such as NEEDS_CHANGES"), "for none"),
        "issues": listed(text("A title"), "The titles of its open issues"),
    },
)
_DIFF = shape(
    "What the change would make of a main spec",
    {"path": text("The spec's file, from the project's root"), "diff": text("A unified diff")},
)
_COUNTS = {key: CALL[key] for key in CALL if key.startswith("tokens_")}
_REQUEST = shape(
    "An API request of a call",
    {
        "id": null_or(text("Its id, as the API gave it"), "where nobody told one"),
        "started_at": null_or(time("When it was sent"), "where nobody knows"),
        "ended_at": null_or(time("When its answer ended"), "where nobody knows"),
        "duration_ms": null_or(count("How long it took, in milliseconds"), "where nobody knows"),
        "thread": text("Who made it: main, subagent or side"),
        "model": null_or(text("The model that answered"), "where nobody told it"),
        **_COUNTS,
        "web_searches": CALL["web_searches"],
        "variants": by_name(text("Its value"), "What changed its price, such as speed: fast"),
        "end": null_or(text("How it ended: a finish reason, cut or failed"), "where nobody told"),
        "is_rest": flag("Whether it stands for what a total has beyond the requests told"),
        "cost_usd": null_or(usd("What it cost"), "where no price is known"),
        "exact": flag("Whether its figures are exact"),
        "estimated": listed(text("A field"), "Which of its figures are estimates"),
    },
)
_GIVEN_WARNING = shape(
    "A budget warning that was given",
    {
        "kind": text("What it is about: a share, an amount, a count of tokens, or unpriced"),
        "account": text('What has the limit, such as steps.review; "" for the whole change'),
        "unit": text("What it is in", "usd", "tokens"),
        "limit": null_or(number("The limit, or the mark", minimum=0), "for an unpriced model"),
        "spent": null_or(number("What was spent then", minimum=0), "where the ledger can't tell"),
        "call_id": null_or(text("The call after which it was given"), "where nobody knows"),
        "percent": null_or(number("Spent of the limit, in percent", minimum=0), "without both"),
    },
)
_APPROVAL = shape(
    "A gate that a person has passed",
    {"gate": word("The gate", *GATES), "at": text("When, in UTC; empty where nobody noted it")},
)
_LOGGED = {
    "metered": null_or(text("Where its run was metered, and why there"), "where nobody knows"),
    "checks": listed(text("A check"), "What the project's checks came to after it"),
    "round": null_or(count("The round of its loop, from 1"), "where it is of none"),
    "verdict": null_or(text("What the judge said in it"), "for other steps"),
}
_WITH_REQUESTS: dict[str, Schema] = {
    "api_requests": {
        "type": ["array", "null"],
        "description": "With --requests: its API requests; null where its run's folder is not here",
        "items": of("request", "One of them"),
    },
    "not_sent": null_or(text("With --requests: why a request was held back"), "for none"),
}
_LOGGED_CALL = call(**_LOGGED)
_LOGGED_CALL["properties"] |= _WITH_REQUESTS
_ISSUE = shape(
    "One thing that is wrong",
    {
        "severity": text("How bad it is", *get_args(Severity)),
        "code": text("A stable name of its kind"),
        "path": text("The file, from the project's root"),
        "line": null_or(count("The line, from 1", 1), "for the whole file"),
        "message": text("What is wrong"),
        "fix": text('What to do; "" where the message says it'),
    },
)
_MENDED = shape(
    "A file that --fix has mended",
    {"path": text("The file"), "notes": listed(text("A change"), "What was mended")},
)
_PLACED = call(
    day=text("The UTC day of its first request, as 2026-11-22"),
    branch=null_or(text("The git branch"), "where the log does not say it"),
    cwd=null_or(text("The folder it was in"), "where the log does not say it"),
    last_at=time("When its last request ended"),
    change_id=null_or(text("The change it goes to"), "where none is named"),
    is_correction=flag("Whether it was imported before and has grown since"),
)
_FIGURES = shape(
    "The figures of a call",
    {key: CALL[key] for key in ("model", "tokens_in", "tokens_out", "cost_usd")},
    {
        key: value
        for key, value in {**CALL, "models": OPTIONAL_MODELS}.items()
        if key.startswith(("tokens", "cost", "accuracy", "why", "usage", "requests", "models"))
        and key not in ("tokens_in", "tokens_out", "cost_usd")
    },
)
_CORRECTION = shape(
    "A call that was corrected",
    {
        "change_id": CHANGE_ID,
        "id": CALL["id"],
        "before": of("figures", "Its figures before"),
        "now": of("figures", "Its figures now"),
    },
)

CHANGES = {
    "status": Answer(
        "agentd status",
        (
            answer(
                "Where a change stands and what it cost",
                {
                    **_OVERVIEW_FIELDS,
                    "not_imported": of("not_imported", "Sessions that no ledger has"),
                },
                problem=PROBLEM,
            ),
            answer(
                "With --all: each open change",
                {"changes": listed(of("overview", "A change"), "The open changes")},
            ),
        ),
        {"overview": _OVERVIEW, **_OVERVIEW_DEFS},
    ),
    "list": Answer(
        "agentd list",
        (
            answer(
                "All changes, open ones first",
                {
                    "changes": listed(of("overview", "A change"), "The changes"),
                    "warnings": listed(text("A warning"), "What is odd about them"),
                },
            ),
            answer(
                "With --specs: the main specs",
                {"specs": listed(of("spec", "A spec"), "The main specs, by path")},
            ),
        ),
        {"overview": _OVERVIEW, "spec": _SPEC, **_OVERVIEW_DEFS},
    ),
    "show": Answer(
        "agentd show",
        (
            answer(
                "What a change says",
                {
                    "change_id": CHANGE_ID,
                    "path": PATH,
                    "archived_on": ARCHIVED_ON,
                    "proposal": null_or(text("proposal.md"), "where there is none"),
                    "tasks": listed(of("task", "A task"), "The tasks of tasks.md"),
                    "deltas": listed(of("delta", "A requirement"), "What it does to the specs"),
                    "verdicts": listed(of("verdict", "A verdict"), "What its judges said last"),
                    "diffs": {
                        "type": ["array", "null"],
                        "description": "With --diff: what it would make of the main specs; else "
                        "null",
                        "items": of("diff", "A spec"),
                    },
                },
                problem=text("Why its specs can't be read; only where they can't"),
            ),
        ),
        {"task": _TASK, "delta": _DELTA, "verdict": _VERDICT, "diff": _DIFF},
    ),
    "log": Answer(
        "agentd log",
        (
            answer(
                "What happened to a change",
                {
                    "change_id": CHANGE_ID,
                    "path": PATH,
                    "calls": listed(of("call", "A call"), "Its calls, in order"),
                    "budget_warnings": listed(of("warning", "A warning"), "The budget warnings"),
                    "budget_reset_after": listed(
                        text("A call's id"), "The calls after which the budget was reset"
                    ),
                    "approvals": listed(of("approval", "A gate"), "The gates that were passed"),
                },
            ),
        ),
        {
            "call": _LOGGED_CALL,
            "model": MODEL,
            "request": _REQUEST,
            "warning": _GIVEN_WARNING,
            "approval": _APPROVAL,
        },
    ),
    "validate": Answer(
        "agentd validate",
        (
            answer(
                "What is wrong with documents and ledgers",
                {
                    "change_id": null_or(CHANGE_ID, "for all"),
                    "ok": flag("Whether nothing is wrong"),
                    "strict": flag("Whether warnings count as errors (--strict)"),
                    "errors": count("How many errors"),
                    "warnings": count("How many warnings"),
                    "infos": count("How many notes"),
                    "issues": listed(of("issue", "An issue"), "What is wrong, by path and line"),
                    "mended": listed(of("mended", "A file"), "What --fix has mended"),
                },
            ),
        ),
        {"issue": _ISSUE, "mended": _MENDED},
    ),
    "import": Answer(
        "agentd import",
        (
            answer(
                "What was done in the CLIs by hand",
                {
                    "calls": listed(of("call", "A call"), "What no ledger has yet"),
                    "written": listed(text("A call's id"), "The calls that were recorded now"),
                    "imported_before": count("Calls that were imported before"),
                    "total_cost_usd": usd("What the calls cost, unpriced ones left out"),
                    "total_tokens_in": count("All their input tokens"),
                    "total_tokens_out": count("All their output tokens"),
                    "unpriced": count("How many of them have no price"),
                },
            ),
            answer(
                "With --jsonl: what the lines of a file have added to the ledgers",
                {
                    "changes": listed(of("lines_of", "A change"), "Those that the lines name"),
                    "there_before": count("Calls that their ledgers have already"),
                    "dry_run": flag("Whether it only says what would be recorded: --dry-run"),
                },
            ),
        ),
        {"call": _PLACED, "model": MODEL, "lines_of": _LINES_OF},
    ),
    "reconcile": Answer(
        "agentd reconcile",
        (
            answer(
                "Calls that were read again",
                {
                    "looked_at": count("How many calls were read again"),
                    "corrected": listed(of("correction", "A call"), "The corrected ones"),
                    "written": flag("Whether they were written: false with --dry-run"),
                },
            ),
        ),
        {"correction": _CORRECTION, "figures": _FIGURES, "model": MODEL},
    ),
}
