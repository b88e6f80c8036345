"""Publishing a region: GeoPackage, maps, report and, last of all, the manifest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import xarray as xr

from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.manifest import FILE_NAME, Cost, Manifest, output_digests, write_manifest
from geo_profiling.outputs.project import ClassGrid
from geo_profiling.outputs.report import FILE_NAME_HTML, read_content, write_report
from geo_profiling.outputs.styles import grid_style
from geo_profiling.raster.read import open_raster, to_dataarray
from geo_profiling.raster.source import grid_of
from geo_profiling.runs.ledger import Ledger
from pipelines.layers import published_layers
from pipelines.lineage import lineage_info, region_manifest
from pipelines.maps import region_maps

#: What other steps write and publishing lists in the manifest.
_COMPUTED = ("rasters/*.tif", "tables/*.parquet", "indicators.csv")


def write_report_again(directory: Path) -> Path:
    """Write the report of a finished output again from what the output holds.

    Raises
    ------
    InputError
        If the folder holds no finished output.
    """
    path = directory / FILE_NAME_HTML
    write_report(path, read_content(directory))
    return path


def publish_region(region: RegionSettings, directory: Path, tables: Sequence[str], compute: Compute) -> None:
    """Publish what the other steps of a region computed; the manifest comes last.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder, with rasters and tables.
    tables : sequence of str
        Names of the tables that the other steps wrote.
    compute : Compute

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    started = time.monotonic()
    layers = published_layers(region, directory, tables)
    manifest = region_manifest(region, directory, layers)
    level = region.delineation.degurba.level
    classes = None
    if region.inputs.population is not None:
        classes = to_dataarray(open_raster(directory / f"rasters/degurba_l{level}.tif", quantity="class"))
    package = f"{region.name}.gpkg"
    write_geopackage(
        directory / package,
        layers,
        run_info=lineage_info(region, manifest),
        title=region.title,
        class_grids=[] if classes is None else [_shown(classes, level)],
    )
    files = region_maps(region, layers, classes, manifest)
    if classes is not None:
        files |= {f"rasters/degurba_l{number}.qml": grid_style(number).encode() for number in range(1, level + 1)}
    for name, content in files.items():
        with atomic_file(directory / name) as temporary:
            temporary.write_bytes(content)
    write_report(directory / FILE_NAME_HTML, read_content(directory, manifest=manifest))
    written = [directory / name for name in (package, *files, FILE_NAME_HTML)]
    computed = sorted(file for kind in _COMPUTED for file in directory.glob(kind))
    write_manifest(
        directory / FILE_NAME,
        _with_cost(manifest, directory, [*computed, *written], time.monotonic() - started, compute),
    )


def _shown(classes: xr.DataArray, level: int) -> ClassGrid:
    grid = grid_of(classes)
    return ClassGrid(f"rasters/degurba_l{level}.tif", "Classes of cells", level, grid.crs, grid.bounds)


def _with_cost(manifest: Manifest, directory: Path, outputs: list[Path], seconds: float, compute: Compute) -> Manifest:
    records = Ledger(directory).records
    now = datetime.now(UTC)
    return replace(
        manifest,
        outputs=output_digests(directory, outputs),
        cost=Cost(
            started=datetime.fromtimestamp(now.timestamp() - seconds, UTC).isoformat(timespec="seconds"),
            finished=now.isoformat(timespec="seconds"),
            seconds=round(seconds + sum(r.seconds for name, r in records.items() if name != "publish"), 3),
            peak_memory_bytes=max([r.peak_memory_bytes for r in records.values()], default=0),
            workers=compute.parallel,
        ),
    )
