"""The command ``exposure``: the table, known answers, every trap of the grids, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import Result
from shapely import LineString, Point, box
from typer.testing import CliRunner

from geo_profiling.cli.main import app

UTM = "EPSG:32638"
WEST, NORTH = 200_000.0, 1_300_000.0
BANDS = ["<0.15", "0.15-0.5", "0.5-1.5", ">=1.5", "unknown"]


def raster(
    path: Path,
    values: object,
    *,
    cell: float = 100.0,
    shift: tuple[float, float] = (0.0, 0.0),
    nodata: float | None = -9999.0,
    crs: str = UTM,
    south_up: bool = False,
) -> Path:
    """Write values with their upper left corner at the tests' own origin, shifted east and south."""
    array = np.array(values, dtype=np.float32)
    transform = Affine(cell, 0, WEST + shift[0], 0, -cell, NORTH - shift[1])
    if south_up:
        array = array[::-1]
        transform = transform * Affine.translation(0, len(array)) * Affine.scale(1, -1)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": crs, "nodata": nodata}
    with rasterio.open(
        path, "w", height=array.shape[0], width=array.shape[1], transform=transform, **profile
    ) as dataset:
        dataset.write(array, 1)
    return path


def layer(path: Path, shapes: list[shapely.Geometry], crs: str = UTM, **fields: list[object]) -> Path:
    """Write shapes whose coordinates count east and south from the origin, in metres."""
    placed = [shapely.affinity.affine_transform(shape, (1, 0, 0, -1, WEST, NORTH)) for shape in shapes]
    gpd.GeoDataFrame(fields, geometry=gpd.GeoSeries(placed, crs=UTM).to_crs(crs)).to_file(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raster(tmp_path / "pop.tif", [[100, 40, 60], [10, 20, 30]])
    raster(tmp_path / "rp10.tif", [[0, 0, 0.2], [0, 0, 0]])
    raster(tmp_path / "rp100.tif", [[0, 0.15, 2.0], [0.5, 0.6, -9999]])
    layer(tmp_path / "zones.gpkg", [box(0, 0, 150, 100), box(150, 0, 300, 200)], code=["02", "01"])
    return tmp_path


def call(
    folder: Path, *more: str, hazards: tuple[str, ...] = ("10=rp10.tif", "100=rp100.tif"), pop: bool = True
) -> Result:
    given: list[str] = []
    for hazard in hazards:
        years, name = hazard.split("=")
        given += ["--hazard", f"{years}={folder / name}"]
    if pop:
        given += ["--population", str(folder / "pop.tif")]
    fixed = ["--zones", str(folder / "zones.gpkg"), "--id", "code", "-o", str(folder / "out.csv")]
    return CliRunner().invoke(app, ["exposure", *given, *fixed, *more])


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "out.csv", dtype={"code": str})


def bands(folder: Path, zone: str, years: int, measure: str = "population") -> list[float]:
    rows = table(folder).query("code == @zone and measure == @measure and return_period == @years")
    assert rows["band"].tolist() == BANDS
    return rows["value"].tolist()


def done(result: Result) -> None:
    assert result.exit_code == 0, result.output


def test_people_by_band_and_return_period(folder: Path) -> None:
    done(call(folder))
    assert table(folder).columns.tolist() == ["code", "measure", "return_period", "band", "value"]
    assert bands(folder, "02", 10) == pytest.approx([120, 0, 0, 0, 0])
    assert bands(folder, "02", 100) == pytest.approx([100, 20, 0, 0, 0])
    assert bands(folder, "01", 10) == pytest.approx([20 + 10 + 30, 60, 0, 0, 0])
    assert bands(folder, "01", 100) == pytest.approx([0, 20, 10, 60, 30])


def test_annual_exposure_has_no_return_period_and_counts_known_people(folder: Path) -> None:
    done(call(folder))
    lines = (folder / "out.csv").read_text().splitlines()
    assert lines[1] == "01,population,10,<0.15,60.0"
    assert "01,eae,,>=1.5," in "\n".join(lines)
    found = table(folder).query("code == '01'").set_index(["measure", "band"])["value"]
    assert found["eae", ">=0.15"] == pytest.approx((60 + 90) / 2 * 0.09 + 90 * 0.01)
    assert found["eae_lower", ">=0.15"] == pytest.approx(60 * 0.09 + 90 * 0.01)
    assert found["eae_upper", ">=0.15"] == pytest.approx(90 * 0.09 + 90 * 0.01)
    assert found["eae", ">=1.5"] == pytest.approx(30 * 0.09 + 60 * 0.01)
    assert set(table(folder)["measure"]) == {"population", "eae", "eae_lower", "eae_upper"}


def test_neither_the_order_of_zones_nor_that_of_return_periods_changes_a_byte(folder: Path) -> None:
    done(call(folder))
    first = (folder / "out.csv").read_bytes()
    layer(folder / "zones.gpkg", [box(150, 0, 300, 200), box(0, 0, 150, 100)], code=["01", "02"])
    done(call(folder, "--workers=1", hazards=("100=rp100.tif", "10=rp10.tif")))
    assert (folder / "out.csv").read_bytes() == first


def test_nodata_is_dry_only_when_said(folder: Path) -> None:
    done(call(folder, "--nodata-means", "dry"))
    assert bands(folder, "01", 100) == pytest.approx([30, 20, 10, 60, 0])


@pytest.mark.parametrize(
    ("cell", "shape", "shift"),
    [
        (50.0, (8, 12), (0.0, 0.0)),
        (30.0, (14, 20), (-70.0, -50.0)),
        (170.0, (4, 4), (-30.0, -130.0)),
        (100.0, (4, 5), (-37.0, -61.0)),
    ],
    ids=["finer", "finer and shifted", "coarser", "shifted"],
)
def test_grids_that_do_not_fit_are_overlaid_exactly(
    folder: Path, cell: float, shape: tuple[int, int], shift: tuple[float, float]
) -> None:
    rng = np.random.default_rng(3)
    depth = rng.choice([0.0, 0.2, 0.9, 1.5, -9999.0], shape)
    raster(folder / "rp10.tif", depth, cell=cell, shift=shift)
    done(call(folder, hazards=("10=rp10.tif",)))
    people = np.array([[100, 40, 60], [10, 20, 30]])
    for zone, polygon in {"02": box(0, 0, 150, 100), "01": box(150, 0, 300, 200)}.items():
        expected = np.zeros(5)
        for row in range(2):
            for col in range(3):
                mine = polygon & box(100 * col, 100 * row, 100 * col + 100, 100 * row + 100)
                rest = mine.area
                for i, j in np.ndindex(*shape):
                    x, y = shift[0] + j * cell, shift[1] + i * cell
                    part = (mine & box(x, y, x + cell, y + cell)).area
                    rest -= part
                    band = 4 if depth[i, j] < 0 else np.searchsorted([0.15, 0.5, 1.5], depth[i, j], side="right")
                    expected[band] += people[row, col] * part / 1e4
                expected[4] += people[row, col] * rest / 1e4
        assert bands(folder, zone, 10) == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-9)


def test_a_hazard_in_another_crs_keeps_every_person(folder: Path) -> None:
    corner = gpd.GeoSeries([Point(WEST, NORTH)], crs=UTM).to_crs("EPSG:4326").iloc[0]
    shift = (corner.x - 0.01 - WEST, NORTH - corner.y - 0.01)
    raster(folder / "rp10.tif", np.full((60, 60), 0.6), cell=0.0005, shift=shift, crs="EPSG:4326")
    done(call(folder, hazards=("10=rp10.tif",)))
    assert bands(folder, "01", 10) == pytest.approx([0, 0, 20 + 60 + 10 + 30, 0, 0], rel=1e-12)


def test_a_hazard_stored_south_up_is_turned(folder: Path) -> None:
    done(call(folder))
    first = (folder / "out.csv").read_bytes()
    raster(folder / "rp100.tif", [[0, 0.15, 2.0], [0.5, 0.6, -9999]], south_up=True)
    done(call(folder))
    assert (folder / "out.csv").read_bytes() == first


def test_zones_smaller_than_a_cell_get_their_share(folder: Path) -> None:
    layer(folder / "zones.gpkg", [box(210, 10, 220, 20), box(295, 50, 305, 60)], code=["a", "b"])
    done(call(folder))
    assert bands(folder, "a", 100) == pytest.approx([0, 0, 0, 0.6, 0])
    assert bands(folder, "b", 100) == pytest.approx([0, 0, 0, 0.3, 0])


def test_any_water_at_all_is_not_exposure(folder: Path) -> None:
    raster(folder / "rp10.tif", np.full((2, 3), 0.011))
    done(call(folder, hazards=("10=rp10.tif",)))
    assert bands(folder, "01", 10) == pytest.approx([120, 0, 0, 0, 0])
    assert table(folder).query("measure == 'eae'")["value"].tolist() == [0.0] * 6


def test_population_without_data_counts_as_nobody(folder: Path) -> None:
    raster(folder / "pop.tif", [[-9999, 40, 60], [10, 20, 30]])
    done(call(folder))
    assert bands(folder, "02", 100) == pytest.approx([0, 20, 0, 0, 0])


def test_zones_in_another_crs_are_placed(folder: Path) -> None:
    done(call(folder))
    first = table(folder)
    layer(folder / "zones.gpkg", [box(0, 0, 150, 100), box(150, 0, 300, 200)], "EPSG:4326", code=["02", "01"])
    done(call(folder))
    again = table(folder)
    assert again["value"].to_numpy() == pytest.approx(first["value"].to_numpy(), rel=1e-6, abs=1e-4)


def test_buildings_and_lines(folder: Path) -> None:
    layer(folder / "houses.gpkg", [box(190, 20, 230, 60), box(20, 20, 40, 40), box(900, 900, 910, 910)])
    layer(folder / "roads.gpkg", [LineString([(50, 50), (250, 50)]), LineString([(0, 150), (10, 150)])])
    result = call(folder, "--buildings", str(folder / "houses.gpkg"), "--lines", str(folder / "roads.gpkg"))
    done(result)
    assert "lengths are measured in EPSG:32638" in result.stderr
    assert bands(folder, "01", 100, "buildings_centroid") == [0, 0, 0, 1, 0]
    assert bands(folder, "01", 10, "buildings_footprint") == [0, 1, 0, 0, 0]
    assert bands(folder, "02", 100, "buildings_footprint") == [1, 0, 0, 0, 0]
    assert bands(folder, "02", 100, "line_length_m") == pytest.approx([50, 50, 0, 0, 0])
    assert bands(folder, "01", 100, "line_length_m") == pytest.approx([0, 50, 0, 50, 0])
    measures = set(table(folder)["measure"])
    assert {"eae_buildings", "eae_lower_buildings", "eae_upper_lines", "eae_lines"} < measures


def test_a_footprint_across_bands_differs_from_its_centroid(folder: Path) -> None:
    layer(folder / "houses.gpkg", [box(160, 20, 210, 60)])
    done(call(folder, "--buildings", str(folder / "houses.gpkg"), pop=False))
    assert bands(folder, "01", 100, "buildings_centroid") == [0, 1, 0, 0, 0]
    assert bands(folder, "01", 100, "buildings_footprint") == [0, 0, 0, 1, 0]


def test_points_are_buildings_without_a_footprint(folder: Path) -> None:
    layer(folder / "houses.gpkg", [Point(250, 50), Point(260, 150)])
    done(call(folder, "--buildings", str(folder / "houses.gpkg"), pop=False))
    assert bands(folder, "01", 100, "buildings_centroid") == [0, 0, 0, 1, 1]
    assert "buildings_footprint" not in set(table(folder)["measure"])


def test_bands_and_centimetres(folder: Path) -> None:
    raster(folder / "rp10.tif", [[0, 29, 100], [10, 200, 0]])
    done(call(folder, "--bands", "0.29,1", "--hazard-unit", "cm", hazards=("10=rp10.tif",)))
    found = table(folder).query("code == '01' and measure == 'population'").set_index("band")["value"]
    assert found.to_dict() == pytest.approx({"<0.29": 30, "0.29-1": 20, ">=1": 60 + 10, "unknown": 0})


def test_parquet_keeps_null(folder: Path) -> None:
    done(call(folder, "-o", str(folder / "out.parquet")))
    read = pd.read_parquet(folder / "out.parquet")
    assert read["return_period"].isna().sum() == 18
    assert read["value"].dtype == np.float64


def test_a_rarer_event_that_exposes_less_is_told_by_place(folder: Path) -> None:
    result = call(folder, hazards=("100=rp10.tif", "10=rp100.tif"))
    done(result)
    assert "population: a rarer event exposes less than a more frequent one in 01, 02" in result.stderr


def test_ground_off_the_hazard_is_unknown_and_told(folder: Path) -> None:
    raster(folder / "rp10.tif", [[0.6], [0.6]])
    result = call(folder, "--nodata-means", "dry", hazards=("10=rp10.tif",))
    done(result)
    assert bands(folder, "02", 10) == pytest.approx([0, 0, 100, 0, 20])
    assert bands(folder, "01", 10) == pytest.approx([0, 0, 0, 0, 120])
    assert "rp10.tif: 2 of 2 zones of zones.gpkg reach beyond" in result.stderr
    assert "the hazard is unknown (rp10.tif)" in result.stderr
    annual = table(folder).query("code == '01' and measure == 'eae'")["value"]
    assert annual.isna().all()


def test_djibouti_gives_the_golden_answers(tmp_path: Path, shared_data: Path, shared_golden: Path) -> None:
    golden = json.loads((shared_golden / "hazard/expected_exposure_and_eae.json").read_text())
    gpd.GeoDataFrame({"code": ["all"]}, geometry=[box(41.8, 10.9, 43.8, 12.8)], crs="EPSG:4326").to_file(
        tmp_path / "zones.gpkg"
    )
    data = shared_data / "djibouti"
    given = []
    for years in (2, 5, 10, 25, 50, 100, 250, 500, 1000):
        given += ["--hazard", f"{years}={data}/inunriver_rcp4p5_MIROC-ESM-CHEM_2030_rp{years:05d}.tif"]
    given += ["--buildings", str(data / "buildings_osm.geojson"), "--lines", str(data / "road_edges.geoparquet")]
    given += ["--zones", str(tmp_path / "zones.gpkg"), "--id", "code", "-o", str(tmp_path / "out.csv")]
    result = CliRunner().invoke(app, ["exposure", *given, "--bands", "0.05,0.15", "--nodata-means", "dry"])
    done(result)
    assert "lengths are measured in EPSG:32638" in result.stderr
    assert "times as wide as a typical building" in result.stderr
    found = table(tmp_path).set_index(["measure", "band"])["value"]
    for suffix, case in {
        "_buildings": "buildings_c_thr0.15",
        "_buildings_footprint": "buildings_max_thr0.15",
        "_lines": "roads_m_ge_0.05",
    }.items():
        band = ">=0.05" if suffix == "_lines" else ">=0.15"
        assert found["eae" + suffix, band] == pytest.approx(golden[case]["trap_tail"], rel=1e-9)
        assert found["eae_lower" + suffix, band] == pytest.approx(golden[case]["LB"], rel=1e-9)
    by_year = table(tmp_path).query("measure == 'buildings_footprint' and band == '>=0.15'")
    assert by_year["value"].tolist() == list(golden["buildings_max_thr0.15"]["rp"].values())


def test_rasters_of_one_extent_are_told_of_once(folder: Path) -> None:
    for name in ("rp10.tif", "rp100.tif"):
        raster(folder / name, [[0.6], [0.6]])
    result = call(folder)
    done(result)
    assert result.stderr.count("reach beyond") == 1
    assert "rp10.tif and 1 more: 2 of 2 zones" in result.stderr


def test_a_population_grid_that_covers_none_of_the_zones_is_refused(folder: Path) -> None:
    raster(folder / "pop.tif", [[100.0]], shift=(90_000, 0))
    refused(call(folder), 4, "pop.tif", "covers none of the zones")


def refused(result: Result, code: int, *told: str) -> None:
    assert result.exit_code == code, result.output
    for words in told:
        assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_hazard_that_covers_none_of_the_zones_is_refused(folder: Path) -> None:
    raster(folder / "rp10.tif", [[0.6]], shift=(90_000, 0))
    refused(call(folder, hazards=("10=rp10.tif",)), 4, "rp10.tif", "covers none of the zones")
    assert not (folder / "out.csv").exists()


def test_a_sentinel_that_is_not_the_declared_nodata_is_refused(folder: Path) -> None:
    raster(folder / "rp10.tif", [[-999900, 0.2, 0.3], [0, 0, 0]])
    refused(call(folder, hazards=("10=rp10.tif",)), 4, "rp10.tif", "-999900", "declare it")


def test_a_depth_of_9999_is_refused(folder: Path) -> None:
    raster(folder / "rp10.tif", [[9999, 0.2, 0.3], [0, 0, 0]])
    refused(call(folder, hazards=("10=rp10.tif",)), 4, "rp10.tif", "9999", "nodata")


def test_centimetres_read_as_metres_are_refused_with_the_option_to_use(folder: Path) -> None:
    raster(folder / "rp10.tif", [[15, 20, 80], [0, 0, 35]])
    refused(call(folder, hazards=("10=rp10.tif",)), 4, "rp10.tif", "--hazard-unit cm")
    raster(folder / "rp10.tif", [[15, 20, 350], [0, 0, 35]])
    layer(folder / "houses.gpkg", [box(210, 20, 230, 60)])
    answer = call(folder, "--buildings", str(folder / "houses.gpkg"), hazards=("10=rp10.tif",), pop=False)
    refused(answer, 4, "rp10.tif", "350", "--hazard-unit cm")


@pytest.mark.parametrize(
    ("hazards", "told"),
    [
        (("10=rp10.tif", "10.0=rp100.tif"), "given twice"),
        (("0=rp10.tif",), "0 years"),
        (("-5=rp10.tif",), "-5 years"),
        (("inf=rp10.tif",), "inf years"),
    ],
)
def test_return_periods_that_cannot_be_are_refused(folder: Path, hazards: tuple[str, ...], told: str) -> None:
    refused(call(folder, hazards=hazards), 2, told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--bands", "0.5,0.15"], "make no bands"),
        (["--bands", "deep"], "no thresholds"),
        (["--hazard", "rp10.tif"], "is no return period with its file"),
        (["-o", "out.xlsx"], "'.xlsx' is not known"),
    ],
)
def test_options_that_cannot_be_meant_are_usage_errors(folder: Path, options: list[str], told: str) -> None:
    result = call(folder, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_nothing_to_count_is_a_usage_error(folder: Path) -> None:
    refused(call(folder, pop=False), 2, "nothing is to be counted")


def test_an_output_that_is_an_input_is_refused(folder: Path) -> None:
    (folder / "zones.csv").write_bytes((folder / "zones.gpkg").read_bytes())
    result = call(folder, "--zones", str(folder / "zones.csv"), "-o", str(folder / "zones.csv"))
    refused(result, 2, "is one of the inputs")
