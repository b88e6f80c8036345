"""Streets and public transport as declared: what belongs together is asked for together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from geo_profiling.config.access_inputs import StreetsInput, TransitInput


def test_classes_need_the_field_they_stand_in():
    streets = StreetsInput.model_validate({"path": "s.gpkg", "class_field": "highway", "classes": ["path"]})
    assert streets.classes == ["path"]
    with pytest.raises(ValidationError, match="name the 'class_field'"):
        StreetsInput.model_validate({"path": "s.gpkg", "classes": ["path"]})
    with pytest.raises(ValidationError, match="at least 1 item"):
        StreetsInput.model_validate({"path": "s.gpkg", "class_field": "highway", "classes": []})


def test_a_zip_is_a_feed_and_anything_else_a_layer_that_says_its_capacity():
    assert TransitInput.model_validate({"path": "FEED.ZIP"}).is_feed
    assert not TransitInput.model_validate({"path": "stops.gpkg", "capacity": "low"}).is_feed
    for fields, message in (
        ({"path": "feed.zip", "layer": "stops"}, "layer: a GTFS feed has none"),
        ({"path": "feed.zip", "capacity_field": "size"}, "capacity_field: a GTFS feed has none"),
        ({"path": "stops.gpkg"}, "needs either 'capacity_field' or 'capacity'"),
        ({"path": "stops.gpkg", "capacity": "low", "capacity_field": "size"}, "needs either"),
        ({"path": "stops.gpkg", "capacity": "medium"}, "low"),
    ):
        with pytest.raises(ValidationError, match=message):
            TransitInput.model_validate(fields)
