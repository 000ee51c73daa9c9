"""A quick estimate of a text's tokens, for runs whose CLI reported no usage."""

from __future__ import annotations

import re

# Each run is a token, and another one for every so many characters. A single space belongs to the
# word after it.
_ASCII_RUNS = (
    (re.compile(r"[A-Za-z]+"), 8),
    (re.compile(r"[0-9]+"), 3),
    (re.compile(r"[!-/:-@\[-`{-~]+"), 3),
    (re.compile(r"  +|[\t-\r]\s*"), 80),  # indents, line ends
)
_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_EMOJI = re.compile(r"[\u200d\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def estimate_tokens(text: str) -> int:
    """About how many tokens ``text`` is: by class of character; 0 for an empty one.

    Measured against o200k_base, over whole corpora of 10 to 60 texts: English +3 %, Python +5 %,
    JavaScript +4 %, JSON +10 %, vim script -8 %, Chinese -1 %, Japanese +6 %, Korean +5 %, Russian
    +16 %, German -7 %, Polish -20 %, Vietnamese +33 %; on short samples emoji +6 to +33 %,
    Arabic, Hindi, Thai and Greek -12 to +8 %. A single English text was within 14 %, a file of
    code within 30 %. Random base64 counts for half. An older tokenizer (cl100k_base) needs 1.2 to
    3.6 times as many tokens for scripts other than Latin.
    """
    if not text:
        return 0
    tokens = 0
    for runs, chars_per_token in _ASCII_RUNS:
        tokens += sum(-(-len(run) // chars_per_token) for run in runs.findall(text))
    hundredths = 0
    if not text.isascii():
        cjk, emoji = len(_CJK.findall(text)), len(_EMOJI.findall(text))
        other = len(_BEYOND_ASCII.findall(text)) - cjk - emoji
        hundredths = 78 * cjk + 180 * emoji + 36 * other
    return max(1, tokens - (-hundredths // 100))
