"""Layers of tenure are declared once each, with fields that the tables have."""

from __future__ import annotations

import pandas as pd
import pytest

from geo_profiling.outputs.layer_spec import LayerSpec
from geo_profiling.outputs.tenure_layers import SETTLEMENT_PROFILE_FIELDS, SETTLEMENT_TENURE_FIELDS, TENURE_LAYERS
from geo_profiling.settlements.deprivation import settlement_deprivation
from geo_profiling.settlements.vocabulary import PROFILE
from geo_profiling.tenure.evictions import eviction_events, eviction_rates, publish_evictions
from geo_profiling.tenure.shares import SHARE_COLUMNS


def layer(name: str) -> LayerSpec:
    return next(layer for layer in TENURE_LAYERS if layer.name == name)


def test_shares_have_exactly_the_declared_fields() -> None:
    assert tuple(field.name for field in layer("tenure_shares").fields) == SHARE_COLUMNS


def test_evictions_have_exactly_the_declared_fields() -> None:
    events, _ = eviction_events(pd.DataFrame({"event_id": ["1"], "kind": ["threat"], "date_start": ["2020-01-01"]}))
    rates = publish_evictions(eviction_rates(events, pd.Series({"a": 9}), start="2019-01-01", end="2021-01-01"))
    assert tuple(rates.columns) == tuple(field.name for field in layer("evictions").fields)


def test_profile_fields_are_of_the_profile() -> None:
    computed = set(settlement_deprivation(pd.DataFrame(index=["a"])).columns)
    assert {field.name for field in SETTLEMENT_PROFILE_FIELDS} <= computed | set(PROFILE)
    assert all(not field.required for field in (*SETTLEMENT_PROFILE_FIELDS, *SETTLEMENT_TENURE_FIELDS))


@pytest.mark.parametrize("spec", TENURE_LAYERS, ids=lambda spec: str(spec.name))
def test_names_are_unique(spec: LayerSpec) -> None:
    names = [field.name for field in spec.fields]
    assert len(set(names)) == len(names)
