"""What a GeoTIFF's own directories say, checked before any library opens the file.

A file of a few kilobytes may claim a million columns, thousands of bands or blocks of gigabytes,
and a file cut short opens and reads without an error wherever the window lies before the cut. The
directories alone tell: this module parses them (classic and BigTIFF) and reads nothing else.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from geo_profiling.errors import InputError
from geo_profiling.paths import require_content

#: Cells of one band: the world at 100 m has 6.5e10.
MAX_CELLS = 100_000_000_000
#: Beyond :data:`MAX_CELLS_UNWEIGHED` cells a file must hold a byte for so many of them.
MAX_CELLS_PER_BYTE = 2_000
#: Cells below which a file may be as sparse as it likes (the world at 1 km has 9.3e8).
MAX_CELLS_UNWEIGHED = 2_000_000_000
#: Bands of one file.
MAX_BANDS = 256
#: Decoded bytes of one tile or strip: every thread that reads holds one.
MAX_BLOCK_BYTES = 128 * 1024**2
#: Directories (bands' overviews and masks) of one file.
MAX_DIRECTORIES = 128

_TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8", 13: "u4"}
_TYPES |= {16: "u8", 17: "i8", 18: "u8"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_COUNTS, _PLANAR = 273, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_SCALE_TAG, _TIEPOINTS_TAG, _MATRIX_TAG = 33550, 33922, 34264
_UNCOMPRESSED, _SEPARATE_PLANES = 1, 2
_DAMAGED = "the file is damaged or was cut short: copy or download it again and compare its size and checksum"


@dataclass(frozen=True)
class Directory:
    """One image of a TIFF: the raster itself, an overview or a mask.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    bands : int
        Samples per pixel.
    block_shape : tuple of int
        Rows and columns of a tile or strip.
    block_bytes : int
        Decoded size of a block, all interleaved bands.
    compressed : bool
        Whether blocks are compressed.
    offsets, sizes : numpy.ndarray
        Where each block lies in the file and how long it is; 0 and 0 where it is not stored.
    has_cell_size : bool
        Whether a cell size or an affine matrix places it on the ground (control points do not).
    """

    shape: tuple[int, int]
    bands: int
    block_shape: tuple[int, int]
    block_bytes: int
    compressed: bool
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    has_cell_size: bool

    @property
    def end(self) -> int:
        """First byte behind the last block."""
        if self.offsets.size == 0 or self.sizes.size != self.offsets.size:
            return 0
        return int((self.offsets + self.sizes)[self.sizes > 0].max(initial=0))


def check_header(path: Path, *, name: str) -> Directory:
    """Check what a GeoTIFF claims against the limits and its own length; return its main directory.

    Parameters
    ----------
    path : Path
        From :func:`geo_profiling.paths.safe_path`.
    name : str
        Named in messages.

    Raises
    ------
    InputError
        If the file is no TIFF by its content (a VRT or other document under a raster's name), is
        cut short or damaged, has no cell size, or passes one of this module's limits.

    Examples
    --------
    >>> import tempfile
    >>> from geo_profiling.raster.grid import Grid
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     disguised = Path(folder, "pop.tif")
    ...     _ = disguised.write_text("<VRTDataset/>")
    ...     check_header(disguised, name="pop.tif")
    Traceback (most recent call last):
    ...
    geo_profiling.errors.InputError: pop.tif: is XML by its content, not GeoTIFF
    """
    require_content(path, ["GeoTIFF"], name=name, hint="convert it to a GeoTIFF (gdal_translate -of GTiff)")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            directories = _read_directories(file, size)
    except _BrokenTiffError as error:
        raise InputError(f"{name}: {error}", hint=_DAMAGED) from error
    main = directories[0]
    _check_limits(main, size, name=name)
    _check_complete(directories, size, name=name)
    if not main.has_cell_size:
        raise InputError(
            f"{name}: no geotransform: nothing places its cells on the ground",
            hint="georeference it (gdal_translate -a_ullr, or gdalwarp for ground control points)",
        )
    return main


def _check_limits(main: Directory, size: int, *, name: str) -> None:
    rows, cols = main.shape
    cells = rows * cols
    if main.bands > MAX_BANDS:
        raise InputError(f"{name}: {main.bands} bands, at most {MAX_BANDS} are read", hint="extract the bands you need")
    if cells > MAX_CELLS:
        raise InputError(
            f"{name}: {rows} x {cols} cells ({cells:.1e}), at most {MAX_CELLS:.0e} are read",
            hint="cut it to the area you need (gdalwarp -te) or use coarser cells",
        )
    if cells > MAX_CELLS_UNWEIGHED and cells > size * MAX_CELLS_PER_BYTE:
        raise InputError(
            f"{name}: claims {rows} x {cols} cells ({cells:.1e}) in {size} bytes: almost all of it is not stored",
            hint="cut it to the area that holds data (gdalwarp -te)",
        )
    if main.compressed and main.block_bytes > MAX_BLOCK_BYTES:
        height, width = main.block_shape
        raise InputError(
            f"{name}: stored in blocks of {height} x {width} cells ({main.block_bytes / 1024**2:.0f} MiB each), "
            f"at most {MAX_BLOCK_BYTES // 1024**2} MiB are read",
            hint="rewrite it with small blocks (gdal_translate -co TILED=YES -co COMPRESS=DEFLATE)",
        )


def _check_complete(directories: list[Directory], size: int, *, name: str) -> None:
    end = max(directory.end for directory in directories)
    if end > size:
        raise InputError(f"{name}: truncated: has {size} bytes, its blocks reach to byte {end}", hint=_DAMAGED)
    for directory in directories:
        rows, cols = directory.shape
        blocks = math.ceil(rows / directory.block_shape[0]) * math.ceil(cols / directory.block_shape[1])
        if directory.offsets.size < blocks:
            raise InputError(f"{name}: lists {directory.offsets.size} blocks, {blocks} are needed", hint=_DAMAGED)


class _BrokenTiffError(Exception):
    """The directories of a TIFF contradict themselves or the length of the file."""


@dataclass(frozen=True)
class _Layout:
    """Byte order and field widths: classic TIFF counts in 4 bytes, BigTIFF in 8."""

    order: str
    big: bool

    @property
    def count_format(self) -> str:
        return f"{self.order}{'Q' if self.big else 'H'}"

    @property
    def entry_format(self) -> str:
        return f"{self.order}{'HHQ8s' if self.big else 'HHI4s'}"

    @property
    def offset_format(self) -> str:
        return f"{self.order}{'Q' if self.big else 'I'}"


def _read_directories(file: BinaryIO, size: int) -> list[Directory]:
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    layout = _Layout(order, big=struct.unpack(f"{order}H", head[2:4])[0] == 43)
    start = 8 if layout.big else 4
    (offset,) = _unpack(layout.offset_format, head[start : start + struct.calcsize(layout.offset_format)])
    directories: list[Directory] = []
    seen: set[int] = set()
    while offset:
        if offset in seen or len(directories) == MAX_DIRECTORIES:
            raise _BrokenTiffError(f"its chain of directories has no end within {MAX_DIRECTORIES}")
        seen.add(offset)
        tags, offset = _read_tags(file, offset, size, layout)
        directories.append(_directory(tags))
    if not directories:
        raise _BrokenTiffError("it has no image directory")
    return directories


def _unpack(layout: str, data: bytes) -> tuple[int, ...]:
    if len(data) < struct.calcsize(layout):
        raise _BrokenTiffError("truncated: ends inside a directory")
    return struct.unpack(layout, data)


def _read_tags(file: BinaryIO, offset: int, size: int, layout: _Layout) -> tuple[dict[int, NDArray[np.generic]], int]:
    if offset >= size:
        raise _BrokenTiffError(f"truncated: has {size} bytes, a directory lies at byte {offset}")
    file.seek(offset)
    (entries,) = _unpack(layout.count_format, file.read(struct.calcsize(layout.count_format)))
    if entries > 4096:
        raise _BrokenTiffError(f"a directory claims {entries} entries")
    width = struct.calcsize(layout.entry_format)
    table = file.read(entries * width)
    (following,) = _unpack(layout.offset_format, file.read(struct.calcsize(layout.offset_format)))
    tags: dict[int, NDArray[np.generic]] = {}
    for start in range(0, entries * width, width):
        tag, kind, count, inline = struct.unpack(layout.entry_format, table[start : start + width])
        if kind in _TYPES:
            tags[tag] = _values(file, size, np.dtype(layout.order + _TYPES[kind]), count, inline, layout)
    return tags, following


def _values(
    file: BinaryIO, size: int, dtype: np.dtype[np.generic], count: int, inline: bytes, layout: _Layout
) -> NDArray[np.generic]:
    length = count * dtype.itemsize
    if length <= len(inline):
        return np.frombuffer(inline[:length], dtype)
    (offset,) = _unpack(layout.offset_format, inline)
    if offset + length > size:
        raise _BrokenTiffError(f"truncated: has {size} bytes, a directory reaches to byte {offset + length}")
    file.seek(offset)
    return np.frombuffer(file.read(length), dtype)


def _directory(tags: dict[int, NDArray[np.generic]]) -> Directory:
    def first(tag: int, default: int) -> int:
        values = tags.get(tag)
        return default if values is None or values.size == 0 else int(values[0])

    rows, cols, bands = first(_HEIGHT, 0), first(_WIDTH, 0), first(_SAMPLES, 1)
    tiled = _TILE_WIDTH in tags
    block = (
        (first(_TILE_HEIGHT, 0), first(_TILE_WIDTH, 0)) if tiled else (min(first(_ROWS_PER_STRIP, rows), rows), cols)
    )
    if min(rows, cols, bands, *block) < 1:
        raise _BrokenTiffError(f"its directory claims {rows} x {cols} cells, {bands} bands, blocks of {block}")
    interleaved = 1 if first(_PLANAR, 1) == _SEPARATE_PLANES else bands
    empty = np.zeros(0, np.uint64)
    return Directory(
        shape=(rows, cols),
        bands=bands,
        block_shape=block,
        block_bytes=block[0] * block[1] * interleaved * first(_BITS, 1) // 8,
        compressed=tiled or first(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED,
        offsets=tags.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS, empty).astype(np.uint64),
        sizes=tags.get(_TILE_COUNTS if tiled else _STRIP_COUNTS, empty).astype(np.uint64),
        has_cell_size=_MATRIX_TAG in tags or (_SCALE_TAG in tags and _TIEPOINTS_TAG in tags),
    )
