"""Regions of a layer, and inputs that lie elsewhere: put in place before the configuration is validated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_profiling.config.load import load_project
from geo_profiling.config.regions import REGION_NAME, RegionLayer, region_names
from geo_profiling.errors import ConfigError, InputError

CONFIG = """
version: 1
name: Test
inputs:
  population: {path: pop.tif, year: 2020}
region_layer:
  path: metros.gpkg
  name_field: city
  halo_km: 10.0
  overrides:
    Accra: {halo_km: 20.0, delineation: {degurba: {level: 1}}}
    Sao_Paulo: {title: Grande São Paulo}
output: {directory: out}
"""
FEATURES = [("São Paulo", "São Paulo"), ("Accra", "Accra, Tema"), ("7", "7")]


def load(folder: Path, text: str = CONFIG, features: Sequence[tuple[str, str]] = FEATURES):
    (folder / "c.yaml").write_text(text)

    def read(layer: RegionLayer, roots: Sequence[Path]) -> Sequence[tuple[str, str]]:
        assert layer.path == folder / "metros.gpkg"
        return features

    return load_project(folder / "c.yaml", environment={}, read_regions=read)


def test_every_feature_is_a_region_with_its_outline_and_overrides(tmp_path: Path) -> None:
    seven, accra, paulo = load(tmp_path).regions
    assert [region.name for region in (seven, accra, paulo)] == ["7", "Accra", "Sao_Paulo"]
    assert [region.title for region in (seven, accra, paulo)] == ["7", "Accra, Tema", "Grande São Paulo"]
    assert [region.halo_km for region in (seven, accra, paulo)] == [10.0, 20.0, 10.0]
    assert [region.delineation.degurba.level for region in (seven, accra, paulo)] == [2, 1, 2]
    assert paulo.outline is not None
    assert (paulo.outline.field, paulo.outline.value) == ("city", "São Paulo")
    assert paulo.outline.path == tmp_path / "metros.gpkg"


@pytest.mark.parametrize(
    ("text", "features", "words"),
    [
        (CONFIG, [("a", "a"), ("a", "a")], r"c\.yaml:8: region_layer\.name_field: 'a' names 2 features"),
        (CONFIG, [("a", "a"), (" ", "b")], r"name_field: feature 1 \(from 0\) of metros\.gpkg has no name"),
        (CONFIG, [("Accrra", "x"), ("Sao_Paulo", "x")], r"Accra: the layer has no such region; did you mean 'Ac"),
        (CONFIG.replace("name_field", "field"), FEATURES, "unknown key"),
        (CONFIG.replace("level: 1", "levl: 1"), FEATURES, "unknown key"),
        (CONFIG.replace("metros.gpkg", "../metros.gpkg"), FEATURES, r"c\.yaml:7: region_layer\.path: .* lies outside"),
        (CONFIG + "regions: [{name: a}]\n", FEATURES, "one of the two"),
        (CONFIG[: CONFIG.index("region_layer")] + "output: {directory: out}\n", FEATURES, "give 'regions' or"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path: Path, text: str, features: list[tuple[str, str]], words: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_project(tmp_path / "c.yaml", environment={}, read_regions=lambda *_: features)


def test_layer_that_cannot_be_read_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    def refuse(*_: object) -> Sequence[tuple[str, str]]:
        raise InputError("metros.gpkg: no such file", hint="check the path")

    (tmp_path / "c.yaml").write_text(CONFIG)
    with pytest.raises(ConfigError, match=r"c\.yaml:6: region_layer: metros\.gpkg: no such file; check the path"):
        load_project(tmp_path / "c.yaml", environment={}, read_regions=refuse)


@given(st.lists(st.text(min_size=1), unique=True, max_size=12))
def test_names_are_safe_unique_and_independent_of_order(values: list[str]) -> None:
    import re

    names = region_names(values)
    assert all(re.match(REGION_NAME, name) for name in names.values())
    assert len({name.casefold() for name in names.values()}) == len(values)
    assert region_names(values[::-1]) == names


REMOTE = """
version: 1
name: Test
allowed_hosts: ["https://data.example.org", "s3://open-data"]
inputs:
  population: {path: "https://data.example.org/pop.tif", year: 2020}
  land: {path: "s3://open-data/land.tif"}
regions:
  - {name: one}
  - {name: two, inputs: {land: {path: "s3://open-data/two.tif"}}}
output: {directory: out}
"""


def test_allowed_inputs_are_fetched_and_read_where_they_are_staged(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(REMOTE)
    asked = []

    def fetch(address: str, origins: Sequence[str], folder: Path) -> Path:
        asked.append(address)
        assert (sorted(origins), folder) == (["https://data.example.org", "s3://open-data"], tmp_path / "out")
        return Path("/elsewhere", address.rsplit("/", 1)[-1])

    one, two = load_project(tmp_path / "c.yaml", environment={}, fetch=fetch).regions
    assert one.inputs.population.path == Path("/elsewhere/pop.tif")
    assert two.inputs.land.path == Path("/elsewhere/two.tif")
    assert Path("/elsewhere") in one.roots
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("https://data.example.org/pop", "https://evil.example.org/pop", "https://evil.example.org is not among"),
        ("https://data.example.org/pop", "http://data.example.org/pop", "http://data.example.org is not among"),
        ("https://data.example.org/pop", "https://me:secret@data.example.org/pop", "name or password"),
        ("s3://open-data/land", "s3://other/land", "s3://other is not among"),
        ('"https://data.example.org", ', '"data.example.org", ', "should be 'https://host'"),
        ("https://data.example.org/pop", "ftp://data.example.org/pop", "not the path of a local file"),
    ],
)  # fmt: skip
def test_no_other_host_is_asked(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "c.yaml").write_text(REMOTE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=words) as caught:
        load_project(tmp_path / "c.yaml", environment={}, fetch=lambda *_: tmp_path / "x.tif")
    assert "secret" not in str(caught.value)


def test_what_cannot_be_fetched_is_told_with_its_line(tmp_path: Path) -> None:
    def refuse(address: str, *_: object) -> Path:
        raise InputError(f"{address}: the server answers 404", hint="check the address")

    (tmp_path / "c.yaml").write_text(REMOTE)
    with pytest.raises(ConfigError, match=r"c\.yaml:6: inputs\.population\.path: .*404; check the address"):
        load_project(tmp_path / "c.yaml", environment={}, fetch=refuse)
