"""Coefficients of the model of functional urban areas without flows, from regions that have flows."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd

from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Compute
from geo_profiling.config.delineation import FunctionalUrbanAreas
from geo_profiling.config.project import Project, RegionSettings
from geo_profiling.delineation.efua_model import (
    COUNTRY_COVARIATE,
    COVARIATES,
    EfuaModel,
    TrainingSample,
    fit_model,
    join_samples,
)
from geo_profiling.errors import InputError, UsageError
from pipelines.cells import open_cells
from pipelines.declared import CENTRES_AROUND, declared_inputs
from pipelines.delineate import run_degurba
from pipelines.fua import run_fua
from pipelines.modelled import region_sample, region_times

_log = logging.getLogger("geo_profiling.fit")

#: Side of the square blocks of the second cross-validation.
_BLOCK_KM = 50.0


def fit_command(project: Project, output: Path, *, memory_limit: int | None = None, compute: Compute) -> EfuaModel:
    """Fit the model on every region of a project that has commuting flows, and write it as JSON.

    Parameters
    ----------
    project : Project
    output : Path
        The file; the configuration of other projects names it as ``coefficients``.
    memory_limit : int, optional
        Bytes that the process may hold.
    compute : Compute

    Raises
    ------
    UsageError
        If the output would overwrite the configuration.
    InputError
        If no region has flows, or they do not say enough.
    """
    if output.exists() and output.samefile(project.path):
        raise UsageError(f"{output}: is the configuration", hint="write to another file")
    regions = [region for region in project.regions if region.inputs.commuting is not None]
    if not regions:
        raise InputError(
            f"{project.path}: no region has commuting flows to fit on", hint="give them as 'inputs.commuting'"
        )
    samples, frictions, fuas, cell_km = [], [], 0, 0.0
    covariates = _covariates(regions)
    for region in regions:
        sample, friction, found, cell_km = _region(region, covariates, memory_limit, compute)
        samples.append(sample)
        frictions.append(friction)
        fuas += found
    if len(set(frictions)) > 1:
        raise InputError(
            f"regions take their times on different friction: {'; '.join(dict.fromkeys(frictions))}",
            hint="give all of them a friction raster, or none",
        )
    model = fit_model(
        join_samples(samples),
        friction=frictions[0],
        training={
            "regions": [region.name for region in regions],
            "fuas": fuas,
            "flows_year": [region.inputs.commuting.year for region in regions if region.inputs.commuting],
            "inputs": _inputs(regions),
        },
        block_cells=max(1, round(_BLOCK_KM / cell_km)),
    )
    with atomic_file(output) as temporary:
        temporary.write_text(model.to_json(), encoding="utf-8", newline="\n")
    figures = model.validation["leave_fua_out"]
    _log.info("fitted", extra={"fields": {"cells": model.training["cells"], **figures}})
    return model


def _covariates(regions: list[RegionSettings]) -> tuple[str, ...]:
    """Return the covariates to fit: the country's too where every region gives it, and they differ."""
    rules = [region.delineation.functional_urban_areas for region in regions]
    given = [None if rule is None else rule.gdp_per_capita for rule in rules]
    without = [region.name for region, value in zip(regions, given, strict=True) if value is None]
    if len(without) == len(regions):
        return COVARIATES
    if without:
        raise InputError(
            f"'gdp_per_capita' is given for some regions and not for {', '.join(without)}",
            hint="give it for every region, or for none",
        )
    if len(set(given)) == 1:
        raise InputError(
            "'gdp_per_capita' is the same in every region: nothing can be learnt from it",
            hint="fit on regions of several countries, or leave it out",
        )
    return (*COVARIATES, COUNTRY_COVARIATE)


def _region(
    region: RegionSettings, covariates: tuple[str, ...], memory_limit: int | None, compute: Compute
) -> tuple[TrainingSample, str, int, float]:
    """Return a region's sample, its friction in words, its number of areas and its cell size in km."""
    rules = region.delineation.functional_urban_areas
    share = FunctionalUrbanAreas(method="flows") if rules is None else rules
    flows = share.model_copy(update={"method": "flows", "coefficients": None, "join": "modelled"})
    delineation = region.delineation.model_copy(update={"functional_urban_areas": flows})
    region = replace(region, delineation=delineation)
    with TemporaryDirectory(prefix="geo_profiling_fit_") as name:
        directory = Path(name)
        for folder in ("rasters", "tables"):
            (directory / folder).mkdir()
        run_degurba(region, directory, memory_limit, compute)
        run_fua(region, directory, compute)
        centres = gpd.read_parquet(directory / f"tables/{CENTRES_AROUND}.parquet")
        units = gpd.read_parquet(directory / "tables/fua_units.parquet")
    cells = open_cells(region, compute=compute)
    times = region_times(region, cells, centres, compute=compute)
    sample = region_sample(times, units, covariates)
    return sample, times.friction_text, int(units["fua_id"].nunique()), cells.inputs.grid.cell_area_km2**0.5


def _inputs(regions: list[RegionSettings]) -> dict[str, Any]:
    """Return who published what the model was fitted on, by region and input."""
    credit = {"source", "licence", "year"}
    return {
        region.name: {
            key: {"file": value.path.name, **value.model_dump(mode="json", include=credit, exclude_none=True)}
            for key, value in declared_inputs(region).items()
        }
        for region in regions
    }
