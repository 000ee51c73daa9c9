"""The audit: are the ledgers right? Every call recomputed, every difference named."""
