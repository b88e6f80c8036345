"""Street blocks: they partition the limit, whatever lines cut it and in whatever order."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geo_profiling.errors import CRSError, InputError
from geo_profiling.settlements.blocks import street_blocks

UTM = "EPSG:32735"


def placed(*shapes: BaseGeometry) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=UTM).translate(600_000, 8_000_000)


LIMIT = placed(box(0, 0, 100, 100))


def test_lusaka_gives_the_published_blocks(shared_data: Path) -> None:
    folder = shared_data / "lusaka"
    known = gpd.read_file(folder / "blocks_epsg4326.gpkg").to_crs(UTM).geometry
    streets = gpd.read_file(folder / "streets_lusaka.geojson").to_crs(UTM).geometry
    made = street_blocks(gpd.GeoSeries([known.union_all()], crs=UTM), streets=streets)
    assert len(made.blocks) == len(known) == 32
    assert made.blocks.area.sum() == pytest.approx(known.area.sum(), rel=1e-6)
    best = [made.blocks.intersection(block).area.max() / block.area for block in known]
    assert min(best) > 0.999


@st.composite
def lines(draw: st.DrawFn) -> list[LineString]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 12))
    made = [LineString(rng.uniform(-20, 120, (int(rng.integers(2, 5)), 2))) for _ in range(count)]
    # The same street twice, a hair apart, leaves slivers.
    return made + [shapely.transform(line, lambda xy: xy + 0.003) for line in made[: draw(st.integers(0, 2))]]


@settings(max_examples=60)
@given(lines(), st.randoms())
def test_blocks_partition_the_limit_and_do_not_depend_on_the_order(streets: list[LineString], random: object) -> None:
    made = street_blocks(LIMIT, streets=placed(*streets) if streets else None)
    assert made.blocks.area.sum() == pytest.approx(1e4, rel=1e-6)
    assert made.blocks.is_valid.all()
    assert (made.blocks.geom_type == "Polygon").all()
    assert made.blocks.index.is_unique
    assert made.blocks.union_all().symmetric_difference(LIMIT.iloc[0]).area < 1e-5
    if len(made.blocks) > 1:
        assert made.blocks.area.min() >= 1.0
    if streets:
        turned = list(reversed(streets))
        random.shuffle(turned)  # type: ignore[attr-defined]
        again = street_blocks(LIMIT, streets=placed(*(line.reverse() for line in turned)))
        assert again.blocks.index.tolist() == made.blocks.index.tolist()
        assert again.blocks.geom_equals_exact(made.blocks, 0).all()
        inside = shapely.union_all(placed(*streets).intersection(LIMIT.iloc[0]).array).length
        assert made.streets.length.sum() == pytest.approx(inside, rel=1e-6, abs=1e-6)


def test_every_kind_of_line_cuts() -> None:
    made = street_blocks(
        LIMIT,
        streets=placed(LineString([(-9, 20), (109, 20)])),
        railways=placed(LineString([(-9, 40), (109, 40)])),
        waterways=placed(LineString([(-9, 60), (109, 60)])),
        coast=placed(LineString([(-9, 80), (109, 80)])),
    )
    assert made.blocks.area.round(6).tolist() == [2000.0] * 5
    assert made.streets.length.tolist() == [100.0]


def test_water_as_polygon_is_a_block_of_its_own() -> None:
    made = street_blocks(LIMIT, waterways=placed(box(40, 40, 60, 60)))
    assert sorted(made.blocks.area.round(6)) == [400.0, 9600.0]
    assert made.streets.empty


def test_a_street_that_ends_inside_cuts_nothing_and_is_kept() -> None:
    made = street_blocks(LIMIT, streets=placed(LineString([(-9, 50), (50, 50)])))
    assert len(made.blocks) == 1
    assert made.streets.length.sum() == pytest.approx(50.0)


def test_slivers_join_the_neighbour_with_the_longest_border() -> None:
    twice = [LineString([(-9, 50), (109, 50)]), LineString([(-9, 50.005), (109, 50.005)])]
    made = street_blocks(LIMIT, streets=placed(*twice))
    assert len(made.blocks) == 2
    assert made.blocks.area.sum() == pytest.approx(1e4, rel=1e-9)
    assert len(street_blocks(LIMIT, streets=placed(*twice), min_block_m2=0.1).blocks) == 3


def test_ids_stay_when_streets_elsewhere_change() -> None:
    cross = [LineString([(50, -9), (50, 109)]), LineString([(-9, 50), (109, 50)])]
    before = street_blocks(LIMIT, streets=placed(*cross)).blocks
    after = street_blocks(LIMIT, streets=placed(*cross, LineString([(75, -9), (75, 50)]))).blocks
    assert len(set(before.index) & set(after.index)) == 3


def test_a_limit_in_parts_with_a_hole() -> None:
    shape = MultiPolygon([box(0, 0, 40, 40).difference(box(10, 10, 20, 20)), box(60, 0, 100, 40)])
    made = street_blocks(placed(shape), streets=placed(LineString([(-9, 15), (109, 15)])))
    assert len(made.blocks) == 4
    assert made.blocks.area.sum() == pytest.approx(shape.area, rel=1e-9)


def test_refusals() -> None:
    with pytest.raises(CRSError):
        street_blocks(LIMIT.to_crs("EPSG:4326"))
    with pytest.raises(CRSError, match="streets and limit"):
        street_blocks(LIMIT, streets=LIMIT.boundary.to_crs("EPSG:32736"))
    with pytest.raises(InputError, match="no area"):
        street_blocks(placed(Point(0, 0), Polygon([(0, 0), (1, 1), (2, 2)])))
