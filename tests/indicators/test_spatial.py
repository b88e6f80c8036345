"""Indicators of places: what is counted once, straight distances marked, exposure that is not harm."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, box

from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.indicators.publication import indicator_table
from geo_profiling.indicators.spatial import (
    access_estimates,
    exposure_estimates,
    open_space_estimates,
    open_space_share,
)

CRS = "EPSG:32631"


def series(*shapes: object) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=CRS)


CITY = gpd.GeoSeries([box(500_000, 0, 501_000, 1000), box(501_000, 0, 502_000, 1000)], index=["a", "b"], crs=CRS)


def test_streets_and_parks_that_meet_are_counted_once() -> None:
    parks = series(box(500_000, 0, 500_100, 1000), box(500_050, 0, 500_150, 1000))
    streets = series(LineString([(499_000, 500), (503_000, 500)]), LineString([(499_000, 505), (503_000, 505)]))
    found = open_space_share(CITY, parks, streets, widths_m=10.0)
    # 15 m of street over the whole width; the parks are 150 m wide less what the street takes.
    assert found["street_km2"].tolist() == pytest.approx([0.015, 0.015])
    assert found["open_space_km2"].tolist() == pytest.approx([0.15 * 0.985, 0])
    assert found["share"].tolist() == pytest.approx([0.015 + 0.15 * 0.985, 0.015])


def test_without_streets_the_share_is_a_lower_bound() -> None:
    found = open_space_share(CITY, series(box(500_000, 0, 500_100, 1000)))
    rows = open_space_estimates(found, area_type="unit", with_streets=False)
    assert rows["estimate"].tolist() == pytest.approx([0.1, 0])
    assert set(rows["components_used"]) == {"open space only: lower bound"}


def test_widths_by_street_and_what_cannot_be() -> None:
    street = series(LineString([(500_000, 500), (501_000, 500)]))
    found = open_space_share(CITY, series(), street, widths_m=pd.Series([20.0]))
    assert found.loc["a", "street_km2"] == pytest.approx(0.02)
    with pytest.raises(InputError, match="width of row 0"):
        open_space_share(CITY, series(), street, widths_m=pd.Series([0.0]))
    with pytest.raises(CRSError):
        open_space_share(CITY, series().to_crs("EPSG:32632"))
    with pytest.raises(CRSError):
        open_space_share(CITY.to_crs("EPSG:4326"), series().to_crs("EPSG:4326"))


def test_straight_distance_travels_with_the_number() -> None:
    reach = pd.DataFrame(
        {"population": [100.0, 0.0], "population_in_reach": [40.0, 0.0], "share_in_reach": [0.4, np.nan],
         "coverage_share": [1.0, 0.5]}, index=["a", "b"]
    )  # fmt: skip
    rows = {
        kind: indicator_table(
            access_estimates(
                reach, indicator="public_transport_access", area_type="unit", distance=kind, within_m=[500, 1000]
            ).assign(lower=np.nan, upper=np.nan, se=np.nan, obs_status="A"),
            time_period="2020",
        )
        for kind in ("street", "euclid")
    }
    assert rows["street"]["components_used"].iloc[0] == "street, 500 m, 1000 m"
    assert rows["euclid"]["components_used"].iloc[0] == "euclid, 500 m, 1000 m"
    assert rows["street"]["obs_value"].tolist() == pytest.approx([40, np.nan], nan_ok=True)
    assert rows["street"]["series"].iloc[0] == "SP_TRN_PUBL"
    with pytest.raises(UsageError, match="no kind of distance"):
        access_estimates(reach, indicator="open_space_access", area_type="unit", distance="air", within_m=[400])


def test_exposure_leaves_out_unknown_ground() -> None:
    base = {"area_type": "unit", "area_id": "A", "hazard": "river_flood", "asset": "population"}
    rows = pd.DataFrame(
        [{**base, "return_period": 10, "band": "<0.15", "value": 80.0},
         {**base, "return_period": 10, "band": "0.15-0.5", "value": 10.0},
         {**base, "return_period": 10, "band": "0.5-1.5", "value": 0.0},
         {**base, "return_period": 10, "band": ">=1.5", "value": 5.0},
         {**base, "return_period": 10, "band": "unknown", "value": 5.0},
         {**base, "return_period": 10, "band": ">=1.5", "value": 900.0, "asset": "buildings_centroid"},
         {**base, "return_period": np.nan, "band": ">=1.5", "value": 3.0},
         {**base, "area_id": "B", "return_period": 10, "band": "unknown", "value": 7.0}]
    )  # fmt: skip
    found = exposure_estimates(rows, bands=["0.15-0.5", "0.5-1.5", ">=1.5"]).set_index("area_id")
    assert found.loc["A", "estimate"] == pytest.approx(15 / 95)
    assert found.loc["A", "coverage_share"] == pytest.approx(0.95)
    assert np.isnan(found.loc["B", "estimate"])
    assert found.loc["A", "category"] == "river_flood, 1 in 10 years"
    with pytest.raises(InputError, match="no row has band deep"):
        exposure_estimates(rows, bands=["deep"])


def test_no_hazard_counts_as_safe_because_its_bands_have_other_limits() -> None:
    base = {"area_type": "unit", "area_id": "A", "asset": "population", "return_period": 10, "value": 5.0}
    river = [{**base, "hazard": "river", "band": band} for band in ("<0.15", "0.15-0.5", ">=0.5")]
    surge = [{**base, "hazard": "surge", "band": band} for band in ("<1", ">=1")]
    with pytest.raises(InputError, match=r"surge has none of the bands 0\.15-0\.5, >=0\.5"):
        exposure_estimates(pd.DataFrame(river + surge), bands=["0.15-0.5", ">=0.5"])
    with pytest.raises(InputError, match=r"no row has band 0\.5-1\.5"):
        exposure_estimates(pd.DataFrame(river), bands=["0.15-0.5", "0.5-1.5", ">=0.5"])
    found = exposure_estimates(pd.DataFrame(river + surge), bands=["0.15-0.5", ">=0.5", ">=1"])
    assert found["estimate"].tolist() == pytest.approx([2 / 3, 1 / 2])
