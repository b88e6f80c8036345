"""Municipalities that partition the province, and the regions they add up to."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import Voronoi
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize

from port_serrano import plan
from port_serrano.land import PRECISION_M, Ground, blob, generator, to_metres, wiggle


def province(ground: Ground) -> BaseGeometry:
    """Return the land of the province, inland water included."""
    corners = [to_metres(point) for point in plan.PROVINCE_KM]
    outline = wiggle([*corners, corners[0]], generator("province"), roughness=0.1, finest_m=400)
    return shapely.set_precision(ground.sea_edge.intersection(Polygon(outline).buffer(0)), PRECISION_M)


def borders(seats: list[plan.XY]) -> list[LineString]:
    """Return wiggly lines half-way between neighbouring seats."""
    far = 1_000_000.0
    x, y = np.mean(seats, axis=0)
    frame = [(x - far, y - far), (x - far, y + far), (x + far, y - far), (x + far, y + far)]
    diagram = Voronoi(np.array([*seats, *frame]))
    straight = [
        LineString(diagram.vertices[pair]).intersection(Point(x, y).buffer(150_000))
        for pair in diagram.ridge_vertices
        if -1 not in pair
    ]
    rng = generator("borders")
    lines = sorted((list(line.coords) for line in straight if not line.is_empty), key=lambda c: (c[0], c[-1]))
    return [LineString(wiggle(points, rng, roughness=0.13, finest_m=300)) for points in lines]


def assign(faces: list[Polygon], seats: dict[str, Point]) -> dict[str, BaseGeometry]:
    """Give each face to the unit whose seat it holds, the rest to the neighbour with the longest common border."""
    parts: dict[str, list[Polygon]] = {unit: [] for unit in seats}
    waiting: list[Polygon] = []
    for face in faces:
        owners = [unit for unit, seat in seats.items() if face.contains(seat)]
        (parts[owners[0]] if owners else waiting).append(face)
    waiting.sort(key=lambda face: -face.area)
    for face in waiting:
        common = {
            unit: sum(face.boundary.intersection(p.boundary).length for p in own if face.intersects(p))
            for unit, own in parts.items()
        }
        unit = max(common, key=lambda key: common[key])
        if common[unit] == 0:
            unit = min(seats, key=lambda key: face.distance(seats[key]))
        parts[unit].append(face)
    return {unit: shapely.union_all(own) for unit, own in parts.items()}


def municipalities(ground: Ground) -> gpd.GeoDataFrame:
    """Return the municipalities: they cover the province without gap or overlap."""
    whole = province(ground)
    seats = {m.unit_id: Point(to_metres(m.seat_km)) for m in plan.MUNICIPALITIES if m.unit_id != plan.ENCLAVE_ID}
    lines = borders([(p.x, p.y) for unit, p in seats.items() if unit not in plan.ISLAND_IDS])
    mainland = max(whole.geoms, key=lambda part: part.area) if isinstance(whole, MultiPolygon) else whole
    net = shapely.union_all([*lines, mainland.boundary], grid_size=PRECISION_M)
    faces = [face for face in polygonize(net) if mainland.contains(face.representative_point())]
    others = [part for part in getattr(whole, "geoms", []) if part is not mainland and not part.equals(mainland)]
    shapes = assign([*faces, *others], seats)
    enclave_seat = next(m.seat_km for m in plan.MUNICIPALITIES if m.unit_id == plan.ENCLAVE_ID)
    enclave = shapely.set_precision(
        blob(enclave_seat, plan.ENCLAVE_RADIUS_KM * 1_000, generator("enclave")), PRECISION_M
    )
    shapes = {unit: shape.difference(enclave) for unit, shape in shapes.items()}
    shapes[plan.ENCLAVE_ID] = enclave
    rows = [(m.unit_id, m.name, m.region_id) for m in plan.MUNICIPALITIES]
    geometry = [_multi(shapes[m.unit_id]) for m in plan.MUNICIPALITIES]
    return gpd.GeoDataFrame(rows, columns=["unit_id", "name", "region_id"], geometry=geometry, crs=plan.CRS)


def regions(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the regions that the municipalities add up to."""
    names = {"04A": "Serrano Coast", "04B": "Upper Vado", "04C": "Levante"}
    grouped = units.dissolve("region_id", as_index=False)[["region_id", "geometry"]]
    grouped.insert(1, "name", grouped["region_id"].map(names))
    return grouped.set_geometry(grouped.geometry.map(_multi))


def _multi(shape: BaseGeometry) -> MultiPolygon:
    parts = [p for p in getattr(shape, "geoms", [shape]) if isinstance(p, Polygon) and p.area > 1]
    return MultiPolygon(sorted(parts, key=lambda p: -p.area)).normalize()
