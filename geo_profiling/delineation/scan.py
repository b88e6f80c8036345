"""First pass of the Degree of Urbanisation: decode each tile once, code its cells, label and sum.

What is left is one byte a cell in the store and the components of each threshold, joined across
tiles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from geo_profiling.compute import Compute
from geo_profiling.delineation import cells
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.rules import DegurbaRules, Level
from geo_profiling.raster.components import Components, Connectivity, TileComponents, join_tiles, tile_components
from geo_profiling.raster.grid import Window
from geo_profiling.raster.tiling import TileStore, pack


@dataclass(frozen=True)
class Kind:
    """A kind of component: the bit of its cells, how they connect, and its size breaks."""

    bit: int
    connectivity: Connectivity
    breaks: tuple[float, ...]


def kinds_of(rules: DegurbaRules, level: Level) -> dict[str, Kind]:
    """Return the components a level needs; a size class counts the breaks that a component reaches.

    Level 1: dense >= 50,000 is an urban centre (class 1), urban >= 5,000 an urban cluster (1).
    Level 2: dense 5,000 and 50,000 (1 dense cluster, 2 urban centre), urban 500 and 5,000 (1 rural
    cluster, 2 urban cluster), semi-dense (1).
    """
    if level == 1:
        return {
            "dense": Kind(cells.DENSE, 4, (rules.centre_population,)),
            "urban": Kind(cells.URBAN, 8, (rules.urban_population,)),
        }
    return {
        "dense": Kind(cells.DENSE, 4, (rules.dense_population, rules.centre_population)),
        "urban": Kind(cells.URBAN, 8, (rules.rural_cluster_population, rules.urban_population)),
        "semi_dense": Kind(cells.SEMI_DENSE, rules.semi_dense_connectivity, (rules.semi_dense_population,)),
    }


@dataclass(frozen=True)
class Scan:
    """What the first pass leaves besides the store.

    Attributes
    ----------
    kinds, components : dict
        By name of the kind (:func:`kinds_of`).
    no_data : list of bool
        For each tile, whether any of its cells has no data.
    total : int
        Fixed-point sum of the population.
    built_up_unknown : int
        Cells with land and without built-up data.
    """

    kinds: dict[str, Kind]
    components: dict[str, Components]
    no_data: list[bool]
    total: int
    built_up_unknown: int


@dataclass(frozen=True)
class _TileScan:
    packed: bytes
    components: dict[str, TileComponents]
    no_data: bool
    total: int
    land_largest: float
    built_up_largest: float
    built_up_unknown: int


@dataclass(frozen=True)
class _ScanTile:
    """Picklable task: decode a tile, code its cells, label and sum its components."""

    inputs: CellInputs
    rules: DegurbaRules
    kinds: dict[str, Kind]

    def __call__(self, window: Window) -> _TileScan:
        tile = cells.encode_tile(self.inputs, window, self.rules)
        return _TileScan(
            pack(tile.codes),
            {
                name: tile_components(tile.codes, kind.bit, kind.connectivity, tile.population, kind.breaks)
                for name, kind in self.kinds.items()
            },
            bool((tile.codes & cells.NO_DATA).any()),
            tile.total,
            tile.land_largest,
            tile.built_up_largest,
            tile.built_up_unknown,
        )


def scan_tiles(inputs: CellInputs, rules: DegurbaRules, level: Level, store: TileStore, compute: Compute) -> Scan:
    """Decode the inputs into the store and join the components of all tiles.

    Raises
    ------
    ValueRangeError, UsageError
        At a value that cannot be, or a unit that cannot be meant.
    """
    kinds = kinds_of(rules, level)
    tiles: list[_TileScan] = []
    results = compute.map(_ScanTile(inputs, rules, kinds), store.tiles, label="read cells", total=len(store.tiles))
    for index, tile in enumerate(results):
        store.put(index, tile.packed)
        tiles.append(replace(tile, packed=b""))
    cells.check_total(inputs, sum(tile.total for tile in tiles))
    cells.check_units(
        inputs,
        land_largest=max(tile.land_largest for tile in tiles),
        built_up_largest=max(tile.built_up_largest for tile in tiles),
    )
    return Scan(
        kinds=kinds,
        components={
            name: join_tiles([tile.components[name] for tile in tiles], store.across, kind.connectivity, kind.breaks)
            for name, kind in kinds.items()
        },
        no_data=[tile.no_data for tile in tiles],
        total=sum(tile.total for tile in tiles),
        built_up_unknown=sum(tile.built_up_unknown for tile in tiles),
    )
