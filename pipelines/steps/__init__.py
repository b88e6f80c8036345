"""The steps of a region: what each depends on and writes. A run that has nothing to compute loads no GIS library."""
