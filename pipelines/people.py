"""People of the informal settlements, counted three ways, and how far they walk to services."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo_profiling.access.distance import access_shares, walking_distances
from geo_profiling.access.network import street_network
from geo_profiling.compute import Compute
from geo_profiling.config.form import SettlementPopulation
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.source import Source
from geo_profiling.settlements.population import POPULATION_COLUMNS, placement_findings, settlement_population
from pipelines.built import BuiltCity, read_built, tell
from pipelines.declared import input_label
from pipelines.inputs import open_declared, read_service

#: Homes that no building stands for are taken to lie on a lattice of this step.
_LATTICE_M = 20.0


def people_grid(region: RegionSettings) -> Source | None:
    """Open the finest population grid of a region: ``population_fine``, else ``population``; None without either.

    Raises
    ------
    InputError
        If the file is refused.
    """
    inputs = region.inputs
    if inputs.population_fine is not None:
        return open_declared(region, "population_fine", inputs.population_fine)
    return None if inputs.population is None else open_declared(region, "population", inputs.population)


def run_people(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Count the people of the settlements: tables ``settlement_population`` and ``settlement_population_totals``.

    The totals are of the whole grid: all settlements together (ground in two of them once), the rest
    and, measured by itself, the total.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.settlements``.
    directory : Path
        The region's output folder, with the settlement profile where there is an enumeration.
    compute : Compute

    Raises
    ------
    InputError
        If an input is refused.
    """
    assert region.settlements is not None  # only asked for where it is configured
    built = read_built(region)
    settlements = built.settlements
    assert settlements is not None  # as above
    form = region.settlements.form
    footprints = built.buildings
    if footprints is not None and not set(footprints.geom_type) <= {"Polygon", "MultiPolygon"}:
        footprints = None
    grid = people_grid(region)
    enumerated = _enumerated(directory, settlements)
    if grid is None and enumerated is None:
        none = pd.DataFrame({"population": np.nan, "population_source": None}, index=settlements.index)
        write_parquet(directory / "tables/settlement_population.parquet", none.reset_index())
        _write_totals(pd.DataFrame(columns=list(POPULATION_COLUMNS), dtype=float), directory)
        return
    label = input_label("settlements", region.inputs.settlements.path) if region.inputs.settlements else "settlements"
    found = settlement_population(
        settlements,
        enumerated=enumerated,
        population_grid=grid,
        buildings=footprints if grid is not None else None,
        rules=SettlementPopulation() if form is None else form.population,
        compute=compute,
        name=label,
    )
    told = placement_findings(settlements, population_grid=grid, name=label)
    tell(finding for finding in found.findings if finding not in told)
    _write_totals(found.totals, directory)
    write_parquet(
        directory / "tables/settlement_population.parquet", found.settlements.rename_axis("settlement_id").reset_index()
    )


def _write_totals(totals: pd.DataFrame, directory: Path) -> None:
    write_parquet(directory / "tables/settlement_population_totals.parquet", totals.rename_axis("ground").reset_index())


def _enumerated(directory: Path, settlements: gpd.GeoDataFrame) -> pd.Series | None:
    """Return enumerated people on the ids of the settlements; None where nobody was enumerated."""
    path = directory / "tables/settlement_profile.parquet"
    if not path.is_file():
        return None
    profile = pd.read_parquet(path)
    if "population" not in profile:
        return None
    people = profile.set_index(profile["settlement_id"].astype(str))["population"].astype(float)
    return pd.Series(people.reindex(settlements.index.astype(str)).to_numpy(), index=settlements.index)


def run_settlement_access(region: RegionSettings, directory: Path, _compute: Compute) -> None:
    """Measure the way on foot from homes in settlements to the nearest service of each kind: ``settlement_access``.

    Homes are the buildings, by centroid; without buildings places all over the settlement. Where
    streets are given ways follow them; else they are straight and marked so.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.settlements`` and ``inputs.services``.
    directory : Path
        The region's output folder.
    _compute : Compute
        Every step is handed one; ways are followed in one thread.

    Raises
    ------
    InputError
        If a layer is refused.
    """
    assert region.settlements is not None  # only asked for where it is configured
    built = read_built(region)
    homes, place = _homes(built)
    network = None
    if built.streets is not None:
        network = street_network(built.streets, bridge_field="bridge" if "bridge" in built.streets else None)
    rows = []
    within = region.settlements.access.within_m
    for name in region.inputs.services:
        layer, _ = read_service(region, name)
        targets = layer.to_crs(built.crs)[["geometry"]]
        if network is not None:
            found = walking_distances(network, homes, targets, name=name)
        else:
            found = _straight(homes, targets)
        shares = access_shares(found, place, within_m=within).rename_axis("settlement_id").reset_index()
        rows.append(_long(shares, within).assign(service=name, distance="euclid" if network is None else "street"))
    table = pd.concat(rows, ignore_index=True).sort_values(["settlement_id", "service", "within_m"], ignore_index=True)
    write_parquet(directory / "tables/settlement_access.parquet", table)


def _long(shares: pd.DataFrame, within: list[float]) -> pd.DataFrame:
    """Return one row for each settlement and distance."""
    parts = [
        pd.DataFrame(
            {
                "settlement_id": shares["settlement_id"].astype(str),
                "within_m": float(metres),
                "homes_share": shares[f"share_within_{metres:g}m"],
                "median_m": shares["median_m"],
                "no_street_share": shares["share_no_street"],
                "unconnected_share": shares["share_unconnected"],
                "n_homes": shares["people"],
            }
        )
        for metres in within
    ]
    return pd.concat(parts, ignore_index=True)


def _homes(built: BuiltCity) -> tuple[gpd.GeoDataFrame, pd.Series]:
    """Return homes as points, and the settlement of each."""
    settlements = built.settlements
    assert settlements is not None  # only asked for where there are any
    shapes = np.asarray(settlements.geometry.array, dtype=object)
    if built.buildings is not None:
        points = shapely.centroid(np.asarray(built.buildings.geometry.array, dtype=object))
        home, place = shapely.STRtree(shapes).query(points, predicate="intersects")
        chosen, of = points[home], place
    else:
        lattices = [_lattice(shape) for shape in shapes]
        chosen = np.concatenate(lattices)
        of = np.repeat(np.arange(len(shapes)), [len(lattice) for lattice in lattices])
    homes = gpd.GeoDataFrame(geometry=chosen, crs=built.crs)
    return homes, pd.Series(settlements.index.to_numpy()[of], index=homes.index)


def _lattice(shape: BaseGeometry) -> NDArray[np.object_]:
    """Return places all over a settlement; the inner point of one that is smaller than a step."""
    left, bottom, right, top = np.floor(shapely.bounds(shape) / _LATTICE_M) * _LATTICE_M
    east, north = np.meshgrid(
        np.arange(left, right + _LATTICE_M, _LATTICE_M), np.arange(bottom, top + _LATTICE_M, _LATTICE_M)
    )
    points = np.asarray(shapely.points(east.ravel(), north.ravel()), dtype=object)
    inside = points[shapely.intersects(shape, points)]
    return inside if len(inside) else np.array([shapely.point_on_surface(shape)], dtype=object)


def _straight(homes: gpd.GeoDataFrame, targets: gpd.GeoDataFrame) -> pd.DataFrame:
    tree = shapely.STRtree(np.asarray(targets.geometry.array, dtype=object))
    points = np.asarray(homes.geometry.array, dtype=object)
    (home, _), metres = tree.query_nearest(points, return_distance=True, all_matches=False)
    distance = np.full(len(points), np.nan)
    distance[home] = metres
    return pd.DataFrame({"distance_m": distance, "status": "reached"}, index=homes.index)
