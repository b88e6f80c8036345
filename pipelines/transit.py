"""A region's stops of public transport, as the configuration declares them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from geo_profiling.access.stops import Stops, served_stops
from geo_profiling.config.access_inputs import TransitInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.vector.gtfs import read_feed
from geo_profiling.vector.read import read_layer
from pipelines.declared import input_label

_LISTED = 5


def read_stops(region: RegionSettings) -> Stops | None:
    """Read where public transport can be boarded; None where the configuration declares none.

    Parameters
    ----------
    region : RegionSettings

    Returns
    -------
    Stops or None
        On their ids, with ``capacity``; of a feed with what it says about them, in WGS 84.

    Raises
    ------
    InputError
        If the feed or the layer is refused, or a capacity is neither "low" nor "high".
    """
    declared = region.inputs.transit
    if declared is None:
        return None
    label = input_label("transit", declared.path)
    if declared.is_feed:
        tables = read_feed(declared.path, roots=region.roots, name=label)
        return served_stops(tables, capacity=declared.capacity, name=label)
    return _layer_stops(region, declared, label)


def _layer_stops(region: RegionSettings, declared: TransitInput, label: str) -> Stops:
    fields = [field for field in (declared.id_field, declared.capacity_field) if field is not None]
    layer, findings = read_layer(
        declared.path,
        layer=declared.layer,
        id_field=declared.id_field,
        columns=fields,
        kinds={"point", "line", "polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=label,
        bad_geometry="skip",
    )
    if declared.capacity_field is None:
        capacity = pd.Series(declared.capacity, layer.index)
    else:
        capacity = layer[declared.capacity_field]
        wrong = capacity[~capacity.isin(["low", "high"])]
        if len(wrong):
            shown = ", ".join(repr(value) for value in list(dict.fromkeys(wrong))[:_LISTED])
            raise InputError(
                f"{label}: {len(wrong)} stops have a {declared.capacity_field} that is neither low nor high: {shown}",
                hint="write 'low' for buses and 'high' for rail, metro and ferry, or give 'capacity' for all",
            )
    ids = layer.index if declared.id_field is None else layer[declared.id_field]
    index = pd.Index(ids.to_numpy(), name="stop_id")
    places = gpd.GeoDataFrame(
        {"capacity": capacity.to_numpy()}, index=index, geometry=layer.geometry.array, crs=layer.crs
    )
    return Stops(places.sort_index(), findings)
