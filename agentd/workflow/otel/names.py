"""What OpenTelemetry calls the figures of a call: the one table of its GenAI conventions.

Source: open-telemetry/semantic-conventions-genai, 1.42. The conventions are in development; names
change here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA_URL = "https://opentelemetry.io/schemas/gen-ai/1.42.0"
SCOPE = "agentd"

OPERATION = "gen_ai.operation.name"
INVOKE_AGENT = "invoke_agent"
INVOKE_WORKFLOW = "invoke_workflow"
CHAT = "chat"
PROVIDER = "gen_ai.provider.name"
AGENT = "gen_ai.agent.name"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
KIND_OF_TOKENS = "gen_ai.token.type"
CONVERSATION = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"

TOKENS_USED = "gen_ai.client.token.usage"
OPERATION_DURATION = "gen_ai.client.operation.duration"

USAGE: Mapping[str, str] = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_input_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_creation_input_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_output_tokens",
}
"""Each count of tokens, and its field of ModelUsage: both have cached and reasoning inside."""

PROVIDERS: Mapping[str, str] = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "x-ai": "x_ai",
}
"""The well-known names of makers and hosts where they are not agentd's own."""

# The conventions have no cost yet; these have the shape of what is proposed there.
COST_AMOUNT = "agentd.cost.amount"
COST_CURRENCY = "agentd.cost.currency"
COST_SOURCE = "agentd.cost.source"
COST_STATUS = "agentd.cost.status"
CHANGE = "agentd.change.id"
STEP = "agentd.step"
CALL = "agentd.call.id"
PROJECT = "agentd.project.name"
THREAD = "agentd.thread"
EXIT_CODE = "agentd.exit_code"
