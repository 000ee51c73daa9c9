"""Documents that are too long for an HTTP API's prompt: carried from their beginning."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.chat_api import answer_of, chat_api, prompt_of
from support.http_box import KEY, box_at
from support.workspace import PROPOSAL, SPEC

from agentd.metering.tokens.estimates import estimate
from agentd.workflow.prompts.carried import beginning

_LINE = "The system greets.\n"


@pytest.mark.parametrize(
    ("text", "first", "last", "shown"),
    [
        (_LINE * 100_000, _LINE, "", "characters"),  # 1.9 MB
        ("x" * 30_000 + "\n" + _LINE, "x" * 1000, "", "characters"),
        ("# Old\n" + _LINE * 9000 + "The end.\n", "# Old\n", "The end.", "of 9002 lines"),
    ],
    ids=["of 2 MB", "of one line", "of many lines"],
)
def test_the_beginning_is_carried_and_the_rest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, first: str, last: str, shown: str
) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)
    files = "".join(
        f'<file path="agentd/changes/x/{name.removeprefix("change/")}">\n{document}</file>\n'
        for name, document in PROPOSAL.items()
    )
    with chat_api(answer_of(files)) as api:
        box = box_at(tmp_path, api.url, more="context_tokens = 8000")
        (box.root / "agentd/specs/login.md").write_text(SPEC)
        (box.root / "agentd/specs/old.md").write_text(text)
        box.ok("proposal", "x", "Log in", "--provider", "local")
        prompt = prompt_of(api.asked[0])
    assert 5000 < estimate(prompt, "generic-estimate") <= 6000
    assert "### `agentd/specs/login.md`\n" in prompt
    [title] = [line for line in prompt.splitlines() if line.startswith("### `agentd/specs/old.md`")]
    assert title.endswith(shown)
    assert first in prompt
    assert not last or last not in prompt
    assert (
        "Left out, as they do not fit: the rest of `agentd/specs/old.md`, `git ls-files`." in prompt
    )


def test_the_beginning_of_a_text_is_whole_lines_or_a_part_of_the_first() -> None:
    assert beginning("a b\nc d\n", 1000) == ("a b\nc d\n", 2)
    assert beginning("", 1000) == ("", 0)
    text, lines = beginning("word " * 1000 + "\nnext\n", 100)
    assert lines == 2
    assert text
    assert ("word " * 1000).startswith(text)
    assert estimate(text, "generic-estimate") <= 100
