"""The forms in which models write a verdict, and a condition beside one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.markdown.document import scan
from agentd.markdown.spans import without_code

# Possessive: a line of thousands of underscores takes no time.
_NOISE = r"[\s*_`\"'“”\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f300-\U0001faff]*+"
_BOX = late_pattern(
    r"^\s*(?:(?:[-*+]|\d{1,3}[.)])\s*)?[\[(]\s{0,9}(?P<mark>\S?)\s{0,9}[\])](?![(\[:])\s*(?P<text>.*)$"
)
_BOX_BEHIND = late_pattern(rf"^{_NOISE}[:=]?{_NOISE}[\[(]\s{{0,9}}(?P<mark>\S?)\s{{0,9}}[\])]\s*$")
# What says nothing of its own: struck text, and tags around a verdict.
_LEFT_OUT = late_pattern(
    r"~~.*?~~|<(?P<struck>del|s|strike)>.{0,200}?</(?P=struck)>|</?[a-z][^<>]*>", re.IGNORECASE
)
_BULLET = late_pattern(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
_MARKUP = " \t*_`"
_MAX_COLUMNS = 20  # of a table whose row has a verdict and a mark
_CROSSED = "❌✗✘🚫⛔"
_UNTICKED = f"{_CROSSED}☐⬜□🔲"
_WARNING = "🔴🛑👎"  # beside a verdict that approves they take it back
_HEADING = late_pattern(
    rf"^{_NOISE}(?:\d[\d.)]*\s*)?{_NOISE}(?:(?:final|overall|my|the|review)\s+)?verdict\b{_NOISE}"
    r"(?:[:：|–—(-]\s*+(?!(?:previous|earlier|expected|if|once)\b)(?P<rest>.*)|(?:and|&)\s.*$|$)",
    re.IGNORECASE,
)
_HEADING_LINE = late_pattern(
    r"^\s*(?:[*_]{2}(?:(?:final|overall)\s+)?verdict[:：]?[*_]{2}[:：]?|verdict[:：])\s*$",
    re.IGNORECASE,
)
# What may stand before a verdict: "Decision:", "This change is", "LGTM -", "->".
_INTRODUCED = late_pattern(
    rf"^{_NOISE}(?:(?:(?:my|the|this|final|overall)\s+)*+"
    r"(?:(?:verdict|decision|status|result|outcome|conclusion|recommendation|final|overall)"
    r"(?:\s+is\b)?|(?:(?:change|proposal|implementation|code|work)\s+)?is\b)"
    r"|lgtm|looks\s+good(?:\s+to\s+me)?|all\s+good|ship\s+it"
    r"|(?:great|nice|good|solid)\s+(?:work|job)"
    r"|i\s+(?:hereby\s+)?(?:(?:mark|rate|consider)\s+(?:this|it)(?:\s+as)?|(?=approve\b)))?"
    rf"{_NOISE}(?:[-=]>|[:：=—–→.!,;-])?{_NOISE}\[?",
    re.IGNORECASE,
)
_LABEL = late_pattern(
    r"^\s*(?:[-+]\s+|\*\s+|\|\s*)?[*_]*+(?:(?:final|overall)\s+)?verdict[*_]*+\s*[:：|][*_]*+\s*(.+)$",
    re.IGNORECASE,
)
_MEND = (
    r"(?:fix|address|resolve|correct|mend|add|write|remove|rename|replace|update|change|handle"
    r"|cover)\b(?!.{0,200}\b(?:later|follow-?ups?|optional\w*|separate\w*|next)\b)"
)
_CONDITION = late_pattern(
    r"\b(?:modulo|barring|apart from|with the exception of|so long as|on the understanding that"
    r"|if|assuming|unless|until|(?<!no )(?<!nothing )pending|subject to|contingent|as soon as"
    r"|(?<!no )(?<!without )(?<!without any )condition\w*"
    r"|provided (?:that|you|it|they|all|the|issues?)|but (?:only|please|first|with)|except"
    rf"|(?:but|though|however),? (?:also )?{_MEND}|please (?:also )?{_MEND}"
    r"|with (?!no\b)(?:\w+ ){0,2}(?:changes|conditions?|fixes|modifications|reservations|caveats?)"
    r"|but .{0,80}\b(?:must|should|needs?(?:_\w+)?|has to|have to)"
    r"|(?:though|however)\b.{0,80}\b(?:must|has to|have to|needs? to) be"
    r"|do(?:n['’]t| not) (?:merge|ship|release|land)"
    r"|(?<!nothing )(?<!none )(?:is|are) still (?:missing|failing|broken|red|untested)"
    r"|(?:fix|address|resolve|correct|mend|add|write)\b.{0,80}\b(?:before|first|prior)"
    r"|to be \w+ed\b.{0,40}\b(?:before|first|prior)"
    r"|(?:once|after|when) (?!\w+ing\b)[^.;]{0,80}\b(?:is|are|has|have|gets?|pass(?:es)?|lands?)"
    r"|once (?:all )?\w+ed|as long as|given that"
    r"|(?:merged?|ship|release|land) (?:only )?after (?:fix|address|resolv|correct)ing"
    r"|(?<!nothing )(?:must|needs? to|has to|have to) be (?:fixed|addressed|resolved|corrected)"
    r")\b",
    re.IGNORECASE,
)
_SENTENCE = late_pattern(r"(?<=[.!?])\s+")
_AFTER = late_pattern(
    rf"^{_NOISE}(?:[(,–—-]?{_NOISE}after \w+ing\b"
    rf"|[(,;:–—-]?{_NOISE}(?:but )?(?:requires?|needs?)\b(?! (?:no|nothing)\b))",
    re.IGNORECASE,
)
# "APPROVED: no", "LGTM, but not really".
_TAKEN_BACK = late_pattern(
    rf"^{_NOISE}[-–—:=(,;]?{_NOISE}(?:but\s+)?(?:no|not|none|nothing|false|never)"
    rf"(?:\s+(?:yet|really|now|quite|given))?{_NOISE}(?:[.,;:!)–—-]|$)",
    re.IGNORECASE,
)
_SEPARATORS = late_pattern(rf"^{_NOISE}[-–—:,;/|&→>]*+{_NOISE}(?:(?:or|and)\b\s*)?")
# A line of its own beside a verdict that asks for work: "Note: fix issue 1 first."
_DEMAND = late_pattern(
    r"^\W*+(?:(?:note|nb|caveat|reminder|important|condition|todo|but|however"
    r"|blocking|blocker|required)\b\W*+)?"
    rf"(?:please (?:also )?{_MEND}|(?:but|however),? {_MEND}"
    rf"|(?:blocking|blocker|required)\W{{1,9}}{_MEND}"
    r"|(?:but|however)\b.{0,80}\b(?:must|has to|have to|needs? to) be \w+ed"
    r"(?!.{0,200}\b(?:later|follow-?ups?|optional\w*|separate\w*|next)\b)"
    r"|(?:this|it) is (?:conditional|contingent|subject to)\b"
    rf"|{_MEND}.*\b(?:first|before|prior)\b|before \w+ing\b.{{0,40}}, (?:please )?{_MEND}"
    r"|.{0,80}(?<!nothing )\b(?:must|needs? to|has to|have to) be \w+ed (?:first|before)\b)",
    re.IGNORECASE,
)
_APPROVAL = late_pattern(r"\b(?:approv\w*|merg(?:e[ds]?|ing)|accept\w*)\b", re.IGNORECASE)


@frozen()
class _Given:
    """A verdict that a line gives, and what stands behind it."""

    name: str
    rest: str


def verdicts_in(document: str, allowed: Sequence[str]) -> list[str]:
    """The verdicts that a document gives, in order.

    Taken are, under a heading "Verdict" of any level and number, ``- [x] APPROVED``,
    ``APPROVED. Why``, ``✅ **NEEDS REVISION**: why``, ``Decision: APPROVED``, a list item, or a row
    of a table with one, which is ticked if any is; anywhere ``**Verdict**: APPROVED`` and
    ``| Verdict | APPROVED |``. A line of nothing but ``**Verdict**`` or ``Verdict:`` is a heading.
    A box that is not ticked is no verdict; nor is a word within a sentence, a quotation, struck
    text, a comment or a code block. A cross marks what is not given, unless one that does not
    approve is the only one there.
    """
    lines, labels = _section(document)
    given = [each.name for line in lines for each in _given(line, allowed)]
    is_open = not given and any(map(_BOX.match, lines))  # nobody has ticked one
    told = [each.name for line in labels for each in _given(line, allowed)]
    given += [name for name in told if not (is_open and name == allowed[0])]
    if not given:  # crossed is one of a list that is not taken; alone it says that all is not well
        crossed = {each.name for line in lines for each in _given(line, allowed, is_crossed=True)}
        given = [] if len(crossed) != 1 else [name for name in allowed[1:] if name in crossed]
    return given


def condition_of(document: str, approving: str) -> str:
    """The line that puts a condition on an approval, as written; "" without one."""
    lines, labels = _section(document)
    for line in (*lines, *labels):
        given = next(_given(line, (approving,)), None)
        about = (
            [_in_words(given.rest)] if given else filter(_APPROVAL.search, _SENTENCE.split(line))
        )
        is_choice = (box := _BOX.match(line)) is not None and not _is_ticked(box["mark"])
        is_bound = any(_CONDITION.search(without_code(each)) for each in about)
        is_bound |= bool(_AFTER.match(given.rest) if given else _DEMAND.match(line))
        if is_bound and not is_choice:
            return line.strip(" \t*_|")
    return ""


def _in_words(rest: str) -> str:
    """What stands behind a verdict: ``_WITH_CHANGES`` in words."""
    first, *others = rest.split(maxsplit=1)[:2] or [""]
    is_joined = first[:1] in ("_", "-") and first[1:2].isalpha()
    return " ".join([re.sub("[_-]", " ", first), *others]) if is_joined else rest


def _section(document: str) -> tuple[list[str], list[str]]:
    """The lines below headings named Verdict; and lines like ``**Verdict**: X`` elsewhere."""
    text = scan(document)
    headings = {heading.line: heading for heading in text.headings}
    lines: list[str] = []
    labels: list[str] = []
    inside = False
    level, begun = 0, 0
    for number, line in text.numbered():
        if (heading := headings.get(number)) is not None:
            named = _HEADING.match(heading.title)
            if named is not None:
                inside, level, begun = True, heading.level, len(lines)
                lines += [named["rest"]] if named["rest"] else []
            elif inside and heading.level > level and not any(map(str.strip, lines[begun:])):
                lines.append(heading.title)  # the verdict, or what introduces it
                inside = not _INTRODUCED.sub("", heading.title)
            else:
                inside = False
        elif _HEADING_LINE.match(line):
            inside = True
        elif label := _LABEL.match(line):
            (lines if inside else labels).append(label[1])
        elif inside and not line.lstrip().startswith(">"):
            lines.append(line)
    return lines, labels


def _given(line: str, allowed: Sequence[str], *, is_crossed: bool = False) -> Iterator[_Given]:
    """The verdicts that one line gives; ``is_crossed``: those that it crosses out."""
    line = _LEFT_OUT.sub("", line)
    box = _BOX.match(line)
    if box and not _is_ticked(box["mark"]):
        return
    text = box["text"] if box else line
    cells = text.strip().strip("|").split("|") if "|" in text else [text]
    is_row = not box and text.lstrip().startswith("|") and len(cells) <= _MAX_COLUMNS
    for place, cell in enumerate(cells):
        beside = cells[:place] + cells[place + 1 :] if is_row else []
        plain = cell if box else _BULLET.sub("", cell)
        bare = plain if box else _INTRODUCED.sub("", plain)
        for name in allowed:
            if match := _name(name).match(plain) or _name(name).match(bare):
                rest = match.string[match.end() :]
                around = plain.removesuffix(match.string[match.start("name") :])
                marks_out = _CROSSED if is_crossed else _UNTICKED
                if name == allowed[0]:
                    around += (_SEPARATORS.match(rest) or [""])[0]
                    marks_out += _WARNING
                if is_crossed != any(map(around.__contains__, marks_out)):
                    continue
                if rest and _TAKEN_BACK.match(rest):
                    continue
                if name == allowed[0] and (others := _beside(rest, allowed[1:])):
                    yield from (_Given(each, "") for each in (name, *others))
                behind = rest and _BOX_BEHIND.match(rest)  # most have none: it is not compiled
                texts = [each.strip(_MARKUP) for each in beside]
                marks = [each for each in texts if each and not _is_prose(each)]
                marks = [behind["mark"]] if behind else marks
                if marks or (texts and not any(texts)):
                    if any(map(_is_ticked, marks)):
                        yield _Given(name, "")
                elif box or not rest or _ENDS.match(rest):
                    yield _Given(name, rest)


# A mark or the end of a phrase must follow, or what gives the reason: "APPROVED / REJECTED" is
# no verdict, nor is "APPROVED is what it may become".
_ENDS = late_pattern(
    rf"{_NOISE}(?:[.!](?:\s|[*_`]|$)|[)\]]?{_NOISE}"
    r"(?:$|[-–—:(,;→]|(?:because|since|now|due to|as|based on|per|found)\b"
    r"|(?:this|the)\s+\w+\s*[.!]?\s*$"
    r"|(?:with(?:out)?|once|if|after|pending|provided|subject|assuming|unless|but)\b))",
    re.IGNORECASE,
)


def _beside(rest: str, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that stand right behind a verdict: "APPROVED / NEEDS_CHANGES"."""
    following = _SEPARATORS.sub("", rest)
    found = [(name, match) for name in names if (match := _name(name).match(following))]
    ends = [(name, following[match.end() :]) for name, match in found]
    return [name for name, end in ends if _ENDS.match(end) or end.lstrip(_MARKUP)[:1] in ("/", "|")]


_OTHER_WORDS = {"APPROVED": "APPROVED?|LGTM", "REJECTED": "REJECT(?:ED)?"}


@cache
def _name(verdict: str) -> re.Pattern[str]:
    """A verdict as models write it: ``NEEDS_REVISION``, ``Needs revision``, ``request changes``."""
    written = _OTHER_WORDS.get(verdict, verdict.replace("_", "[ _-]"))
    if verdict.startswith("NEEDS_"):  # a judge has only one such
        written = (
            r"NEEDS?[ _-](?:REVISIONS?|CHANGES?|FIX(?:ES)?|WORK)"
            r"|(?:CHANGES?|REVISIONS?)[ _-](?:REQUESTED|REQUIRED|NEEDED)|REQUEST[ _-]CHANGES"
        )
    return re.compile(rf"^{_NOISE}(?P<name>{written})(?![A-Za-z0-9])", re.IGNORECASE)


def _is_ticked(mark: str) -> bool:
    return mark.lower().rstrip("\ufe0f") in ("x", "yes", *"✓✔✅☑●")


def _is_prose(cell: str) -> bool:
    return len(cell.rstrip("\ufe0f")) > 1 and cell.lower() not in ("yes", "no", "n/a")
