"""Two outputs compared, region by region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from geo_profiling.errors import InputError
from geo_profiling.outputs.comparison import compare_areas, compare_indicators
from geo_profiling.outputs.manifest import FILE_NAME, read_manifest
from geo_profiling.runs.summary import changes
from pipelines.run import figures

#: Layers of areas that are followed from one result to the other, with their ids.
_AREAS = {
    "urban_centres": "centre_id",
    "functional_urban_areas": "fua_id",
    "settlements": "settlement_id",
}


@dataclass(frozen=True)
class RegionDifference:
    """What differs between two results of a region.

    Parameters
    ----------
    region : str
    state : str
        "same", "changed", "appeared" or "vanished".
    areas : DataFrame
        From :func:`geo_profiling.outputs.comparison.compare_areas`, with the layer in front.
    indicators : DataFrame
        From :func:`geo_profiling.outputs.comparison.compare_indicators`.
    figures : list of dict
        Figures of the whole region that changed.
    """

    region: str
    state: str
    areas: pd.DataFrame
    indicators: pd.DataFrame
    figures: list[dict[str, object]]


def compare_outputs(old: Path, new: Path) -> Iterator[RegionDifference]:
    """Compare two outputs: folders of one finished region, or of many.

    Parameters
    ----------
    old, new : Path

    Yields
    ------
    RegionDifference
        One for each region of either, by name.

    Raises
    ------
    InputError
        If a folder holds no finished result.
    """
    before, after = _regions(old), _regions(new)
    if len(before) == len(after) == 1:
        # One region each: the folders' names say nothing about what they hold.
        before, after = dict(zip(after, before.values(), strict=True)), after
    for region in sorted(before.keys() | after.keys()):
        if region not in before or region not in after:
            state = "appeared" if region in after else "vanished"
            yield RegionDifference(region, state, pd.DataFrame(), pd.DataFrame(), [])
        else:
            yield _compare(region, before[region], after[region])


def _regions(folder: Path) -> dict[str, Path]:
    if (folder / FILE_NAME).is_file():
        return {read_manifest(folder / FILE_NAME).region: folder}
    found = {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{FILE_NAME}"))}
    if not found:
        raise InputError(f"{folder}: holds no finished result", hint=f"name a folder with {FILE_NAME}, or one of such")
    return found


def _compare(region: str, old: Path, new: Path) -> RegionDifference:
    parts = []
    for layer, id_field in _AREAS.items():
        was, now = _read(old, layer), _read(new, layer)
        if isinstance(was, gpd.GeoDataFrame) and isinstance(now, gpd.GeoDataFrame):
            found = compare_areas(was, now, id_field=id_field)
            found.insert(0, "layer", layer)
            parts.append(found)
    areas = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    was, now = _read(old, "indicators"), _read(new, "indicators")
    moved = compare_indicators(was, now) if was is not None and now is not None else pd.DataFrame()
    numbers = changes(figures(old), figures(new))
    state = "changed" if len(areas) or len(moved) or numbers else "same"
    return RegionDifference(region, state, areas, moved, numbers)


def _read(folder: Path, layer: str) -> gpd.GeoDataFrame | pd.DataFrame | None:
    manifest = read_manifest(folder / FILE_NAME)
    package = folder / f"{manifest.region}.gpkg"
    if not package.is_file() or layer not in {str(name) for name, _ in pyogrio.list_layers(package)}:
        return None
    return pyogrio.read_dataframe(package, layer=layer)
