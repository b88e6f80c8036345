"""Functional urban areas without flows: friction and travel times of a region, and the model's areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely import box

from geo_profiling.compute import Compute
from geo_profiling.config.files import RasterInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.efua import Join, ModelledFuas, model_fuas, number_areas
from geo_profiling.delineation.efua_model import (
    COUNTRY_COVARIATE,
    EfuaModel,
    TrainingSample,
    cell_covariates,
    model_from_json,
    shipped_model,
    training_sample,
)
from geo_profiling.delineation.friction import (
    ROAD_KMH,
    UNMAPPED_ROADS,
    Speeds,
    build_friction,
    elevation_findings,
    friction_findings,
    road_classes,
)
from geo_profiling.delineation.overlap import main_area, people_in_pairs
from geo_profiling.delineation.scales import held_by_units
from geo_profiling.delineation.units import people_in_centres
from geo_profiling.errors import GridError, InputError
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.paths import safe_path
from geo_profiling.raster.cost_distance import travel_times
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.read import RasterFile
from geo_profiling.raster.source import CroppedSource, FloatArray, Source
from geo_profiling.raster.zonal import zonal_statistics
from pipelines.cells import RegionCells, open_cells, units_on_grid
from pipelines.declared import CENTRES_AROUND, input_label
from pipelines.delineate import in_core
from pipelines.inputs import open_declared, read_roads
from pipelines.naming import names_after_centres, names_after_units

#: Time per metre and heights are no counts: there is no sum to keep when cells change.
_SAME_CELLS = (
    "give it on the grid of the population (with 'regrid': on the grid that names); it is not regridded: "
    "gdalwarp -r average does that"
)


@dataclass(frozen=True)
class TravelTimes:
    """The cells of a region with the time to their nearest urban centre.

    Attributes
    ----------
    grid : Grid
    population : ndarray
        People in each cell, NaN where unknown.
    labels : ndarray of int32
        Number of the centre of each cell, 0 outside.
    centres : pandas.DataFrame
        Row k - 1 is centre k: ``centre_id``, ``population``, ``area_km2`` and what the layer holds.
    friction, minutes : ndarray
        Minutes per metre; minutes to the nearest centre's edge, NaN where it cannot be reached.
    nearest : ndarray of int32
        Number of the nearest centre.
    friction_text : str
        What the friction is, in words.
    """

    grid: Grid
    population: FloatArray
    labels: NDArray[np.int32]
    centres: pd.DataFrame
    friction: FloatArray
    minutes: NDArray[np.float64]
    nearest: NDArray[np.int32]
    friction_text: str


def times_to_centres(
    inputs: CellInputs,
    centres: gpd.GeoDataFrame,
    *,
    friction: Source | None = None,
    elevation: Source | None = None,
    roads: gpd.GeoDataFrame | None = None,
    speeds: Speeds | None = None,
    max_minutes: float | None = None,
    compute: Compute | None = None,
) -> TravelTimes:
    """Take the time from every cell to its nearest urban centre.

    Parameters
    ----------
    inputs : CellInputs
        Population and land.
    centres : geopandas.GeoDataFrame
        Layer ``urban_centres``.
    friction : Source, optional
        Minutes per metre on the same grid; built from land, slope and roads where absent.
    elevation : Source, optional
        Metres, on the same grid.
    roads : geopandas.GeoDataFrame, optional
        Lines with ``road_class`` in the CRS of the grid.
    speeds : Speeds, optional
    max_minutes : float, optional
        Cells farther than this belong nowhere.
    compute : Compute, optional

    Raises
    ------
    InputError
        If the friction is not minutes per metre, or a grid is not aligned.
    """
    grid = inputs.grid
    population = inputs.population.read(grid.window)
    if friction is not None:
        grid.require_aligned(friction.grid, what="population and friction")
        costs: FloatArray = friction.read(grid.window)
        raise_on_errors(friction_findings(costs, name=friction.name))
        text = f"raster {friction.name}"
    else:
        speeds = speeds or (UNMAPPED_ROADS if roads is None else Speeds())
        heights = None
        if elevation is not None:
            grid.require_aligned(elevation.grid, what="population and elevation")
            heights = elevation.read(grid.window)
        costs = build_friction(grid, land_share=_land_share(inputs), elevation_m=heights, roads=roads, speeds=speeds)
        text = _ground_text(inputs.land is not None, heights is not None, roads is not None, speeds)
    labels = number_areas(centres, grid)
    minutes, nearest = travel_times(costs, labels, cell_size=grid.cell_size, max_minutes=max_minutes, compute=compute)
    table = pd.DataFrame(centres.drop(columns=centres.geometry.name))
    return TravelTimes(grid, population, labels, table, costs, minutes, nearest, text)


def _land_share(inputs: CellInputs) -> NDArray[np.float64] | None:
    if inputs.land is None:
        return None
    cell_m2 = 1.0 if inputs.land_unit == "share" else inputs.grid.cell_area_km2 * 1e6
    return inputs.land.read(inputs.grid.window).astype(np.float64) / cell_m2


def _ground_text(has_land: bool, has_heights: bool, has_roads: bool, speeds: Speeds) -> str:
    parts = [f"land {speeds.land_kmh:g} km/h"]
    if has_land:
        parts.append("water impassable" if speeds.water_kmh is None else f"water {speeds.water_kmh:g} km/h")
    parts.append("slope after Tobler" if has_heights else "level")
    parts.append("roads by class" if has_roads else "no roads given")
    return ", ".join(parts)


def model_areas(times: TravelTimes, model: EfuaModel, *, join: Join, contiguous: bool = True) -> ModelledFuas:
    """Delineate the functional urban areas of a region by the model."""
    return model_fuas(
        times.population,
        times.labels,
        times.minutes,
        times.nearest,
        times.centres,
        grid=times.grid,
        friction=times.friction,
        model=model,
        join=join,
        contiguous=contiguous,
    )


def region_sample(times: TravelTimes, units: gpd.GeoDataFrame, names: tuple[str, ...]) -> TrainingSample:
    """Return the training cells of a region whose units have their ``fua_id`` from flows (None outside)."""
    placed = units.to_crs(times.grid.crs)
    numbers: Mapping[Any, int] = {key: n for n, key in enumerate(sorted(set(placed["fua_id"].dropna())), start=1)}
    fua_of_unit = np.array([-1, *(numbers.get(key, 0) for key in placed["fua_id"])], np.int32)
    fua_of_cell = fua_of_unit[number_areas(placed, times.grid)]
    cells = cell_covariates(
        times.population,
        times.labels,
        times.minutes,
        times.nearest,
        times.centres,
        cell_area_km2=times.grid.cell_area_km2,
        names=names,
    )
    return training_sample(cells, fua_of_cell, times.labels, times.population.astype(np.float64))


# --- the steps of a region -----------------------------------------------------------------------


def run_modelled_fuas(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Delineate a region's functional urban areas without flows.

    Reads the table ``urban_centres_around``; writes, as Parquet, ``functional_urban_areas`` (polygons),
    ``fua_centres`` (the area of each centre, and the centre it was joined to) and, where units are
    configured, ``fua_units``: each unit with the area that more than half of its people live in.

    Parameters
    ----------
    region : RegionSettings
        With ``delineation.functional_urban_areas``.
    directory : Path
        The region's output folder.
    compute : Compute
        How many threads.

    Raises
    ------
    InputError
        If the coefficients or the friction cannot be used.
    """
    rules = region.delineation.functional_urban_areas
    assert rules is not None  # only asked for where it is configured
    cells = open_cells(region, compute=compute)
    centres = gpd.read_parquet(directory / f"tables/{CENTRES_AROUND}.parquet")
    times = region_times(region, cells, centres, compute=compute)
    found = model_areas(times, configured_model(region), join=rules.join)
    layer = found.layer
    core = box(*cells.core_inputs.grid.bounds)
    layer = layer[layer.intersects(core) & ~layer.touches(core)].reset_index(drop=True)
    n_units = pd.Series(pd.NA, index=layer.index, dtype="Int64")
    names = pd.Series(None, layer.index, dtype=object)
    if region.inputs.units is not None:
        units = units_on_grid(region, cells.inputs.grid.crs)
        population = cells.core_inputs.population
        members, n_units = units_of_areas(population, units, layer, compute=compute)
        write_parquet(directory / "tables/fua_units.parquet", units.assign(fua_id=members.to_numpy()))
        if "name" in units:
            core_centres = in_core(centres, cells).set_index("centre_id")
            pairs = people_in_centres(population, units.set_index("unit_id"), core_centres, compute=compute)
            core_centres["name"] = names_after_units(core_centres, pairs, units)
            names = names_after_centres(layer["fua_id"], found.centres, core_centres.reset_index())
    layer.insert(1, "name", names)
    layer.insert(3, "n_units", n_units)
    write_parquet(directory / "tables/functional_urban_areas.parquet", layer)
    write_parquet(directory / "tables/fua_centres.parquet", found.centres)


def configured_model(region: RegionSettings) -> EfuaModel:
    """Return the model that the configuration names, or the one we ship.

    Raises
    ------
    InputError
        If the file cannot be read or is no model.
    """
    rules = region.delineation.functional_urban_areas
    if rules is None or rules.coefficients is None:
        return shipped_model()
    path = safe_path(rules.coefficients, roots=region.roots)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: cannot be read: {error}") from error
    return model_from_json(text, name=path.name)


def units_of_areas(
    population: Source, units: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, *, compute: Compute | None = None
) -> tuple[pd.Series, pd.Series]:
    """Find the area that more than half of each unit's people live in, and the number of units of each area.

    Parameters
    ----------
    population : Source
    units : geopandas.GeoDataFrame
        With ``unit_id``, in the CRS of the grid.
    areas : geopandas.GeoDataFrame
        With ``fua_id``; they do not overlap.
    compute : Compute, optional

    Returns
    -------
    members : pandas.Series
        ``fua_id`` (None: no area) on the units' ids.
    n_units : pandas.Series
        On the index of ``areas``; NULL where units hold less than half of an area's people on this
        grid, so that nobody takes ground beyond the units' border for ground without government.
    """
    by_id, by_area = units.set_index("unit_id"), areas.set_index("fua_id")
    people = zonal_statistics(population, by_id, stats=["sum"], compute=compute)["sum"]
    in_area = zonal_statistics(population, by_area, stats=["sum"], compute=compute)["sum"]
    pairs = people_in_pairs(population, by_id, by_area, names=("unit_id", "fua_id"), compute=compute)
    main = main_area(pairs, names=("unit_id", "fua_id")).reindex(by_id.index)
    inside = (main["population"] > 0.5 * people).to_numpy(dtype=bool)
    ids = [fua if member else None for fua, member in zip(main["fua_id"], inside, strict=True)]
    members = pd.Series(ids, index=by_id.index, dtype=object, name="fua_id")
    counted = members.value_counts().reindex(by_area.index, fill_value=0).astype("Int64")
    known = held_by_units(in_area, pairs, area_id="fua_id")
    return members, pd.Series(counted.where(known).array, areas.index, name="n_units")


def region_times(
    region: RegionSettings, cells: RegionCells, centres: gpd.GeoDataFrame, *, compute: Compute
) -> TravelTimes:
    """Take the travel times of a region on the ground that its configuration declares.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.friction``, or ``inputs.elevation`` and ``inputs.roads`` as far as there are any.
    cells : RegionCells
    centres : geopandas.GeoDataFrame
        Layer ``urban_centres``; each gets the ``gdp_per_capita`` of the region, where one is given.
    compute : Compute

    Raises
    ------
    InputError
        If a file is refused, or does not fit the cells.
    """
    inputs, grid = region.inputs, cells.inputs.grid
    rules = region.delineation.functional_urban_areas
    if rules is not None and rules.gdp_per_capita is not None:
        centres = centres.assign(gdp_per_capita=rules.gdp_per_capita)
    elevation = _on_cells(region, "elevation", inputs.elevation, grid)
    if elevation is not None:
        raise_on_errors(elevation_findings(elevation.read(grid.window), name=elevation.name))
    read = read_roads(region)
    return times_to_centres(
        cells.inputs,
        centres,
        friction=_on_cells(region, "friction", inputs.friction, grid),
        elevation=elevation,
        roads=None if read is None else read[0].to_crs(grid.crs),
        speeds=_speeds(region),
        compute=compute,
    )


def _on_cells(region: RegionSettings, key: str, declared: RasterInput | None, grid: Grid) -> CroppedSource | None:
    return None if declared is None else _cut(open_declared(region, key, declared), grid)


def _speeds(region: RegionSettings) -> Speeds:
    rules = region.delineation.functional_urban_areas
    documented = UNMAPPED_ROADS if region.inputs.roads is None else Speeds()
    given = None if rules is None else rules.speeds
    if given is None:
        return documented
    return Speeds(
        land_kmh=documented.land_kmh if given.land_kmh is None else given.land_kmh,
        water_kmh=None if given.water_kmh == "none" else given.water_kmh,
        road_kmh={**ROAD_KMH, **given.road_kmh},
    )


def model_findings(region: RegionSettings, population: Grid | None) -> list[Finding]:
    """Check the ground and the coefficients of a region before anything is computed.

    Parameters
    ----------
    region : RegionSettings
    population : Grid, optional
        The grid that friction and heights must cover; None where it is not known.
    """
    findings = _coefficient_findings(region)
    for key, judged in (("friction", friction_findings), ("elevation", elevation_findings)):
        declared: RasterInput | None = getattr(region.inputs, key)
        if declared is None:
            continue
        label = input_label(key, declared.path)
        try:
            raster = open_declared(region, key, declared)
            source = raster if population is None else _cut(raster, population)
            findings += judged(source.read(source.grid.window), name=raster.name)
        except InputError as error:
            findings.append(_refused(label, error))
    return findings + _road_findings(region, population)


def _coefficient_findings(region: RegionSettings) -> list[Finding]:
    rules = region.delineation.functional_urban_areas
    if rules is None or rules.method != "model":
        return []
    own = rules.coefficients
    label = "coefficients" if own is None else input_label("coefficients", own)
    try:
        model = configured_model(region)
    except InputError as error:
        return [_refused(label, error, file=None if own is None else own.name)]
    findings = []
    if COUNTRY_COVARIATE in model.names and rules.gdp_per_capita is None:
        remedy = "give 'gdp_per_capita' under 'functional_urban_areas', or use coefficients without it"
        findings.append(Finding("error", label, "", "the model asks for the GDP per head of the country", remedy))
    ground = _configured_ground(region)
    if _kind_of_ground(ground) != _kind_of_ground(model.friction):
        message = f"fitted on times over other ground ({model.friction}) than that of the region ({ground})"
        remedy = "take the areas as a sketch, or fit coefficients on such ground with geo-profiling fit"
        findings.append(Finding("warning", label, "", message, remedy))
    return findings


def _configured_ground(region: RegionSettings) -> str:
    inputs = region.inputs
    if inputs.friction is not None:
        return f"raster {input_label('friction', inputs.friction.path)}"
    has = inputs.elevation is not None, inputs.roads is not None
    return _ground_text(inputs.land is not None, *has, _speeds(region))


def _kind_of_ground(text: str) -> str:
    """Leave out what differs from region to region: the name of a raster, and whether there is water."""
    if text.startswith("raster "):
        return "raster"
    return ", ".join(part for part in text.split(", ") if not part.startswith("water "))


def _road_findings(region: RegionSettings, population: Grid | None) -> list[Finding]:
    declared = region.inputs.roads
    if declared is None:
        return []
    label = input_label("roads", declared.path)
    try:
        read = read_roads(region)
        assert read is not None  # roads are declared
        roads, findings = read
        road_classes(roads, _speeds(region).road_kmh)
    except InputError as error:
        return [_refused(label, error, file="roads")]
    if population is not None and not roads.to_crs(population.crs).intersects(box(*population.bounds)).any():
        remedy = "check both coordinate reference systems and extents"
        findings.append(Finding("error", label, "", "no road lies on the population grid", remedy))
    return findings


def _refused(label: str, error: InputError, *, file: str | None = None) -> Finding:
    message = str(error).removeprefix(f"{label}: ")
    return Finding("error", label, "", message if file is None else message.removeprefix(f"{file}: "), error.hint)


def _cut(raster: RasterFile, grid: Grid) -> CroppedSource:
    left, _, _, top = grid.bounds
    col, row = ~raster.grid.transform * (left, top)
    window = Window(round(row), round(col), *grid.shape)
    inside = window.row >= 0 and window.col >= 0
    if not inside or window.row_stop > raster.grid.shape[0] or window.col_stop > raster.grid.shape[1]:
        raise GridError(
            f"{raster.name}: does not cover the population ({raster.grid.describe()}; {grid.describe()})",
            hint=_SAME_CELLS,
        )
    try:
        raster.grid.crop(window).require_aligned(grid, what=f"{raster.name} and population")
    except GridError as error:
        raise GridError(str(error), hint=_SAME_CELLS) from error
    return CroppedSource(raster, window)
