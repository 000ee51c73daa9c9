"""Every recording parses to what was served."""

from __future__ import annotations

import pytest
from support.recordings import RECORDINGS, Recording, recording, recordings

from agentd.errors import ParseError
from agentd.metering.usage import ModelUsage, UsageMetrics, subtract
from agentd.providers import PROVIDERS, LlmProvider
from agentd.providers.output import parse_output, parse_usage_from_output

FIELDS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


def by_id(r: Recording) -> str:
    return r.id


def parse(r: Recording) -> UsageMetrics:
    return parse_usage_from_output(r.stdout, LlmProvider(r.cli))


def streamed_gemini(r: Recording) -> bool:
    return r.cli == "gemini" and "stream-json" in r.argv


def expected_of(r: Recording, served: dict[str, int]) -> dict[str, int]:
    """What was served, inclusive: the prompts of server-side tools are input too.

    gemini's stream-json gives thoughts and tool prompts as one rest, which counts as output; that
    of 0.17 does not tell cached tokens.
    """
    expected = {field: served.get(field, 0) for field in FIELDS}
    if streamed_gemini(r) and '"cached"' not in r.stdout:
        expected["cache_read_input_tokens"] = 0
    into = "output_tokens" if streamed_gemini(r) else "input_tokens"
    expected[into] += served.get("tool_prompt_tokens", 0)
    return expected


def counts(usage: ModelUsage) -> dict[str, int]:
    return {field: getattr(usage, field) for field in FIELDS}


def test_all_recordings_are_here() -> None:
    assert len(RECORDINGS) == 326


@pytest.mark.parametrize("r", recordings("complete"), ids=by_id)
def test_complete_recording_equals_what_was_served(r: Recording) -> None:
    usage = parse(r)
    totals = {f: sum(expected_of(r, s)[f] for s in r.served.values()) for f in FIELDS}
    assert counts(usage) == totals
    names_models = r.cli == "claude" or '"models"' in r.stdout  # codex and gemini 0.17 do not
    if usage.by_model or (names_models and r.served):
        assert {m: counts(u) for m, u in usage.by_model.items()} == {
            model: expected_of(r, served) for model, served in r.served.items()
        }
    if r.cli == "codex" and "reasoning_output_tokens" in r.stdout:
        assert usage.reasoning_output_tokens == r.total("reasoning_output_tokens")
    if r.cli == "gemini":
        tools = r.total("tool_prompt_tokens") if streamed_gemini(r) else 0
        assert usage.reasoning_output_tokens == r.total("reasoning_output_tokens") + tools


@pytest.mark.parametrize("r", recordings("partial"), ids=by_id)
def test_partial_recording_never_shows_more_than_was_served(r: Recording) -> None:
    usage = parse(r)
    assert usage.input_tokens > 0
    for model, part in usage.by_model.items() or [("", usage)]:
        for field in FIELDS:
            served = r.served[model].get(field, 0) if model else r.total(field)
            assert 0 <= getattr(part, field) <= served


@pytest.mark.parametrize("r", recordings("none"), ids=by_id)
def test_recording_without_usage_raises(r: Recording) -> None:
    with pytest.raises(ParseError, match=f"no usage in the output of {r.cli}"):
        parse(r)


@pytest.mark.parametrize("r", recordings("none_served_none"), ids=by_id)
def test_nothing_served_is_zero_or_an_error(r: Recording) -> None:
    assert r.served == {}
    try:
        usage = parse(r)
    except ParseError:
        return
    assert usage.counts() == (0,) * 6


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("codex/0.169.0/session_resume_json", "codex/0.169.0/session_first_json"),
        ("codex/0.169.0/session_resume2_json", "codex/0.169.0/session_resume_json"),
    ],
)
def test_running_total_is_right_after_subtraction(path: str, before: str) -> None:
    r = recording(path)
    parsed = parse_output(r.stdout, PROVIDERS["codex"].cli())
    earlier = parse(recording(before))
    assert parsed.running_total
    assert parsed.usage is not None
    assert parsed.session_id == earlier.session_id
    assert counts(subtract(parsed.usage, earlier)) == {f: r.total(f) for f in FIELDS}


def test_running_total_over_a_text_run_in_between() -> None:
    """session_resume3_text printed no usage: the next total holds its tokens and the run's own."""
    r = recording("codex/0.169.0/session_resume_stdin_json")
    text = recording("codex/0.169.0/session_resume3_text")
    earlier = parse(recording("codex/0.169.0/session_resume2_json"))
    both = {f: r.total(f) + text.total(f) for f in FIELDS}
    assert counts(subtract(parse(r), earlier)) == both


@pytest.mark.parametrize(
    "r", [r for r in recordings("differs", cli="claude") if r.version == "1.0.76"], ids=by_id
)
def test_old_claude_counts_twice_in_json_and_once_by_its_messages(r: Recording) -> None:
    usage = parse(r)
    main = r.served.get("claude-sonnet-4-20250514", {})
    if "stream-json" in r.argv or "--verbose" in r.argv:
        assert usage.input_tokens <= r.total("input_tokens")
    else:
        assert usage.input_tokens >= main.get("input_tokens", 0)


def test_thinking_tokens_of_claude_are_reasoning_inside_output() -> None:
    usage = parse(recording("claude/2.1.330/thinking_tokens_json"))
    assert (usage.output_tokens, usage.reasoning_output_tokens) == (57, 43)


def test_price_invented_for_an_unknown_model_is_not_reported() -> None:
    known = parse(recording("claude/2.1.330/model_alias_json"))
    unknown = parse(recording("claude/2.1.330/model_unknown_json"))
    assert str(known.reported_cost_usd) == "0.000027315"
    assert unknown.reported_cost_usd is None
