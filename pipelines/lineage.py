"""The lineage of a region: what was computed from what, in the manifest and in the GeoPackage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from geo_profiling.config.files import FileInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.manifest import InputRecord, Manifest, package_versions
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import STATE_FOLDER
from pipelines.declared import FINDINGS_FILE, declared_inputs
from pipelines.layers import Layers
from pipelines.settlements import population_results

#: Inputs whose year is told once, for the section.
_COMMUTERS = frozenset({"commuting.flows", "commuting.employed_residents"})


def region_manifest(region: RegionSettings, directory: Path, layers: Layers) -> Manifest:
    """Return the manifest of a region, without outputs and cost."""
    cache = DigestCache(directory.parent / STATE_FOLDER / "digests.json")
    declared = declared_inputs(region)
    results = {} if region.inputs.population is None else _people(directory, layers)
    results |= population_results(region, directory)
    sources = dict.fromkeys(value.source for value in declared.values() if value.source)
    return Manifest(
        title=region.title,
        region=region.name,
        year=None if region.inputs.population is None else region.inputs.population.year,
        source="; ".join(sources),
        inputs=(
            *(_input_record(region, key, value, cache) for key, value in declared.items()),
            *_own_coefficients(region, cache),
        ),
        parameters=_parameters(region),
        results=results,
        findings=tuple(json.loads((directory / FINDINGS_FILE).read_text(encoding="utf-8"))),
        versions=package_versions(),
    )


def _people(directory: Path, layers: Layers) -> dict[str, Any]:
    """Return the people of the grid, by class, and inside and outside the units."""
    classes = pd.read_parquet(directory / "tables/degurba_classes.parquet")
    results: dict[str, Any] = {"population": float(classes["population"].sum())}
    known = classes.dropna(subset=["degurba_class"])
    for column in ("population", "area_km2"):
        results[f"class_{column}"] = {
            str(code): value for code, value in zip(known["degurba_class"], known[column], strict=True)
        }
    results["population_without_class"] = results["population"] - sum(results["class_population"].values())
    if "units" in layers:
        results["population_in_units"] = float(layers["units"]["population"].sum())
        outside = results["population"] - results["population_in_units"]
        # Where units overlap their people are counted twice, and what lies outside is not known.
        results["population_outside_units"] = outside if outside >= -1e-9 * results["population"] else None
    return results


def _input_record(region: RegionSettings, key: str, declared: FileInput, cache: DigestCache) -> InputRecord:
    return InputRecord(
        name=key,
        path=declared.path.name,
        sha256=cache.of_file(declared.path),
        size_bytes=declared.path.stat().st_size,
        source=declared.source or "",
        licence=declared.licence or "",
        year=year_of_flows(region) if key in _COMMUTERS else getattr(declared, "year", None),
    )


def _own_coefficients(region: RegionSettings, cache: DigestCache) -> list[InputRecord]:
    """Return the model's own coefficients as an input: results depend on what the file holds, not on its name."""
    rules = region.delineation.functional_urban_areas
    if rules is None or rules.coefficients is None:
        return []
    path = rules.coefficients
    return [InputRecord("coefficients", path.name, cache.of_file(path), path.stat().st_size)]


def _parameters(region: RegionSettings) -> dict[str, Any]:
    parameters = {} if region.inputs.population is None else _of_delineation(region)
    sections = {"settlements": region.settlements, "exposure": region.exposure, "indicators": region.indicators}
    for name, section in {**sections, "regrid": region.regrid}.items():
        if section is not None:
            parameters[name] = section.model_dump(mode="json")
    if region.bounds is not None:
        parameters["bounds"] = list(region.bounds)
    if region.outline is not None:
        parameters["outline"] = region.outline.model_dump(mode="json", exclude={"path"})
    if region.bounds is not None or region.outline is not None:
        parameters["halo_km"] = region.halo_km
    return parameters


def _of_delineation(region: RegionSettings) -> dict[str, Any]:
    rules = region.delineation
    parameters: dict[str, Any] = {"degurba": rules.degurba.model_dump(mode="json")}
    if rules.functional_urban_areas is not None:
        # Coefficients of one's own are named by their file alone: folders differ between machines.
        own = rules.functional_urban_areas.coefficients
        parameters["functional_urban_areas"] = {
            **rules.functional_urban_areas.model_dump(mode="json", exclude={"coefficients"}),
            "coefficients": None if own is None else own.name,
            "year_of_flows": year_of_flows(region) if rules.is_by_flows else None,
        }
    if rules.scales is not None:
        parameters["scales"] = rules.scales.model_dump(mode="json")
    if region.inputs.epochs:
        parameters["epochs"] = rules.epochs.model_dump(mode="json")
    return parameters


def year_of_flows(region: RegionSettings) -> int | None:
    """Return the year of the commuting flows, if there are any."""
    return None if region.inputs.commuting is None else region.inputs.commuting.year


def lineage_info(region: RegionSettings, manifest: Manifest) -> dict[str, str]:
    """Lineage that stands in the GeoPackage: nothing that changes between equal runs."""
    info = {
        "project": region.project,
        "region": region.name,
        "title": region.title,
        "software": f"geo_profiling {manifest.versions['geo-profiling']}",
        "source": manifest.source,
    }
    for record in manifest.inputs:
        info[f"input_{record.name}"] = record.path
        info[f"input_{record.name}_sha256"] = record.sha256
        if record.licence:
            info[f"input_{record.name}_licence"] = record.licence
        if record.year is not None:
            info[f"input_{record.name}_year"] = str(record.year)
    for section, values in manifest.parameters.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            info[f"{section}_{key}".rstrip("_")] = str(value)
    for key, value in manifest.results.items():
        for code, number in value.items() if isinstance(value, dict) else [("", value)]:
            info[f"{key}_{code}".rstrip("_")] = repr(number)
    return info
