"""Whether the environment has a collector, and whether anything can be sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_EXPORTER = "opentelemetry.exporter.otlp.proto.http"


def wanted_signals(environ: Mapping[str, str]) -> list[str]:
    """``traces``, ``metrics``: those that have an endpoint and are not switched off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    return [
        signal
        for signal in ("traces", "metrics")
        if (environ.get(_own(_ENDPOINT, signal)) or environ.get(_ENDPOINT))
        and _exporter(environ, signal) in {"", "otlp"}
    ]


def why_not_sent(environ: Mapping[str, str], signal: str) -> str | None:
    """Why a signal that is wanted can't be sent; None when it can."""
    if not _is_installed():
        return "agentd's extra otel is not installed"
    protocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
    for name in (_own(protocol, signal), protocol):
        if told := environ.get(name, "").strip():
            return f"{name} is {told}" if told == "grpc" else None
    return None


def _own(name: str, signal: str) -> str:
    """The variable of one signal alone."""
    return name.replace("_OTLP_", f"_OTLP_{signal.upper()}_")


def _exporter(environ: Mapping[str, str], signal: str) -> str:
    return environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower()


def _is_installed() -> bool:
    """Loads namespaces alone, nothing of the SDK."""
    try:
        return find_spec(_EXPORTER) is not None
    except ImportError:  # not even what it lies in
        return False
