"""What was computed from what: steps, a ledger of them, a plan of what changed, and its execution. Knows no method."""
