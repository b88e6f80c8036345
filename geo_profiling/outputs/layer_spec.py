"""What a published layer and a field of it are, in words; and the fields that many layers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from geo_profiling.outputs.legend import ClassLabel, RangeLabel, WordLabel

FieldType = Literal["identifier", "text", "integer", "number", "truth"]
GeometryKind = Literal["polygon", "line", "point"]
Legend = Sequence[ClassLabel] | Sequence[WordLabel] | Sequence[RangeLabel]


@dataclass(frozen=True)
class FieldSpec:
    """One field of a layer.

    Attributes
    ----------
    name : str
        As stored; the unit is part of it.
    alias : str
        What readers see, with the unit.
    description : str
        One sentence.
    type : {"identifier", "text", "integer", "number", "truth"}
        Identifiers stay whole numbers or text, as they came.
    decimals : int
        Shown to readers; the stored value keeps all.
    required : bool
        The layer is never without it.
    unique : bool
        Identifies the feature: no NULL, no value twice.
    minimum, maximum : float or None
        Values outside cannot be.
    nullable : bool
        Whether it may be unknown.
    legend : sequence of ClassLabel, WordLabel or RangeLabel
        Words and colours of its values, where they are not many.
    """

    name: str
    alias: str
    description: str
    type: FieldType = "number"
    decimals: int = 0
    required: bool = True
    unique: bool = False
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = True
    legend: Legend = ()


@dataclass(frozen=True)
class Look:
    """How the features of a layer without classes are drawn.

    Attributes
    ----------
    fill : str or None
        ``#rrggbb``, or None for no fill; lines have none.
    opacity : float
        Of the fill, 0-1.
    line : str
        ``#rrggbb``.
    width_mm : float
        Of the line; of a point, its diameter.
    """

    fill: str | None
    opacity: float
    line: str
    width_mm: float


@dataclass(frozen=True)
class Label:
    """How names are written: what, how large, in which colour, where and how willingly left out.

    Attributes
    ----------
    expression : str
        In QGIS's language.
    size : int
        In points.
    colour : str
        ``#rrggbb``.
    is_bold : bool
    must_fit : bool
        Inside its polygon, and left out where it does not fit; else over the centroid.
    priority : int
        0-10; where labels meet the higher one stays.
    only_near : bool
        Only when the map is zoomed in.
    """

    expression: str
    size: int
    colour: str
    is_bold: bool
    must_fit: bool
    priority: int
    only_near: bool = False


@dataclass(frozen=True)
class LayerSpec:
    """One layer: what it is called, what it shows and which fields it has.

    Attributes
    ----------
    name : str
        In the GeoPackage.
    title : str
        In plain words.
    description : str
        What it shows and how it came about.
    geometry : {"polygon", "line", "point"} or None
        What its features are, always as multi-part geometries; None: a table.
    fields : tuple of FieldSpec
    look : Look
        Of features that no field colours.
    coloured_by : tuple of str
        Fields with a legend that colour the layer, the first by default.
    is_shown : bool
        Whether a map shows it before the reader asks for it.
    label : Label or None
        How its features carry their names on a map.
    """

    name: str
    title: str
    description: str
    geometry: GeometryKind | None
    fields: tuple[FieldSpec, ...]
    look: Look = Look(None, 0.0, "#555555", 0.2)
    coloured_by: tuple[str, ...] = ()
    is_shown: bool = True
    label: Label | None = None

    @property
    def has_geometry(self) -> bool:
        """Whether it is no mere table."""
        return self.geometry is not None

    def field(self, name: str) -> FieldSpec:
        """Return the field of that name."""
        return next(field for field in self.fields if field.name == name)


POPULATION = FieldSpec("population", "Population (people)", "People who live inside.", minimum=0)
AREA = FieldSpec("area_km2", "Area (km²)", "Area, measured in an equal-area projection.", decimals=1, minimum=0)
NAME = FieldSpec("name", "Name", "Name; empty if unknown.", "text", required=False)
TOUCHES_EDGE = FieldSpec(
    "touches_edge",
    "Reaches the edge of the data",
    "It lies at the edge of the population grid and may go on beyond: its people and area are lower limits.",
    "truth",
    required=False,
    nullable=False,
)

#: Label expressions.
NAME_AND_PEOPLE = "coalesce(\"name\" || '{}\\n', '') || format_number(\"population\", 0) || ' people'"
UNIT_LABEL = Label('"name"', 7, "#333333", is_bold=False, must_fit=True, priority=3, only_near=True)
