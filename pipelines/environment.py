"""The environmental profile of a region: green and water, ecosystems at risk, growth into hazard zones.

What it reads stands in :mod:`pipelines.environment_ground`, what it tells of hazards in
:mod:`pipelines.environment_hazards`. Waste and open drains are those of the settlement profile.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geo_profiling.access.network import StreetNetwork
from geo_profiling.access.service_area import people_in_reach
from geo_profiling.compute import Compute
from geo_profiling.config.environment import Environment
from geo_profiling.config.project import RegionSettings
from geo_profiling.hazard.environment import ground_shares, people_beside
from geo_profiling.outputs.environment_layers import SETTLEMENT_ENVIRONMENT_FIELDS
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.vector.reproject import reproject
from pipelines.built import tell
from pipelines.environment_ground import (
    open_vegetation,
    read_ecosystems,
    read_mapped_ground,
    read_water,
)
from pipelines.environment_hazards import exposed_services, growth_hazards, hazard_growth
from pipelines.exposure_places import AREA_COLUMNS, SETTLEMENT, built_city, exposure_zones, open_water
from pipelines.inputs import read_open_spaces
from pipelines.people import people_grid
from pipelines.streets import region_network, walking_area

#: Slivers between two borders are no mapped ground.
_MAPPED = 0.01
#: Where the grid covers less of an area its people are not all of those who share its open space.
_WHOLE = 0.95
#: Where it covers less than this, shares of people say nothing of the area.
_MOSTLY = 0.5


def run_environment(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Measure the environment of every area of a region.

    Table ``environment``, and as far as inputs allow ``ecosystems``, ``hazard_growth``, ``exposed_services`` and
    ``settlement_environment``.

    Parameters
    ----------
    region : RegionSettings
        With ``environment``.
    directory : Path
        The region's output folder; the tables of areas that are there get a profile.
    compute : Compute

    Raises
    ------
    InputError
        If an input is refused.
    """
    rules = region.environment
    assert rules is not None  # only asked for where it is configured
    zones = exposure_zones(region, directory, built_city(region))
    areas = gpd.GeoDataFrame(geometry=zones.areas.geometry.array, crs=zones.areas.crs)
    metric = local_crs(areas, what="areas")
    people = people_grid(region)
    profile = _Profile(areas, metric, people, rules, compute)
    table = zones.areas[AREA_COLUMNS].reset_index(drop=True).join(profile.counted(region))
    network = None if people is None else region_network(region, people.grid)
    table = table.join(profile.green(region, network)).join(profile.blue(region, network))
    table = table.join(profile.vegetation(region))
    declared = region.inputs.ecosystems
    if declared is not None:
        ecosystems, findings = read_ecosystems(region, declared)
        tell(findings)
        placed = reproject(ecosystems, metric)
        table = table.join(profile.ecosystems(placed))
        write_parquet(directory / "tables/ecosystems.parquet", profile.by_ecosystem(placed))
    write_parquet(directory / "tables/environment.parquet", table)
    if region.inputs.settlements is not None:
        own = table[table["area_type"] == SETTLEMENT].rename(columns={"area_id": "settlement_id"})
        fields = [field.name for field in SETTLEMENT_ENVIRONMENT_FIELDS if field.name in own]
        write_parquet(
            directory / "tables/settlement_environment.parquet", own[["settlement_id", *fields]].reset_index(drop=True)
        )
    if growth_hazards(region, rules):
        growth = hazard_growth(region, zones, rules, compute)
        write_parquet(directory / "tables/hazard_growth.parquet", growth)
    if region.inputs.hazards and region.inputs.services:
        exposure = pd.read_parquet(directory / "tables/hazard_exposure.parquet")
        write_parquet(directory / "tables/exposed_services.parquet", exposed_services(region, exposure))


class _Profile:
    """Measures one thing after the other for the same areas."""

    def __init__(
        self, areas: gpd.GeoDataFrame, metric: CRS, people: Source | None, rules: Environment, compute: Compute
    ) -> None:
        self.areas = areas
        self.metric = metric
        self.placed = gpd.GeoSeries(reproject(areas, metric).geometry)
        self.people = people
        self.rules = rules
        self.compute = compute

    def counted(self, region: RegionSettings) -> pd.DataFrame:
        """Return the people of each area, from which grid, and how much of the area it covers."""
        if self.people is None:
            return pd.DataFrame({"population": np.nan, "population_source": None}, index=self.areas.index)
        found = zonal_statistics(
            self.people,
            reproject(self.areas, self.people.grid.crs),
            stats=["sum", "coverage_share"],
            compute=self.compute,
        )
        source = "population" if region.inputs.population_fine is None else "population_fine"
        return pd.DataFrame(
            {
                "population": found["sum"],
                "population_source": source,
                "population_coverage_share": found["coverage_share"].clip(upper=1.0),
            }
        )

    def green(self, region: RegionSettings, network: StreetNetwork | None) -> pd.DataFrame:
        """Return the share of open space, what of it there is for each person, and who can walk to one."""
        spaces = read_open_spaces(region)
        if spaces is None:
            return self._none()
        every, public = spaces
        mapped = read_mapped_ground(region, self.metric)
        if mapped is not None:
            return self._green_where_mapped(region, network, mapped, spaces)
        return self._green(region, network, every, public).assign(green_coverage_share=1.0)

    def _green_where_mapped(
        self,
        region: RegionSettings,
        network: StreetNetwork | None,
        mapped: shapely.Geometry,
        spaces: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame],
    ) -> pd.DataFrame:
        """Return the same of the part of each area where open spaces were mapped; unknown where there is none."""
        known = ground_shares(self.placed, gpd.GeoSeries([mapped], crs=self.metric)).clip(upper=1.0)
        pieces = [shapely.get_parts(shape) for shape in shapely.intersection(np.asarray(self.placed.array), mapped)]
        ground = [shapely.union_all(piece[shapely.get_dimensions(piece) == 2]) for piece in pieces]
        parts = gpd.GeoDataFrame(geometry=ground, crs=self.metric, index=self.areas.index)
        some = (known > _MAPPED) & ~parts.geometry.is_empty
        table = pd.DataFrame({"green_coverage_share": known}, index=self.areas.index)
        if not some.any():
            return table.assign(green_share=np.nan)
        inside = _Profile(reproject(parts[some], self.areas.crs), self.metric, self.people, self.rules, self.compute)
        return table.join(inside._green(region, network, *spaces))

    def _green(
        self, region: RegionSettings, network: StreetNetwork | None, every: gpd.GeoDataFrame, public: gpd.GeoDataFrame
    ) -> pd.DataFrame:
        share = ground_shares(self.placed, self._here(every)).clip(upper=1.0)
        table = pd.DataFrame({"green_share": share})
        if self.people is not None:
            people = self.counted(region)
            whole = (people["population"] > 0) & (people["population_coverage_share"] >= _WHOLE)
            table["green_m2_per_person"] = share * self.placed.area / people["population"].where(whole)
        return table.join(self._access("green", public, network))

    def blue(self, region: RegionSettings, network: StreetNetwork | None) -> pd.DataFrame:
        """Return the share of water, and who can walk to some."""
        ground, water = read_water(region, self.metric)
        raster = open_water(region) if ground is None else None
        table = self._none()
        if ground is not None:
            table["blue_share"] = ground_shares(self.placed, ground).clip(upper=1.0)
            table["blue_coverage_share"] = 1.0
        elif raster is not None:
            placed = reproject(self.areas, raster.grid.crs)
            found = zonal_statistics(raster, placed, stats=["fraction", "coverage_share"], compute=self.compute)
            shares = [str(name) for name in found if str(name).startswith("fraction_")]
            wet = [name for name in shares if float(name.removeprefix("fraction_")) > 0]
            known = found["coverage_share"] > 0
            table["blue_share"] = found[wet].fillna(0.0).sum(axis=1).clip(upper=1.0).where(known)
            table["blue_coverage_share"] = found["coverage_share"].clip(upper=1.0)
        return table if water is None else table.join(self._access("blue", gpd.GeoDataFrame(geometry=water), network))

    def vegetation(self, region: RegionSettings) -> pd.DataFrame:
        """Return the mean share under vegetation where it is known, and where it is."""
        declared = region.inputs.vegetation
        if declared is None:
            return self._none()
        raster = open_vegetation(region, declared)
        placed = reproject(self.areas, raster.grid.crs)
        found = zonal_statistics(raster, placed, stats=["mean", "coverage_share"], compute=self.compute)
        whole = 1.0 if declared.unit == "share" else 100.0
        return pd.DataFrame(
            {
                "vegetation_share": (found["mean"] / whole).clip(upper=1.0),
                "vegetation_coverage_share": found["coverage_share"].clip(upper=1.0),
            }
        )

    def ecosystems(self, ground: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return the share of each area that is an ecosystem at risk, which kinds, and people on and beside them."""
        shapes = gpd.GeoSeries(ground.geometry)
        around = shapes.buffer(self.rules.beside_m)
        table = pd.DataFrame({"ecosystem_share": ground_shares(self.placed, shapes).clip(upper=1.0)})
        area, near = shapely.STRtree(np.asarray(around.array, dtype=object)).query(
            np.asarray(self.placed.array, dtype=object), predicate="intersects"
        )
        kinds = ground["kind"].to_numpy(dtype=object)
        words: dict[int, set[str]] = {}
        for at, which in zip(area.tolist(), near.tolist(), strict=True):
            words.setdefault(at, set()).add(str(kinds[which]))
        table["ecosystem_kinds"] = [", ".join(sorted(words[at])) if at in words else None for at in range(len(table))]
        if self.people is not None:
            on = self._reached(gpd.GeoDataFrame(geometry=shapes))["population_in_reach"]
            within = self._reached(gpd.GeoDataFrame(geometry=around))["population_in_reach"]
            table["ecosystem_people_on"] = on
            table["ecosystem_people_beside"] = (within - on).clip(lower=0.0)
        return table

    def by_ecosystem(self, ground: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return the layer of ecosystems: area, people on each and beside it."""
        table = ground.assign(area_km2=ground.area / 1e6, beside_m=self.rules.beside_m)
        if self.people is None:
            return table
        found = people_beside(
            self.people, gpd.GeoSeries(ground.geometry), within_m=self.rules.beside_m, compute=self.compute
        )
        found["coverage_share"] = found["coverage_share"].clip(upper=1.0)
        return gpd.GeoDataFrame(table.join(found), geometry="geometry", crs=ground.crs)

    def _access(self, name: str, targets: gpd.GeoDataFrame, network: StreetNetwork | None) -> pd.DataFrame:
        """Return the share of people within a walk of targets; nobody has access to none."""
        if self.people is None:
            return self._none()
        if targets.empty:
            known = zonal_statistics(
                self.people, reproject(self.areas, self.people.grid.crs), stats=["sum"], compute=self.compute
            )["sum"]
            return pd.DataFrame({f"{name}_access_share": (known * 0.0).where(known > 0)})
        ground = walking_area(network, targets, self.rules.walk_m).area
        reached = self._reached(ground)
        # of an area whose people are hardly known nobody can tell how many can walk there
        share = reached["share_in_reach"].where(reached["coverage_share"] >= _MOSTLY)
        return pd.DataFrame({f"{name}_access_share": share, f"{name}_access_by": str(ground["distance"].iloc[0])})

    def _reached(self, ground: gpd.GeoDataFrame) -> pd.DataFrame:
        assert self.people is not None  # only asked for where there are any
        placed = reproject(self.areas, self.people.grid.crs)
        return people_in_reach(self.people, placed, ground, compute=self.compute)

    def _here(self, layer: gpd.GeoDataFrame) -> gpd.GeoSeries:
        return gpd.GeoSeries(reproject(layer, self.metric).geometry)

    def _none(self) -> pd.DataFrame:
        return pd.DataFrame(index=self.areas.index)
