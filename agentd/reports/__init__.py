"""Reports over the ledgers of a project: what was spent, on what, and when."""
