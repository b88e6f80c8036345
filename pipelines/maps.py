"""The maps of a region."""

from __future__ import annotations

from typing import TypedDict

import geopandas as gpd
import xarray as xr

from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.maps import classes_map, functional_map, units_map
from geo_profiling.outputs.theme_maps import Theme, theme_map
from pipelines.layers import Layers
from pipelines.lineage import year_of_flows


def region_maps(
    region: RegionSettings, layers: Layers, classes: xr.DataArray | None, manifest: Manifest
) -> dict[str, bytes]:
    """Return the maps of a region as PNG, by file name as :func:`pipelines.declared.map_names` lists them.

    Parameters
    ----------
    region : RegionSettings
    layers : mapping of str to GeoDataFrame or DataFrame
        As published.
    classes : xarray.DataArray or None
        Classes of cells of the finest level; None where nothing was delineated.
    manifest : Manifest
        Tells source and year.
    """
    maps: dict[str, bytes] = {}
    level = region.delineation.degurba.level
    told = _credits(manifest)
    if classes is not None:
        maps[f"maps/degurba_l{level}.png"] = classes_map(classes, layers["urban_centres"], layers.get("units"), **told)
        if "units" in layers:
            maps[f"maps/units_degurba_l{level}.png"] = units_map(
                layers["units"], layers["urban_centres"], field=f"degurba_l{level}", **told
            )
    if "functional_urban_areas" in layers:
        maps["maps/functional_urban_areas.png"] = _functional_map(region, layers, manifest)
    return maps | _settlement_maps(layers, manifest)


#: Maps of single fields: by file, the layer, the field, what it shows and what has no value.
THEMES = {
    "maps/block_complexity.png": ("street_blocks", "k", "Street access: block complexity k", "No buildings"),
    "maps/morphological_informality.png": (
        "informality_cells",
        "informality_class",
        "Morphological informality: small, dense and irregular building",
        "Too few buildings",
    ),
    "maps/hazardous_location.png": (
        "settlements",
        "hazardous_share_low",
        "People of informal settlements in hazardous locations",
        "Unknown",
    ),
    "maps/green_access.png": (
        "settlements",
        "green_access_share",
        "People of informal settlements who can walk to open space",
        "Unknown",
    ),
    "maps/tenure_documented.png": (
        "settlements",
        "documented_share",
        "Adults with documented rights to land",
        "Unknown",
    ),
}


#: Below this share of places with a value the others are told of, not drawn.
_MOSTLY_KNOWN = 0.5


def _settlement_maps(layers: Layers, manifest: Manifest) -> dict[str, bytes]:
    maps = {}
    for name, (layer, field, text, unknown) in THEMES.items():
        frame = layers.get(layer)
        if frame is None or field not in frame:
            continue
        places = gpd.GeoDataFrame(layers.get("settlements", frame.iloc[:0]))
        known = frame[field].notna()
        if layer == "settlements" and known.any() and known.mean() < _MOSTLY_KNOWN:
            # Where few settlements have a register the others would be blank panels.
            places = frame = gpd.GeoDataFrame(places[places[field].notna()])
            text = f"{text} ({known.sum()} of {len(known)} settlements: nothing is known of the others)"
        places = places.to_crs(frame.crs)
        theme = Theme(manifest.title, text, manifest.source, manifest.year, unknown)
        maps[name] = theme_map(frame, LAYERS[layer].field(field), theme, places=places)
    return maps


def _functional_map(region: RegionSettings, layers: Layers, manifest: Manifest) -> bytes:
    areas = layers["functional_urban_areas"]
    units = layers.get("fua_units", layers.get("units"))
    cities = layers["urban_centres"]
    if region.delineation.is_by_flows and units is not None:
        cities = units[units["city_id"].notna()]
    year = year_of_flows(region) if region.delineation.is_by_flows else manifest.year
    return functional_map(areas, cities, units, title=manifest.title, source=manifest.source, year=year)


class _Credits(TypedDict):
    title: str
    source: str
    year: int | None


def _credits(manifest: Manifest) -> _Credits:
    return {"title": manifest.title, "source": manifest.source, "year": manifest.year}
