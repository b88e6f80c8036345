"""Maps as PNG: the classes of cells and of local units, with urban centres, ready to print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from pyproj import CRS

from geo_profiling.errors import UsageError
from geo_profiling.outputs.cartography import (
    thin,
)
from geo_profiling.outputs.legend import CELL_LEGENDS, FIELD_LEGENDS, ClassLabel
from geo_profiling.outputs.map_page import finish, padded_bounds, page, plain_style, subtitle
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import grid_of

#: More cells than this on a side are thinned: a printed page shows no more.
MAX_CELLS = 2400
_CITY, _COMMUTING_ZONE, _OUTSIDE = "#8c2d6b", "#e3b8d3", "#f4f1ea"
_BY_COMMUTING = "cities and their commuting zones"
_UNNAMED = "(unnamed)"
_NO_DATA = "#ffffff"


def classes_map(
    classes: xr.DataArray,
    centres: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame | None,
    *,
    title: str,
    source: str,
    year: int | None,
) -> bytes:
    """Draw the classes of cells with the outlines and names of urban centres.

    Parameters
    ----------
    classes : xarray.DataArray
        Codes of Level 1 (3, 2, 1, 0) or Level 2 (30 ... 10) with ``spatial_ref``.
    centres : GeoDataFrame
        In the CRS of ``classes``, with ``population`` and, if known, ``name``.
    units : GeoDataFrame or None
        Their borders are drawn thinly.
    title : str
        Of the region.
    source : str
        Who made the data, printed below the map.
    year : int or None
        What time the map shows.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.

    Raises
    ------
    UsageError
        If a code belongs to neither level.
    """
    grid = grid_of(classes, name="classes")
    level = level_of(classes.values)
    shown = thin(classes.values, MAX_CELLS)
    entries = [entry for entry in CELL_LEGENDS[level] if (shown == entry.code).any()]
    with plain_style():
        figure, axes = page(grid.bounds, title, subtitle(f"Degree of urbanisation of {cell_words(grid)} cells", year))
        left, bottom, right, top = grid.bounds
        axes.imshow(
            _numbered(shown, entries),
            cmap=ListedColormap([_NO_DATA, *(entry.colour for entry in entries)]),
            vmin=-0.5,
            vmax=len(entries) + 0.5,
            extent=(left, right, bottom, top),
            interpolation="nearest",
        )
        if units is not None and len(units):
            units.boundary.plot(ax=axes, color="#4d4d4d", linewidth=0.35, alpha=0.7, aspect=None)
        handles = [Patch(facecolor=entry.colour, edgecolor="#888888", label=entry.label) for entry in entries]
        if not np.isin(shown, [entry.code for entry in entries]).all():
            handles.append(Patch(facecolor=_NO_DATA, edgecolor="#888888", label="No data"))
        return finish(figure, axes, grid.bounds, grid.crs, centres, handles, source)


def units_map(
    units: gpd.GeoDataFrame,
    centres: gpd.GeoDataFrame,
    *,
    field: str,
    title: str,
    source: str,
    year: int | None,
) -> bytes:
    """Draw local units coloured by their class, with the outlines and names of urban centres.

    Parameters
    ----------
    units : GeoDataFrame
        With ``field``; NULL is drawn as unknown.
    centres : GeoDataFrame
        In the CRS of ``units``.
    field : {"degurba_l1", "degurba_l2"}
    title, source, year
        As for :func:`classes_map`.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.
    """
    legend = FIELD_LEGENDS[field]
    codes = units[field].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    colours = {entry.code: entry.colour for entry in legend}
    bounds = padded_bounds(units)
    with plain_style():
        figure, axes = page(bounds, title, subtitle("Degree of urbanisation of local units", year))
        units.plot(
            ax=axes,
            color=[colours.get(code, _NO_DATA) for code in codes],
            edgecolor="#5a5a5a",
            linewidth=0.25,
            aspect=None,
        )
        handles = [
            Patch(facecolor=entry.colour, edgecolor="#888888", label=entry.label)
            for entry in legend
            if (codes == entry.code).any()
        ]
        if np.isnan(codes).any():
            handles.append(Patch(facecolor=_NO_DATA, edgecolor="#888888", label="Unknown"))
        return finish(figure, axes, bounds, CRS(units.crs), centres, handles, source)


def functional_map(
    areas: gpd.GeoDataFrame,
    cities: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame | None,
    *,
    title: str,
    source: str,
    year: int | None,
) -> bytes:
    """Draw functional urban areas: cities, the commuting zones tied to them, and their names.

    Parameters
    ----------
    areas : GeoDataFrame
        With ``method``, ``population`` and, if known, ``name``.
    cities : GeoDataFrame
        Units of cities, or urban centres where areas were modelled; in the CRS of ``areas``.
    units : GeoDataFrame or None
        All units, drawn pale below.
    title, source, year
        As for :func:`classes_map`.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.
    """
    bounds = padded_bounds(areas if units is None else pd.concat([areas[["geometry"]], units[["geometry"]]]))
    with plain_style():
        modelled = len(areas) > 0 and bool((areas["method"] == "model").all())
        words = "by travel time, as a model sees them (no commuting data)" if modelled else _BY_COMMUTING
        figure, axes = page(bounds, title, subtitle(f"Functional urban areas: {words}", year))
        if units is not None:
            units.plot(ax=axes, color=_OUTSIDE, edgecolor="#b5b5b5", linewidth=0.2, aspect=None)
        areas.plot(ax=axes, color=_COMMUTING_ZONE, aspect=None)
        if len(cities):
            cities.plot(ax=axes, color=_CITY, aspect=None)
        if units is not None:
            units.boundary.plot(ax=axes, color="#5a5a5a", linewidth=0.2, alpha=0.5, aspect=None)
        shown = [("Urban centre", _CITY), ("Likely commuting zone", _COMMUTING_ZONE)]
        if not modelled:
            shown = [("City", _CITY), ("Commuting zone", _COMMUTING_ZONE)]
        shown += [] if units is None else [("In no functional area", _OUTSIDE)]
        handles = [Patch(facecolor=colour, edgecolor="#888888", label=label) for label, colour in shown]
        handles += _edge_note(areas)
        if modelled and units is not None and "name" in areas and areas["name"].isna().any():
            areas = areas.assign(name=areas["name"].fillna(_UNNAMED))
            handles.append(_words(f"{_UNNAMED}: most of its people\nlive beyond the local units"))
        crs = CRS(areas.crs)
        return finish(figure, axes, bounds, crs, areas, handles, source, outline="Edge of a functional area")


def _edge_note(areas: gpd.GeoDataFrame) -> list[Patch]:
    """Say in the legend that the data may have cut areas off."""
    if "touches_edge" not in areas:
        return []
    cut = areas["touches_edge"].fillna(False).astype(bool)
    if not cut.any():
        return []
    words = f"{'All' if cut.all() else 'Some'} areas reach the edge of\nthe data: they may be larger"
    return [_words(words)]


def _words(text: str) -> Patch:
    """Return an entry of the legend that is words alone."""
    return Patch(facecolor="none", edgecolor="none", label=text)


def cell_words(grid: Grid) -> str:
    """Return the side of a square of a cell's area, in words.

    Examples
    --------
    >>> from affine import Affine
    >>> cell_words(Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 2)))
    '1 km'
    """
    side_m = 1000 * math.sqrt(grid.cell_area_km2)
    return f"{side_m / 1000:,g} km" if side_m >= 1000 else f"{side_m:,.0f} m"


def level_of(codes: Any) -> int:
    """Return the level whose codes these are; negative codes are no data.

    Raises
    ------
    UsageError
        If a code belongs to neither level.

    Examples
    --------
    >>> level_of(np.array([30, 11, -32768])), level_of(np.array([3, 0]))
    (2, 1)
    """
    found = {int(code) for code in np.unique(codes) if code >= 0}
    for level, legend in CELL_LEGENDS.items():
        if found <= {entry.code for entry in legend}:
            return level if found else 2
    raise UsageError(f"codes {sorted(found)[:9]} are of neither level of the degree of urbanisation")


def _numbered(codes: Any, entries: Sequence[ClassLabel]) -> Any:
    """Positions in the legend from 1, 0 where there are no data."""
    numbers = np.zeros(codes.shape, np.uint8)
    for number, entry in enumerate(entries, start=1):
        numbers[codes == entry.code] = number
    return numbers
