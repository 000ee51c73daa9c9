"""A call as the ledger and the commands have it, and STATE.yaml."""

from __future__ import annotations

from typing import get_args

from generate.schemas.parts import (
    Schema,
    by_name,
    count,
    document,
    flag,
    listed,
    null_or,
    of,
    shape,
    text,
    time,
    usd,
    word,
)

from agentd.config.model import STEP_NAMES
from agentd.ledger.call_keys import KEYS, MODEL_KEYS, MODEL_REQUIRED
from agentd.metering.words import MANUAL, Accuracy, CallStatus, CostSource, UsageSource
from agentd.project.phases import PHASES

VERSION = "2.0"
CALL: dict[str, Schema] = {
    "id": text("The call's id, unique; a call is entered once, however often that is tried"),
    "step": word(
        "The step it was made for, or manual: what a person did in a CLI", *STEP_NAMES, MANUAL
    ),
    "provider": text("The CLI that was run, such as claude, codex or gemini"),
    "model": text("The model that answered; the one asked for when the CLI names none"),
    "status": word("How it ended", *get_args(CallStatus)),
    "tokens_in": count("All input tokens, cached ones included"),
    "tokens_out": count("All output tokens, reasoning included"),
    "tokens_cache_read": count("The part of tokens_in that was read from a cache"),
    "tokens_cache_write": count("The part of tokens_in that was written to a cache"),
    "tokens_cache_write_1h": count("The part of tokens_cache_write in a one-hour cache"),
    "tokens_reasoning": count("The part of tokens_out that was reasoning"),
    "cost_usd": usd("What it cost, exactly; 0 where no price is known (cost_source none)"),
    "cost_source": word("Where the price is from", *get_args(CostSource)),
    "accuracy": word("How sure its figures are", *get_args(Accuracy)),
    "why": text("What is not known, where accuracy is not exact"),
    "usage_source": word("Where its usage was read", *get_args(UsageSource)),
    "requests": count("How many API requests it made, where that is known"),
    "web_searches": count("Searches that the API billed by themselves"),
    "price_variant": text("What changed the price, such as speed=fast"),
    "threads": text(
        "What other threads than the main one used, such as subagent=1200/30/600/0.0012: input, "
        "output and cached tokens, cost in USD"
    ),
    "duration_ms": count("How long it took, in milliseconds"),
    "timestamp": time("When it began"),
    "session_id": text("The CLI's session"),
    "budget": word("That a person let it go beyond a limit", "overridden"),
    "amended": time("When import or reconcile corrected it"),
}
OPTIONAL_MODELS = listed(
    of("model", "One of the models"), "Each model by itself, where several answered"
)
MODEL = shape(
    "What one of several models used",
    {key: CALL[key] for key in MODEL_REQUIRED},
    {key: CALL[key] for key in MODEL_KEYS if key not in MODEL_REQUIRED},
)
# What agentd itself always writes; calls of the original agentd lack some of them.
ALWAYS = ("step", "model", "tokens_in", "tokens_out", "cost_usd")
assert {*CALL, "models"} == {*KEYS}


def call(**more: Schema) -> Schema:
    """A call, with fields that a command adds."""
    return shape(
        "One run of a CLI",
        {**{key: CALL[key] for key in ALWAYS}, **more},
        {**{key: CALL[key] for key in CALL if key not in ALWAYS}, "models": OPTIONAL_MODELS},
    )


_CHECKSUM = shape(
    "A document as it was validated",
    {},
    {
        "hash": text("Its hash, such as sha256:9f86d0..."),
        "validated_at": time("When it was validated"),
    },
)
_VALIDATION = shape(
    "A validation by the original agentd",
    {},
    {
        "step": text("The step it was for"),
        "mode": text("How it was made, such as strict"),
        "valid": flag("Whether the documents were valid"),
        "timestamp": time("When it was made"),
    },
)
_TELEMETRY = shape(
    "The calls and their sums, which are summed anew at every write",
    {},
    {
        "calls": {
            "type": ["array", "null"],
            "description": "The calls, in the order in which they were entered",
            "items": of("call", "One run of a CLI"),
        },
        "total_cost_usd": usd("What all calls cost"),
        "total_tokens_in": count("All input tokens of all calls"),
        "total_tokens_out": count("All output tokens of all calls"),
    },
)
_STATE = shape(
    "Where a change stands and what its calls cost. A newer agentd may write more keys, phases and "
    "words; the original agentd wrote fewer.",
    {"phase": word("Where the change is", *PHASES)},
    {
        "change_id": text("The change's id, its folder's name"),
        "schema_version": text("The version of this layout", pattern=r"^2\.\d+$"),
        "created_at": time("When the change was begun"),
        "updated_at": time("When agentd last wrote here"),
        "iteration": null_or(count("The round of its loop, from 1"), "before the first"),
        "last_action": null_or(text("The step that ended last"), "before the first"),
        "session_id": null_or(text("A field of the original agentd, kept"), "elsewhere"),
        "checksums": by_name(of("checksum", "A document"), "A field of the original agentd, kept"),
        "validations": listed(of("validation", "One of them"), "A field of the original, kept"),
        "checks": word(
            "What the project's own checks came to the last time", "passed", "failed", "skipped"
        ),
        "approvals": text(
            "The gates that a person has passed, each with its time, a space between: "
            "plan@2026-11-30T12:00:00Z"
        ),
        "feedback": text("What a person has said and no step has got yet"),
        "budget_warned": text("The budget warnings that were given, a space between"),
        "budget_reset_calls": count("How many of the calls came before the budget was reset"),
        "budget_reset_after": text("The id of the last of these calls"),
        "budget_warned_before": text(
            "The warnings before each reset, and `reset@` with the last call's id behind them"
        ),
        "telemetry": null_or(of("telemetry", "The calls and their sums"), "before the first"),
    },
)


def state() -> Schema:
    """STATE.yaml."""
    return document(
        "state",
        "STATE.yaml",
        VERSION,
        _STATE,
        telemetry=_TELEMETRY,
        call=call(),
        model=MODEL,
        checksum=_CHECKSUM,
        validation=_VALIDATION,
    )
