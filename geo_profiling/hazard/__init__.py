"""What is exposed to which hazard: people, buildings, lines; how often, and how much more than elsewhere."""
