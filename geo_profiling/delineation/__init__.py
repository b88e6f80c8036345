"""Delineation: Degree of Urbanisation, units, functional urban areas, metropolitan scales."""
