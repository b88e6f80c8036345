"""Grids as values: CRS, transform and shape; windows, tiles and halos on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from affine import Affine
from pyproj import CRS

from geo_profiling.crs import same_crs
from geo_profiling.errors import GridError

#: Corners of two grids that agree to this share of a cell are the same corner.
ALIGNMENT_TOLERANCE_CELLS = 1e-6


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of cells: first row, first column, height and width.

    Examples
    --------
    >>> Window(0, 0, 4, 4).expand(1, within=(10, 4))
    Window(row=0, col=0, height=5, width=4)
    """

    row: int
    col: int
    height: int
    width: int

    @property
    def row_stop(self) -> int:
        """First row below the window."""
        return self.row + self.height

    @property
    def col_stop(self) -> int:
        """First column right of the window."""
        return self.col + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices that cut this window out of the whole array."""
        return slice(self.row, self.row_stop), slice(self.col, self.col_stop)

    def expand(self, halo: int, *, within: tuple[int, int]) -> Window:
        """Grow by ``halo`` cells on every side, cut at the edges of a ``within``-shaped grid."""
        row, col = max(0, self.row - halo), max(0, self.col - halo)
        stop_row, stop_col = min(within[0], self.row_stop + halo), min(within[1], self.col_stop + halo)
        return Window(row, col, stop_row - row, stop_col - col)


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid: CRS, affine transform and shape (rows, columns).

    Rasters stored south-up are turned by their reader, rotated ones refused: every grid in the
    package has its first row in the north and its first column in the west.

    Parameters
    ----------
    crs : pyproj.CRS
        Its unit is the unit of the transform.
    transform : affine.Affine
        From (column, row) to (x, y) of the cell's upper left corner.
    shape : tuple of int
        Rows and columns.

    Raises
    ------
    GridError
        If the grid is empty, rotated, south-up or of non-finite cell size.

    Examples
    --------
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 9000), (9, 4))
    >>> grid.cell_area_km2, len(list(grid.tiles(4)))
    (1.0, 3)
    """

    crs: CRS
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.transform[:6]
        if self.shape[0] < 1 or self.shape[1] < 1:
            raise GridError(f"a grid of {self.shape[0]} x {self.shape[1]} cells holds nothing")
        if not all(math.isfinite(value) for value in self.transform[:6]) or b or d or a <= 0 or e >= 0:
            raise GridError(
                f"not a north-up grid: transform {tuple(self.transform[:6])}", hint="warp it north-up first"
            )

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell in CRS units."""
        return self.transform.a, -self.transform.e

    @property
    def cell_area_km2(self) -> float:
        """Area of a cell in km2; only meaningful where the CRS is in metres."""
        return self.transform.a * -self.transform.e / 1e6

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top in CRS units."""
        left, top = self.transform.c, self.transform.f
        return left, top + self.shape[0] * self.transform.e, left + self.shape[1] * self.transform.a, top

    @property
    def window(self) -> Window:
        """The window that covers the whole grid."""
        return Window(0, 0, *self.shape)

    def tiles(self, size: int | tuple[int, int]) -> Iterator[Window]:
        """Yield the windows of a tiling with (rows, columns) ``size``, row by row."""
        rows, cols = (size, size) if isinstance(size, int) else size
        for row in range(0, self.shape[0], rows):
            for col in range(0, self.shape[1], cols):
                yield Window(row, col, min(rows, self.shape[0] - row), min(cols, self.shape[1] - col))

    def crop(self, window: Window) -> Grid:
        """Return the grid of a window of this one."""
        return Grid(self.crs, self.transform * Affine.translation(window.col, window.row), window.shape)

    def aligned_with(self, other: Grid) -> bool:
        """Tell whether both grids have the same cells: CRS, corner, cell size and shape."""
        if self.shape != other.shape or not same_crs(self.crs, other.crs):
            return False
        tolerance = ALIGNMENT_TOLERANCE_CELLS * min(self.cell_size)
        return all(abs(a - b) <= tolerance for a, b in zip(self.bounds, other.bounds, strict=True))

    def require_aligned(self, other: Grid, *, what: str) -> None:
        """Raise :class:`GridError`, naming ``what`` and both grids, unless they are aligned."""
        if not self.aligned_with(other):
            raise GridError(
                f"{what}: grids are not aligned ({self.describe()}; {other.describe()})",
                hint="regrid one onto the other by an explicit rule (config key 'regrid')",
            )

    def describe(self) -> str:
        """One line for messages: shape, cell size, corner, CRS."""
        width, height = self.cell_size
        left, top = self.transform.c, self.transform.f
        name = self.crs.to_string() if len(self.crs.to_string()) < 40 else self.crs.name
        return f"{self.shape[0]} x {self.shape[1]} cells of {width:g} x {height:g} from ({left:g}, {top:g}) in {name}"
