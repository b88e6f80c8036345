"""The QGIS project inside the GeoPackage: opened by its name, it shows a finished map."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pyproj import CRS

from geo_profiling.outputs.layer_spec import GeometryKind, LayerSpec
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.styles import (
    QGIS_VERSION,
    classified_fields,
    drawn_as,
    grid_pipe,
    labels_enabled,
    style_elements,
)

Bounds = tuple[float, float, float, float]
_WKB_TYPES = {None: "NoGeometry", "polygon": "MultiPolygon", "line": "MultiLineString", "point": "MultiPoint"}


@dataclass(frozen=True)
class ClassGrid:
    """A grid of classes that the project shows below the layers.

    Attributes
    ----------
    path : str
        Of the GeoTIFF, relative to the folder of the GeoPackage, with ``/``.
    title : str
        In plain words.
    level : {1, 2}
    crs : CRS
    bounds : tuple of float
        Left, bottom, right, top.
    """

    path: str
    title: str
    level: int
    crs: CRS
    bounds: Bounds


@dataclass(frozen=True)
class ProjectLayer:
    """A layer of the GeoPackage as the project needs to know it.

    Attributes
    ----------
    name : str
        A key of :data:`geo_profiling.outputs.layers.LAYERS`.
    fields : tuple of str
        The fields it has.
    crs : CRS or None
        None for a table.
    bounds : tuple of float or None
        Left, bottom, right, top; None for a table or an empty layer.
    kind : {"polygon", "line", "point"} or None
        Of its features, where it is not the declared one.
    """

    name: str
    fields: tuple[str, ...]
    crs: CRS | None
    bounds: Bounds | None
    kind: GeometryKind | None = None


def qgis_project(
    file_name: str, layers: Sequence[ProjectLayer], *, title: str, class_grids: Sequence[ClassGrid] = ()
) -> bytes:
    """Return a zipped QGIS project (``.qgz``) that shows the layers of one GeoPackage, styled.

    Parameters
    ----------
    file_name : str
        Of the GeoPackage; the project names it relative to its own folder.
    layers : sequence of ProjectLayer
    title : str
        Of the project.
    class_grids : sequence of ClassGrid
        Grids of classes, drawn below everything else.

    Examples
    --------
    >>> layer = ProjectLayer("urban_centres", ("centre_id", "name"), CRS("EPSG:3035"), (0.0, 0.0, 9.0, 9.0))
    >>> zipfile.ZipFile(io.BytesIO(qgis_project("a.gpkg", [layer], title="A"))).namelist()
    ['project.qgs']
    """
    order = {name: position for position, name in enumerate(LAYERS)}
    entries = [
        _vector_entry(file_name, layer, field)
        for layer in sorted(layers, key=lambda layer: order[layer.name])
        for field in classified_fields(layer.name, layer.fields)
    ] + [_grid_entry(grid) for grid in class_grids]
    crs = next((layer.crs for layer in layers if layer.crs is not None), None)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed time keeps the same inputs the same bytes.
        member = zipfile.ZipInfo("project.qgs", date_time=(2000, 1, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o644 << 16
        archive.writestr(member, _document(entries, _extent(layers), crs, title))
    return content.getvalue()


@dataclass(frozen=True)
class _Entry:
    identifier: str
    title: str
    source: str
    provider: str
    visible: bool
    element: ET.Element


def _extent(layers: Sequence[ProjectLayer]) -> Bounds | None:
    boxes = [layer.bounds for layer in layers if layer.bounds is not None]
    if not boxes:
        return None
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _document(entries: Sequence[_Entry], extent: Bounds | None, crs: CRS | None, title: str) -> bytes:
    root = ET.Element("qgis", {"projectname": title, "version": QGIS_VERSION})
    ET.SubElement(root, "homePath", {"path": ""})
    ET.SubElement(root, "title").text = title
    if crs is not None:
        ET.SubElement(root, "projectCrs").append(_spatial_reference(crs))
    tree = ET.SubElement(root, "layer-tree-group")
    for entry in entries:
        ET.SubElement(
            tree,
            "layer-tree-layer",
            {
                "id": entry.identifier,
                "name": entry.title,
                "source": entry.source,
                "providerKey": entry.provider,
                "checked": "Qt::Checked" if entry.visible else "Qt::Unchecked",
                "expanded": "1" if entry.visible else "0",
            },
        )
    canvas = ET.SubElement(root, "mapcanvas", {"name": "theMapCanvas", "annotationsVisible": "1"})
    ET.SubElement(canvas, "units").text = "meters"
    if extent is not None:
        canvas.append(_bounds_element(extent, margin=0.03))
    if crs is not None:
        ET.SubElement(canvas, "destinationsrs").append(_spatial_reference(crs))
    layers = ET.SubElement(root, "projectlayers")
    layers.extend(entry.element for entry in entries)
    order = ET.SubElement(root, "layerorder")
    for entry in entries:
        ET.SubElement(order, "layer", {"id": entry.identifier})
    root.append(_properties())
    ET.indent(root, " ")
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return (doctype + ET.tostring(root, encoding="unicode") + "\n").encode()


def _properties() -> ET.Element:
    properties = ET.Element("properties")
    settings: Mapping[tuple[str, str], tuple[str, str]] = {
        ("Paths", "Absolute"): ("bool", "false"),
        ("SpatialRefSys", "ProjectionsEnabled"): ("int", "1"),
        ("Measurement", "DistanceUnits"): ("QString", "kilometers"),
        ("Measurement", "AreaUnits"): ("QString", "km2"),
        ("ScaleBar", "Enabled"): ("bool", "true"),
        ("ScaleBar", "Placement"): ("int", "1"),
        ("NorthArrow", "Enabled"): ("bool", "true"),
        ("NorthArrow", "Placement"): ("int", "2"),
    }
    groups: dict[str, ET.Element] = {}
    for (group, key), (kind, value) in settings.items():
        if group not in groups:
            groups[group] = ET.SubElement(properties, group)
        ET.SubElement(groups[group], key, {"type": kind}).text = value
    return properties


def _vector_entry(file_name: str, layer: ProjectLayer, classified_by: str | None) -> _Entry:
    spec = drawn_as(LAYERS[layer.name], layer.kind)
    source = f"./{file_name}|layername={layer.name}"
    finest = classified_fields(layer.name, layer.fields)[0]
    title = spec.title if classified_by is None else f"{spec.title}: {spec.field(classified_by).alias.lower()}"
    # QGIS ignores identifiers of ten characters and fewer.
    identifier = f"geo_profiling_{layer.name}" + ("" if classified_by is None else f"_{classified_by}")
    element = ET.Element("maplayer", _maplayer_attributes(spec, layer))
    ET.SubElement(element, "id").text = identifier
    ET.SubElement(element, "datasource").text = source
    ET.SubElement(element, "layername").text = title
    if layer.crs is not None:
        ET.SubElement(element, "srs").append(_spatial_reference(layer.crs))
    if layer.bounds is not None:
        element.append(_bounds_element(layer.bounds))
    element.append(_resource_metadata(title, spec.description))
    ET.SubElement(element, "provider", {"encoding": "UTF-8"}).text = "ogr"
    element.extend(style_elements(spec, layer.fields, classified_by=classified_by))
    visible = spec.has_geometry and spec.is_shown and classified_by == finest
    return _Entry(identifier, title, source, "ogr", visible, element)


def _maplayer_attributes(spec: LayerSpec, layer: ProjectLayer) -> dict[str, str]:
    return {
        "type": "vector",
        "geometry": "No geometry" if spec.geometry is None else spec.geometry.capitalize(),
        "wkbType": _WKB_TYPES[spec.geometry],
        "labelsEnabled": labels_enabled(spec, layer.fields),
        "simplifyDrawingHints": "1",
        "readOnly": "0",
    }


def _grid_entry(grid: ClassGrid) -> _Entry:
    identifier = f"geo_profiling_grid_level{grid.level}_{grid.path.replace('/', '_').replace('.', '_')}"
    source = f"./{grid.path}"
    element = ET.Element("maplayer", {"type": "raster"})
    ET.SubElement(element, "id").text = identifier
    ET.SubElement(element, "datasource").text = source
    ET.SubElement(element, "layername").text = grid.title
    ET.SubElement(element, "srs").append(_spatial_reference(grid.crs))
    element.append(_bounds_element(grid.bounds))
    ET.SubElement(element, "provider").text = "gdal"
    element.append(grid_pipe(grid.level))
    return _Entry(identifier, grid.title, source, "gdal", True, element)


def _resource_metadata(title: str, description: str) -> ET.Element:
    metadata = ET.Element("resourceMetadata")
    ET.SubElement(metadata, "type").text = "dataset"
    ET.SubElement(metadata, "title").text = title
    ET.SubElement(metadata, "abstract").text = description
    return metadata


def _bounds_element(bounds: Bounds, *, margin: float = 0.0) -> ET.Element:
    pad = margin * max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    element = ET.Element("extent")
    for key, value in zip(
        ("xmin", "ymin", "xmax", "ymax"),
        (bounds[0] - pad, bounds[1] - pad, bounds[2] + pad, bounds[3] + pad),
        strict=True,
    ):
        ET.SubElement(element, key).text = repr(float(value))
    return element


def _spatial_reference(crs: CRS) -> ET.Element:
    reference = ET.Element("spatialrefsys")
    authority = crs.to_authority()
    values = {
        "wkt": crs.to_wkt("WKT2_2019"),
        "srid": authority[1] if authority else "0",
        "authid": ":".join(authority) if authority else "",
        "description": crs.name,
        "geographicflag": "true" if crs.is_geographic else "false",
    }
    for key, value in values.items():
        ET.SubElement(reference, key).text = value
    return reference
