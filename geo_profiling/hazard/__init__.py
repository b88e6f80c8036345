"""Hazard exposure: who and what stands in it, how often and how badly."""
