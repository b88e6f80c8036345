"""Convenient access to public transport, after SDG 11.2.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd

from geo_profiling.access.network import StreetNetwork, local_streets
from geo_profiling.access.service_area import (
    STREET_BUFFER_M,
    ServiceArea,
    euclidean_areas,
    join_areas,
    service_areas,
)
from geo_profiling.access.stops import REACH_M, Capacity
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding


@dataclass(frozen=True)
class TransitAreas:
    """The ground with convenient access to public transport.

    Attributes
    ----------
    area : geopandas.GeoDataFrame
        One row: ``distance`` ("street", or "euclid" where no streets were given) and the multipolygon.
    by_capacity : dict of str to ServiceArea
        The parts for "low" and "high"; they may overlap, and be empty.
    findings : list of Finding
    """

    area: gpd.GeoDataFrame
    by_capacity: dict[Capacity, ServiceArea]
    findings: list[Finding]


def transit_areas(
    stops: gpd.GeoDataFrame,
    network: StreetNetwork | None,
    *,
    reach_m: Mapping[Capacity, float] = REACH_M,
    street_buffer_m: float = STREET_BUFFER_M,
    max_headway_min: float | None = None,
    name: str = "stops",
) -> TransitAreas:
    """Delineate the ground within walking distance of a stop of public transport.

    Definition (SDG 11.2.1): within 500 m of a stop of low capacity or 1 km of one of high capacity, along
    the streets; the union of the areas, so that nobody is counted twice.

    Parameters
    ----------
    stops : geopandas.GeoDataFrame
        On unique ids, in any CRS, with ``capacity`` ("low" or "high"), for example from
        :func:`geo_profiling.access.stops.served_stops`; stretches of paratransit as lines.
    network : StreetNetwork or None
        Without streets distances are straight and the area says so.
    reach_m : mapping
        Metres by capacity.
    street_buffer_m : float
        As :func:`geo_profiling.access.service_area.service_areas`.
    max_headway_min : float, optional
        Only stops with this ``headway_min`` or less; those of which it is unknown do not count.
    name : str
        The stops; named in messages.

    Returns
    -------
    TransitAreas
        In the CRS of the network, else in the UTM zone of the stops.

    Raises
    ------
    InputError
        If there is no stop, or a capacity is neither low nor high.

    Notes
    -----
    United Nations, metadata of indicator 11.2.1: walking distance along the street network.

    Examples
    --------
    >>> import shapely; from geo_profiling.access.network import street_network
    >>> line = shapely.LineString([(0, 0), (9000, 0)])
    >>> network = street_network(gpd.GeoDataFrame(geometry=[line], crs="EPSG:32632"))
    >>> places = gpd.points_from_xy([1000, 5000], [0, 0])
    >>> stops = gpd.GeoDataFrame({"capacity": ["low", "high"]}, geometry=places, crs="EPSG:32632")
    >>> found = transit_areas(stops, network)
    >>> ends = [float(found.by_capacity[kind].area.total_bounds[2]) for kind in ("low", "high")]
    >>> found.area["distance"].item(), ends
    ('street', [1500.0, 6000.0])
    """
    wrong = stops.loc[~stops["capacity"].isin(["low", "high"]), "capacity"]
    if len(wrong) or not len(stops):
        cause = f"capacity {wrong.iloc[0]!r} is neither low nor high ({len(wrong)} stops)" if len(wrong) else "no stop"
        raise InputError(f"{name}: {cause}", hint="give each stop the capacity of the vehicles that stop there")
    findings = []
    if network is None:
        message = "no streets: distances are straight and overstate access"
        findings.append(Finding("warning", name, "", message, "give 'inputs.streets'"))
    local = local_streets(stops, None if network is None else network.crs, name=name)
    if max_headway_min is not None:
        local = local[local["headway_min"] <= max_headway_min]
    areas: dict[Capacity, ServiceArea] = {}
    kinds: tuple[Capacity, ...] = ("low", "high")
    for kind in kinds:
        chosen = local[local["capacity"] == kind]
        if network is None:
            areas[kind] = euclidean_areas(chosen, distance_m=reach_m[kind], name=name)
        else:
            areas[kind] = service_areas(
                network, chosen, distance_m=reach_m[kind], street_buffer_m=street_buffer_m, name=f"{name} ({kind})"
            )
        findings += areas[kind].findings
    return TransitAreas(join_areas(list(areas.values())), areas, findings)
