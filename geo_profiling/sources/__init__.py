"""Data that users start from: where the official sources lie, and how files come from there."""
