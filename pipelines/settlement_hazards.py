"""Table ``settlement_hazard``: to which hazards each settlement is exposed, and its people in hazardous location."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from geo_profiling.config.exposure import Exposure
from geo_profiling.config.hazard_inputs import HazardInput
from geo_profiling.hazard.multi_hazard import JointStates, composite_score, count_hazards
from pipelines.exposure_places import SETTLEMENT, ExposureZones
from pipelines.hazards import hazard_name


def hazards_by_settlement(
    compared: pd.DataFrame,
    zones: ExposureZones,
    rules: Exposure,
    hazards: Mapping[str, HazardInput],
    states: JointStates | None,
) -> pd.DataFrame:
    """Return a row a settlement: number of hazards, and the share of its people in hazardous location.

    Where hazards were overlaid jointly the share is exact, and its range is the ground of which something is
    unknown; where there were too many (no ``states``) it lies between the largest single share and the sum.

    A hazard counts once: as its baseline says, and without one as the worst of its scenarios does.
    """
    ids = zones.areas.loc[zones.areas["area_type"] == SETTLEMENT, "area_id"]
    own = compared[compared["area_type"] == SETTLEMENT]
    told = own.pivot(index="area_id", columns="hazard", values="exposed_share").reindex(ids).astype(float)
    shares = pd.DataFrame({name: _once(told, name, declared) for name, declared in sorted(hazards.items())})
    table = pd.DataFrame({"settlement_id": ids.to_numpy()})
    table["n_hazards"] = count_hazards(shares).to_numpy()
    places = [name for name in shares.columns if hazards[name].counts_as_location]
    for side, share in _location(shares[places], places, zones, states).items():
        table[f"hazardous_share_{side}"] = share.to_numpy(dtype=float)
    table["hazards"] = [
        ", ".join(name for name in shares.columns if row[name] > 0) or None for _, row in shares.iterrows()
    ]
    if rules.composite_weights is not None:
        table["composite_score"] = composite_score(shares, rules.composite_weights).to_numpy()
        table["composite_weights"] = ", ".join(f"{k} {v:g}" for k, v in sorted(rules.composite_weights.items()))
    return table


def _location(
    shares: pd.DataFrame, places: list[str], zones: ExposureZones, states: JointStates | None
) -> dict[str, pd.Series]:
    """Return the least and the greatest share of each settlement's people in hazardous location."""
    if not places:
        unknown = pd.Series(np.nan, index=shares.index)
        return {"low": unknown, "high": unknown}
    if states is None:
        return {"low": shares.max(axis=1), "high": shares.sum(axis=1, min_count=1).clip(upper=1.0)}
    joint = states.any_share(places)[(zones.areas["area_type"] == SETTLEMENT).to_numpy()]
    return {"low": joint["low"], "high": joint["high"]}


def _once(told: pd.DataFrame, name: str, declared: HazardInput) -> pd.Series:
    """Return the share exposed to a hazard: of its baseline, else the greatest of its scenarios."""
    columns = [
        hazard_name(name, scenario) for scenario in sorted({event.scenario for event in declared.events} or {""})
    ]
    if name in columns:
        columns = [name]
    return told.reindex(columns=columns).max(axis=1)
