"""Budgets of the calls: whether one may begin, when it must stop, what is said of it."""
