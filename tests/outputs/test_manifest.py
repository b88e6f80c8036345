"""Manifests read back as written and say what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from geo_profiling.errors import InputError, OutputError
from geo_profiling.outputs.manifest import (
    Cost,
    InputRecord,
    Manifest,
    file_sha256,
    output_digests,
    package_versions,
    read_manifest,
    write_manifest,
)

MANIFEST = Manifest(
    title="Province d'Émile",
    region="province",
    year=2020,
    source="GHSL",
    inputs=(InputRecord("population", "data/pop.tif", "ab" * 32, 12, "GHSL", "CC BY 4.0", 2020),),
    parameters={"degurba": {"rules": "2024", "built_up_threshold": None}},
    findings=({"severity": "note", "input": "units", "place": "row 3", "message": "bow-tie", "remedy": "repaired"},),
    outputs={"province.gpkg": "cd" * 32},
    versions=package_versions(),
    cost=Cost("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", 5.0, 10**8, 2, "host"),
)


def test_reads_back_as_written(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.json", MANIFEST)
    assert read_manifest(tmp_path / "manifest.json") == MANIFEST


def test_costs_alone_differ_between_equal_runs(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a.json", MANIFEST)
    write_manifest(tmp_path / "b.json", replace(MANIFEST, cost=Cost("x", "y", 9.0, 1, 1, "other")))
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert first.pop("cost") != second.pop("cost")
    assert first == second


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": 99}', '{"format_version": 1}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest\.json"):
        read_manifest(tmp_path / "manifest.json")


def test_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no manifest") as caught:
        read_manifest(tmp_path / "manifest.json")
    assert "finished output" in caught.value.hint


def test_parameters_that_json_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written as JSON"):
        write_manifest(tmp_path / "manifest.json", replace(MANIFEST, parameters={"x": float("nan")}))
    assert list(tmp_path.iterdir()) == []


def test_digests_are_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "a.txt"
    file.write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(file) == expected
    assert output_digests(tmp_path, [file]) == {"sub/a.txt": expected}
