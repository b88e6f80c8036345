"""Functional urban areas without flows: friction and travel times of a region, and the model's areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.efua import Join, ModelledFuas, model_fuas, number_areas
from geo_profiling.delineation.efua_model import EfuaModel, TrainingSample, cell_covariates, training_sample
from geo_profiling.delineation.friction import UNMAPPED_ROADS, Speeds, build_friction, friction_findings
from geo_profiling.findings import raise_on_errors
from geo_profiling.raster.cost_distance import travel_times
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import FloatArray, Source


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
        text = _friction_text(inputs, heights is not None, roads is not None, speeds)
    labels = number_areas(centres, grid)
    minutes, nearest = travel_times(
        costs, labels, cell_size=grid.cell_size, max_minutes=max_minutes, compute=compute
    )
    table = pd.DataFrame(centres.drop(columns=centres.geometry.name))
    return TravelTimes(grid, population, labels, table, costs, minutes, nearest, text)


def _land_share(inputs: CellInputs) -> NDArray[np.float64] | None:
    if inputs.land is None:
        return None
    cell_m2 = 1.0 if inputs.land_unit == "share" else inputs.grid.cell_area_km2 * 1e6
    return inputs.land.read(inputs.grid.window).astype(np.float64) / cell_m2


def _friction_text(inputs: CellInputs, has_heights: bool, has_roads: bool, speeds: Speeds) -> str:
    parts = [f"land {speeds.land_kmh:g} km/h"]
    if inputs.land is not None:
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
