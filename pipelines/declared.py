"""A region's input files as the configuration declares them; imports nothing that reads them.

What a run would do is known from here in a moment, without loading any GIS library.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geo_profiling.config.files import FileInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.tenure_inputs import TenureLayer
from geo_profiling.runs.ledger import STATE_FOLDER
from geo_profiling.runs.step import FileContent

if TYPE_CHECKING:
    from geo_profiling.delineation.paint import ClusterKind

RasterKey = Literal["population", "land", "built_up"]
RASTER_KEYS: tuple[RasterKey, ...] = ("population", "land", "built_up")

#: Where a run keeps what the checks found, relative to the region's folder.
FINDINGS_FILE = f"{STATE_FOLDER}/findings.json"

#: By level, the table and layer of each kind of cluster.
CLUSTER_TABLES: dict[int, dict[ClusterKind, str]] = {
    1: {"urban_centre": "urban_centres", "urban_cluster": "urban_clusters"},
    2: {
        "urban_centre": "urban_centres",
        "urban_cluster": "urban_clusters",
        "dense_cluster": "dense_clusters",
        "semi_dense_cluster": "semi_dense_clusters",
    },
}

#: Table of all urban centres that were found, those in the halo of a region included.
CENTRES_AROUND = "urban_centres_around"

#: Endings of files that are tables of text; others are layers.
TABLE_SUFFIXES = (".csv", ".txt", ".tsv", ".gz")

_SHAPEFILE_PARTS = (".dbf", ".shx", ".prj", ".cpg")
#: What is said about an input without changing what is computed from it.
_WORDS_ONLY = {"path", "sha256", "source", "licence", "year"}


def input_label(key: str, path: Path) -> str:
    """Name an input in messages by its key and its file.

    Examples
    --------
    >>> input_label("land", Path("data/LAND.tif"))
    'land (LAND.tif)'
    """
    return f"{key} ({path.name})"


def declared_inputs(region: RegionSettings) -> dict[str, FileInput]:
    """Return the region's declared input files by key, keys of a section joined by a dot."""
    return {".".join(map(str, keys)): declared for keys, declared in region.inputs.files().items()}


def fua_tables(region: RegionSettings) -> list[str]:
    """Return the tables of functional urban areas that a region gets, without their suffix."""
    rules = region.delineation.functional_urban_areas
    if rules is None:
        return []
    if rules.method == "flows":
        return ["functional_urban_areas", "fua_units", "fua_candidates"]
    return ["functional_urban_areas", "fua_centres", *(["fua_units"] if region.inputs.units is not None else [])]


def map_names(region: RegionSettings) -> list[str]:
    """Return the files of the maps that a region gets, relative to its folder."""
    return [*_urban_maps(region), *_settlement_maps(region)]


def _urban_maps(region: RegionSettings) -> list[str]:
    if region.inputs.population is None:
        return []
    level = region.delineation.degurba.level
    names = [f"maps/degurba_l{level}.png"]
    if region.inputs.units is not None:
        names.append(f"maps/units_degurba_l{level}.png")
    if fua_tables(region):
        names.append("maps/functional_urban_areas.png")
    return names


def _settlement_maps(region: RegionSettings) -> list[str]:
    rules, inputs = region.settlements, region.inputs
    if rules is None:
        return []
    names = []
    if inputs.buildings is not None:
        names.append("maps/block_complexity.png")
        if rules.form is not None:
            names.append("maps/morphological_informality.png")
    if inputs.settlements is not None and inputs.tenure is not None:
        names.append("maps/tenure_documented.png")
    if inputs.settlements is not None and inputs.hazards:
        names.append("maps/hazardous_location.png")
    if inputs.settlements is not None and _green_access_is_told(region):
        names.append("maps/green_access.png")
    return names


def _green_access_is_told(region: RegionSettings) -> bool:
    inputs = region.inputs
    has_people = inputs.population is not None or inputs.population_fine is not None
    return region.environment is not None and inputs.open_spaces is not None and has_people


def input_content(path: Path) -> FileContent:
    """Return what identifies an input file's content; a shapefile is all its parts.

    Examples
    --------
    >>> [sibling.name for sibling in input_content(Path("wards.shp")).siblings]
    ['wards.dbf', 'wards.shx', 'wards.prj', 'wards.cpg']
    """
    if path.suffix.lower() != ".shp":
        return FileContent(path)
    return FileContent(path, tuple(path.with_suffix(suffix) for suffix in _SHAPEFILE_PARTS))


def reading_parameters(declared: FileInput) -> dict[str, Any]:
    """Return what decides how an input file is read: everything declared but its place and its credits.

    Examples
    --------
    >>> from geo_profiling.config.files import AreaInput
    >>> reading_parameters(AreaInput.model_validate({"path": "LAND.tif"}))
    {'crs': None, 'band': None, 'nodata': None, 'unit': 'm2'}
    """
    return declared.model_dump(mode="json", exclude=_WORDS_ONLY)


def detail_tables(region: RegionSettings) -> list[str]:
    """Return the tables of single records that a region writes besides: those of places tied to the Earth.

    Parameters
    ----------
    region : RegionSettings
    """
    declared, rules = region.inputs.tenure, region.settlements
    if declared is None or rules is None or rules.tenure is None or not rules.tenure.publish_detail:
        return []
    layers = {"tenure_conflict_records": declared.spatial_units, "eviction_records": declared.evictions}
    return [name for name, layer in layers.items() if layer is not None and _on_earth(layer)]


def has_eviction_hazards(region: RegionSettings) -> bool:
    """Tell whether evictions of a region are laid over its hazards: both are there, and have a place on the Earth."""
    tenure, rules = region.inputs.tenure, region.settlements
    if tenure is None or tenure.evictions is None or rules is None or rules.tenure is None:
        return False
    return bool(region.inputs.hazards) and region.inputs.settlements is not None and _on_earth(tenure.evictions)


def _on_earth(layer: FileInput) -> bool:
    return (
        isinstance(layer, TenureLayer)
        and layer.crs != "local-planar"
        and layer.path.suffix.lower() not in TABLE_SUFFIXES
    )
