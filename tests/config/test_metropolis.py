"""Sections of metropolitan scales and epochs: optional, strict, their files known like all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geo_profiling.config.load import load_project
from geo_profiling.errors import ConfigError

BASE = """\
version: 1
name: Belgium
inputs:
  population: {{path: pop.tif, year: 2020}}
{inputs}
delineation:
  degurba: {{level: 2}}
{delineation}
regions:
  - name: whole
output: {{directory: out}}
"""

INPUTS = """\
  regions: {path: nuts3.gpkg, id_field: NUTS_ID, name_field: NAME}
  local_centres: {path: markets.gpkg, id_field: id}
  services:
    primary schools: {path: schools.gpkg}
    clinics: {path: health.gpkg, layer: clinics, crs: EPSG:4326}
  epochs:
    - population: {path: pop2000.tif, year: 2000}
    - population: {path: pop2010.tif, year: 2010}
"""
DELINEATION = """\
  scales: {proximity: {walking_minutes: 10}, region_min_fua_population: 500000}
  epochs: {project_to: 2030, weight: area}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(inputs: str = "", delineation: str = "") -> Path:
        path = tmp_path / "project.yaml"
        path.write_text(BASE.format(inputs=inputs, delineation=delineation), encoding="utf-8")
        return path

    return _write


def test_without_these_sections_nothing_of_them_is_asked_for(write: Write) -> None:
    (region,) = load_project(write(), environment={}).regions
    assert region.delineation.scales is None
    assert (region.inputs.epochs, region.inputs.services, region.inputs.regions) == ([], {}, None)
    assert (region.delineation.epochs.project_to, region.delineation.epochs.min_overlap) == (None, 0.5)


def test_with_them_every_file_is_known_by_its_keys(write: Write, tmp_path: Path) -> None:
    (region,) = load_project(write(INPUTS, DELINEATION), environment={}).regions
    found = {keys: declared.path for keys, declared in region.inputs.files().items()}
    assert found == {
        ("population",): tmp_path / "pop.tif",
        ("regions",): tmp_path / "nuts3.gpkg",
        ("local_centres",): tmp_path / "markets.gpkg",
        ("services", "primary schools"): tmp_path / "schools.gpkg",
        ("services", "clinics"): tmp_path / "health.gpkg",
        ("epochs", 0, "population"): tmp_path / "pop2000.tif",
        ("epochs", 1, "population"): tmp_path / "pop2010.tif",
    }
    scales = region.delineation.scales
    assert scales is not None
    assert scales.proximity is not None
    assert (scales.proximity.walking_minutes, scales.agglomeration_min_population) == (10, 50_000)
    assert region.delineation.epochs.project_to == 2030


@pytest.mark.parametrize(
    ("inputs", "delineation", "line", "message"),
    [
        ("  services: {clinics: {path: ../away.gpkg}}", "", 5, "inputs.services.clinics.path: .*lies outside"),
        (
            "  epochs:\n    - population: {path: ../away.tif, year: 2000}",
            "",
            6,
            r"inputs.epochs\[0\].population.path: .*lies outside",
        ),
        ("  services: {a.b: {path: x.gpkg}}", "", 5, "digits, blanks"),
        ("  epochs:\n    - population: {path: x.tif, year: 2020}", "", 3, "give a year twice: 2020"),
        (
            "  epochs:\n    - {population: {path: x.tif, year: 2000}, built_up: {path: b.tif}}",
            "",
            3,
            "epoch 2000: give built_up for every year or for none",
        ),
        ("", "  scales: {proximity: {walking_minuts: 9}}", 8, "did you mean 'walking_minutes'"),
        ("", "  scales: {proximity: {walking_minutes: 0}}", 8, "greater than 0"),
        ("", "  epochs: {min_overlap: 1.2}", 8, "less than or equal to 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    write: Write, inputs: str, delineation: str, line: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_project(write(inputs, delineation), environment={})
    assert {int(text.split(":")[1]) for text in str(caught.value).splitlines()} == {line}
