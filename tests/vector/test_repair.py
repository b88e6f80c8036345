"""Geometries repaired where one shape is right, refused by name where none is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.vector.repair import repair

BOW_TIE = "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"


def mend(*wkt: str | None, **keywords: Any) -> tuple[Any, Any, list[str]]:
    geometries = np.array([None if text is None else shapely.from_wkt(text) for text in wkt], dtype=object)
    fixed, dropped, findings = repair(geometries, name="units", describe=lambda i: f"unit {i}", **keywords)
    return fixed, dropped, [f"{finding.severity}: {finding}" for finding in findings]


def test_valid_geometries_are_left_alone() -> None:
    texts = ["POLYGON ((0 0, 1 0, 1 1, 0 0))", "LINESTRING (0 0, 1 1)", "POINT (3 4)"]
    fixed, dropped, findings = mend(*texts)
    assert [geometry.wkt for geometry in fixed] == texts
    assert not dropped.any()
    assert findings == []


@pytest.mark.parametrize(
    ("wkt", "area", "reason"),
    [
        # The sliver beyond the crossing is under a tenth of the whole.
        ("POLYGON ((0 0, 10 0, 10 10, 0.1 10, -0.1 9.9, 0.1 9.8, 0 0))", None, None),
        ("POLYGON ((0 0, 10 0, 10 10, 5 10, 5 12, 5 10, 0 10, 0 0))", 100, "Self-intersection"),
        ("POLYGON ((0 0, 4 0, 4 4, 2 0, 0 4, 0 0))", 8, "Ring Self-intersection"),
        ("POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (0 5, 5 4, 5 6, 0 5), (5 4, 6 5, 5 6, 5 4))", 94, None),
        ("MULTIPOLYGON (((0 0, 2 0, 2 1, 0 1, 0 0)), ((1 0, 3 0, 3 1, 1 1, 1 0)))", 3, "Self-intersection"),
        ("MULTIPOLYGON (((0 0, 2 0, 2 2, 0 2, 0 0)), ((1 1, 1 1, 1 1, 1 1)))", 4, "Too few points"),
    ],
)
def test_one_right_shape_is_found_and_noted(wkt: str, area: float | None, reason: str | None) -> None:
    fixed, dropped, findings = mend(wkt, kinds={"polygon"})
    assert not dropped.any()
    assert fixed[0].is_valid
    if area is not None:
        assert fixed[0].area == pytest.approx(area)
    if reason is not None:
        (finding,) = findings
        assert finding.startswith(f"note: units, unit 0: {reason}")
        assert "repaired, area" in finding


@pytest.mark.parametrize(
    ("wkt", "message"),
    [
        (BOW_TIE, "no one right shape"),
        ("POLYGON ((0 0, 3 3, 3 0, 0 2, 0 0))", "no one right shape"),
        ("POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0), (5 5, 9 5, 9 9, 5 9, 5 5))", "no one right shape"),
        ("POLYGON ((0 0, 1 1, 2 2, 0 0))", "no one right shape"),
        (None, "has no geometry"),
        ("POLYGON EMPTY", "has an empty geometry"),
        ("POLYGON ((0 0, 1 0, 1 inf, 0 0))", "coordinates that are not finite"),
        ("LINESTRING (0 0, 1 1)", "is a line, not a polygon"),
        ("GEOMETRYCOLLECTION (POINT (0 0))", "is a collection, not a polygon"),
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_what_cannot_be_used_is_named(wkt: str | None, message: str, skip: bool) -> None:
    good = "POLYGON ((0 0, 1 0, 1 1, 0 0))"
    fixed, dropped, findings = mend(good, wkt, good, kinds={"polygon"}, skip=skip)
    assert dropped.tolist() == [False, True, False]
    (finding,) = findings
    assert finding.startswith("warning: units, unit 1: " if skip else "error: units, unit 1: ")
    assert message in finding
    assert finding.endswith("left out") is skip
    assert fixed[0].wkt == good


def test_collections_give_their_parts_of_the_kind_wanted() -> None:
    nested = (
        "GEOMETRYCOLLECTION (POINT (9 9), GEOMETRYCOLLECTION (POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0)), "
        "LINESTRING (0 0, 5 5)), POLYGON ((3 0, 4 0, 4 1, 3 1, 3 0)))"
    )
    fixed, _, findings = mend(nested, kinds={"polygon"})
    assert fixed[0].geom_type == "MultiPolygon"
    assert fixed[0].area == 5
    assert findings == ["note: units, unit 0: a collection; only its polygon parts are used"]
    fixed, _, _ = mend(nested, kinds={"point"})
    assert fixed[0].wkt == "POINT (9 9)"


def test_heights_are_dropped() -> None:
    fixed, _, findings = mend("POLYGON Z ((0 0 7, 1 0 7, 1 1 7, 0 0 7))", "POINT (1 2)")
    assert not shapely.has_z(fixed).any()
    assert findings == ["note: units: 1 features have Z or M coordinates; dropped"]


def test_antimeridian() -> None:
    fiji = "POLYGON ((-179.4 -17, 177.8 -17, 177.8 -18, -179.4 -18, -179.4 -17))"
    split = "MULTIPOLYGON (((177.8 -17, 180 -17, 180 -18, 177.8 -18, 177.8 -17)), ((-180 -17, -179.4 -17, -179.4 -18, -180 -18, -180 -17)))"  # noqa: E501
    antarctica = "POLYGON ((-180 -90, 180 -90, 180 -65, 0 -70, -180 -65, -180 -90))"
    _, dropped, findings = mend(fiji, split, antarctica, degrees=True)
    assert dropped.tolist() == [True, False, False]
    assert len(findings) == 1
    assert findings[0].startswith("error: units, unit 0: is wider than 180 degrees")
    _, dropped, _ = mend(fiji, degrees=False)
    assert not dropped.any()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=9))
def test_any_ring_is_valid_or_named(ring: list[tuple[int, int]]) -> None:
    polygon = shapely.polygons([*ring, ring[0]])
    fixed, dropped, findings = repair(np.array([polygon], dtype=object), name="units", describe=str, kinds={"polygon"})
    if dropped[0]:
        assert [finding.severity for finding in findings] == ["error"]
    else:
        assert fixed[0].is_valid
        assert fixed[0].area > 0
        assert bool(findings) != polygon.is_valid
        assert fixed[0].area == pytest.approx(polygon.area, rel=0.12)
