"""Loading the configuration: what is right is resolved, what is wrong is named with its line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_profiling.config.load import load_project, merge
from geo_profiling.config.section import expand_variables
from geo_profiling.errors import ConfigError

GOOD = """\
version: 1
name: Belgium
allowed_roots: ["${DATA:-data}"]
inputs:
  population: {path: "${DATA:-data}/POP.tif", year: 2020}
  built_up: {path: built.tif, unit: share, nodata: -1}
  units: {path: units.gpkg, id_field: UID}
delineation:
  degurba: {level: 2, rules: 2024}
regions:
  - name: whole
  - name: cut
    title: The cut
    bounds: [0, 0, 1000, 1000.5]
    inputs:
      built_up: null
      units: {path: other.gpkg}
    delineation: {degurba: {level: 1, built_up_threshold: none}}
output: {directory: out}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        path = tmp_path / "project.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def refused(path: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_project(path, environment=environment or {})
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_good_configuration_is_resolved_for_each_region(write: Write, tmp_path: Path) -> None:
    project = load_project(write(GOOD), environment={})
    whole, cut = project.regions
    assert project.config.output.directory == tmp_path / "out"
    assert whole.inputs.population.path == tmp_path / "data/POP.tif"
    assert whole.inputs.built_up is not None
    assert (whole.inputs.built_up.unit, whole.inputs.built_up.nodata_value) == ("share", -1.0)
    assert (whole.title, cut.title) == ("whole", "The cut")
    assert (whole.delineation.degurba.level, whole.delineation.degurba.rules) == (2, "2024")
    assert whole.delineation.degurba.built_up_threshold == 0.20


def test_overrides_are_merged_key_by_key(write: Write, tmp_path: Path) -> None:
    _, cut = load_project(write(GOOD), environment={}).regions
    assert cut.inputs.built_up is None
    assert cut.inputs.units is not None
    assert (cut.inputs.units.path, cut.inputs.units.id_field) == (tmp_path / "other.gpkg", "UID")
    assert (cut.delineation.degurba.level, cut.delineation.degurba.rules) == (1, "2024")
    assert cut.bounds == (0.0, 0.0, 1000.0, 1000.5)


def test_paths_count_from_the_file_not_from_the_working_directory(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(GOOD)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    project = load_project(os.path.relpath(path), environment={})
    assert project.regions[0].inputs.population.path == tmp_path / "data/POP.tif"


def test_environment_variable_moves_path_and_root(write: Write, tmp_path: Path) -> None:
    project = load_project(write(GOOD), environment={"DATA": str(tmp_path.parent)})
    assert project.regions[0].inputs.population.path == tmp_path.parent / "POP.tif"
    assert tmp_path.parent in project.regions[0].roots


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("unit: share", "unt: share"), 6, "inputs.built_up.unt: unknown key; did you mean 'unit'?"),
        (("year: 2020", "yaer: 2020"), 5, "inputs.population.yaer: unknown key; did you mean 'year'?"),
        (("name: Belgium", "name: Belgium\nsmoothing: none"), 3, "did you mean 'delineation.degurba.smoothing'?"),
        (("{level: 1,", "{levl: 1,"), 18, "regions[1].delineation.degurba.levl: unknown key; did you mean 'level'?"),
        (("UID}", "UID, layr: a}"), 7, "inputs.units.layr: unknown key; did you mean 'layer'?"),
        (("unit: share", "unit: ha"), 6, "inputs.built_up.unit: should be 'm2' or 'share', not 'ha'"),
        (("year: 2020", "year: '2020'"), 5, "inputs.population.year: should be a whole number, not '2020'"),
        (("year: 2020", "year: 2020.5"), 5, "inputs.population.year"),
        (("year: 2020", "year: true"), 5, "inputs.population.year: should be a whole number, not True"),
        (("nodata: -1", "nodata: .inf"), 6, "inputs.built_up.nodata"),
        (("nodata: -1", "nodata: yes"), 6, "inputs.built_up.nodata: should be a number or should be 'none', not 'yes'"),
        (("level: 2", "level: 3"), 9, "delineation.degurba.level: should be 1 or 2, not 3"),
        (("level: 2", "built_up_threshold: 1.5"), 9, "delineation.degurba.built_up_threshold"),
        (("level: 2", "optimal_value: 0.25"), 9, "optimal_value only means something with"),
        (("level: 2", "max_gap_km2: -1"), 9, "delineation.degurba.max_gap_km2"),
        ((", id_field: UID", ""), 7, "inputs.units: the key 'id_field' is missing"),
        (("version: 1", "version: 2"), 1, "version: should be 1, not 2"),
        (("built.tif", "https://example.org/built.tif"), 6, "not the path of a local file"),
        (("built.tif", "/vsicurl/http://example.org/b.tif"), 6, "not the path of a local file"),
        (("built.tif", "../built.tif"), 6, "inputs.built_up.path: "),
        (("built.tif", "/etc/passwd"), 6, "/etc/passwd lies outside the folders that inputs may come from"),
        (("other.gpkg", "../../other.gpkg"), 17, "regions[1].inputs.units.path: "),
        (("built.tif", "'${NOT_THERE}/built.tif'"), 6, "environment variable NOT_THERE is not set"),
        (("built.tif", "'$HOME/built.tif'"), 6, "'$' is only understood as"),
        (("unit: share", "crs: EPSG:1"), 6, "inputs.built_up.crs: not a coordinate reference system"),
        (("unit: share", "sha256: abc"), 6, "should be a SHA-256 digest"),
        (("name: cut", "name: ../cut"), 12, "regions[1].name: should be up to 64 letters"),
        (("name: cut", "name: Whole"), 1, "regions listed twice: whole"),
        (("[0, 0, 1000, 1000.5]", "[0, 0, 1000]"), 14, "regions[1].bounds"),
        (("[0, 0, 1000, 1000.5]", "[0, 0, -1000, 1]"), 12, "left below right"),
        (("title: The cut", "outline: {path: o.gpkg, field: id}"), 13, "'field' and 'value' go together"),
        (("title: The cut", "outline: {path: o.gpkg}"), 12, "give 'outline' or 'bounds', not both"),
        (("output: {directory: out}", "output: out"), 19, "output: should be a mapping of keys"),
    ],
)
def test_each_mistake_is_named_with_its_line(write: Write, change: tuple[str, str], line: int, words: str) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    path = write(text)
    message = refused(path)
    assert f"{path}:{line}: " in message
    assert words in message


def test_symbolic_link_out_of_the_folder_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "built.tif").symlink_to("/etc/passwd")
    assert "/etc/passwd lies outside" in refused(write(GOOD))


def test_every_mistake_is_reported_at_once(write: Write) -> None:
    message = refused(write(GOOD.replace("year: 2020", "yaer: x").replace("level: 1", "levl: 1").replace("out}", "3}")))
    assert [int(line.split(":")[1]) for line in message.splitlines()] == [5, 5, 18, 19]


def test_a_mistake_in_the_base_is_told_once_whatever_the_number_of_overrides(write: Write) -> None:
    assert refused(write(GOOD.replace("UID}", "UID, layr: a}"))).count("layr") == 1


def test_merge_replaces_lists_and_scalars_and_merges_mappings() -> None:
    base = {"a": {"b": [1, 2], "c": 3}, "d": 4}
    assert merge(base, {"a": {"b": [5]}, "d": {"e": 6}}) == {"a": {"b": [5], "c": 3}, "d": {"e": 6}}
    assert base == {"a": {"b": [1, 2], "c": 3}, "d": 4}


def test_empty_variable_counts_as_unset() -> None:
    assert expand_variables("${A:-b}/${C}", {"A": "", "C": "d"}) == "b/d"
