"""Every field that the measures of form give is declared, and in its limits."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import box

from geo_profiling.outputs.form_layers import FORM_FIELDS, FORM_LAYERS, POPULATION_FIELDS
from geo_profiling.settlements.arrangement import nearest_neighbours, zone_arrangement
from geo_profiling.settlements.candidates import building_scores, candidate_settlements
from geo_profiling.settlements.density import zone_density
from geo_profiling.settlements.form import building_form, prepare_footprints
from geo_profiling.settlements.informality import classify_cells, classify_settlements
from geo_profiling.settlements.neighbourhood import neighbourhood_form
from geo_profiling.settlements.population import settlement_population

X, Y = 250_000.0, 1_230_000.0
#: Fields for notebooks that compare with other tools; NULL is published in their place.
NOT_PUBLISHED = {"orientation_entropy_filled_nats", "orientation_order_filled"}


def crowd():
    rng = np.random.default_rng(1)
    huts = [
        shapely.affinity.rotate(box(X + 9 * i, Y + 9 * j, X + 9 * i + 6, Y + 9 * j + 5), rng.uniform(0, 90))
        for i in range(15)
        for j in range(15)
    ]
    footprints, _ = prepare_footprints(gpd.GeoDataFrame(geometry=huts, crs="EPSG:32638"), report_overlaps=False)
    form = building_form(footprints)
    return footprints, form.join(nearest_neighbours(footprints)).join(neighbourhood_form(footprints, form))


def require_declared(table, fields):
    declared = {field.name: field for field in fields}
    assert set(table.columns) - {"geometry"} - NOT_PUBLISHED == set(declared)
    for name, field in declared.items():
        values = pd.to_numeric(table[name], errors="coerce").dropna().astype(float)
        assert field.minimum is None or (values >= field.minimum).all(), name
        assert field.maximum is None or (values <= field.maximum + 1e-9).all(), name
        assert field.alias, name
        assert field.description, name


def test_layers_and_fields_are_those_of_the_measures():
    footprints, measures = crowd()
    layers = {layer.name: layer for layer in FORM_LAYERS}
    grid = classify_cells(footprints, measures)
    require_declared(grid.cells, layers["informality_cells"].fields)
    require_declared(
        candidate_settlements(footprints, building_scores(measures)), layers["candidate_settlements"].fields
    )
    mapped = gpd.GeoDataFrame(index=["s1"], geometry=[box(X, Y, X + 100, Y + 100)], crs="EPSG:32638")
    density = zone_density(mapped, footprints)
    informality = classify_settlements(mapped, footprints, measures, density, grid)
    tables = [density, zone_arrangement(mapped, footprints, measures), informality]
    require_declared(pd.concat(tables, axis=1), FORM_FIELDS)
    people = settlement_population(mapped, enumerated=pd.Series({"s1": 30})).settlements
    require_declared(people, POPULATION_FIELDS)
    names = [field.name for field in (*FORM_FIELDS, *POPULATION_FIELDS)]
    assert len(names) == len(set(names))
