"""The estimate against counts of o200k_base, taken once with a real tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.metering.estimate import estimate_tokens

ENGLISH = (
    "The proposal must say what changes and why, in plain words. Read the specs first, then write "
    "one file: proposal.md. If a requirement is unclear, ask for it in the section of open "
    "questions instead of guessing."
)
CODE = '''def total(calls: list[Call]) -> Decimal:
    """The sum of the costs."""
    result = Decimal(0)
    for call in calls:
        if call.cost_usd is not None:
            result += call.cost_usd
    return result
'''
JSON = (
    '{"type":"result","usage":{"input_tokens":1121,"output_tokens":7,'
    '"cache_read_input_tokens":1009},"session_id":"d9bae8d1-a105-4e30"}'
)
CHINESE = (
    "人工智能代理会读取项目的规范,然后把变更写进代码。"
    "每一次调用都会被记录下来,包括输入和输出的令牌数量,以及实际花费。"
)
JAPANESE = (
    "まず設定ファイルを開いて、モデルの名前と価格を書いてください。"
    "実行が終わると、費用とトークン数が表示されます。"
)
KOREAN = (
    "먼저 설정 파일을 열고 모델의 이름과 가격을 적어 주세요. "
    "실행이 끝나면 비용과 토큰 수가 표시됩니다."
)
RUSSIAN = (
    "Сначала откройте файл настроек и впишите название модели и её цену. "
    "После запуска показываются стоимость и число токенов."
)
EMOJI = "🎉🚀 Done! 😀😂❤️👍🏽 🔥🔥🔥 ✅ tests ❌ lint"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param(ENGLISH, 45, id="english"),
        pytest.param(CODE, 55, id="code"),
        pytest.param(JSON, 42, id="json"),
        pytest.param(CHINESE, 39, id="chinese"),
        pytest.param(JAPANESE, 37, id="japanese"),
        pytest.param(KOREAN, 31, id="korean"),
        pytest.param(RUSSIAN, 28, id="russian"),
        pytest.param(EMOJI, 21, id="emoji"),
    ],
)
def test_within_40_percent_of_a_real_tokenizer(text: str, tokens: int) -> None:
    assert 0.6 * tokens <= estimate_tokens(text) <= 1.4 * tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), (" ", 1), ("hi", 1), ("hi there", 2), ("12345", 2), ("a" * 80, 10), ("\n\n\n", 1)],
)
def test_small_texts(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@given(st.text())
def test_any_text_has_an_estimate(text: str) -> None:
    assert bool(text) <= estimate_tokens(text) <= 2 * len(text)
