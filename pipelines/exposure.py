"""Exposure of a region to its hazards: people and things by area, event and band; settlements against the rest.

How hazards are opened stands in :mod:`pipelines.hazards`, the areas and what is in them in
:mod:`pipelines.exposure_places`; the tables are made in :mod:`pipelines.exposure_bands`,
:mod:`pipelines.exposure_ratios` and :mod:`pipelines.settlement_hazards`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from geo_profiling.compute import Compute
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.tables import write_parquet
from pipelines.exposure_bands import EXPOSURE_COLUMNS, class_rows, event_rows
from pipelines.exposure_places import built_city, exposed_assets, exposure_zones
from pipelines.exposure_ratios import class_ratios, event_ratios, no_ratios
from pipelines.hazards import hazard_scenarios, risk_areas
from pipelines.settlement_hazards import hazards_by_settlement


def run_exposure(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Measure exposure to every hazard: tables ``hazard_exposure``, ``hazard_ratios`` and ``settlement_hazard``.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.hazards``.
    directory : Path
        The region's output folder; the tables of areas that are there get exposure.
    compute : Compute

    Raises
    ------
    InputError
        If an input is refused, or a hazard covers nothing of the region.
    """
    rules = region.exposure or Exposure()
    built = built_city(region)
    zones = exposure_zones(region, directory, built)
    assets = exposed_assets(region, built)
    rows: list[pd.DataFrame] = []
    ratios: list[pd.DataFrame] = []
    for name, declared in region.inputs.hazards.items():
        if declared.events:
            for hazard, kind, events in hazard_scenarios(region, name, declared, zones):
                rows += event_rows(hazard, kind, events, assets, zones, rules, compute)
                ratios += event_ratios(hazard, kind, events, assets, zones, rules, declared, compute)
        else:
            areas, exposed = risk_areas(region, name, declared, zones)
            rows += class_rows(name, areas, assets, zones, compute)
            ratios += class_ratios(name, areas, exposed, assets, zones, rules, compute)
    table = pd.concat(rows, ignore_index=True)[EXPOSURE_COLUMNS] if rows else pd.DataFrame(columns=EXPOSURE_COLUMNS)
    write_parquet(directory / "tables/hazard_exposure.parquet", table)
    compared = pd.concat(ratios, ignore_index=True) if ratios else no_ratios()
    write_parquet(directory / "tables/hazard_ratios.parquet", compared)
    if region.inputs.settlements is not None:
        table = hazards_by_settlement(compared, zones, rules, region.inputs.hazards)
        write_parquet(directory / "tables/settlement_hazard.parquet", table)
