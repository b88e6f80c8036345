"""The tiled raster core: grids, reading, tiles, components, focal rules, zonal statistics, regridding, writing."""
