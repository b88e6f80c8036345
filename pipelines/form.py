"""Form of the buildings of a region: cells and settlements by morphological informality, candidate settlements."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.form import Candidates
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.settlements.arrangement import (
    FILLED_COLUMNS,
    nearest_neighbours,
    tessellation_arrangement,
    zone_arrangement,
)
from geo_profiling.settlements.candidates import building_scores, candidate_agreement, candidate_settlements
from geo_profiling.settlements.density import zone_density
from geo_profiling.settlements.form import building_form, prepare_footprints
from geo_profiling.settlements.informality import InformalityGrid, classify_cells, classify_settlements
from geo_profiling.settlements.neighbourhood import neighbourhood_form
from geo_profiling.settlements.tessellation import tessellation_cells
from pipelines.built import BuiltCity, read_built, tell

#: A building's plot reaches no farther than this from its walls.
PLOT_REACH_M = 50.0
#: Mapped streets are lines: half the width that a line takes of the ground.
STREET_HALF_WIDTH_M = 3.0


def run_form(region: RegionSettings, directory: Path, _compute: Compute) -> None:
    """Measure the form of buildings and of settlements.

    Tables ``building_form``, ``informality_cells`` and ``informality_thresholds``; with
    settlements ``settlement_form``; where candidates are asked for ``candidate_settlements``, and with
    settlements ``candidate_agreement``.

    Parameters
    ----------
    region : RegionSettings
        With ``settlements.form``, and with buildings as polygons.
    directory : Path
        The region's output folder, with the table of buildings of the step on street blocks.
    _compute : Compute
        Every step is handed one; form is measured in one thread.

    Raises
    ------
    InputError
        If a layer is refused.
    """
    assert region.settlements is not None  # only asked for where it is configured
    rules = region.settlements.form
    assert rules is not None  # as above
    built = read_built(region)
    assert built.buildings is not None  # as above
    # What is wrong with the layer was told with all inputs.
    footprints, _ = prepare_footprints(built.buildings, report_overlaps=False)
    form = building_form(footprints)
    form = pd.concat([form, nearest_neighbours(footprints)], axis=1)
    plots = _plots(built, footprints, form) if rules.plots else pd.DataFrame(index=footprints.index)
    around = neighbourhood_form(footprints, form)
    measures = pd.concat([form, around], axis=1)
    grid = classify_cells(footprints, measures, rules=rules.informality)
    described = pd.concat([footprints[["building_id", "part"]], measures, plots], axis=1)
    write_parquet(directory / "tables/building_form.parquet", described)
    write_parquet(directory / "tables/informality_cells.parquet", grid.cells)
    write_parquet(directory / "tables/informality_thresholds.parquet", grid.thresholds)
    if built.settlements is not None:
        table = _settlement_form(built, footprints, measures, plots, grid)
        write_parquet(directory / "tables/settlement_form.parquet", table)
    if rules.candidates is not None:
        _write_candidates(built, footprints, form, rules.candidates, directory)


def _plots(built: BuiltCity, footprints: gpd.GeoDataFrame, form: pd.DataFrame) -> pd.DataFrame:
    """Return what the ground nearest to each building says: its area, cover and neighbours."""
    limit = footprints.buffer(PLOT_REACH_M).union_all()
    if built.blocks is not None:
        limit = shapely.intersection(limit, built.blocks.union_all())
    cells, findings = tessellation_cells(footprints, limit)
    tell(findings)
    return tessellation_arrangement(footprints, cells, form)


def _settlement_form(
    built: BuiltCity,
    footprints: gpd.GeoDataFrame,
    measures: pd.DataFrame,
    plots: pd.DataFrame,
    grid: InformalityGrid,
) -> pd.DataFrame:
    settlements = built.settlements
    assert settlements is not None  # only asked for where there are any
    density = zone_density(
        settlements,
        footprints,
        tessellation_area_m2=plots.get("tessellation_area_m2"),
        open_ground=open_ground(built),
        floors=footprints.get("height"),
    )
    arrangement = zone_arrangement(settlements, footprints, measures)
    classes = classify_settlements(settlements, footprints, measures, density, grid)
    table = pd.concat([density, arrangement, classes], axis=1).drop(columns=list(FILLED_COLUMNS))
    return table.rename_axis("settlement_id").reset_index()


def open_ground(built: BuiltCity) -> gpd.GeoSeries | None:
    """Return the ground of streets and water, as polygons; None where neither was given.

    Parameters
    ----------
    built : BuiltCity
    """
    parts = []
    if built.streets is not None:
        parts.append(built.streets.buffer(STREET_HALF_WIDTH_M))
    water = built.barriers.get("waterways")
    if water is not None:
        parts.append(water[water.geom_type.isin(["Polygon", "MultiPolygon"])])
    return pd.concat(parts, ignore_index=True) if parts else None


def _write_candidates(
    built: BuiltCity, footprints: gpd.GeoDataFrame, form: pd.DataFrame, rules: Candidates, directory: Path
) -> None:
    around = neighbourhood_form(footprints, form, radius_m=rules.radius_m, small_m2=rules.small_m2)
    reached = pd.read_parquet(directory / "tables/buildings.parquet").set_index("building_id")
    street_m = None
    if "street_dist_m" in reached:
        street_m = footprints["building_id"].map(reached["street_dist_m"])
    scores = building_scores(around, street_distance_m=street_m, rules=rules)
    found = candidate_settlements(footprints, scores, mapped=built.settlements, rules=rules)
    write_parquet(directory / "tables/candidate_settlements.parquet", found)
    if built.settlements is not None:
        agreement = candidate_agreement(found, built.settlements, footprints=footprints)
        write_parquet(directory / "tables/candidate_agreement.parquet", agreement.rename_axis("counted").reset_index())
