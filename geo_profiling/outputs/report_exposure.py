"""The report's section on exposure to hazards."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_section import ReportSection, Table, table_of

REPORTED = ("hazard_exposure", "hazard_ratios")
#: Areas of the same kind that are shown; all stand in the table.
_SHOWN = 10
_CAVEATS = (
    "Exposure says who and what stands where a hazard can come, not who was harmed. A depth map shows one model of one "
    "climate; ground that it does not know is told as unknown, never as safe.",
    "People come from the population grid. Grids hold a half to a quarter of the people of surveyed informal "
    "settlements: shares bear that better than numbers.",
    "Layers of risk classes are often mapped in informal settlements alone: the rest of the city is then not free of "
    "risk, it was not looked at, and the ratio to it is too high.",
)
_METHODS = (
    "People are spread evenly inside each cell of the population grid and overlaid jointly with the cells of the "
    "hazard and the areas; bands are closed on the left. Buildings count by the depth at their centroid, and by the "
    "greatest depth that touches their footprint. Lines are cut at the edges of cells.",
    "Expected annual exposure is the area under exposure over annual frequency, by trapezoids with a flat tail beyond "
    "the rarest event and nothing beyond the most frequent one; the bounds take the lesser and the greater of two "
    "neighbouring events.",
)


def exposure_sections(
    layers: Mapping[str, pd.DataFrame], _pictures: Mapping[str, bytes], _manifest: Manifest
) -> list[ReportSection]:
    """Return the section on exposure; none where there is none.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published.
    _pictures : mapping of str to bytes
        Every section is handed them.
    _manifest : Manifest
        Likewise.

    Examples
    --------
    >>> exposure_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    exposure = layers.get("hazard_exposure")
    if exposure is None or exposure.empty:
        return []
    tables = [_bands(exposure), _annual(exposure)]
    ratios = layers.get("hazard_ratios")
    if ratios is not None and not ratios.empty:
        tables.append(_compared(ratios))
    return [
        ReportSection(
            "Exposure to hazards",
            text=("Who and what stands in each band of each hazard, by area and return period.",),
            tables=tuple(table for table in tables if table.rows),
            caveats=_CAVEATS,
            methods=_METHODS,
        )
    ]


def _largest(exposure: pd.DataFrame) -> pd.DataFrame:
    """Keep the areas of each kind with the most in them, settlements left to their own pages."""
    sums = (
        exposure.groupby(["area_type", "area_id"], sort=True)["value"].sum().sort_values(ascending=False, kind="stable")
    )
    chosen = sums.groupby(level=0, sort=True).head(_SHOWN).index
    return exposure[pd.MultiIndex.from_frame(exposure[["area_type", "area_id"]]).isin(chosen)]


def _bands(exposure: pd.DataFrame) -> Table:
    rows = exposure[~exposure["unit"].str.contains("a year") & (exposure["area_type"] != "settlement")]
    rows = _largest(rows[rows["value"] > 0])
    return table_of(
        rows,
        {
            "area_type": ("Kind of area", "text"),
            "area_id": ("Area", "text"),
            "hazard": ("Hazard", "text"),
            "return_period": ("Return period (years)", "0"),
            "asset": ("What", "text"),
            "band": ("Band", "text"),
            "value": ("Value", "0"),
            "unit": ("Unit", "text"),
            "coverage_share": ("Known", "percent"),
        },
        caption="What stands in each band; rows of nothing are left out.",
        is_folded=True,
    )


def _annual(exposure: pd.DataFrame) -> Table:
    rows = exposure[exposure["unit"].str.contains("a year") & (exposure["area_type"] != "settlement")]
    rows = _largest(rows[rows["value"] > 0])
    keys = ["area_type", "area_id", "hazard", "asset", "band"]
    bound = rows["unit"].str.partition(", ")[2].replace("", "expected")
    wide = rows.assign(bound=bound).pivot_table(index=keys, columns="bound", values="value", aggfunc="first")
    return table_of(
        wide.reset_index(),
        {
            "area_type": ("Kind of area", "text"),
            "area_id": ("Area", "text"),
            "hazard": ("Hazard", "text"),
            "asset": ("What", "text"),
            "band": ("At or above", "text"),
            "expected": ("Expected a year", "1"),
            "lower bound": ("At least", "1"),
            "upper bound": ("At most", "1"),
        },
        caption="Expected annual exposure and its bounds.",
    )


def _compared(ratios: pd.DataFrame) -> Table:
    rows = ratios[ratios["settlement_people"].fillna(0.0) > 0]
    rows = rows.sort_values(["hazard", "people_exposed"], ascending=[True, False], kind="stable")
    return table_of(
        rows.groupby("hazard", sort=True).head(_SHOWN),
        {
            "area_type": ("Kind of area", "text"),
            "area_id": ("Area", "text"),
            "hazard": ("Hazard", "text"),
            "return_period": ("Return period (years)", "0"),
            "threshold": ("Exposed from", "text"),
            "settlement_share": ("Exposed in settlements", "percent"),
            "rest_share": ("Exposed in the rest", "percent"),
            "ratio": ("Ratio", "1"),
            "exposed_settlements_low": ("People in settlements exposed, low", "0"),
            "exposed_settlements_high": ("high", "0"),
        },
        caption="Informal settlements against the rest of each area.",
    )
