"""A region's streets as a network, as the configuration declares them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import Transformer

from geo_profiling.access.network import StreetNetwork, local_streets, street_network
from geo_profiling.access.service_area import ServiceArea, euclidean_areas, service_areas
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.raster.grid import Grid
from geo_profiling.vector.read import read_layer
from pipelines.declared import input_label


def walking_area(network: StreetNetwork | None, targets: gpd.GeoDataFrame, within_m: float) -> ServiceArea:
    """Return the ground within a way on foot of targets: along streets, straight where none are given."""
    named = targets.set_axis(pd.RangeIndex(len(targets)))
    if network is None:
        return euclidean_areas(local_streets(named, None, name="targets"), distance_m=within_m)
    return service_areas(network, named.to_crs(network.crs), distance_m=within_m)


def read_streets(region: RegionSettings, grid: Grid | None) -> tuple[gpd.GeoDataFrame, list[Finding]] | None:
    """Read the streets on which people walk and that come near a grid, in the layer's own CRS.

    Parameters
    ----------
    region : RegionSettings
    grid : Grid or None
        Streets outside its bounds are left out; None keeps all.

    Returns
    -------
    tuple of GeoDataFrame and list of Finding, or None
        None where the configuration declares no streets.

    Raises
    ------
    InputError
        If the layer is refused, has no street of the classes, or none near the grid.
    """
    declared = region.inputs.streets
    if declared is None:
        return None
    label = input_label("streets", declared.path)
    fields = [field for field in (declared.class_field, declared.bridge_field) if field is not None]
    streets, findings = read_layer(
        declared.path,
        layer=declared.layer,
        columns=fields,
        kinds={"line"},
        roots=region.roots,
        crs=declared.crs,
        name=label,
        bad_geometry="skip",
    )
    if declared.classes is not None:
        streets = streets[streets[declared.class_field].astype("string").isin(declared.classes)]
        if streets.empty:
            raise InputError(
                f"{label}: no street has one of the classes {', '.join(declared.classes)}",
                hint="correct 'inputs.streets.classes'",
            )
    if grid is None:
        return streets, findings
    to_layer = Transformer.from_crs(grid.crs, streets.crs, always_xy=True)
    left, bottom, right, top = to_layer.transform_bounds(*grid.bounds)
    bounds = streets.geometry.bounds.to_numpy()
    near = (bounds[:, 2] >= left) & (bounds[:, 0] <= right) & (bounds[:, 3] >= bottom) & (bounds[:, 1] <= top)
    if not near.any():
        raise InputError(f"{label}: no street lies in region {region.name}", hint="check the layer and its CRS")
    return streets[np.asarray(near)], findings


def region_network(region: RegionSettings, grid: Grid | None) -> StreetNetwork | None:
    """Return the streets of a region as a network in their UTM zone; None where it declares none.

    Parameters
    ----------
    region : RegionSettings
    grid : Grid or None
        Streets outside its bounds are left out; None keeps all.

    Raises
    ------
    InputError
        As :func:`read_streets`.
    CRSError
        If the region is too large for lengths to be true in one UTM zone.
    """
    found = read_streets(region, grid)
    declared = region.inputs.streets
    if found is None or declared is None:
        return None
    # What is wrong with the layer was told with all inputs.
    streets, _ = found
    label = input_label("streets", declared.path)
    local = local_streets(streets, None, name=label)
    return street_network(local, bridge_field=declared.bridge_field, name=label)
