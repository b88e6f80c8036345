"""The built city of a region in one local CRS: settlements, buildings, streets and what else bounds street blocks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from geo_profiling.config.files import SpatialInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.repair import Kind
from pipelines.declared import input_label
from pipelines.inputs import read_outline

_log = logging.getLogger("geo_profiling.settlements")
#: What bounds street blocks besides streets.
_BARRIERS: dict[str, set[Kind]] = {
    "railways": {"line"},
    "waterways": {"line", "polygon"},
    "coast": {"line", "polygon"},
}
#: Fields that layers may name as ``<field>_field``.
_FIELDS = ("id", "name", "kind", "class", "height", "wall", "bridge")


@dataclass(frozen=True)
class BuiltCity:
    """The layers of the built city, all in one local conformal CRS in metres.

    Attributes
    ----------
    crs : CRS
    settlements : GeoDataFrame or None
        Polygons by ``settlement_id``, with ``name`` and ``kind`` where the layer has them; sorted.
    buildings : GeoDataFrame or None
        Polygons or points by ``building_id``, with ``height`` and ``wall`` where the layer has them.
    streets : GeoDataFrame or None
        Lines of the classes that give access, with ``bridge`` where the layer has it.
    barriers : dict of str to GeoSeries
        Railways, waterways and coast.
    blocks : GeoSeries or None
        Given street blocks by ``block_id``.
    study_area : GeoSeries or None
        Given outline of what is cut into blocks.
    findings : list of Finding
    """

    crs: CRS
    settlements: gpd.GeoDataFrame | None
    buildings: gpd.GeoDataFrame | None
    streets: gpd.GeoDataFrame | None
    barriers: dict[str, gpd.GeoSeries]
    blocks: gpd.GeoSeries | None
    study_area: gpd.GeoSeries | None
    findings: list[Finding] = field(default_factory=list)


def read_built(region: RegionSettings) -> BuiltCity:
    """Read the layers of the built city that a region declares, in the UTM zone of the first of them.

    Of a region with an outline, what touches the outline.

    Parameters
    ----------
    region : RegionSettings
        With settlements, blocks, a study area or buildings.

    Raises
    ------
    InputError
        If a layer is refused.
    """
    inputs = region.inputs
    reader = _Reader(region)
    settlements = reader.by_id("settlements", inputs.settlements, "settlement_id", {"polygon"})
    blocks = reader.by_id("blocks", inputs.blocks, "block_id", {"polygon"})
    study_area = reader.layer("study_area", inputs.study_area, {"polygon"})
    buildings = reader.by_id("buildings", inputs.buildings, "building_id", {"polygon", "point"})
    streets = reader.layer("streets", inputs.streets, {"line"})
    if streets is not None and inputs.streets is not None and inputs.streets.classes is not None:
        streets = streets[streets["class"].isin(inputs.streets.classes)]
        if streets.empty:
            raise InputError(
                f"{input_label('streets', inputs.streets.path)}: no street has one of the classes "
                f"{', '.join(inputs.streets.classes)}",
                hint="correct 'inputs.streets.classes'",
            )
    barriers = {key: reader.layer(key, getattr(inputs, key), kinds) for key, kinds in _BARRIERS.items()}
    anchor = next(layer for layer in (settlements, blocks, study_area, buildings) if layer is not None)
    crs = local_crs(anchor, what="settlements, blocks or buildings")
    moved = {key: layer.to_crs(crs).geometry for key, layer in barriers.items() if layer is not None}
    return BuiltCity(
        crs,
        None if settlements is None else settlements.to_crs(crs),
        None if buildings is None else buildings.to_crs(crs),
        None if streets is None else streets.to_crs(crs),
        moved,
        None if blocks is None else blocks.to_crs(crs).geometry,
        None if study_area is None else study_area.to_crs(crs).geometry,
        reader.findings,
    )


@dataclass
class _Reader:
    """Reads layers, keeps what touches the region's outline, and gathers findings."""

    region: RegionSettings
    findings: list[Finding] = field(default_factory=list)

    def by_id(self, key: str, declared: SpatialInput | None, name: str, kinds: set[Kind]) -> gpd.GeoDataFrame | None:
        """Return a layer on its ids, sorted; numbered from 1 in the order of the file where it has none."""
        layer = self.layer(key, declared, kinds)
        if layer is None:
            return None
        if "id" not in layer:
            return layer.set_index(pd.RangeIndex(1, len(layer) + 1, name=name))
        return layer.set_index(pd.Index(layer["id"], name=name)).drop(columns="id").sort_index()

    def layer(self, key: str, declared: SpatialInput | None, kinds: set[Kind]) -> gpd.GeoDataFrame | None:
        """Return a layer with the fields that its declaration names, under the product's names."""
        if declared is None:
            return None
        named = {field: getattr(declared, f"{field}_field", None) for field in _FIELDS}
        fields = {field: name for field, name in named.items() if name is not None}
        label = input_label(key, declared.path)
        layer, notes = read_layer(
            declared.path,
            layer=getattr(declared, "layer", None),
            id_field=fields.get("id"),
            columns=list(fields.values()),
            kinds=kinds,
            roots=self.region.roots,
            crs=declared.crs,
            name=label,
            # Some of very many buildings and streets are always drawn badly: they are named and left out.
            bad_geometry="skip" if key in ("buildings", "streets") else "refuse",
        )
        self.findings += notes
        columns = {field: layer[name].to_numpy() for field, name in fields.items()}
        layer = gpd.GeoDataFrame(columns, geometry=layer.geometry.array, crs=layer.crs)
        outline = read_outline(self.region)
        if outline is None:
            return layer
        inside = layer.geometry.intersects(outline.to_crs(layer.crs).union_all())
        if not inside.any():
            raise InputError(f"{label}: nothing of it lies in region {self.region.name}")
        return layer[inside].reset_index(drop=True)


def tell(findings: Iterable[Finding]) -> None:
    """Log findings: warnings as such, notes as information."""
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})
