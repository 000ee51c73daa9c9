"""What the commands print that sum up, audit, forecast, price and count."""

from __future__ import annotations

from typing import Any, get_args

from generate.schemas.changes import CHANGE_ID, NOT_IMPORTED, PARTIAL_BECAUSE
from generate.schemas.parts import (
    Answer,
    Schema,
    answer,
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
)

from agentd.cli.cost import DIMENSIONS
from agentd.metering.rates import PRICE_UNITS
from agentd.metering.words import Accuracy
from agentd.reports.audit.problems import Check
from agentd.version import JSON_VERSION

_SUMS = {
    "calls": count("How many calls"),
    "failed": count("Calls that did not end ok"),
    "local": count("Calls that a model on the user's machine answered, for nothing"),
    "unpriced": count("Calls whose tokens have no known price: cost_usd is without them"),
    "tokens_in": count("All input tokens, cached ones included"),
    "tokens_out": count("All output tokens, reasoning included"),
    "tokens_cache_read": count("The part of tokens_in that was read from a cache"),
    "cost_usd": usd("What they cost"),
    "partial": count("Calls of whose usage something is not known"),
    "web_searches": count("Searches that the API billed by themselves, part of cost_usd"),
    "estimated": count("Partial calls that may have used less than is summed"),
}
_NAMES = {
    name: null_or(text(f"With --by {name}: the group's {name}"), "where nobody knows")
    for name in DIMENSIONS
}


def _signed(fields: dict[str, Schema]) -> dict[str, Schema]:
    """The same for differences, which may be negative."""
    return {
        name: {key: value for key, value in field.items() if key != "minimum"}
        for name, field in fields.items()
    }


def _report(sums: str, group: str) -> dict[str, Schema]:
    return {
        "scope": text("Which calls these are, such as change add-oauth"),
        "by": listed(text("A dimension", *DIMENSIONS), "What the groups are by"),
        "groups": listed(of(group, "A group"), "The groups, the costliest first"),
        "total": of(sums, "The sum of every call once"),
    }


_DAY = shape("A day", {"day": text("As 2026-11-22"), "cost_usd": usd("What it cost")})
_REPLAY = shape(
    "The same forecast, made for each earlier run from what was before it",
    {
        "replayed": count("How many were forecast"),
        "within": count("How many of them lay in their range"),
        "expected": number("How many were expected to", minimum=0),
        "median_error_percent": null_or(
            number("By how much the middle missed, in percent, in the median", minimum=0),
            "where most cost nothing",
        ),
    },
)


def _range(unit: str) -> Schema:
    return shape(
        f"Where it will probably lie, in {unit}",
        {
            "low": number(f"The low end, in {unit}", minimum=0),
            "middle": number(f"The middle, in {unit}", minimum=0),
            "high": number(f"The high end, in {unit}", minimum=0),
            "samples": count("How many earlier ones it is from"),
            "expected": number("The share of future ones that should lie in it, 0 to 1", minimum=0),
            "alike_in": listed(text("A trait"), "What the earlier ones have in common with it"),
            "replay": _or_null("replay", "How well it forecast the past", "without enough history"),
        },
    )


def _or_null(name: str, told: str, when: str) -> Schema:
    return null_or(of(name, told), when)


_RANGES = {
    "cost_usd": _or_null("range_usd", "The range in USD", "without enough priced runs"),
    "tokens": _or_null("range_tokens", "The range in tokens", "without enough runs"),
}
_NEXT = shape(
    "The next step",
    {
        "step": text("The step"),
        "provider": null_or(text("The CLI that will run it"), "where none can"),
        "model": null_or(text("Its model"), "where the CLI chooses"),
        "prompt_bytes": null_or(count("The length of its prompt, in bytes"), "where not known"),
        "earlier_runs": count("Earlier runs of the step"),
        "unpriced_runs": count("Those of them without a price"),
        **_RANGES,
    },
)
_REST = shape(
    "All that is to come",
    {"archived_changes": count("Archived changes it is told from"), **_RANGES},
)
_ACCOUNT = shape(
    "A budget",
    {
        "key": text("Its key in config.toml, such as budget.project"),
        "shown": text("Its name for people"),
        "left_usd": null_or(number("What is left, in USD"), "without a limit in USD"),
        "left_tokens": null_or(
            {"type": "integer", "description": "Tokens that are left"}, "without a limit in tokens"
        ),
        "outlooks": listed(of("outlook", "A limit"), "What will become of each of its limits"),
    },
)
_TOO_LITTLE = "with too little history"
_OUTLOOK = shape(
    "What will become of a limit, if things go on as they did",
    {
        "unit": text("What it is in", "usd", "tokens"),
        "limit": number("The limit", minimum=0),
        "left": number("What is left of it", minimum=0),
        "source": text("What tells it: archived changes, or the project's days", "changes", "days"),
        "samples": count("How many of these there are"),
        "needed": count("How many it takes"),
        "until": text('The end that is looked at: "the archive", or the last day'),
        "lasts": null_or(
            number("The share of cases in which it lasts until then, 0 to 1", minimum=0),
            _TOO_LITTLE,
        ),
        "used_up_on": null_or(
            text("The day on which a project's limit is used up: the median"),
            "where it lasts in most cases, or of a change",
        ),
        "used_up_after_calls": null_or(
            count("After so many more calls a change's limit is used up, where it is: the median"),
            "where it lasts in all cases, or of a project",
        ),
        "enough": null_or(
            number("The limit that would do in 90 % of cases", minimum=0), _TOO_LITTLE
        ),
    },
)
_AUDITED: Schema = {"type": ["number", "string", "object", "null"]}
_FINDING = shape(
    "One thing that is off, or a note",
    {
        "check": text("What was checked", *get_args(Check)),
        "change_id": CHANGE_ID,
        "path": text("The ledger, from the project's root"),
        "number": null_or(count("The call's place in it, from 1", 1), "for no call of it"),
        "call_id": null_or(text("The call's id"), "for calls without one"),
        "message": text("What is off"),
        "recorded": {
            **_AUDITED,
            "description": "What is recorded: USD, tokens, a text, or counts by name; null for "
            "nothing",
        },
        "expected": {**_AUDITED, "description": "What was expected, in the same form"},
        "fix": text('What to do; "" where there is nothing to do'),
    },
)
_PRICED_PARTS = {
    "cost_per_1m_input": "The price of input",
    "cost_per_1m_output": "The price of output",
    "cost_per_1m_cache_read": "The price of input that is read from the cache",
    "cost_per_1m_cache_write": "The price of input that is written to the cache",
    "cost_per_1m_cache_write_1h": "The price of input that is written to a one-hour cache",
    "cost_per_1k_web_searches": "The price of web searches",
}
_PRICES: dict[str, Schema] = {
    key: number(f"{_PRICED_PARTS[key]}, in {unit}", minimum=0) for key, unit in PRICE_UNITS.items()
}
_PRICES["cost_per_1k_web_searches"] = null_or(
    _PRICES["cost_per_1k_web_searches"], "where it is not known"
)
_ORIGIN: dict[str, Schema] = {
    "source": text("Where the price is from", "config", "catalog"),
    "catalog": null_or(text("The catalogue's version"), "for a price of the config"),
    "model": text("The model that it is the price of"),
    "since": null_or(text("The day from which on it holds"), "where it always did"),
}
_ACCURACY = text("How exactly its tokens are counted", *get_args(Accuracy))
_MODEL = text("The model's full name, such as openai/gpt-4o")
_COUNTED: dict[str, Schema] = {
    "tokens_input": count("The tokens of what was counted"),
    "tokens_output": count("Output tokens: the line's own; 0 where it has none, and of a text"),
    "tokenizer": text("What counted: an encoding, or an estimate"),
    "accuracy": _ACCURACY,
    "approximate": flag(
        "Whether the count is not exact, the price unknown, or a part was not counted"
    ),
}
_COSTS: dict[str, Schema] = {
    f"cost_{part}usd": null_or(usd(told), "without a price")
    for part, told in (
        ("input_", "What the input costs"),
        ("output_", "What the output costs"),
        ("", "What all of it costs"),
    )
}
_TOKENS: dict[str, Schema] = {
    "model": _MODEL,
    "provider": text("Who makes the model"),
    "display_name": text("The model's name for people"),
    "encoding": null_or(text("OpenAI's encoding"), "for models without one"),
    **_COUNTED,
    "tokens": count("The same as tokens_input"),
    "cost_input_usd": _COSTS["cost_input_usd"],
    "cost_usd": _COSTS["cost_usd"],
    "cost_source": text("Where the price is from", "config", "catalog", "none"),
}
_PRICED: dict[str, Schema] = {
    "model": _MODEL,
    "provider": text("Who makes the model"),
    "at": time("The time whose prices these are"),
    **{
        f"tokens_{name}": number(f"{told}; halves where --tokens was split", minimum=0)
        for name, told in (
            ("input", "All input tokens"),
            ("output", "All output tokens"),
            ("cache_read", "Input tokens read from the cache"),
            ("cache_write", "Input tokens written to the cache"),
            ("cache_write_1h", "Those of them in a one-hour cache"),
            ("total", "Input and output tokens"),
        )
    },
    "web_searches": count("Web searches that the API makes"),
    "price_variant": null_or(text("What changes the price, as speed=fast"), "for nothing"),
    "tokens_source": text("Where the counts are from", "given", "counted", "split"),
    "tokenizer": null_or(text("What counted"), "unless a text was counted"),
    "accuracy": _ACCURACY,
    "approximate": flag("Whether the cost is not known to the last digit"),
    **_COSTS,
    "cost_web_search_usd": null_or(usd("What the web searches cost"), "without a price"),
    "price": _or_null("price", "The price of it", "where none is known"),
}
_LISTED_MODEL = shape(
    "A model",
    {
        "name": _MODEL,
        "display_name": text("Its name for people"),
        "provider": text("Who makes it"),
        "accuracy": _ACCURACY,
        "encoding": null_or(text("OpenAI's encoding"), "for models without one"),
        "tokenizer": text("What counts its tokens"),
        "price": _or_null("price", "Its price", "where none is known"),
    },
)
_TIER = shape(
    "A price for long input", {"above": count("For input of more tokens than this"), **_PRICES}
)
_SUMMARY: dict[str, Schema] = {
    "lines_total": count("All lines that were read, blank ones left out"),
    "lines_failed": count("Bad lines"),
    "lines_unpriced": count("Lines without a price"),
    "tokens_input": count("Input tokens of the lines written"),
    "tokens_output": count("Output tokens of the lines written"),
    "tokens_total": count("Both"),
    "model": null_or(text("The model of all lines"), "where there were several, or none"),
    "accuracy": text("That of the weakest line", *get_args(Accuracy)),
    "approximate": flag("Whether any line is approximate"),
    "quota_hit": flag("Whether a quota ended the run"),
    "ended_by": null_or(text("What ended it before the end of the input"), "for its end"),
}

MONEY: dict[str, Any] = {
    "cost": Answer(
        "agentd cost",
        (
            answer(
                "What was spent",
                {
                    **_report("sums", "group"),
                    "days": listed(of("day", "A day"), "Each day from the first call to the last"),
                },
                partial_because=PARTIAL_BECAUSE,
                not_imported=of("not_imported", "Sessions that no ledger has"),
                problems=listed(text("A ledger"), "Ledgers that can't be read, and why"),
                base=shape("With --base: what was spent there", _report("sums", "group")),
                more=shape("With --base: what is more now", _report("more_sums", "more_group")),
            ),
            answer(
                "With --forecast: what is to come",
                {
                    "change_id": CHANGE_ID,
                    "next": _or_null("next", "The next step", "where none is left"),
                    "rest": _or_null("rest", "All that is to come", "where no step is left"),
                    "budget": listed(of("account", "A budget"), "What is left of each budget"),
                },
                problems=listed(text("A ledger"), "Ledgers that can't be read, and why"),
            ),
        ),
        {
            "sums": shape("Sums of some calls", _SUMS),
            "group": shape("The calls that share these names", _SUMS, _NAMES),
            "more_sums": shape("Differences, negative where less", _signed(_SUMS)),
            "more_group": shape("The difference of a group", _signed(_SUMS), _NAMES),
            "day": _DAY,
            "not_imported": NOT_IMPORTED,
            "next": _NEXT,
            "rest": _REST,
            "range_usd": _range("USD"),
            "range_tokens": _range("tokens"),
            "replay": _REPLAY,
            "account": _ACCOUNT,
            "outlook": _OUTLOOK,
        },
    ),
    "cost-audit": Answer(
        "agentd cost audit",
        (
            answer(
                "Whether what was recorded is right",
                {
                    "change_id": null_or(CHANGE_ID, "for all"),
                    "ok": flag("Whether nothing is off; notes don't count"),
                    "changes": count("How many ledgers were looked at"),
                    "calls": count("How many calls were looked at"),
                    "recorded_too_much_usd": usd("By how much costs are too high"),
                    "recorded_too_little_usd": usd("By how much costs are too low"),
                    "findings": listed(of("finding", "A difference"), "What is off"),
                    "notes": listed(of("finding", "A note"), "What may well be right"),
                },
            ),
        ),
        {"finding": _FINDING},
    ),
    "price": Answer(
        "agentd price",
        (
            answer(
                "What an API request costs",
                _PRICED,
                error=of("error", "That no price is known, with exit code 1"),
            ),
        ),
        {
            "price": shape(
                "A price",
                {
                    **_ORIGIN,
                    **_PRICES,
                    "above": null_or(
                        count("It is the one for input of more tokens than this"),
                        "at the usual price",
                    ),
                },
            )
        },
    ),
    "models": Answer(
        "agentd models",
        (
            answer(
                "Models with their prices",
                {
                    "catalog": text("The catalogue's version"),
                    "at": time("The time whose prices these are"),
                    "models": listed(of("model", "A model"), "Those of the config come first"),
                },
            ),
        ),
        {
            "model": _LISTED_MODEL,
            "price": shape(
                "A price",
                {
                    **_ORIGIN,
                    **_PRICES,
                    "tiers": listed(of("tier", "A tier"), "The prices for long input"),
                },
            ),
            "tier": _TIER,
        },
    ),
    "tokens": Answer(
        "agentd tokens",
        (
            answer("The tokens of a text, by one model", _TOKENS),
            answer(
                "With several --model: by each of them",
                {
                    "models": listed(
                        of("counted", "A model"), "A count for each, as they were named"
                    )
                },
            ),
        ),
        {"counted": shape("The tokens of a text, by one model", _TOKENS)},
    ),
    "pipe-line": Answer(
        "agentd pipe",
        (
            shape(
                "What is added to a line's own object; costs not with --mode tokens",
                {"model": _MODEL, **_COUNTED},
                _COSTS,
            ),
        ),
        can_fail=False,
    ),
    "pipe-summary": Answer(
        "agentd pipe --summary-format json",
        (
            shape(
                "The totals, in one line on stderr; costs not with --mode tokens",
                {"version": text("The version of this document", JSON_VERSION), **_SUMMARY},
                {
                    "cost_input_usd": usd("What the input of the lines written costs"),
                    "cost_output_usd": usd("What their output costs"),
                    "cost_usd": usd("What all of it costs"),
                },
            ),
        ),
        can_fail=False,
    ),
}
