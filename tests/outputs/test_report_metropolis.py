"""The report tells functional urban areas, scales and change in words, and only where they were asked for."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report import ReportContent, render_report
from geo_profiling.outputs.report_metropolis import change_rows, functional_areas, projection_rows, scale_rows

HOSTILE = "<script>alert(1)</script>"
RULES = {"method": "flows", "threshold": 0.15, "year_of_flows": 2011}


class Text(HTMLParser):
    """The words of a page, scripts and styles left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)


@pytest.fixture
def layers(province: Any) -> dict[str, pd.DataFrame]:
    small, large = province.units.geometry.iloc[:2]
    areas = gpd.GeoDataFrame(
        {
            "fua_id": ["F1", "F2"],
            "name": [None, f"Großstadt {HOSTILE}"],
            "method": "flows",
            "n_units": [1, 2],
            "population": [60_000.0, 1_600_000.0],
            "city_population": [50_000.0, 1_200_000.0],
            "commuting_zone_population": [10_000.0, 400_000.0],
            "area_km2": [800.0, 1600.0],
            "units_per_100k": [np.nan, 0.125],
            "size_class": [None, "large metropolitan"],
            "meets_metropolis_criterion": pd.array([None, True], "boolean"),
        },
        geometry=[small, large],
        crs=province.units.crs,
    )
    scales = pd.DataFrame(
        {
            "scale": ["metropolitan_region", "metropolitan_area", "proximity"],
            "area_id": ["R1", "F2", "LC1"],
            "parent_id": [None, "R1", "F2"],
            "share_in_parent": [np.nan, 0.75, 1.0],
            "name": ["Oberland", "Großstadt", None],
            "population": [2_000_000.0, 1_600_000.0, 9_000.0],
            "area_km2": [5000.0, 1600.0, 3.5],
        }
    )
    nothing = {"share_of_from": np.nan, "share_of_to": np.nan}
    first = province.centres["centre_id"].iloc[0]
    change = pd.DataFrame(
        {
            "area_type": "urban_centre",
            "from_year": 2010,
            "to_year": 2020,
            "from_id": [first, None, "UC_OLD"],
            "to_id": [first, province.centres["centre_id"].iloc[1], None],
            "change": ["continued", "born", "gone"],
            "from_population": [1_000_000.0, np.nan, 51_234.0],
            "to_population": [1_234_567.8, 50_000.0, np.nan],
            "from_area_km2": [20.0, np.nan, 10.0],
            "to_area_km2": [25.0, 30.0, np.nan],
            "population_growth_pct": [2.107, np.nan, np.nan],
            "area_growth_pct": [2.231, np.nan, np.nan],
            "density_growth_pct": [-0.125, np.nan, np.nan],
        }
    ).assign(**nothing)
    projections = pd.DataFrame(
        {
            "area_type": "urban_centre",
            "area_id": province.centres["centre_id"].tolist()[::-1],
            "projected_year": 2035,
            "population_growth_pct": [np.nan, 2.107],
            "projected_population": [np.nan, 1_693_000.0],
            "projected_population_low": [np.nan, 1_571_000.0],
            "projected_population_high": [np.nan, 1_825_000.0],
            "projected_area_km2": [np.nan, 34.9],
            "projected_area_km2_low": [np.nan, 32.4],
            "projected_area_km2_high": [np.nan, 37.6],
        }
    )
    return {
        "urban_centres": province.centres,
        "units": province.units.assign(fua_id=["F2", "F1", None]),
        "functional_urban_areas": areas,
        "metropolitan_scales": scales,
        "urban_change": change,
        "urban_projections": projections,
    }


def rendered(layers: dict[str, pd.DataFrame], rules: dict[str, Any], **more: Any) -> str:
    parameters = {"functional_urban_areas": rules, "epochs": {"rate_band_pct": 0.5}}
    manifest = Manifest("Province", "province", 2020, "GHSL", (), parameters)
    return render_report(ReportContent(manifest, None, "", {**layers, **more}))


def words(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(Text(html).words))


def test_functional_areas_are_told_with_their_governance(layers: dict[str, pd.DataFrame]) -> None:
    text = words(rendered(layers, RULES))
    assert "commuting of 2011, people of 2020" in text
    row = f"Großstadt {HOSTILE} 1,600,000 1,200,000 400,000 2 0.12 large metropolitan yes"
    assert row in text
    assert "Functional urban area F1 60,000 50,000 10,000 1 unknown unknown unknown" in text
    assert text.index("Großstadt") < text.index("Functional urban area F1 60,000"), "the most populous first"
    assert "Local units in no functional urban area: 1." in text
    assert "if that is 15.0 % or more" in text
    assert "2 functional urban areas (cities with their commuting zones), with 1,660,000 people" in text


def test_names_stay_text(layers: dict[str, pd.DataFrame]) -> None:
    html = rendered(layers, RULES)
    assert HOSTILE not in html
    assert "\\u003cscript\\u003ealert(1)" in html, "the hover of the map"


def test_borders_of_the_year_of_the_flows_are_named(layers: dict[str, pd.DataFrame]) -> None:
    old = "on the borders that municipalities had then"
    assert old not in words(rendered(layers, RULES))
    flows = pd.DataFrame({"unit_id": ["1", "2"], "fua_id": ["F1", "F1"]})
    told = functional_areas({**layers, "fua_units": flows}, {"functional_urban_areas": RULES})
    assert told is not None
    assert (told.own_borders, told.n_outside) == (True, 0)
    assert old in words(rendered(layers, RULES, fua_units=flows))


def test_a_model_is_called_a_model(layers: dict[str, pd.DataFrame]) -> None:
    areas = layers["functional_urban_areas"].assign(method="model", touches_edge=[True, False], beyond_range=False)
    text = words(rendered({**layers, "functional_urban_areas": areas}, {"method": "model"}))
    assert "Functional urban areas are a model, not a count of commuters" in text
    assert "reaches the edge of the data: may be larger" in text
    assert "if that is" not in text


def test_scales_name_what_they_are_part_of(layers: dict[str, pd.DataFrame]) -> None:
    found = {scale.title: scale for scale in scale_rows(layers)}
    assert list(found) == ["Proximity", "Metropolitan area", "Metropolitan region"], "the smallest first"
    assert found["Proximity"].rows[0]["title"] == "Area LC1"
    # There is no agglomeration: the next larger scale with areas is the metropolitan area.
    assert found["Proximity"].rows[0]["parent"] == "Großstadt (metropolitan area)"
    assert found["Metropolitan region"].rows[0]["parent"] == ""
    text = words(rendered(layers, RULES))
    assert "Großstadt 1,600,000 1,600.0 Oberland (metropolitan region) 75.0 %" in text
    assert "an upper limit" in text


def test_scales_tell_how_the_governance_of_a_region_is_split(layers: dict[str, pd.DataFrame]) -> None:
    assert not any(scale.is_governed for scale in scale_rows(layers))
    governed = layers["metropolitan_scales"].assign(
        n_local_units=pd.array([39, 2, None], "Int64"),
        units_per_100k=[1.95, np.nan, np.nan],
        largest_unit_share=[0.57, np.nan, np.nan],
        herfindahl=[0.33, np.nan, np.nan],
        centre_share_outside_core=[0.38, np.nan, np.nan],
        size_class=["large metropolitan", None, None],
        meets_metropolis_criterion=pd.array([True, None, None], "boolean"),
    )
    found = {scale.title: scale.is_governed for scale in scale_rows({**layers, "metropolitan_scales": governed})}
    assert found == {"Proximity": False, "Metropolitan area": False, "Metropolitan region": True}
    text = words(rendered(layers, RULES, metropolitan_scales=governed))
    assert "39 1.95 57.0 % 0.33 38.0 % large metropolitan yes" in text
    assert "Centre outside the core municipality" in text
    assert "Herfindahl" not in words(rendered(layers, RULES))


def test_a_territory_that_is_held_fixed_is_said_to_be(layers: dict[str, pd.DataFrame]) -> None:
    change = layers["urban_change"]
    assert "on one territory" not in words(
        rendered(layers, RULES, urban_change=change.assign(territory="of each year"))
    )
    fixed = change.assign(territory="fixed", area_type="functional_urban_area", from_id="F2", to_id="F2")
    assert f"Großstadt {HOSTILE} (functional urban area) on one territory in every year 2010" in words(
        rendered(layers, RULES, urban_change=fixed.iloc[:1])
    )


def test_change_and_projection_tell_the_unknown(layers: dict[str, pd.DataFrame]) -> None:
    rows = change_rows(layers)
    assert [row["change"] for row in rows] == ["went on", "gone: is none any more", "new: was none before"]
    assert rows[1]["title"] == "Urban centre UC_OLD"
    assert projection_rows(layers)[0]["projected_population"] == 1_693_000.0
    text = words(rendered(layers, RULES))
    assert "2010–2020 went on 1,000,000 1,234,568 2.11 20.0 25.0 -0.12" in text
    assert "2010–2020 new: was none before – 50,000 unknown – 30.0 unknown" in text
    assert "2.11 1,693,000 1,571,000 to 1,825,000 34.9 32.4 to 37.6" in text
    assert "People in 2035" in text
    assert "of 0.5 percentage points up and down" in text
    assert "A projection says where the recent past leads" in text


def test_what_was_not_asked_for_is_not_told(layers: dict[str, pd.DataFrame]) -> None:
    text = words(rendered({"urban_centres": layers["urban_centres"]}, {}))
    for words_of_a_section in ("unctional urban area", "at its scales", "Change over", "A projection", "proximity"):
        assert words_of_a_section not in text
