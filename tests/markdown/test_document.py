"""What is code, a comment, a heading: as CommonMark's own reader sees it, but for what is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.slices import part_of

from agentd.markdown.blocks import Kind
from agentd.markdown.document import scan, split_lines

PREFIXES = (
    "",
    "",
    "",
    "",
    " ",
    "  ",
    "   ",
    "> ",
    "- ",
    "1. ",
    "2) ",
    "> - ",
    "- > ",
    "   > ",
    ">",
)
CONTENTS = (
    *("```", "````", "`````", "~~~", "~~~~", "``` sh", "~~~ a`b", "```a`b", "```` ", "``", "# A"),
    *(
        "## B ##",
        "#",
        "#no",
        "####### 7",
        "text",
        "more text",
        "",
        "",
        "***",
        "- x",
        "3. y",
        "\t- z",
    ),
    *(
        "A title",
        "=======",
        "---------",
        "    ```",
        "    ~~~~",
        "\t```",
        "`code`",
        "-",
        "1.",
        "> q",
    ),
)
LINES = st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(CONTENTS))


def kinds(text: str) -> str:
    """A letter a line: prose, code, comment, underline."""
    return "".join(
        kind.name[0].lower() if kind is not Kind.COMMENT else "-" for kind in scan(text).kinds
    )


def by_commonmark(text: str) -> tuple[set[int], set[tuple[int, int, str]]]:
    """The lines of fenced code that are not blank, and the headings outside of quotes."""
    lines = split_lines(text)
    code: set[int] = set()
    headings = set()
    quotes = 0
    tokens = MarkdownIt("commonmark").parse(text)
    for token, following in zip(tokens, [*tokens[1:], *tokens[:1]], strict=True):
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        assume(token.type not in ("code_block", "html_block"))
        first, end = token.map or (0, 0)
        if token.type == "fence":
            code.update(n for n in range(first, end) if lines[n].strip(" \t>"))
        elif (
            token.type == "heading_open"
            and not quotes
            and (token.level == 0 or re.match(r" {0,3}#", lines[first]))
        ):
            headings.add((int(token.tag[1:]), first + 1, following.content))
    return code, headings


@pytest.mark.reliability
@settings(max_examples=part_of(3_000), deadline=None)
@given(st.lists(LINES, max_size=14))
@example(["- ```", "code", "```", "text"])
@example(["> ```", "# A"])
@example(["text", "2. ```", "```"])
@example(["````", "```", "> ````", "    ````", "# A"])
def test_as_commonmark_has_it(parts: list[str]) -> None:
    text = "\n".join(parts)
    code, headings = by_commonmark(text)
    document = scan(text)
    ours = {n for n, kind in enumerate(document.kinds) if kind is Kind.CODE}
    # Where agentd reads otherwise on purpose: fences indented by four and more, short underlines,
    # and those of several lines.
    deep = r"(?:[ >]|[-+*] |\d+[.)] )*(?: {4}|\t)"
    for n in ours - code:
        assume(not re.match(deep, document.lines[n]))
    for level, line, title in headings:
        assume("\n" not in title)
        under = document.lines[line].strip() if line < len(document.lines) else ""
        assume(level != 2 or under.strip("-") or not under or len(under) >= len(title))
    assert {n for n in ours if document.lines[n].strip(" \t>")} == code
    assert {(h.level, h.line, h.title) for h in document.headings} == headings


def test_comments_are_taken_out_and_code_stays() -> None:
    text = (
        "a <!-- b --> c <!--> d `<!-- e -->` <!-- f\n# g\n\nh --> i\n```\n<!-- j -->\n```\n<!-- k"
    )
    document = scan(text)
    assert document.shown[0] == "a  c  d `<!-- e -->`  i"
    assert document.shown[1:4] == ["", "", ""]
    assert document.shown[5] == "<!-- j -->"
    assert kinds(text) == "p---ccc-"
    assert document.unclosed == 8
    assert document.headings == []


def test_a_section_of_comments_alone_is_empty() -> None:
    document = scan("# A\n<!-- x\ny\n-->\n# B\ntext\nC\n=\n")
    assert [document.is_empty(heading) for heading in document.headings] == [True, False]
    document = scan("Title\n=====\n\n# C\n")
    assert [document.is_empty(heading) for heading in document.headings] == [True, True]


def test_the_line_of_what_is_never_closed() -> None:
    assert scan("a\n```\n```\n~~~\nb").unclosed == 4
    assert scan("a <!-- b\nc").unclosed is None
    assert scan("- ```\n  a\n\nb").unclosed is None
    assert kinds("- <!--\n  a\n\nb") == "p--p"


@pytest.mark.parametrize(
    "line",
    [
        "<!--",
        "<!-- -->",
        "` `` ",
        "`",
        "- ",
        "> ",
        "```\n",
        "<!--\n",
        "-->\n<!-- ",
        "    - a\n",
        "x\n=",
    ],
)
def test_hostile_text_is_read_in_linear_time(line: str) -> None:
    """These would take hours if one of the rules backtracked or rescanned."""
    document = scan(line * (400_000 // len(line)))
    assert len(list(document.numbered())) + len(document.headings) >= 0
