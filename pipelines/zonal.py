"""Exact-coverage statistics of rasters in zones, from files to a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geo_profiling.atomic import atomic_file, write_error
from geo_profiling.compute import Compute
from geo_profiling.crs import same_crs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.outputs.tables import write_csv, write_parquet
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.reproject import reproject

_log = logging.getLogger("geo_profiling.zonal")

FORMATS = (".csv", ".parquet", ".gpkg")
#: The column of ids where no field is named.
ROW_NUMBER = "fid"


def zonal_command(
    rasters: Sequence[Path],
    zones: Path,
    output: Path,
    *,
    stats: Sequence[str],
    id_field: str | None = None,
    memory_limit: int | None = None,
    compute: Compute | None = None,
) -> None:
    """Summarise rasters in zones and write the table.

    Parameters
    ----------
    rasters : sequence of Path
        GeoTIFFs of one band; they need not share a grid.
    zones : Path
        Polygons. They are reprojected to each raster's CRS, with a note in the log.
    output : Path
        ``.csv``, ``.parquet``, or ``.gpkg`` (with the zones' geometry, in their own CRS).
    stats : sequence of str
        See :func:`geo_profiling.raster.zonal.zonal_statistics`.
    id_field : str, optional
        Field with unique ids, which are written as they came; a 0-based ``fid`` without it.
    memory_limit : int, optional
        Bytes that the process may hold.
    compute : Compute, optional
        Where the work runs.

    Raises
    ------
    UsageError
        If the output's format is unknown, it would overwrite an input, or columns would get the
        same name.
    InputError
        If a file is refused, or zones and raster lie in different places.
    """
    _check_output(output, [*rasters, zones])
    sources = [open_raster(raster) for raster in rasters]
    layer, findings = read_layer(zones, id_field=id_field, columns=[], kinds={"polygon"})
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})
    prefixes = _prefixes(rasters)
    ids = pd.Series(np.arange(len(layer)), index=layer.index) if id_field is None else layer[id_field]
    columns: dict[str, pd.Series] = {id_field or ROW_NUMBER: ids}
    for source, prefix in zip(sources, prefixes, strict=True):
        placed = _placed(layer[["geometry"]], source, zones.name)
        table = zonal_statistics(source, placed, stats=stats, compute=compute, memory_limit=memory_limit)
        for name in table.columns:
            if prefix + str(name) in columns:
                raise UsageError(
                    f"two columns would be called '{prefix}{name}'", hint="rename the file or the id field"
                )
            columns[prefix + str(name)] = table[name]
    _write(output, pd.DataFrame(columns), layer.geometry)


def _check_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"{output}: the format '{output.suffix}' is not known", hint=f"one of {', '.join(FORMATS)}")
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise UsageError(f"{output}: is one of the inputs", hint="write to another file")


def _prefixes(rasters: Sequence[Path]) -> list[str]:
    if len(rasters) == 1:
        return [""]
    names = [raster.stem for raster in rasters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"several rasters are called {', '.join(twice)}", hint="columns are named after files: rename one"
        )
    return [f"{name}_" for name in names]


def _placed(zones: gpd.GeoDataFrame, source: RasterFile, name: str) -> gpd.GeoDataFrame:
    """Return the zones in the raster's CRS, or refuse zones of which none touches the raster."""
    grid = source.grid
    if not same_crs(zones.crs, grid.crs):
        text = f"{name}: zones reprojected from {zones.crs.to_string()[:40]} to {grid.crs.to_string()[:40]}"
        _log.info("%s, the CRS of %s", text, source.name)
        zones = reproject(zones, grid.crs)
    bounds = zones.geometry.bounds.to_numpy()
    left, bottom, right, top = grid.bounds
    inside = (bounds[:, 0] < right) & (bounds[:, 2] > left) & (bounds[:, 1] < top) & (bounds[:, 3] > bottom)
    if not inside.any():
        raise InputError(
            f"{name}: no zone overlaps {source.name}", hint="check both coordinate reference systems and extents"
        )
    if not inside.all():
        _log.warning("%s: %d of %d zones lie outside %s", name, (~inside).sum(), len(zones), source.name)
    return zones


def _write(output: Path, table: pd.DataFrame, geometry: gpd.GeoSeries) -> None:
    kind = output.suffix.lower()
    if kind == ".csv":
        write_csv(output, table)
    elif kind == ".parquet":
        write_parquet(output, table)
    else:
        _write_layer(output, gpd.GeoDataFrame(table, geometry=geometry))


def _write_layer(output: Path, layer: gpd.GeoDataFrame) -> None:
    # GeoPackages have a column of row numbers of their own, by default with our name.
    taken = any(str(column).lower() == ROW_NUMBER for column in layer.columns)
    with atomic_file(output) as temporary:
        try:
            pyogrio.write_dataframe(
                layer,
                temporary,
                layer=output.stem,
                driver="GPKG",
                promote_to_multi=True,
                dataset_options={"VERSION": "1.2"},
                layer_options={"FID": "row" if taken else ROW_NUMBER},
            )
        except (DataSourceError, DataLayerError, FeatureError) as error:
            raise write_error(output, error) from error
