"""Names of urban centres, clusters and modelled areas: those of the units in which their people live."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from geo_profiling.delineation.names import distinct_names
from geo_profiling.delineation.scales import held_by_units

#: A unit gives its name to an area only if this share of the area's people live in it.
_NAMING_SHARE = 0.1


def names_after_units(areas: gpd.GeoDataFrame, pairs: pd.DataFrame, units: gpd.GeoDataFrame) -> pd.Series:
    """Name each area after the unit that most of its people live in, where units hold half of them.

    The centre of a city beyond the units' border is not named after the small unit on this side, nor a
    metropolis after the most populous of a hundred wards. Several areas of one unit tell where they lie.

    Parameters
    ----------
    areas : geopandas.GeoDataFrame
        On their ids (the index has a name), with ``population``.
    pairs : pandas.DataFrame
        ``unit_id``, the areas' id and ``population``: people of each unit in each area.
    units : geopandas.GeoDataFrame
        ``unit_id`` and ``name``.

    Returns
    -------
    pandas.Series
        Name (None: unknown) on the areas' ids.
    """
    id_field = str(areas.index.name)
    held = held_by_units(areas["population"], pairs, area_id=id_field)
    largest = pairs.sort_values(["population", "unit_id"], ascending=[False, True]).drop_duplicates(id_field)
    name_of_unit = units.set_index("unit_id")["name"]
    largest = largest.set_index(id_field)
    is_part = (largest["population"] / areas["population"] >= _NAMING_SHARE).reindex(areas.index, fill_value=False)
    names = largest["unit_id"].map(name_of_unit).reindex(areas.index).where(held & is_part)
    return distinct_names(names, areas["population"], areas.geometry)


def names_after_centres(area_ids: pd.Series, members: pd.DataFrame, centres: pd.DataFrame) -> pd.Series:
    """Name modelled areas after the most populous of their centres that has a name.

    Parameters
    ----------
    area_ids : pandas.Series
        Ids of the areas.
    members : pandas.DataFrame
        ``centre_id`` and ``fua_id``.
    centres : pandas.DataFrame
        ``centre_id``, ``name`` and ``population``.

    Returns
    -------
    pandas.Series
        Name (None: unknown) on the index of ``area_ids``.
    """
    known = members[["centre_id", "fua_id"]].merge(centres[["centre_id", "name", "population"]], on="centre_id")
    known = known.dropna(subset=["name"])
    largest = known.sort_values(["population", "centre_id"], ascending=[False, True]).drop_duplicates("fua_id")
    names = area_ids.map(largest.set_index("fua_id")["name"]).astype(object)
    return names.where(names.notna(), None)
