"""Exposure of a region to its hazards: people and things by area, event and band; settlements against the rest.

How hazards are opened stands in :mod:`pipelines.hazards`, the areas and what is in them in
:mod:`pipelines.exposure_places`; the tables are made in :mod:`pipelines.exposure_bands`,
:mod:`pipelines.exposure_ratios`, :mod:`pipelines.joint_hazards` and :mod:`pipelines.settlement_hazards`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from geo_profiling.compute import Compute
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.project import RegionSettings
from geo_profiling.hazard.multi_hazard import JointHazard
from geo_profiling.outputs.tables import write_parquet
from pipelines.exposure_bands import EXPOSURE_COLUMNS, class_rows, event_rows
from pipelines.exposure_places import built_city, exposed_assets, exposure_zones
from pipelines.exposure_ratios import class_ratios, event_ratios, no_ratios, reference_event
from pipelines.fire import settlement_fire
from pipelines.hazards import exposed_threshold, hazard_scenarios, risk_areas
from pipelines.joint_hazards import JOINT_COLUMNS, hazard_ground, joint_names, joint_rows
from pipelines.settlement_hazards import hazards_by_settlement


def run_exposure(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Measure exposure to every hazard.

    Tables ``hazard_exposure``, ``hazard_ratios``, ``joint_exposure`` and ``settlement_hazard``.

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
    joint: dict[str, JointHazard] = {}
    for name, declared in region.inputs.hazards.items():
        if declared.events:
            found: list[tuple[bool, float, JointHazard]] = []
            for hazard, kind, events in hazard_scenarios(region, name, declared, zones):
                rows += event_rows(hazard, kind, events, assets, zones, rules, compute)
                compared = event_ratios(hazard, kind, events, assets, zones, rules, declared, compute)
                source = events[reference_event(events, rules)][1]
                people = sum(float(table["people_exposed"].sum()) for table in compared)
                found.append((hazard == name, people, (source, kind, exposed_threshold(kind, declared))))
                ratios += compared
            # as its baseline says, without one as the scenario that exposes most
            joint[name] = max(found, key=lambda one: one[:2])[2]
        else:
            areas, exposed = risk_areas(region, name, declared, zones)
            rows += class_rows(name, areas, assets, zones, compute)
            ratios += class_ratios(name, areas, exposed, assets, zones, rules, compute)
            joint[name] = hazard_ground(areas, exposed)
    table = pd.concat(rows, ignore_index=True)[EXPOSURE_COLUMNS] if rows else pd.DataFrame(columns=EXPOSURE_COLUMNS)
    write_parquet(directory / "tables/hazard_exposure.parquet", table)
    ratio_table = pd.concat(ratios, ignore_index=True) if ratios else no_ratios()
    write_parquet(directory / "tables/hazard_ratios.parquet", ratio_table)
    together, states = pd.DataFrame(columns=JOINT_COLUMNS), None
    chosen = joint_names(region.inputs.hazards)
    if chosen and "population" in assets.grids:
        people_of = assets.grids["population"][0]
        together, states = joint_rows({name: joint[name] for name in chosen}, people_of, zones, assets.water, compute)
    write_parquet(directory / "tables/joint_exposure.parquet", together)
    if region.inputs.settlements is not None:
        table = hazards_by_settlement(ratio_table, zones, rules, region.inputs.hazards, states)
        fire = settlement_fire(region, built)
        if fire is not None:
            table = table.merge(fire, on="settlement_id", how="left", validate="one_to_one")
        write_parquet(directory / "tables/settlement_hazard.parquet", table)
