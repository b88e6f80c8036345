"""Declared layers of informal settlements: street blocks, buildings, new paths."""

from __future__ import annotations

from geo_profiling.outputs.layer_spec import FieldSpec, LayerSpec, Look
from geo_profiling.outputs.legend import RangeLabel

#: Block complexity and layers of buildings: 1 and 2 are reached from a street, 3 and more are not.
COMPLEXITY_RANGES = (
    RangeLabel(0, 1, "1: every building at a street", "#f7f4c8"),
    RangeLabel(1, 2, "2: behind one building", "#c9dd8f"),
    RangeLabel(2, 3, "3: needs new access", "#f5b335"),
    RangeLabel(3, 5, "4-5", "#e0602a"),
    RangeLabel(5, 9, "6-9", "#a51f4f"),
    RangeLabel(9, 100_000, "10 and more", "#40104f"),
)

_BLOCK_ID = FieldSpec("block_id", "Street block", "The street block it lies in; empty if in none.", "identifier")


def _metres(name: str, alias: str, text: str) -> FieldSpec:
    return FieldSpec(name, alias, text, decimals=1, required=False, minimum=0)


STREET_BLOCK_FIELDS = (
    FieldSpec("block_id", "Identifier", "Of the street block.", "identifier", unique=True),
    FieldSpec(
        "k",
        "Block complexity k",
        "Buildings to cross, one's own included, from its deepest building to a street. NULL without buildings.",
        "integer",
        minimum=1,
        legend=COMPLEXITY_RANGES,
    ),
    FieldSpec("n_buildings", "Buildings", "Whose centroid lies in it.", "integer", minimum=0),
    FieldSpec(
        "layers", "Buildings by layer", "Number of buildings in layer 1, 2, 3, ... NULL without buildings.", "text"
    ),
    FieldSpec(
        "k_mean_bldg", "Mean layer of buildings", "Mean over its buildings.", decimals=2, required=False, minimum=1
    ),
    FieldSpec(
        "share_bldg_layer_ge3",
        "Share of buildings in layer 3 or deeper (0-1)",
        "Buildings without a street at their plot or behind one neighbour.",
        decimals=3,
        minimum=0,
        maximum=1,
    ),
    FieldSpec(
        "is_on_network",
        "Reached by the street network",
        "False: no street of the network touches it, and its outline was taken for the street. NULL without streets.",
        "truth",
    ),
    _metres("on_net_m", "Street on the network (m)", "Inside it or along its border."),
    _metres("off_net_m", "Street off the network (m)", "Inside it or along its border, without connection."),
    _metres("nearest_ext_street_m", "Distance to the network (m)", "From its border to the nearest street on it."),
)

#: Fields of buildings that come from streets and blocks; their form has fields of its own.
BUILDING_ACCESS_FIELDS = (
    FieldSpec("building_id", "Identifier", "Its own id, or its place in the file, from 0.", "identifier", unique=True),
    _BLOCK_ID,
    FieldSpec(
        "layer",
        "Layer",
        "Buildings to cross, its own included, to reach a street. NULL outside the blocks.",
        "integer",
        minimum=1,
        legend=COMPLEXITY_RANGES,
    ),
    _metres("street_dist_m", "Distance to a street (m)", "From its centroid to the nearest street of the network."),
    FieldSpec(
        "buildings_between",
        "Buildings between it and the street",
        "Other footprints on the straight line to the nearest street; 10 beyond 250 m. NULL for points.",
        "integer",
        required=False,
        minimum=0,
    ),
)

SETTLEMENT_LAYERS = (
    LayerSpec(
        "new_paths",
        "New paths",
        "Short new paths along the borders between buildings by which every building of a deep block (k of 3 and "
        "more) would touch a street or path: a first plan, no survey.",
        "line",
        (
            FieldSpec(
                "path_id", "Identifier", "Block and number, the longest path of the block first.", "text", unique=True
            ),
            _BLOCK_ID,
            FieldSpec(
                "is_on_network",
                "Reached by the street network",
                "False: the path leads to the outline of its block only. NULL without streets.",
                "truth",
            ),
            _metres("length_m", "Length (m)", "Of the path with its branches."),
            FieldSpec("n_buildings", "Buildings served", "That had no access before.", "integer", minimum=0),
            FieldSpec("n_households", "Households served", "In these buildings. NULL if unknown.", minimum=0),
            _metres("length_per_building_m", "Length per building (m)", "NULL where it serves others' way only."),
            _metres("length_per_household_m", "Length per household (m)", "NULL without households."),
            FieldSpec("cost", "Cost", "Length by the cost of a metre, in its currency. NULL without one.", minimum=0),
            FieldSpec("cost_per_household", "Cost per household", "NULL without cost or households.", minimum=0),
            _metres("block_new_paths_m", "New paths of the block (m)", "All paths of its block together."),
            _metres(
                "block_lower_bound_m", "Least length of the block (m)", "No plan along these borders can be shorter."
            ),
            FieldSpec(
                "block_bound_ratio",
                "Length by least length",
                "New paths of the block by their least length; 1 is the shortest plan.",
                decimals=3,
                required=False,
                minimum=1,
            ),
        ),
        Look(None, 0.0, "#0b7a75", 0.7),
    ),
    LayerSpec(
        "buildings",
        "Buildings",
        "Buildings with the street block they lie in and how deep in it they are.",
        "polygon",
        BUILDING_ACCESS_FIELDS,
        Look("#b0a99f", 1.0, "#6d675f", 0.1),
        coloured_by=("layer",),
    ),
    LayerSpec(
        "street_blocks",
        "Street blocks",
        "The ground between streets, with its complexity k: how many buildings lie between its deepest building and "
        "a street.",
        "polygon",
        STREET_BLOCK_FIELDS,
        Look(None, 0.0, "#6d675f", 0.2),
        coloured_by=("k",),
    ),
)
