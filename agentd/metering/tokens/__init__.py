"""How many tokens a text has: exactly where the encoding is known, else by an estimate.

Importing it costs nothing, as a run of a coding CLI needs the estimates at most. The engines and
their data are loaded at the first exact count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentd.errors import UnsupportedModel

if TYPE_CHECKING:
    from agentd.metering.models import ModelSpec
    from agentd.metering.tokens.encoding import Encoding


def count_tokens(text: str, model: str, *, exact: bool = False) -> int:
    """How many tokens ``text`` is to ``model``; exact if the model's ``accuracy`` is.

    A model without an encoding, its own or that of its relatives, is estimated; with ``exact`` it
    is refused: UnsupportedModel. Special tokens are plain text, and what a chat adds to a message
    is not counted. The first count with an encoding takes 0.1 to 0.5 s. Raises TypeError for what
    is no str.
    """
    spec = _resolve(model)
    if spec.encoding:
        return get_encoding(spec.encoding).count(text)
    if exact:
        raise UnsupportedModel(
            f"the encoding of {spec.name} is not known: its tokens can only be estimated "
            f"({spec.tokenizer}, {spec.accuracy})",
            fix="Count without exact=True, and treat the count as an estimate.",
        )
    return _estimate(text, spec)


def count_many(texts: Sequence[str], model: str) -> list[int]:
    """How many tokens each text is to ``model``, as :func:`count_tokens`; faster for many."""
    spec = _resolve(model)
    if spec.encoding:
        return get_encoding(spec.encoding).count_batch(texts)
    if isinstance(texts, str):
        raise TypeError("texts is a str; expected a sequence of them")
    return [_estimate(text, spec) for text in texts]


def count_once(text: str, model: str) -> int:
    """As :func:`count_tokens`, for a process that counts nothing else: a short text is quicker."""
    spec = _resolve(model)
    if spec.encoding:
        return get_encoding(spec.encoding).count_once(text)
    return _estimate(text, spec)


def get_encoding(name: str) -> Encoding:
    """``cl100k_base`` or ``o200k_base``, always the same object. ValueError for another name."""
    from agentd.metering.tokens.encoding import ENCODINGS

    if name not in ENCODINGS:
        raise ValueError(f"unknown encoding {name!r}; expected {' or '.join(ENCODINGS)}")
    return ENCODINGS[name]


def _resolve(model: str) -> ModelSpec:
    from agentd.metering.models import ModelRegistry

    return ModelRegistry.resolve(model)


def _estimate(text: str, spec: ModelSpec) -> int:
    from agentd.metering.tokens.estimates import estimate

    if not isinstance(text, str):
        raise TypeError(f"text is of type {type(text).__name__}; expected str")
    return estimate(text, spec.tokenizer)
