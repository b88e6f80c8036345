"""Access: street networks, stops and facilities; every distance on foot is measured here."""
