"""Fits the weights of agentd/metering/tokens/estimate_weights.py to true counts.

``python benchmarks/fit_estimates.py TEXTS.jsonl`` reads lines ``{"group": "python", "text": "...",
"tokens": {"claude-estimate": 123, ...}}`` and prints the table. It needs numpy and scipy, which
agentd does not. How the texts and counts were got: docs/estimates.md.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from agentd.metering.tokens.estimate_weights import NAMES, WEIGHTS
from agentd.metering.tokens.estimates import features

ROUNDS = 6
# An agent's texts are mostly English and code.
EMPHASIS = {"english": 3.0, "python": 2.0}


def fit(counts: np.ndarray, tokens: np.ndarray, groups: list[str]) -> np.ndarray:
    """Weights >= 0 for the least relative error, of which large ones weigh less than squared.

    ``counts``: texts x features. A group of texts weighs by the root of their number.
    """
    sizes = Counter(groups)
    emphasis = np.array([EMPHASIS.get(group, 1.0) / sizes[group] ** 0.5 for group in groups])
    scale = emphasis / np.maximum(tokens, 1)
    softer = np.ones(len(tokens))
    weights = np.zeros(counts.shape[1])
    for _ in range(ROUNDS):
        by = scale * softer
        weights = lsq_linear(counts * by[:, None], tokens * by, bounds=(0, np.inf)).x
        error = np.abs(counts @ weights - tokens) / np.maximum(tokens, 1)
        softer = 1 / np.sqrt(np.maximum(error, 0.03))
    return weights


def main() -> None:
    """Read, fit and print."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    counts = np.zeros((len(rows), len(WEIGHTS)))
    for row, found in zip(counts, (features(row["text"]) for row in rows), strict=True):
        row[: len(found)] = found
    groups = [row["group"] for row in rows]
    columns = [
        fit(counts, np.array([row["tokens"][name] for row in rows], float), groups)
        for name in NAMES
    ]
    for feature, weights in zip(WEIGHTS, zip(*columns, strict=True), strict=True):
        print(f'    "{feature}": ({", ".join(f"{weight:.3f}" for weight in weights)}),')


if __name__ == "__main__":
    main()
