"""Spans and metrics in OpenTelemetry's terms: what is sent to a collector, and exported."""
