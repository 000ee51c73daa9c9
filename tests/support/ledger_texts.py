"""Random STATE.yaml files whose calls are, more or less, in agentd's own layout."""

from __future__ import annotations

from hypothesis import strategies as st

from agentd.ledger import call_keys

TEXTS = [
    "a",
    "gpt-5.1-codex",
    "a..",
    "'it''s # 1'",
    '"a\\u00e9"',
    "20261122T054052-b-12345678",
    "''",
]
TEXTS += ["12345678-1234-1234-1234-123456789012", "a/b", "'it's'", '"a', "null", "True", "1e5", "é"]
TEXTS += ["12345678-1234", "1234567e-1234", "'2026-11-22'", "nulls", "yes", "a: b", "~"]
POOLS = {
    "text": TEXTS,
    "word": ["ok", "none", "family", "true", "null", "'ok'", "a b"],
    "count": ["0", "1", "24939", "999999999999999999", "01", "-1", "1.5", "1_0", "''"],
    "money": ["0.0", "0.00352315", "99.50", "5", "1e-3", "-0.1", ".5", f"0.{'1' * 61}"],
    "threads": [
        "side=5/1/0/0.001",
        "subagent=12/3/6/0.0012,side=5/1/0/0.0",
        "side=5/1",
        "~",
        "a b",
    ],
    "variants": ["speed=fast", "speed=fast,geo=us", "service_tier=flex", "'a=b'", "x", "a b", "~"],
    "time": [
        *("2026-11-22T05:40:52Z", "2026-11-22T05:40:52.123456789+05:45", "2026-02-30T05:40:52Z"),
        *("2026-11-22", "'2026-11-22T05:40:52Z'", "2026-11-22T25:40:52Z", "2026-11-22 05:40:52"),
    ],
}


@st.composite
def lines_of_pairs(draw: st.DrawFn, keys: tuple[str, ...], required: tuple[str, ...]) -> list[str]:
    """Most of the keys; the values are mostly sound, sometimes what agentd never writes."""
    pairs = []
    for key in keys:
        if key in required or draw(st.integers(0, 4)):
            pool = POOLS[call_keys.KEYS[key]]
            odd = draw(st.integers(0, 30)) == 0
            value = draw(st.sampled_from(pool if odd else pool[:3]))
            comment = draw(st.sampled_from(["", "", "", "", "", "", "", "  # it's", " #"]))
            pairs.append(f"{key}: {value}{comment}")
    return pairs


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A STATE.yaml whose calls are, more or less, in agentd's layout."""
    lines = ["change_id: x", "telemetry:", "  calls:"]
    own = tuple(key for key in call_keys.KEYS if key != "models")
    for _ in range(draw(st.integers(1, 3))):
        call = draw(lines_of_pairs(own, call_keys.REQUIRED))
        if draw(st.integers(0, 3)) == 0:
            call.append("models:")
            for _ in range(draw(st.integers(1, 2))):
                model = draw(lines_of_pairs(call_keys.MODEL_KEYS, call_keys.MODEL_REQUIRED))
                call += [f"- {model[0]}", *(f"  {line}" for line in model[1:])]
        call += draw(st.lists(st.sampled_from(["later: 1", "more: [1]", "odd: 'a'"]), max_size=2))
        if draw(st.integers(0, 9)) == 0:
            call = draw(st.permutations(call))
        call = [f"    {line}" for line in call]
        lines += [f"  - {call[0].lstrip()}", *call[1:]]
        lines += draw(st.sampled_from([[], [], [], ["  # between"], [""]]))
    lines += ["  total_cost_usd: 0.0", "  total_tokens_in: 0", "  total_tokens_out: 0"]
    lines += draw(st.sampled_from([[], [], ["", "phase: a"], ["phase: a"], ["  later: 1"], [""]]))
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join([*lines, ""])
