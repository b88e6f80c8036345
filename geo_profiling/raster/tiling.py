"""Tiles of a raster: which size, and a store of small per-cell codes between passes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from types import TracebackType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geo_profiling.errors import MemoryLimitError
from geo_profiling.raster.components import pad_to_words
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import Source

#: Cells of a tile when memory is not the limit; larger tiles gain nothing.
TILE_CELLS = 1_048_576
#: Smallest tile worth a task, in cells.
_SMALLEST_TILE_CELLS = 262_144
#: What interpreter, libraries, compiled kernels, GDAL's cache and the writing of a COG hold, in bytes (measured).
_BASE_BYTES = 490_000_000
#: Bytes a pass holds for one cell of a tile besides the values read: codes, runs, labels, result.
_WORK_BYTES_PER_CELL = 14
#: Unpacked tiles a store keeps at hand.
_RECENT_TILES = 4


def tile_shape(
    sources: Sequence[Source], *, threads: int, memory_limit: int | None = None, tile_size: int | None = None
) -> tuple[int, int]:
    """Choose rows and columns of a tile in whole file blocks.

    Parameters
    ----------
    sources : sequence of Source
        Read together; aligned.
    threads : int
        Tiles under way at once.
    memory_limit : int, optional
        Bytes the process may hold.
    tile_size : int, optional
        Rows and columns as the caller wants them.

    Raises
    ------
    MemoryLimitError
        If not even the smallest tile fits.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (30, 40))
    >>> tile_shape([ArraySource(wrap(np.zeros((30, 40)), grid))], threads=2)
    (30, 40)
    """
    rows, cols = sources[0].grid.shape
    if tile_size is not None:
        return min(rows, tile_size), min(cols, tile_size)
    cells = TILE_CELLS
    if memory_limit is not None:
        each = _WORK_BYTES_PER_CELL + sum(source.dtype.itemsize for source in sources)
        # Twice the threads: finished tiles wait for their turn.
        cells = min(cells, int((memory_limit - _BASE_BYTES) / (2 * threads * each)))
        if cells < _SMALLEST_TILE_CELLS:
            need = (_BASE_BYTES + _SMALLEST_TILE_CELLS * 2 * threads * each) / 2**20
            raise MemoryLimitError(
                f"a memory limit of {memory_limit / 2**20:.0f} MiB is too small for {threads} threads: "
                f"about {need:.0f} MiB are needed",
                hint="raise --memory-limit or lower --workers",
            )
    block_rows = min(rows, max(source.block_shape[0] for source in sources))
    block_cols = min(cols, max(source.block_shape[1] for source in sources))
    side = int(cells**0.5)
    width = cols if block_cols > side else min(cols, max(1, side // block_cols) * block_cols)
    height = max(1, cells // width)
    return min(rows, max(1, height // block_rows) * block_rows if height >= block_rows else height), width


def pack(codes: NDArray[np.uint8]) -> bytes:
    """Compress a code array; :func:`unpack` with its shape gives it back.

    Examples
    --------
    >>> unpack(pack(np.ones((2, 8), np.uint8)), (2, 8)).sum()
    np.uint64(16)
    """
    packed: bytes = pa.Codec("lz4").compress(codes.tobytes() if not codes.flags.c_contiguous else codes, asbytes=True)
    return packed


def unpack(packed: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the code array that :func:`pack` compressed."""
    size = shape[0] * shape[1]
    return np.frombuffer(pa.Codec("lz4").decompress(packed, size), np.uint8).reshape(shape)


class TileStore:
    """Compressed codes of a tiling, in a temporary file that goes with the store.

    Parameters
    ----------
    grid : Grid
        What is tiled.
    shape : tuple of int
        Rows and columns of a tile.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 8))
    >>> with TileStore(grid, (1, 8)) as store:
    ...     for index in range(len(store.tiles)):
    ...         store.put(index, pack(np.full((1, 8), index, np.uint8)))
    ...     assemble(Window(0, 2, 2, 3), store.overlapping(Window(0, 2, 2, 3))).tolist()
    [[0, 0, 0], [1, 1, 1]]
    """

    def __init__(self, grid: Grid, shape: tuple[int, int]) -> None:
        self.grid = grid
        self.shape = shape
        self.tiles = list(grid.tiles(shape))
        self.across = -(-grid.shape[1] // shape[1])
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by __exit__
        self._place: dict[int, tuple[int, int]] = {}
        self._recent: dict[int, NDArray[np.uint8]] = {}

    def __enter__(self) -> TileStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, index: int, packed: bytes) -> None:
        """Keep the packed codes of a tile."""
        at = self._file.seek(0, 2)
        view = memoryview(packed)
        while view:
            view = view[self._file.write(view) :]
        self._place[index] = (at, len(packed))
        self._recent.pop(index, None)

    def get(self, index: int) -> bytes:
        """Return the packed codes of a tile."""
        at, size = self._place[index]
        self._file.seek(at)
        return self._file.read(size)

    def indices(self, window: Window) -> list[int]:
        """Return the tiles that a window overlaps, in tiling order."""
        rows = range(window.row // self.shape[0], -(-window.row_stop // self.shape[0]))
        cols = range(window.col // self.shape[1], -(-window.col_stop // self.shape[1]))
        return [row * self.across + col for row in rows for col in cols]

    def overlapping(self, window: Window) -> list[tuple[Window, bytes]]:
        """Return window and packed codes of the tiles that a window overlaps."""
        return [(self.tiles[index], self.get(index)) for index in self.indices(window)]

    def codes(self, window: Window) -> NDArray[np.uint8]:
        """Return the codes of a window; fast for windows asked for in the order of their tiles."""
        codes = np.zeros(window.shape, np.uint8)
        for index in self.indices(window):
            tile = self.tiles[index]
            if index not in self._recent:
                if len(self._recent) == _RECENT_TILES:
                    del self._recent[next(iter(self._recent))]
                self._recent[index] = unpack(self.get(index), (tile.height, pad_to_words(tile.width)))
            _place(codes, window, self._recent[index], tile)
        return codes


def assemble(window: Window, parts: Sequence[tuple[Window, bytes]]) -> NDArray[np.uint8]:
    """Put the codes of a window together from the packed tiles it overlaps; without padding.

    Parameters
    ----------
    window : Window
    parts : sequence of (Window, bytes)
        From :meth:`TileStore.overlapping`.

    Returns
    -------
    ndarray of uint8, shape (window.height, window.width)
    """
    codes = np.zeros(window.shape, np.uint8)
    for tile, packed in parts:
        _place(codes, window, unpack(packed, (tile.height, pad_to_words(tile.width))), tile)
    return codes


def _place(codes: NDArray[np.uint8], window: Window, stored: NDArray[np.uint8], tile: Window) -> None:
    top, left = max(tile.row, window.row), max(tile.col, window.col)
    bottom, right = min(tile.row_stop, window.row_stop), min(tile.col_stop, window.col_stop)
    codes[top - window.row : bottom - window.row, left - window.col : right - window.col] = stored[
        top - tile.row : bottom - tile.row, left - tile.col : right - tile.col
    ]
