"""Indicators: definitions, and estimates with their uncertainty."""
