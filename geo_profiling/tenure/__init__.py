"""Who holds the land: records after ISO 19152, shares by type, conflicts, evictions."""
