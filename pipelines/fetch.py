"""Official source data for an outline: which files, fetched, unpacked, cut to the outline, with their origin."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
from affine import Affine

from geo_profiling.archives import zip_contents
from geo_profiling.compute import Progress
from geo_profiling.errors import InputError, OutputError, UsageError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.raster.write import create_raster
from geo_profiling.sources.catalogue import COUNTRIES, Source, chosen_options, find_source
from geo_profiling.sources.download import any_https, fetch_file, read_origin, write_origin
from geo_profiling.sources.tiles import country_of, ghsl_tiles, smallest_extract
from geo_profiling.vector.read import read_layer
from pipelines.cells import window_of

#: Folder, inside the one that is asked for, of files as the sources publish them.
CACHE = ".fetched"
#: Most that an archive may unpack to.
_MAX_UNPACKED_BYTES = 20_000_000_000
_STRIP_ROWS = 512


def fetch_command(
    source: str,
    outline: Path,
    directory: Path,
    *,
    layer: str | None = None,
    options: Mapping[str, int | None] | None = None,
    country: str | None = None,
    mirror: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Fetch a source's data for an outline.

    Parameters
    ----------
    source : str
        From :data:`geo_profiling.sources.catalogue.SOURCES`.
    outline : Path
        Vector file of polygons.
    directory : Path
        Where the files will stand; created.
    layer : str, optional
        Of the outline, where there are several.
    options : mapping, optional
        ``year``, ``resolution``, ``level``, ``return_period``: what the source can be asked for.
    country : str, optional
        ISO 3166 code of three letters, instead of the country that the outline lies in.
    mirror : str, optional
        Address of a mirror: every source's files stand there under the source's name.
    progress : Progress, optional

    Returns
    -------
    list of Path
        What to name in a configuration; beside each stands ``<file>.source.json``.

    Raises
    ------
    UsageError
        If there is no such source or option.
    InputError
        If the outline is refused, or a file cannot be had.
    OutputError
        If a file that was not fetched stands in the way.
    """
    chosen = find_source(source)
    values = chosen_options(chosen, dict(options or {}))
    frame, _ = read_layer(outline, layer=layer, columns=[], kinds={"polygon"})
    area = gpd.GeoSeries([frame.geometry.union_all()], crs=frame.crs)
    cache = directory / CACHE
    if chosen.cut == "ghsl_tiles":
        tiles = [{**values, "row": row, "column": column} for row, column in ghsl_tiles(area)]
        rasters = [
            _unpacked(_fetched(chosen, _address(chosen, tile, mirror), cache, mirror, progress)) for tile in tiles
        ]
        return [_one_raster(chosen, rasters, area, directory / f"{_name(chosen, values)}.tif")]
    if chosen.cut == "extracts":
        index = _fetched(chosen, _address(chosen, {}, mirror), cache, mirror, progress, again=True)
        _, address = smallest_extract(_json(index), area)
        if mirror is not None:
            address = f"{mirror.rstrip('/')}/{chosen.name}{address.removeprefix(chosen.base)}"
        return [_fetched(chosen, address, directory, mirror, progress)]
    if chosen.cut == "country":
        code = (country or _country(area, cache, mirror, progress)).upper()
        if len(code) != 3 or not code.isalpha():
            raise UsageError(f"--country {code}: no code of three letters", hint="write for example KEN")
        named = {**values, "country": code, "country_lower": code.lower()}
        return [_fetched(chosen, _address(chosen, named, mirror), directory, mirror, progress)]
    whole = _fetched(chosen, _address(chosen, values, mirror), cache, mirror, progress)
    return [_one_raster(chosen, [whole], area, directory / whole.name)]


def _address(source: Source, values: Mapping[str, object], mirror: str | None) -> str:
    base = source.base if mirror is None else f"{mirror.rstrip('/')}/{source.name}"
    return f"{base}/{source.pattern.format(**values)}"


def _name(source: Source, values: Mapping[str, int]) -> str:
    return "_".join([source.name.replace("-", "_"), *(f"{value}" for value in values.values())])


def _fetched(
    source: Source,
    address: str,
    folder: Path,
    mirror: str | None,
    progress: Progress | None,
    *,
    again: bool = False,
) -> Path:
    """Return a file of the source, fetched unless it is there and whole.

    ``again`` asks for it anew: an index changes, and its digest with it.
    """
    target = folder / Path(urlsplit(address).path).name
    origin = read_origin(target)
    if target.exists() and (again or (origin is not None and origin.address != address)):
        target.unlink()
    elif target.exists() and origin is None:
        raise OutputError(f"{target}: stands in the way, and was not fetched", hint="move it, or choose another folder")
    known = origin.sha256 if origin is not None and origin.address == address and not again else None
    there = target.exists()
    version = fetch_file(address, target, sha256=known, progress=progress, allowed=_allowed(mirror))
    if not there or origin is None:
        write_origin(
            target,
            address=address,
            title=source.title,
            licence=source.licence,
            citation=source.citation,
            version=version,
        )
    return target


def _allowed(mirror: str | None) -> Callable[[str], bool]:
    """Return what may be asked: the web over https, or the mirror's own host alone."""
    if mirror is None:
        return any_https
    host = urlsplit(mirror)
    return lambda address: urlsplit(address)[:2] == (host.scheme, host.netloc)


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path.name}: the source's index cannot be read: {error}", hint="fetch again later"
        ) from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name}: the source's index is no GeoJSON", hint="fetch again later")
    return found


def _country(area: gpd.GeoSeries, cache: Path, mirror: str | None, progress: Progress | None) -> str:
    archive = _fetched(COUNTRIES, _address(COUNTRIES, {}, mirror), cache, mirror, progress)
    with tempfile.TemporaryDirectory() as folder:
        parts = _extract(archive, Path(folder), (".shp", ".dbf", ".shx", ".prj", ".cpg"))
        layer = next((part for part in parts if part.suffix == ".shp"), None)
        if layer is None:
            raise InputError(f"{archive.name}: holds no layer of countries", hint="name the country: --country KEN")
        countries, _ = read_layer(layer, columns=["ISO_A3_EH"], kinds={"polygon"}, bad_geometry="skip")
        return country_of(countries, area)


def _unpacked(archive: Path) -> Path:
    """Return the one raster of an archive, unpacked beside it."""
    found = _extract(archive, archive.parent, (".tif",))
    if len(found) != 1:
        raise InputError(f"{archive.name}: holds {len(found)} rasters, one is wanted", hint="fetch again later")
    return found[0]


def _extract(archive: Path, folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Unpack the members with these suffixes, by their bare names: no member leaves the folder."""
    found: list[Path] = []

    def choose(infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
        members = [member for member in infos if Path(member.filename).suffix.lower() in suffixes]
        if sum(member.file_size for member in members) > _MAX_UNPACKED_BYTES:
            raise InputError(f"{archive.name}: unpacks to more than {_MAX_UNPACKED_BYTES / 1e9:.0f} GB")
        found.extend(folder / Path(member.filename).name for member in members)
        # what was unpacked before is not unpacked again
        pairs = zip(members, found, strict=True)
        return [member for member, target in pairs if not target.exists() or target.stat().st_size != member.file_size]

    hint = "remove it and fetch again"
    for member, data in zip_contents(archive, choose, name=archive.name, hint=hint, most_bytes=_MAX_UNPACKED_BYTES):
        (folder / Path(member.filename).name).write_bytes(data)
    return found


def _one_raster(source: Source, paths: Sequence[Path], area: gpd.GeoSeries, target: Path) -> Path:
    """Join the rasters of neighbouring tiles and cut them to the box of an outline, one cell beyond it."""
    if target.exists() and read_origin(target) is None:
        raise OutputError(f"{target}: stands in the way, and was not fetched", hint="move it, or choose another folder")
    rasters = [open_raster(path) for path in paths]
    grid = _joint_grid(rasters)
    box = window_of(area.to_crs(grid.crs).total_bounds, grid)
    if box is None:
        raise InputError(f"{source.name}: the outline lies off its data", hint="check its coordinate reference system")
    own = grid.crop(box.expand(1, within=grid.shape))
    first = rasters[0]
    whole_numbers = first.stored_dtype.kind in "iu" and (first.scale, first.offset) == (1.0, 0.0)
    dtype = first.stored_dtype if whole_numbers and first.nodata is not None else first.dtype
    nodata = float(first.nodata) if first.nodata is not None and dtype == first.stored_dtype else -9999.0
    with create_raster(target, own, dtype=dtype, nodata=nodata, description=source.title) as writer:
        for strip in own.tiles((_STRIP_ROWS, own.shape[1])):
            values = _mosaic(rasters, own, strip)
            writer.write(strip, np.where(np.isnan(values), nodata, values).astype(dtype))
    write_origin(target, address=_parts_of(paths), title=source.title, licence=source.licence, citation=source.citation)
    return target


def _parts_of(paths: Sequence[Path]) -> str:
    """Return where the parts of a raster came from, as one text."""
    found = [read_origin(path) or read_origin(path.with_suffix(".zip")) for path in paths]
    return " ".join(origin.address if origin else path.name for origin, path in zip(found, paths, strict=True))


def _joint_grid(rasters: Sequence[RasterFile]) -> Grid:
    """Return the grid that covers the tiles' grids, which must be of one cell size and meet at cell corners."""
    first = rasters[0].grid
    width, height = first.cell_size
    left, top = min(r.grid.bounds[0] for r in rasters), max(r.grid.bounds[3] for r in rasters)
    right, bottom = max(r.grid.bounds[2] for r in rasters), min(r.grid.bounds[1] for r in rasters)
    joint = Grid(
        first.crs,
        Affine(width, 0, left, 0, -height, top),
        (round((top - bottom) / height), round((right - left) / width)),
    )
    for raster in rasters:
        joint.crop(_placed(raster, joint)).require_aligned(raster.grid, what=raster.name)
    return joint


def _placed(raster: RasterFile, grid: Grid) -> Window:
    col, row = ~grid.transform * (raster.grid.bounds[0], raster.grid.bounds[3])
    return Window(round(row), round(col), *raster.grid.shape)


def _mosaic(
    rasters: Sequence[RasterFile], grid: Grid, strip: Window
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = np.full(strip.shape, np.nan)
    for raster in rasters:
        place = _placed(raster, grid)
        top, bottom = max(strip.row, place.row), min(strip.row_stop, place.row_stop)
        left, right = max(strip.col, place.col), min(strip.col_stop, place.col_stop)
        if top < bottom and left < right:
            part = raster.read_unchecked(Window(top - place.row, left - place.col, bottom - top, right - left))
            values[top - strip.row : bottom - strip.row, left - strip.col : right - strip.col] = part
    return values
