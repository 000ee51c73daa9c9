"""Inputs that are nearly right: recordings with bytes flipped, parts spliced, values swapped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

# A value of JSON, TOML or YAML, or a word of a text.
_VALUE = re.compile(
    rb'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|-?\d[\w.:+-]*|[A-Za-z_][\w-]*|\[\]|\{\}', re.DOTALL
)
_OPENING = re.compile(rb"[\[{]")
_BYTES = [bytes([byte]) for byte in b"\0\x1b\r\n\t \"'\\{}[]:,#-&*!|>%@`<=\x7f\x80\xff"] + [
    *(b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xed\xa0\x80", "\u0085".encode(), "٣".encode()),
]
_WINDOWS_LINES = (4, 12)

JSON = (
    *(b"0", b"-1", b"-0", b"1.0", b"120.0", b"1.5", b"-0.0", b"1e3", b"1E+2", b"7e-400"),
    *(b"1000000000000000", b"1000000000000001", b"999999999999999999", b"1000000000000000000"),
    *(b"9223372036854775808", b"18446744073709551615", b"1e15", b"1e18", b"1e30", b"1e308"),
    *(b"1e999", b"-1e999", b"1e999999", b"1e-999999", b"1e99999999999999999999"),
    *(b"0.0000000000000000000000000000000000000001", b"NaN", b"Infinity", b"-Infinity"),
    *(b"true", b"false", b"null", b'""', b'"12"', b'"1e5"', b'"-1"', b'" 7 "', b'"NaN"'),
    *(b'"\\ud800"', b'"\\udfff x"', b'"\\u0000"', b'"\\u001b[31m"', b'"a\\nb"', b'"\xc2\x85"'),
    *(b'"\\ufeff"', b'"null"', b'"---"', b'"a: b # c"', b'"\\u2028"', b'"\\ud83d\\ude00"'),
    *(b"[]", b"{}", b"[[]]", b"[{}]", b"[null]", b'{"a":1}', b'{"":null}', b"[1,2,3]", b'["a"]'),
    *(b'"2026-11-22T05:40:52Z"', b'"0001-01-01T00:00:00+14:00"', b'"2026-11-22T05:40:52"'),
    *(b'"9999-12-31T23:59:59-14:00"', b'"2026-02-30T00:00:00Z"', b'"1969-12-31T00:00:00Z"'),
    *(b'"../../etc"', b'"claude-opus-4-1"', b'"gpt-5"', b'"gemini-3-flash-preview"', b'"auto"'),
)
YAML = (
    *JSON,
    *(b"~", b"yes", b"0o17", b"0x1F", b"1_000", b".inf", b"-.INF", b".nan", b"12:30:45", b"&a 1"),
    *(b"*a", b"!!int 3", b"!!float 1", b"!!binary aGk=", b"!!python/object:x {}", b"!x y", b"<<"),
    *(b"2026-11-22", b"2026-11-22 05:40:52", b"|", b">-", b"? x", b"'it''s'", b"+12", b"012"),
    *(b"{<<: *a}", b"&a [*a]", b"[*a, *a, *a]", b"1e5", b"1.", b".5", b"0.1e1", b"08", b"=", b"n"),
)
TOML = (
    *JSON,
    *(b"inf", b"-inf", b"nan", b"1_000", b"0x1F", b"0o17", b"0b1", b"+1", b"'x'", b'"""x"""'),
    *(b"1979-05-27T07:32:00Z", b"1979-05-27", b"07:32:00", b"{ a = 1 }", b"[{ a = 1 }]", b"9e9"),
)
WORDS = (
    *(
        b"",
        b"x",
        b"*",
        b"#",
        b"# ",
        b"## ",
        b"### ",
        b"#### ",
        b"- [x] ",
        b"- [ ] ",
        b"```",
        b"~~~",
    ),
    *(b"````", b"<!--", b"-->", b"**", b"|", b"---", b"1.1", b"99999999999999999999", b"Verdict"),
    *(b"APPROVED", b"## Verdict", b"- [x] APPROVED", b"### Requirement: ", b"#### Scenario: "),
    *(b"## ADDED Requirements", b"## RENAMED Requirements", b"- FROM: ", b"- TO: ", b"SHALL", b">"),
    *(
        "٣.٤".encode(),
        "²".encode(),
        "\u200b".encode(),
        "é".encode(),
        b"depends on 1.1, 2",
        b"[x](y)",
    ),
)


def _heavy(kind: Sequence[bytes]) -> list[bytes]:
    """What is long or deep: drawn seldom, as it takes its time."""
    if kind is WORDS:
        return [b"# " * 500, b"> " * 400, b"*" * 2000, b"`" * 999, b"[" * 900, b"- " * 300 + b"x"]
    deep = [b'{"a":' * depth + b"1" + b"}" * depth for depth in (90, 1200)]
    deep += [b"[" * depth + b"]" * depth for depth in (90, 1200, 5000)]
    return [*deep, b"9" * 5000, b"-" + b"9" * 4400, b"1" * 4000 + b".0", b'"' + b"x" * 9000 + b'"']


@dataclass
class Seed:
    """A sound input, and where its values stand (begin, end)."""

    data: bytes
    values: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.values = [found.span() for found in _VALUE.finditer(self.data)]
        for found in list(_OPENING.finditer(self.data))[:60]:
            if end := _closing(self.data, found.start()):
                self.values.append((found.start(), end))


def _closing(data: bytes, start: int) -> int:
    depth = 0
    for place in range(start, min(len(data), start + 4000)):
        depth += (data[place] in b"[{") - (data[place] in b"]}")
        if depth == 0:
            return place + 1
    return 0


class Mutator:
    """Makes inputs out of ``seeds``; ``odd`` are the values that are put in place of others.

    ``by_lines``: an input is a few following lines of a seed. The same random numbers make the same
    inputs. A small seed is taken more often than a large one: it is read faster, and a change in it
    is more of it.
    """

    def __init__(self, seeds: Sequence[bytes], odd: Sequence[bytes], *, by_lines: bool) -> None:
        self.seeds = [Seed(window) for seed in seeds for window in _windows(seed, by_lines)]
        self._weights = [*accumulate(1 / (300 + len(seed.data)) for seed in self.seeds)]
        self._odd, self._heavy = odd, _heavy(odd)

    def make(self, random: Random) -> bytes:
        """One input."""
        [seed] = random.choices(self.seeds, cum_weights=self._weights)
        data = self._with_odd_values(seed, random) if random.random() < 0.85 else seed.data
        while random.random() < 0.4:
            data = self._changed(data, random)
        return data

    def _with_odd_values(self, seed: Seed, random: Random) -> bytes:
        if not seed.values:
            return seed.data
        chosen = random.choices(seed.values, k=min(6, 1 + int(random.expovariate(0.9))))
        data, last = seed.data, len(seed.data)
        for start, end in sorted(chosen, reverse=True):
            if end <= last:
                data = data[:start] + self._instead(data[start:end], seed, random) + data[end:]
                last = start
        return data

    def _instead(self, value: bytes, seed: Seed, random: Random) -> bytes:
        chance = random.random()
        if chance < 0.7:
            return random.choice(self._odd)
        if chance < 0.71:
            return random.choice(self._heavy)
        if chance < 0.85:
            start, end = random.choice(seed.values)
            return seed.data[start:end]
        if chance < 0.9:
            return b"[" + value + b"]"
        if chance < 0.95:
            return b'"' + value.strip(b'"') + b'"'
        return value + b"0" * random.choice((1, 3, 9, 18))

    def _changed(self, data: bytes, random: Random) -> bytes:
        place = random.randrange(len(data) + 1)
        end = min(len(data), place + 1 + int(random.expovariate(0.05)))
        match random.randrange(8):
            case 0 if data:
                place = min(place, len(data) - 1)
                return (
                    data[:place]
                    + bytes([data[place] ^ 1 << random.randrange(8)])
                    + data[place + 1 :]
                )
            case 1:
                return data[:place] + data[end:]
            case 2:
                return (
                    data[:place]
                    + random.choice(_BYTES) * random.choice((1, 1, 2, 30))
                    + data[place:]
                )
            case 3:
                return data[:place] + data[place:end] * 2 + data[end:]
            case 4:
                return data[:place]
            case 5:
                other = random.choice(self.seeds).data
                return data[:place] + other[random.randrange(len(other) + 1) :]
            case 6:
                lines = data.splitlines(keepends=True)
                random.shuffle(lines)
                return b"".join(lines)
            case _:
                lines = data.splitlines(keepends=True) or [b""]
                at = random.randrange(len(lines))
                return b"".join([*lines[:at], random.choice(lines), *lines[at:]])


def _windows(seed: bytes, by_lines: bool) -> list[bytes]:
    if not by_lines:
        return [seed]
    lines = [line for line in seed.splitlines(keepends=True) if len(line) < 5000]
    return [
        b"".join(lines[at : at + size])
        for size in _WINDOWS_LINES
        for at in range(0, max(1, len(lines)), size // 2)
    ]
