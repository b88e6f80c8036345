"""The report is one file that loads nothing, tells what the outputs hold and can be made again."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo_profiling.errors import InputError
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.manifest import Cost, InputRecord, Manifest, write_manifest
from geo_profiling.outputs.report import read_content, render_report, write_report
from geo_profiling.outputs.report_map import MAX_CELLS
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import grid_of
from geo_profiling.raster.write import create_raster

HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>"
MANIFEST = Manifest(
    title=f"Province {HOSTILE}",
    region="province",
    year=2020,
    source=f"GHSL {HOSTILE}",
    inputs=(InputRecord("population", f"data/{HOSTILE}.tif", "ab" * 32, 12, "GHSL", "CC BY 4.0", 2020),),
    parameters={"degurba": {"rules": "2024", "built_up_threshold": None}},
    results={"population": 1_360_000.25, "class_population": {"30": 1_284_567.8, "21": 75_432.45}},
    findings=({"severity": "note", "input": "units", "place": HOSTILE, "message": "x", "remedy": "y"},),
    versions={"python": "3.11"},
)


class Page(HTMLParser):
    """Elements, their attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text.append(data)


@pytest.fixture
def finished(province: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "province"
    (folder / "rasters").mkdir(parents=True)
    grid = grid_of(province.classes)
    with create_raster(folder / "rasters" / "degurba_l2.tif", grid, dtype="int16", nodata=-32768) as writer:
        writer.write(grid.window, province.classes.values)
    write_geopackage(
        folder / "province.gpkg",
        {"urban_centres": province.centres, "units": province.units},
        run_info={},
        title="Province",
    )
    write_manifest(folder / "manifest.json", MANIFEST)
    return folder


def test_loads_and_sends_nothing(finished: Path) -> None:
    page = Page(render_report(read_content(finished)))
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form", "a"}, tag
        assert not {"src", "href", "srcset", "data", "action"} & set(attributes), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert "url(" not in render_report(read_content(finished)).split("</style>")[0]


def test_policy_allows_the_scripts_inside_and_nothing_else(finished: Path) -> None:
    page = Page(render_report(read_content(finished)))
    policy = next(
        attributes["content"] for tag, attributes in page.elements if attributes.get("http-equiv") and tag == "meta"
    )
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'none'"
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts]
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert len(digests) >= 2


def test_hostile_names_stay_text(finished: Path) -> None:
    html = render_report(read_content(finished))
    assert "<script>alert" not in html
    assert "<img" not in html.split("<script>")[0]
    text = "".join(Page(html).text)
    assert HOSTILE in text
    assert 'Saint-<b>Ändré</b> & "Söhne"</script>' in text
    data = Page(html).scripts[-1]
    assert "<" not in data
    assert "S\\u00f6hne" in data


def test_same_content_same_bytes_and_costs_are_not_told(finished: Path) -> None:
    write_report(finished / "report.html", read_content(finished))
    first = (finished / "report.html").read_bytes()
    with_cost = replace(MANIFEST, cost=Cost("2026-01-01T11:22:33Z", "b", 5.0, 1, 2, "secret-host"))
    write_manifest(finished / "manifest.json", with_cost)
    write_report(finished / "report.html", read_content(finished))
    assert (finished / "report.html").read_bytes() == first
    write_report(finished / "report.html", read_content(finished, manifest=MANIFEST))
    assert (finished / "report.html").read_bytes() == first


def test_tells_the_figures_in_words(finished: Path) -> None:
    text = re.sub(r"\s+", " ", " ".join(Page(render_report(read_content(finished))).text))
    assert "1,360,000 people in 3 local units" in text
    assert "1,234,568" in text
    assert "reaches the edge of the data" in text
    assert "Urban centre UC_E332500_N5872500" in text, "a centre without name is called by its identifier"
    assert "95.6 % live in cities" in text
    assert "94.5 %" in text, "share of the people in urban centres, by cells"
    assert "Cells of 1 km" in text
    assert "ab" * 32 in text
    assert re.search(r"03 .{0,40}unknown 0 800.0 unknown smaller than a cell; data for 0 % of its area", text)


def test_map_holds_the_layers_and_the_thinned_grid(province: Any, finished: Path) -> None:
    (call,) = [script for script in Page(render_report(read_content(finished))).scripts if "embed_item(" in script]
    item = json.loads(call.removeprefix("Bokeh.embed.embed_item(").removesuffix(");"))
    assert item["target_id"] == "map"
    text = json.dumps(item)
    assert "Local units" in text
    assert "1,234,568 people" in text

    grid = Grid(grid_of(province.classes).crs, grid_of(province.classes).transform, (1500, 2100))
    with create_raster(finished / "rasters" / "degurba_l2.tif", grid, dtype="int16", nodata=-32768) as writer:
        writer.write(grid.window, np.full(grid.shape, 11, np.int16))
    classes = read_content(finished).classes
    assert classes is not None
    assert max(classes.shape) <= MAX_CELLS
    assert grid_of(classes).bounds == pytest.approx(grid.bounds)


def test_a_run_without_units_or_centres(province: Any, finished: Path) -> None:
    write_geopackage(
        finished / "province.gpkg", {"urban_centres": province.centres.iloc[:0]}, run_info={}, title="Province"
    )
    text = " ".join(Page(render_report(read_content(finished))).text)
    assert "people on the map" in text
    assert "Local units" not in text
    (finished / "rasters" / "degurba_l2.tif").unlink()
    page = Page(render_report(read_content(finished)))
    assert page.scripts == []


def test_folders_without_a_finished_output_are_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no manifest"):
        read_content(tmp_path)
    (finished / "province.gpkg").write_bytes(b"SQLite format 3\x00 but no more")
    with pytest.raises(InputError, match=r"province\.gpkg: cannot be read"):
        read_content(finished)
    (finished / "province.gpkg").unlink()
    with pytest.raises(InputError, match=r"province\.gpkg: missing"):
        read_content(finished)
