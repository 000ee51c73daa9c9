"""Markdown as a tree of plain values, which the page builds its elements from: no HTML on the way.

A node is text, or ``[tag, children]``, or ``[tag, children, {"href": ...}]`` for a link. Only the
tags of TAGS occur; raw HTML in a document is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = str | list[Any]
TAGS = frozenset(
    {
        *("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code"),
        *("em", "strong", "s", "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "a"),
    }
)
_LINKS = {"http", "https", "mailto"}
MAX_CHARS = 400_000
"""A longer document is shown as plain text."""
MAX_MARKS = 10_000
"""So is one with more of a character that begins something: the parser looks for ends of each."""


def nodes_of(text: str) -> list[Node]:
    """The nodes of a Markdown document."""
    if len(text) > MAX_CHARS or max(map(text.count, "[*_~|")) > MAX_MARKS:
        return _as_it_is(text)
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 40})
    try:
        tree = SyntaxTreeNode(parser.enable(["table", "strikethrough"]).parse(text))
        return _nodes(tree.children)
    except RecursionError:  # words in words in words: maxNesting does not hold emphasis
        return _as_it_is(text)


def _as_it_is(text: str) -> list[Node]:
    return [["pre", [["code", [text]]]]]


def _nodes(found: Sequence[SyntaxTreeNode]) -> list[Node]:
    return [node for one in found for node in _of(one)]


def _of(one: SyntaxTreeNode) -> list[Node]:
    if one.type in _LEAVES:
        return [_LEAVES[one.type](one)]
    if one.type == "link":
        return _link(one)
    children = _nodes(one.children)
    if one.tag not in TAGS or (one.type == "paragraph" and one.hidden):
        return children
    return [[one.tag, children]]


_LEAVES: dict[str, Callable[[SyntaxTreeNode], Node]] = {
    **dict.fromkeys(("fence", "code_block"), lambda one: ["pre", [["code", [one.content]]]]),
    **dict.fromkeys(("text", "html_block", "html_inline"), lambda one: one.content),
    "code_inline": lambda one: ["code", [one.content]],
    "softbreak": lambda _: "\n",
    # No file of another place is loaded: what the picture shows, in words.
    "image": lambda one: f"[{one.content}]",
}


def _link(one: SyntaxTreeNode) -> list[Node]:
    href, children = str(one.attrs.get("href", "")), _nodes(one.children)
    return [["a", children, {"href": href}]] if urlsplit(href).scheme in _LINKS else children
