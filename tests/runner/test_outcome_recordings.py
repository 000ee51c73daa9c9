"""What the real CLIs printed and logged is what was served, or is marked: no recording is wrong."""

from __future__ import annotations

import pytest
from support.recordings import FIXTURES, RECORDINGS, Recording, recording

from agentd.metering.usage import ModelUsage
from agentd.providers import PROVIDERS
from agentd.providers.output import parse_output
from agentd.runner.outcome import outcome_of
from agentd.runner.told_by_cli import Outcome, Sources

# The API told 57 tokens at the end of this answer, and noted 7.
WRONG_TRUTH = "thinking_tokens_json"


def outcome(r: Recording) -> Outcome:
    parsed = parse_output(r.stdout, PROVIDERS[r.cli].cli())
    resumed = "resume" in r.folder.name
    return outcome_of(Sources(parsed=parsed, resumed=resumed, sent="{" in r.stdout))


def totals(r: Recording, usage: ModelUsage) -> list[tuple[int, ...]]:
    """What was served and what was found, alike but for what gemini's formats do not split."""
    names = ["input_tokens", "output_tokens", "cache_creation_input_tokens"]
    if r.cli != "gemini" or '"cached"' in r.stdout:
        names.append("cache_read_input_tokens")
    served, found = [r.total(name) for name in names], [getattr(usage, name) for name in names]
    if r.cli == "gemini":  # thoughts and the prompts of tools are one rest in stream-json
        tools = r.total("tool_prompt_tokens")
        served[:2], found[:2] = [served[0] + served[1] + tools], [found[0] + found[1]]
    return [tuple(served), tuple(found)]


@pytest.mark.parametrize("r", RECORDINGS, ids=lambda r: r.id)
def test_what_is_called_exact_is_what_was_served(r: Recording) -> None:
    got = outcome(r)
    assert (got.accuracy == "exact") == (got.why is None)
    if got.accuracy == "exact" and r.folder.name != WRONG_TRUTH:
        served, found = totals(r, got.usage)
        assert found == served


def test_most_recordings_are_exact() -> None:
    """codex and opencode without their logs are not: subagents are not on stdout."""
    logless = ("0.58.0", "0.169.0", "1.18.33")
    complete = [r for r in RECORDINGS if r.shows == "complete" and r.version not in logless]
    marked = {r.id for r in complete if outcome(r).why}
    assert marked == {
        "claude-1.0.76-err401_json",  # this version shows its main loop alone
        "codex-0.34.0-err_mid_500_json",  # its last words are an error
        "pi-1.6.0-sigint_in_tool",  # its log tells that nothing was under way
        "pi-1.6.0-sigkill_in_tool",
        "qwen-0.24.4-sigint_in_tool",
        "qwen-0.24.4-sigkill_in_tool",
    }


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("claude/2.1.330/stream_cut_then_ok_stream_json_partial", "answer cut after 1 tokens"),
        ("claude/2.1.330/no_usage_stream_json_partial", "an answer came without usage"),
        (
            "claude/2.1.330/stream_cut_then_ok_json",
            "it counts more than its main loop: a side call, or an answer that was cut",
        ),
        ("claude/2.0.45/max_turns_json", "a side call may have been under way at its end"),
        ("claude/1.0.76/subagent_json", "this version tells the usage of its main loop alone"),
        ("claude/2.1.330/sigterm_stream_json_partial", "answer cut after 1 tokens"),
        ("codex/0.169.0/stream_cut_then_ok_json", "an answer was cut"),
        ("codex/0.169.0/stream_cut_json", "an answer was cut; input is estimated"),
        ("codex/0.169.0/subagent_json", "the log of a subagent is missing"),
        (
            "codex/0.169.0/tool_json",
            "its session log, which alone tells of subagents, is missing",
        ),
        ("codex/0.169.0/no_usage_json", "an answer came without usage; input is estimated"),
        ("codex/0.169.0/session_resume_json", "what earlier runs of its session used is not known"),
        ("gemini/0.61.0/stream_cut_stream_json", "an answer was cut"),
        ("gemini/0.61.0/sigterm_group_stream_json", "it told nothing of its usage"),
    ],
)
def test_what_is_not_known_is_told(path: str, why: str) -> None:
    got = outcome(recording(path))
    assert (got.accuracy, got.why) == ("heuristic", why)


def test_the_manual_lists_every_reason() -> None:
    manual = (FIXTURES.parent / "docs" / "clis.md").read_text()
    told = {part for r in RECORDINGS if (why := outcome(r).why) for part in why.split("; ")}
    cut = {why for why in told if why.startswith("answer cut after") or why.endswith("answers cut")}
    assert {why for why in told - cut if f"`{why}`" not in manual} == set()
    assert cut
