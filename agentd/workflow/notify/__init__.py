"""Notices to a webhook: a budget's mark is reached, a gate waits, a loop has ended."""
