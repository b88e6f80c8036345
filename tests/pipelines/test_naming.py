"""Names of areas: those of the units that hold their people, and none where no unit stands out."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from pipelines.naming import names_after_units

CRS = "ESRI:54009"


@pytest.mark.parametrize(
    ("shares", "name"),
    [
        ([0.6, 0.4], "Ward 0"),
        ([0.1] + [0.09] * 10, "Ward 0"),  # exactly a tenth is enough
        ([0.09] + [0.07] * 13, None),  # no ward is the city
        ([0.3, 0.15], None),  # units hold less than half: the city lies beyond their border
    ],
)
def test_a_unit_names_a_centre_only_if_it_is_a_part_to_speak_of(shares: list[float], name: str | None) -> None:
    centre = gpd.GeoDataFrame(
        {"population": [1000.0]}, index=pd.Index(["UC"], name="centre_id"), geometry=[box(0, 0, 1, 1)], crs=CRS
    )
    ids = [f"w{number}" for number in range(len(shares))]
    pairs = pd.DataFrame({"unit_id": ids, "centre_id": "UC", "population": [1000.0 * share for share in shares]})
    names = [f"Ward {number}" for number in range(len(shares))]
    units = gpd.GeoDataFrame({"unit_id": ids, "name": names}, geometry=[box(0, 0, 1, 1)] * len(shares), crs=CRS)
    (found,) = names_after_units(centre, pairs, units)
    assert found == name or (name is None and pd.isna(found))
