"""What every cell is by itself: density steps, built-up criterion, water; one byte a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from geo_profiling.delineation.rules import DegurbaRules
from geo_profiling.errors import UsageError, ValueRangeError
from geo_profiling.raster.components import FIXED_POINT, pad_to_words
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import FloatArray, Source

AreaUnit = Literal["m2", "share"]

# The bits of a cell's code.
LOW = 1  # at least the low density
URBAN = 2  # at least the urban density
SEMI_DENSE = 4  # at least the semi-dense density
DENSE = 8  # at least the dense density, or built-up
WATER = 16  # permanent water: land below a half, no people, nothing built
INVALID = 32  # land below a half and no people: no valid neighbour when edges are smoothed
NO_DATA = 64

#: More people than ever stand on a cell of any size, and on all cells; guards the fixed-point sums.
_LARGEST_COUNT = 1e9
_LARGEST_FIXED_TOTAL = int(1e11 * FIXED_POINT)
#: Shares of land or built-up above this cannot be meant: the unit is wrong.
_LARGEST_SHARE = 1.01


@dataclass(frozen=True)
class CellInputs:
    """Population with, where known, land and built-up area, on one equal-area grid.

    Attributes
    ----------
    population : Source
        People in each cell; nodata counts as none where land is given, and stays nodata where not.
    land, built_up : Source, optional
        Permanent land (all land if absent) and built-up surface of each cell.
    land_unit, built_up_unit : {"m2", "share"}
        m2 in the cell, or share of the cell.
    """

    population: Source
    land: Source | None = None
    built_up: Source | None = None
    land_unit: AreaUnit = "m2"
    built_up_unit: AreaUnit = "m2"

    @property
    def grid(self) -> Grid:
        """The grid of the population."""
        return self.population.grid

    @property
    def sources(self) -> list[Source]:
        """Those that are given."""
        return [source for source in (self.population, self.land, self.built_up) if source is not None]


@dataclass(frozen=True)
class EncodedTile:
    """The codes of a tile and what was seen while they were made.

    Attributes
    ----------
    codes : ndarray of uint8, shape (rows, columns padded to 8)
    population : ndarray of float, shape (rows, columns)
        As read.
    total : int
        Fixed-point sum of the population.
    land_largest, built_up_largest : float
        Largest values, to tell m2 from shares.
    built_up_unknown : int
        Cells with land and without built-up data (counted as not built).
    """

    codes: NDArray[np.uint8]
    population: FloatArray
    total: int
    land_largest: float
    built_up_largest: float
    built_up_unknown: int


_FAULTS = (
    ("population", "negative", "declare the nodata value, or mend the file"),
    ("population", "infinite", "mend the file"),
    ("land", "negative or more than the cell holds", "declare its unit (m2 or share) and nodata value"),
    ("built_up", "negative or more than the cell holds", "declare its unit (m2 or share) and nodata value"),
    ("land", "nodata where people live", "give a land raster that covers the population, or mask the population"),
    ("population", "beyond any possible count", "check the unit: people in each cell are wanted"),
    ("population", "beyond 100 billion people in sum", "check the unit: people in each cell are wanted"),
)


def encode_tile(inputs: CellInputs, window: Window, rules: DegurbaRules) -> EncodedTile:
    """Read a window of the inputs and give each cell its code.

    The built-up share of land is rounded to three decimals before it is compared, as GHSL does.
    Density where there is no land but people is infinite and passes every threshold.

    Parameters
    ----------
    inputs : CellInputs
    window : Window
    rules : DegurbaRules

    Raises
    ------
    ValueRangeError
        At the first cell whose value cannot be, by file, row, column and coordinates.

    References
    ----------
    GHSL Data Package 2023, GHS-SMOD; Applying the Degree of Urbanisation (2021), section 7.2.
    """
    population = inputs.population.read(window)
    land = _read_optional(inputs.land, window, population)
    built_up = _read_optional(inputs.built_up, window, population)
    threshold = np.inf if rules.built_up_threshold is None else rules.built_up_threshold
    grid = inputs.grid
    cell_area_m2 = grid.cell_area_km2 * 1e6
    codes = np.zeros((window.height, pad_to_words(window.width)), np.uint8)
    fault = np.full(2, -1, np.int64)
    seen = np.zeros(3, np.float64)
    total = _encode(
        codes,
        population,
        land,
        built_up,
        np.array(
            [
                grid.cell_area_km2,
                1.0 if inputs.land_unit == "share" else cell_area_m2,
                1.0 if inputs.built_up_unit == "share" else cell_area_m2,
                rules.low_density_per_km2,
                rules.urban_density_per_km2,
                rules.semi_dense_density_per_km2,
                rules.dense_density_per_km2,
                threshold,
            ]
        ),
        fault,
        seen,
    )
    if fault[0] >= 0:
        _raise_fault(inputs, window, int(fault[0]), int(fault[1]))
    return EncodedTile(codes, population, int(total), float(seen[0]), float(seen[1]), int(seen[2]))


def _read_optional(source: Source | None, window: Window, like: FloatArray) -> FloatArray:
    if source is None:
        return np.empty((0, 0), like.dtype)
    return source.read(window)


def _raise_fault(inputs: CellInputs, window: Window, kind: int, place: int) -> None:
    role, what, remedy = _FAULTS[kind]
    source: Source = getattr(inputs, role)
    row, col = window.row + place // window.width, window.col + place % window.width
    x, y = inputs.grid.transform * (col + 0.5, row + 0.5)
    value = source.read(Window(row, col, 1, 1))[0, 0]
    raise ValueRangeError(
        f"{source.name}: {role} is {what} ({value:g}) at row {row}, column {col} (x {x:g}, y {y:g})", hint=remedy
    )


def check_total(inputs: CellInputs, total: int) -> None:
    """Refuse a population whose fixed-point sum over all tiles no planet holds.

    Raises
    ------
    ValueRangeError
        With the likely cause.

    Examples
    --------
    >>> check_total(CellInputs(None), 8_000_000_000)
    """
    if total > _LARGEST_FIXED_TOTAL:
        role, what, remedy = _FAULTS[6]
        raise ValueRangeError(f"{inputs.population.name}: {role} is {what} ({total / FIXED_POINT:g})", hint=remedy)


def check_units(inputs: CellInputs, *, land_largest: float, built_up_largest: float) -> None:
    """Refuse a land raster declared in m2 that holds nothing above 1: shares by all appearance.

    Raises
    ------
    UsageError
        With the unit to declare.

    Examples
    --------
    >>> check_units(CellInputs(None), land_largest=1.0, built_up_largest=0.0)  # no land given
    """
    cell_area_m2 = 0.0 if inputs.land is None else inputs.grid.cell_area_km2 * 1e6
    if inputs.land is not None and inputs.land_unit == "m2" and cell_area_m2 > 100 and 0 < land_largest <= 1:
        raise UsageError(
            f"{inputs.land.name}: declared in m2 but no cell holds more than {land_largest:g} m2 of land",
            hint="declare the land unit as 'share'",
        )
    share_like = inputs.built_up is not None and inputs.built_up_unit == "m2" and 0 < built_up_largest <= 1
    if share_like and inputs.built_up is not None:
        raise UsageError(
            f"{inputs.built_up.name}: declared in m2 but no cell holds more than {built_up_largest:g} m2 of built-up",
            hint="declare the built-up unit as 'share'",
        )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _encode(  # noqa: C901 - one compiled loop over the cells
    codes: Any, population: Any, land: Any, built_up: Any, limits: Any, fault: Any, seen: Any
) -> Any:  # pragma: no cover - compiled
    rows, cols = population.shape
    cell_km2, land_unit, built_unit = limits[0], limits[1], limits[2]
    low, urban, semi_dense, dense, built_threshold = limits[3], limits[4], limits[5], limits[6], limits[7]
    has_land, has_built, has_threshold = land.size > 0, built_up.size > 0, np.isfinite(built_threshold)
    total = np.int64(0)
    all_land = False
    for row in range(rows):
        for col in range(cols):
            people: Any = np.float64(population[row, col])
            # Most cells are all land, without people or buildings: those need no division.
            share = 1.0
            if has_land and land[row, col] != land_unit:
                share = np.float64(land[row, col]) / land_unit
            built: Any = 0.0
            if has_built and built_up[row, col] != 0:
                built = np.float64(built_up[row, col]) / built_unit
            if people == 0 and built == 0 and share == 1.0:
                all_land = has_land
                continue
            kind = -1
            if people < 0:
                kind = 0
            elif np.isinf(people):
                kind = 1
            elif people > _LARGEST_COUNT:
                kind = 5
            elif share < 0 or share > _LARGEST_SHARE:
                kind = 2
            elif built < 0 or built > _LARGEST_SHARE:
                kind = 3
            elif people > 0 and np.isnan(share):
                kind = 4
            if kind >= 0:
                fault[0] = kind
                fault[1] = row * cols + col
                return total
            if np.isnan(people):
                if not has_land or np.isnan(share):
                    codes[row, col] = NO_DATA
                    continue
                people = 0.0
            elif np.isnan(share):
                codes[row, col] = NO_DATA
                continue
            code = 0
            if people > 0:
                total += np.int64(np.rint(people * FIXED_POINT))
                if total > _LARGEST_FIXED_TOTAL:
                    fault[0] = 6
                    fault[1] = row * cols + col
                    return total
                density = people / share / cell_km2
                if density >= low:
                    code = LOW
                    if density >= urban:
                        code |= URBAN
                    if density >= semi_dense:
                        code |= SEMI_DENSE
                    if density >= dense:
                        code |= DENSE
            if has_land and share * land_unit > seen[0]:
                seen[0] = share * land_unit
            if np.isnan(built):
                seen[2] += share > 0
                built = 0.0
            if built > 0:
                if built * built_unit > seen[1]:
                    seen[1] = built * built_unit
                # Where nothing is land the share is infinite: no threshold must not mean an infinite one.
                if has_threshold and np.rint(built / share * 1000.0) / 1000.0 >= built_threshold:
                    code |= DENSE
            if share < 0.5:
                if people == 0:
                    code |= INVALID
                if people <= 0 and built <= 0:
                    code |= WATER
            codes[row, col] = code
    if all_land and land_unit > seen[0]:
        seen[0] = land_unit
    return total
