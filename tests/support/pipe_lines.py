"""Lines for `agentd pipe`, as Hypothesis makes them: good ones and bad ones."""

from __future__ import annotations

import json

from hypothesis import strategies as st

texts = st.text(st.characters(codec=None), max_size=40)

good_lines = st.builds(
    lambda text, model, output: json.dumps({"text": text, "m": model, **output}).encode(),
    texts,
    st.sampled_from(["gpt-4o", "gpt-4", "gpt-4o-mini", "gpt-5", "who-knows"]),
    st.sampled_from([{}, {}, {"tokens_output": 5}, {"tokens_output": None}, {"cost_usd": 1}]),
)

bad_lines = st.sampled_from([b"{}", b"nonsense", b'{"text": 1}', b"\xff", b"", b" \r"])
