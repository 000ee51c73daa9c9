"""Spec documents: a change's deltas, and the main specs they become, merged by rule."""
