"""Section ``regrid``: the one explicit rule for grids that do not fit each other."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.section import CrsText, Section


class Regrid(Section):
    """Put every raster on one equal-area grid first. Counts keep their sum, areas keep their area."""

    crs: CrsText = Field(
        "ESRI:54009", description="Equal-area coordinate reference system of the common grid, in metres."
    )
    cell_size_m: float = Field(1000.0, gt=0, description="Width and height of a cell in metres.")
