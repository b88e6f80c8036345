"""Delineation: Degree of Urbanisation of cells, centres and clusters, and classes of units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely import box

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.clusters import cluster_polygons
from geo_profiling.delineation.degurba import classify, level1_codes
from geo_profiling.delineation.optimal import covers_the_world, optimal_built_up_threshold
from geo_profiling.delineation.paint import CLASS_NODATA, LEVEL_CODES, ClusterKind, DegurbaSummary
from geo_profiling.delineation.rules import DegurbaRules, Level, rule_set
from geo_profiling.delineation.units import classify_units, people_in_centres
from geo_profiling.errors import UsageError
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.grid import Window
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.source import Source
from geo_profiling.raster.write import create_raster
from geo_profiling.raster.zonal import class_totals
from pipelines.cells import RegionCells, open_cells, units_on_grid
from pipelines.declared import CENTRES_AROUND, CLUSTER_TABLES

_DESCRIPTIONS = {
    1: "Degree of Urbanisation, level 1: 3 urban centre, 2 urban cluster, 1 rural, 0 water",
    2: "Degree of Urbanisation, level 2: 30 urban centre, 23 dense, 22 semi-dense, 21 suburban, "
    "13 rural cluster, 12 low density, 11 very low density, 10 water",
}
Threshold = float | Literal["none", "optimal"]


def degurba_command(
    population: Path,
    output: Path,
    *,
    land: Path | None,
    built_up: Path | None,
    level: Level,
    rules: str,
    built_up_threshold: Threshold,
    optimal_value: float | None,
    smoothing: str,
    land_unit: Literal["m2", "share"],
    built_up_unit: Literal["m2", "share"],
    centres: Path | None,
    memory_limit: int | None,
    compute: Compute,
) -> None:
    """Classify files into a class raster and, where asked for, a GeoPackage of urban centres.

    Parameters are those of the command ``geo-profiling degurba``.

    Raises
    ------
    UsageError
        If an output would overwrite an input or the other output.
    GeoProfilingError
        As the command ends; nothing is written then.
    """

    def opened(path: Path | None, unit: str) -> Source | None:
        return None if path is None else open_raster(path, quantity="area" if unit == "m2" else "share")

    _check_outputs(output, centres, [population, land, built_up])
    inputs = CellInputs(
        open_raster(population, quantity="count"),
        opened(land, land_unit),
        opened(built_up, built_up_unit),
        land_unit,
        built_up_unit,
    )
    threshold = _resolve_threshold(inputs, built_up_threshold, optimal_value, memory_limit, compute)
    chosen = rule_set(rules, built_up_threshold=threshold, smoothing=smoothing)
    with create_raster(
        output,
        inputs.grid,
        dtype=np.int16,
        nodata=CLASS_NODATA,
        description=_DESCRIPTIONS[level],
        threads=compute.threads,
    ) as writer:
        summary = classify(
            inputs,
            writer.write,
            level=level,
            rules=chosen,
            with_clusters=centres is not None,
            memory_limit=memory_limit,
            compute=compute,
        )
        if centres is not None:
            # Before the raster is published: where this fails nothing is.
            layers = {"urban_centres": _cluster_layer(summary, "urban_centre")}
            write_geopackage(centres, layers, run_info=_rules_info(level, chosen), title="Urban centres")


def _check_outputs(output: Path, centres: Path | None, inputs: Sequence[Path | None]) -> None:
    outputs = [output] if centres is None else [output, centres]
    given = [path.resolve() for path in inputs if path is not None]
    for path in outputs:
        if path.resolve() in given:
            raise UsageError(f"{path}: is one of the inputs", hint="write to another file")
    if centres is None:
        return
    if centres.suffix.lower() != ".gpkg":
        raise UsageError(f"{centres}: urban centres are written as .gpkg", hint="give a name that ends in .gpkg")
    if centres.resolve() == output.resolve():
        raise UsageError(f"{centres}: raster and urban centres have the same name", hint="give each its own")


def _resolve_threshold(
    inputs: CellInputs,
    threshold: Threshold,
    optimal_value: float | None,
    memory_limit: int | None,
    compute: Compute,
) -> float | None:
    """Return the built-up threshold as a number, or None for no such rule."""
    if threshold == "none":
        return None
    value = optimal_value if threshold == "optimal" else float(threshold)
    if value is not None:
        return None if inputs.built_up is None else value
    if not covers_the_world(inputs.grid):
        raise UsageError(
            "the optimal built-up threshold is a mean over the whole world; this grid is not global",
            hint="give its global value (--optimal-value, key optimal_value), or a number",
        )
    return optimal_built_up_threshold(inputs, memory_limit=memory_limit, compute=compute)


def _rules_info(level: Level, rules: DegurbaRules) -> dict[str, str]:
    fields = ("version", "built_up_threshold", "smoothing", "max_gap_km2")
    return {"level": str(level), **{f"rules_{name}": str(getattr(rules, name)) for name in fields}}


def _cluster_layer(summary: DegurbaSummary, kind: ClusterKind) -> gpd.GeoDataFrame:
    if kind not in summary.clusters:
        return _no_clusters(kind, summary)
    return cluster_polygons(summary.clusters[kind], summary.grid, kind=kind)


def run_degurba(settings: RegionSettings, directory: Path, memory_limit: int | None, compute: Compute) -> None:
    """Classify the cells of a region: class rasters, layers of centres and clusters, people by class.

    Parameters
    ----------
    settings : RegionSettings
    directory : Path
        The region's output folder.
    memory_limit : int or None
        Bytes this process may hold; never changes a result.
    compute : Compute

    Raises
    ------
    GeoProfilingError
        If inputs are refused; nothing of the step is written then.
    """
    cells = open_cells(settings, compute=compute)
    degurba = settings.delineation.degurba
    rules = _rules_of(settings, cells, memory_limit, compute)
    direct = degurba.level == 1 or degurba.level1_from == "direct"
    run = partial(classify, cells.inputs, rules=rules, memory_limit=memory_limit, compute=compute)
    with ExitStack() as stack:

        def writer(level: int) -> Callable[[Window, NDArray[np.int16]], None]:
            raster = create_raster(
                directory / f"rasters/degurba_l{level}.tif",
                cells.core_inputs.grid,
                dtype=np.int16,
                nodata=CLASS_NODATA,
                description=_DESCRIPTIONS[level],
                threads=compute.threads,
            )
            return _only_core(stack.enter_context(raster).write, cells.core)

        write1 = writer(1)
        if degurba.level == 2:
            write2 = writer(2)

            def write_both(window: Window, values: NDArray[np.int16]) -> None:
                write2(window, values)
                if not direct:
                    write1(window, level1_codes(values))

            summary = run(write_both, level=2, with_clusters=True)
            if direct:
                run(write1, level=1)
        else:
            summary = run(write1, level=1, with_clusters=True)
    for kind, name in CLUSTER_TABLES[degurba.level].items():
        layer = _cluster_layer(summary, kind)
        if kind == "urban_centre":
            # Areas without flows go to the nearest centre, which may lie in the halo.
            write_parquet(directory / f"tables/{CENTRES_AROUND}.parquet", layer)
        write_parquet(directory / f"tables/{name}.parquet", in_core(layer, cells))
    write_parquet(directory / "tables/degurba_classes.parquet", _class_table(cells, directory, degurba.level, compute))


def find_centres(
    region: RegionSettings, cells: RegionCells, *, memory_limit: int | None = None, compute: Compute
) -> gpd.GeoDataFrame:
    """Return the urban centres of a region's cells and of the halo around them, by the region's rules.

    Parameters
    ----------
    region : RegionSettings
    cells : RegionCells
        Perhaps of another year than the region's own.
    memory_limit : int, optional
        Bytes this process may hold; never changes a result.
    compute : Compute
    """
    rules = _rules_of(region, cells, memory_limit, compute)
    summary = classify(
        cells.inputs, _drop, level=1, rules=rules, with_clusters=True, memory_limit=memory_limit, compute=compute
    )
    return _cluster_layer(summary, "urban_centre")


def _drop(_window: Window, _values: NDArray[np.int16]) -> None:
    """Keep no classes: only the centres are wanted."""


def _rules_of(region: RegionSettings, cells: RegionCells, memory_limit: int | None, compute: Compute) -> DegurbaRules:
    degurba = region.delineation.degurba
    threshold = _resolve_threshold(
        cells.inputs, degurba.built_up_threshold, degurba.optimal_value, memory_limit, compute
    )
    return rule_set(
        degurba.rules,
        built_up_threshold=threshold,
        smoothing=degurba.smoothing,
        max_gap_km2=degurba.max_gap_km2,
    )


def in_core(layer: gpd.GeoDataFrame, cells: RegionCells) -> gpd.GeoDataFrame:
    """Keep the areas that share ground with the region's own cells."""
    core = box(*cells.core_inputs.grid.bounds)
    return layer[layer.intersects(core) & ~layer.touches(core)].reset_index(drop=True)


def _only_core(
    write: Callable[[Window, NDArray[np.int16]], None], core: Window
) -> Callable[[Window, NDArray[np.int16]], None]:
    """Pass on the part of each window that lies in the region's own cells."""

    def write_part(window: Window, values: NDArray[np.int16]) -> None:
        top, left = max(window.row, core.row), max(window.col, core.col)
        bottom, right = min(window.row_stop, core.row_stop), min(window.col_stop, core.col_stop)
        if top < bottom and left < right:
            part = values[top - window.row : bottom - window.row, left - window.col : right - window.col]
            place = Window(top - core.row, left - core.col, bottom - top, right - left)
            write(place, np.ascontiguousarray(part))

    return write_part


def _no_clusters(kind: ClusterKind, summary: DegurbaSummary) -> gpd.GeoDataFrame:
    id_field = "centre_id" if kind == "urban_centre" else "cluster_id"
    columns: Mapping[str, str] = {
        id_field: "str",
        "population": "float64",
        "area_km2": "float64",
        "touches_edge": "bool",
    }
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})
    return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=summary.grid.crs))


def _class_table(cells: RegionCells, directory: Path, level: Level, compute: Compute) -> pd.DataFrame:
    """People and area by class in the region's own cells; what has no class has a NULL code."""
    classes = open_raster(directory / f"rasters/degurba_l{level}.tif", quantity="class")
    population, grid = cells.core_inputs.population, cells.core_inputs.grid
    zone = gpd.GeoDataFrame(geometry=[box(*grid.bounds)], crs=grid.crs)
    totals = class_totals(population, classes, zone, codes=LEVEL_CODES[level], compute=compute).iloc[0]
    names = [*(str(code) for code in LEVEL_CODES[level]), "other"]
    return pd.DataFrame(
        {
            "degurba_class": pd.array([*LEVEL_CODES[level], pd.NA], "Int16"),
            "population": [totals[f"weight_{name}"] for name in names],
            "area_km2": [totals[f"cells_{name}"] * grid.cell_area_km2 for name in names],
        }
    )


def run_units(settings: RegionSettings, directory: Path, compute: Compute) -> None:
    """Classify the units of a region, and count their people in each urban centre and urban cluster.

    Parameters
    ----------
    settings : RegionSettings
    directory : Path
        The region's output folder, with the class rasters and centres.
    compute : Compute

    Raises
    ------
    GeoProfilingError
        If the units are refused.
    """
    cells = open_cells(settings, compute=compute).core_inputs
    units = units_on_grid(settings, cells.grid.crs)
    grids = {
        f"level{level}": open_raster(directory / f"rasters/degurba_l{level}.tif", quantity="class")
        for level in ((1, 2) if settings.delineation.degurba.level == 2 else (1,))
    }
    if settings.delineation.degurba.level1_from == "level2" and "level2" in grids:
        del grids["level1"]
    classes = classify_units(
        cells.population,
        units,
        land=cells.land,
        rules_version=settings.delineation.degurba.rules,
        compute=compute,
        **grids,
    )
    write_parquet(directory / "tables/units.parquet", units.join(classes))
    by_id = units.set_index("unit_id")
    for kind, id_field in (("centres", "centre_id"), ("clusters", "cluster_id")):
        areas = gpd.read_parquet(directory / f"tables/urban_{kind}.parquet").set_index(id_field)
        pairs = people_in_centres(cells.population, by_id, areas, compute=compute)
        write_parquet(directory / f"tables/people_in_{kind}.parquet", pairs.rename(columns={"centre_id": id_field}))
