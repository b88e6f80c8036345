"""Informal settlements: street blocks and their complexity, new paths, access to streets."""
