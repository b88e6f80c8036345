"""What a published layer and a field of it are, in words; and the fields that many layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldType = Literal["identifier", "text", "integer", "number", "truth"]


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
    has_geometry : bool
        Multipolygons, or a table.
    fields : tuple of FieldSpec
    """

    name: str
    title: str
    description: str
    has_geometry: bool
    fields: tuple[FieldSpec, ...]

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
