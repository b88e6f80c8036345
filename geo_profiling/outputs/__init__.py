"""What planners open: GeoPackage, tables, maps, the offline report and the manifest."""
