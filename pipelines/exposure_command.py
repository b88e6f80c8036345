"""Exposure of people, buildings and lines to a hazard, from files to a file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.compute import Compute
from geo_profiling.crs import same_crs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN, Bands, NodataMeans
from geo_profiling.hazard.buildings import building_exposure
from geo_profiling.hazard.exposure import BandTotals, totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.lines import line_lengths
from geo_profiling.hazard.return_periods import check_return_periods
from geo_profiling.hazard.table import annual_of, annual_rows, band_rows
from geo_profiling.outputs.tables import write_csv, write_parquet
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.repair import Kind
from geo_profiling.vector.reproject import reproject

_log = logging.getLogger("geo_profiling.exposure")

FORMATS = (".csv", ".parquet")
#: Columns beside the zones' ids.
_COLUMNS = ("measure", "return_period", "band", "value")
#: Where a hazard's cells are this many times as wide as buildings, both counts of them are coarse.
_COARSE = 5.0


@dataclass(frozen=True)
class _Hazards:
    """The rasters of one hazard, by rising return period."""

    years: tuple[float, ...]
    sources: tuple[RasterFile, ...]
    kind: HazardKind


def exposure_command(
    hazards: Sequence[tuple[float, Path]],
    zones: Path,
    output: Path,
    *,
    id_field: str,
    population: Path | None = None,
    buildings: Path | None = None,
    lines: Path | None = None,
    thresholds: Sequence[float] = (0.15, 0.5, 1.5),
    unit: Literal["m", "cm"] = "m",
    nodata_means: NodataMeans = "unknown",
    memory_limit: int | None = None,
    compute: Compute | None = None,
) -> None:
    """Count what stands in bands of a hazard, by zone and return period, and write the long table.

    Columns are the id field, ``measure``, ``return_period``, ``band`` and ``value``. Measures are
    ``population``, ``buildings_centroid``, ``buildings_footprint`` and ``line_length_m``, and expected annual
    exposure with its bounds: ``eae``, ``eae_lower`` and ``eae_upper``, with ``_buildings`` (by centroid),
    ``_buildings_footprint`` and ``_lines`` appended. Rows are ordered by measure, id, return period and band.

    Parameters
    ----------
    hazards : sequence of (float, Path)
        Return period in years and its GeoTIFF.
    zones : Path
        Polygons, in any CRS.
    output : Path
        ``.csv`` or ``.parquet``.
    id_field : str
        Field with the zones' unique ids, which are written as they came.
    population, buildings, lines : Path, optional
        At least one. People of a GeoTIFF, polygons or points, and lines.
    thresholds : sequence of float
        Of the bands, in metres.
    unit : {"m", "cm"}
        Of the hazard rasters.
    nodata_means : {"unknown", "dry"}
        Ground off a hazard raster is unknown in either case.
    memory_limit : int, optional
        Bytes that the process may hold.
    compute : Compute, optional
        Where the work runs.

    Raises
    ------
    UsageError
        If a return period cannot be one or is given twice, nothing is to be counted, thresholds do not rise,
        or the output's format is unknown or it would overwrite an input.
    InputError
        If a file is refused, values cannot be meant, or a raster covers none of the zones.
    """
    assets = [path for path in (population, buildings, lines) if path is not None]
    if not assets:
        raise UsageError(
            "nothing is to be counted", hint="give --population, --buildings or --lines, or more than one of them"
        )
    if id_field in _COLUMNS:
        raise UsageError(f"the id field is called like a column of the table: {id_field}", hint="rename the field")
    _check_output(output, [path for _, path in hazards] + [zones, *assets])
    declared = HazardKind("hazard", unit, Bands(tuple(thresholds)), nodata_means=nodata_means)
    opened = _open_hazards(hazards, declared)
    read, findings = read_layer(zones, id_field=id_field, columns=[], kinds={"polygon"})
    _tell(findings)
    # the order of the file must not decide the order of rows
    places = read.sort_values(id_field, kind="stable").set_index(id_field)[["geometry"]]
    _require_overlap(places, opened.sources, zones.name)
    compute = compute or Compute()
    parts: list[pd.DataFrame] = []
    if population is not None:
        people = _people(population, opened, places, zones.name, memory_limit, compute)
        parts += _rows(people, opened, measure="population", suffix="")
    if buildings is not None:
        parts += _building_rows(buildings, opened, places, compute)
    if lines is not None:
        features = _features(lines, {"line"})
        metric = local_crs(places, what=zones.name)
        _log.info("%s: lengths are measured in %s", lines.name, metric.to_string())
        metres = line_lengths(features, opened.sources, places, kind=opened.kind, length_crs=metric, compute=compute)
        parts += _rows(metres, opened, measure="line_length_m", suffix="_lines")
    _write(output, pd.concat(parts, ignore_index=True).rename(columns={"zone": id_field}))


def _check_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"{output}: the format '{output.suffix}' is not known", hint=f"one of {', '.join(FORMATS)}")
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise UsageError(f"{output}: is one of the inputs", hint="write to another file")


def _open_hazards(hazards: Sequence[tuple[float, Path]], kind: HazardKind) -> _Hazards:
    check_return_periods([period for period, _ in hazards])
    ordered = sorted(hazards, key=lambda hazard: hazard[0])
    sources = tuple(open_raster(path, quantity=kind.quantity) for _, path in ordered)
    paths = [source.path for source in sources]
    for (period, path), source in zip(ordered, sources, strict=True):
        if paths.count(source.path) > 1:
            _log.warning("%s: serves several return periods, %g years among them", path.name, period)
    return _Hazards(tuple(period for period, _ in ordered), sources, kind)


def _require_overlap(zones: gpd.GeoDataFrame, sources: Sequence[RasterFile], name: str) -> None:
    """Refuse a raster that covers none of the zones; warn where some reach beyond theirs, once for rasters alike."""
    reaching: dict[int, list[str]] = {}
    for source in sources:
        bounds = zones.geometry.to_crs(source.grid.crs).bounds.to_numpy()
        left, bottom, right, top = source.grid.bounds
        meets = (bounds[:, 0] < right) & (bounds[:, 2] > left) & (bounds[:, 1] < top) & (bounds[:, 3] > bottom)
        if not meets.any():
            raise InputError(
                f"{source.name}: covers none of the zones of {name}",
                hint="check both coordinate reference systems and extents",
            )
        beyond = (bounds[:, 0] < left) | (bounds[:, 2] > right) | (bounds[:, 1] < bottom) | (bounds[:, 3] > top)
        reaching.setdefault(int(beyond.sum()), []).append(source.name)
    reaching.pop(0, None)
    for count, names in reaching.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        _log.warning("%s%s: %d of %d zones of %s reach beyond", names[0], more, count, len(zones), name)


def _people(
    path: Path, hazards: _Hazards, zones: gpd.GeoDataFrame, name: str, memory_limit: int | None, compute: Compute
) -> BandTotals:
    population = open_raster(path, quantity="count")
    _require_overlap(zones, [population], name)
    if not same_crs(zones.crs, population.grid.crs):
        _log.info("%s: zones reprojected to the CRS of %s", name, population.name)
    placed = reproject(zones, population.grid.crs)
    return totals_by_band(
        population, hazards.sources, placed, kind=hazards.kind, compute=compute, memory_limit=memory_limit
    )


def _building_rows(path: Path, hazards: _Hazards, zones: gpd.GeoDataFrame, compute: Compute) -> list[pd.DataFrame]:
    shapes = _features(path, {"polygon", "point"})
    found = building_exposure(shapes, hazards.sources, zones, kind=hazards.kind, compute=compute)
    if found.cells_per_building > _COARSE:
        _log.warning(
            "%s: a cell of the hazard is %.0f times as wide as a typical building: depths there are coarse",
            *(path.name, found.cells_per_building),
        )
    rows = _rows(found.by_centroid, hazards, measure="buildings_centroid", suffix="_buildings")
    if found.by_footprint is not None:
        rows += _rows(found.by_footprint, hazards, measure="buildings_footprint", suffix="_buildings_footprint")
    return rows


def _features(path: Path, kinds: set[Kind]) -> gpd.GeoSeries:
    layer, findings = read_layer(path, columns=[], kinds=kinds, bad_geometry="skip")
    _tell(findings)
    return gpd.GeoSeries(layer.geometry)


def _rows(totals: BandTotals, hazards: _Hazards, *, measure: str, suffix: str) -> list[pd.DataFrame]:
    _tell_contradictions(totals, hazards, measure)
    _tell_unknown(totals, hazards, measure)
    return [band_rows(totals, hazards.years, measure=measure), annual_rows(totals, hazards.years, suffix=suffix)]


def _tell_contradictions(totals: BandTotals, hazards: _Hazards, measure: str) -> None:
    """Name the zones where a rarer event exposes fewer than a more frequent one."""
    is_monotone = annual_of(totals, hazards.years).is_monotone
    falls = np.flatnonzero(~is_monotone.all(axis=1))
    if len(falls):
        places = [str(zone) for zone in totals.index[falls]]
        shown = ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
        _log.warning("%s: a rarer event exposes less than a more frequent one in %s", measure, shown)


def _tell_unknown(totals: BandTotals, hazards: _Hazards, measure: str) -> None:
    whole = totals.total.sum(axis=0)
    unknown = totals.of(UNKNOWN, OUTSIDE).sum(axis=0)
    share = np.divide(unknown, whole, out=np.zeros(len(whole)), where=whole > 0)
    # rasters of one extent differ by rounding alone: the first of them is named
    worst = int(np.argmax(share >= share.max() * (1 - 1e-9)))
    if share[worst] > 0:
        source = hazards.sources[worst].name
        _log.warning("%s: for %.1f %% the hazard is unknown (%s)", measure, 100 * share[worst], source)


def _write(output: Path, table: pd.DataFrame) -> None:
    years = table["return_period"]
    if (years.dropna() % 1 == 0).all():
        # 100 years, not 100.0
        table["return_period"] = years.astype("Int64")
    if output.suffix.lower() == ".csv":
        write_csv(output, table)
    else:
        write_parquet(output, table)


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})
