"""Block complexity, from files to a GeoPackage."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from geo_profiling.compute import Compute
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.settlements.blocks import street_blocks
from geo_profiling.settlements.complexity import Complexity, measure_complexity
from geo_profiling.settlements.contacts import ACCESS_M, CONTACT_M
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.settlements.overlaps import overlap_findings
from geo_profiling.settlements.reblocking import new_paths
from geo_profiling.settlements.street_access import buildings_between, street_distance
from geo_profiling.settlements.streets import GAP_M, ConnectedStreets, connected_streets, network_findings
from geo_profiling.vector.read import layer_info, read_layer
from geo_profiling.vector.repair import Kind
from geo_profiling.vector.reproject import reproject

_log = logging.getLogger("geo_profiling.complexity")

#: Blocks made from streets reach this far beyond the outermost buildings: as far as streets may have gaps.
MARGIN_M = GAP_M


def complexity_command(
    buildings: Path,
    output: Path,
    *,
    streets: Path | None = None,
    blocks: Path | None = None,
    block_id: str | None = None,
    crs: str | None = None,
    reblock: bool = False,
    cost_per_m: float | None = None,
    compute: Compute | None = None,
) -> None:
    """Measure the complexity of street blocks and write them with the buildings.

    Parameters are those of the command ``geo-profiling complexity``. Without blocks they are made
    from the streets, inside the rectangle around the buildings grown by :data:`MARGIN_M`.

    Raises
    ------
    UsageError
        If options do not go together, or the output is no ``.gpkg`` or one of the inputs.
    InputError
        If a file is refused, or no building lies in a block.
    CRSError
        If the named CRS bends distances there.
    """
    _check_options(buildings, output, streets, blocks, block_id, cost_per_m if reblock else None)
    if cost_per_m is not None and not reblock:
        raise UsageError("--cost-per-m only means something with --reblock")
    block_layer = None if blocks is None else _layer_of(blocks, {"polygon"})
    taken = block_layer if blocks is not None and blocks.samefile(buildings) else None
    layer = _layer_of(buildings, {"polygon", "point"}, without=taken)
    houses, found = read_layer(buildings, layer=layer, columns=[], kinds={"polygon", "point"}, bad_geometry="skip")
    _tell(found)
    metric = local_crs(houses, crs, what=buildings.name)
    houses = reproject(houses, metric)
    footprints = gpd.GeoSeries(houses.geometry)
    _tell(_building_findings(footprints, buildings.name))
    network = None if streets is None else _read_streets(streets, metric)
    ground = _read_blocks(blocks, block_layer, block_id, metric) if blocks else _made_blocks(footprints, network)
    found_k = measure_complexity(footprints, ground, network=network, compute=compute)
    _tell(_outside(found_k, buildings.name))
    layers = {
        "street_blocks": gpd.GeoDataFrame(found_k.blocks, geometry=ground.array, crs=metric)
        .rename_axis("block_id")
        .reset_index(),
        "buildings": _described(footprints, found_k, network),
    }
    if reblock:
        layers["new_paths"] = new_paths(
            footprints, ground, found_k, network=network, cost_per_m=cost_per_m, compute=compute
        )
    write_geopackage(output, layers, run_info=_run_info(buildings, streets, blocks, metric), title="Block complexity")


def _check_options(
    buildings: Path,
    output: Path,
    streets: Path | None,
    blocks: Path | None,
    block_id: str | None,
    cost_per_m: float | None,
) -> None:
    if output.suffix.lower() != ".gpkg":
        raise UsageError(f"{output}: the format '{output.suffix}' is not known", hint="write to a .gpkg file")
    inputs = [path for path in (buildings, streets, blocks) if path is not None]
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise UsageError(f"{output}: is one of the inputs", hint="write to another file")
    if (blocks is None) != (block_id is None):
        raise UsageError("--blocks and --block-id belong together", hint="name the field with the blocks' unique ids")
    if blocks is None and streets is None:
        raise UsageError("neither --blocks nor --streets is given", hint="blocks are given, or made from streets")
    if cost_per_m is not None and not cost_per_m >= 0:
        raise UsageError(f"--cost-per-m {cost_per_m} is no cost", hint="give the cost of a metre of path")


def _layer_of(path: Path, kinds: set[Kind], *, without: str | None = None) -> str | None:
    """Return the one layer of a file that holds features of the wanted kinds; None leaves it to the reader."""
    layers = layer_info(path)["layers"]
    if len(layers) == 1:
        return None
    fits = [
        str(one["layer"])
        for one in layers
        if one["layer"] != without and any(kind in str(one.get("geometry", "")).lower() for kind in kinds)
    ]
    return fits[0] if len(fits) == 1 else None


def _read_streets(path: Path, crs: CRS) -> ConnectedStreets:
    layer, found = read_layer(path, layer=_layer_of(path, {"line"}), columns=[], kinds={"line"}, bad_geometry="skip")
    _tell(found)
    network = connected_streets(gpd.GeoSeries(reproject(layer, crs).geometry))
    _tell(network_findings(network, name=path.name))
    return network


def _read_blocks(path: Path, layer: str | None, block_id: str | None, crs: CRS) -> gpd.GeoSeries:
    assert block_id is not None  # the options were checked
    read, found = read_layer(path, layer=layer, id_field=block_id, columns=[], kinds={"polygon"})
    _tell(found)
    blocks = reproject(read, crs).set_index(block_id).geometry.sort_index()
    remedy = "correct their borders: a building in both counts in the block of the lower id"
    _tell(overlap_findings(blocks, name=path.name, things="blocks", remedy=remedy))
    return gpd.GeoSeries(blocks)


def _made_blocks(buildings: gpd.GeoSeries, network: ConnectedStreets | None) -> gpd.GeoSeries:
    assert network is not None  # the options were checked
    around = shapely.box(*buildings.total_bounds).buffer(MARGIN_M, join_style="mitre")
    limit = gpd.GeoSeries([around], crs=buildings.crs)
    return street_blocks(limit, streets=network.lines).blocks


def _building_findings(buildings: gpd.GeoSeries, name: str) -> list[Finding]:
    remedy = "look whether two sources were joined: each footprint counts as a building"
    return overlap_findings(
        buildings, name=name, things="buildings", remedy=remedy, describe=lambda i: f"feature {buildings.index[i]}"
    )


def _outside(found: Complexity, name: str) -> list[Finding]:
    outside = int(found.buildings["block_id"].isna().sum())
    if outside == 0:
        return []
    total = len(found.buildings)
    if outside == total:
        raise InputError(f"{name}: none of {total:,} buildings lies in a block", hint="check the layers and their CRS")
    message = f"{outside:,} of {total:,} buildings lie in no block and have no layer"
    return [Finding("warning", name, "", message, "look whether blocks are missing there")]


def _described(buildings: gpd.GeoSeries, found: Complexity, network: ConnectedStreets | None) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(found.buildings, geometry=buildings.array, crs=buildings.crs)
    frame = frame.rename_axis("building_id").reset_index()
    if network is not None:
        streets = network.lines[network.is_on_network]
        frame["street_dist_m"] = street_distance(buildings, streets).to_numpy()
        frame["buildings_between"] = buildings_between(buildings, streets).array
    dimensions = shapely.get_dimensions(np.asarray(buildings.array, dtype=object))
    if len(np.unique(dimensions)) > 1:
        # A layer of features has one kind: points stand for all where some are points.
        frame = frame.set_geometry(frame.geometry.centroid)
    return frame


def _run_info(buildings: Path, streets: Path | None, blocks: Path | None, crs: CRS) -> dict[str, str]:
    return {
        "method": "block complexity k (Brelsford et al. 2018; Bettencourt and Marchio 2025)",
        "crs_of_measurement": crs.to_string() if crs.to_epsg() else crs.name,
        "contact_m": str(CONTACT_M),
        "access_m": str(ACCESS_M),
        "street_gap_m": str(GAP_M),
        "buildings": buildings.name,
        "streets": "none: the outline of every block is access" if streets is None else streets.name,
        "blocks": f"made from the streets, {MARGIN_M:g} m around the buildings" if blocks is None else blocks.name,
    }


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})
