"""Section ``regions``: the areas that are computed one by one."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, model_validator

from geo_profiling.config.section import LocalPath, Section

#: A region's name is a folder's and a file's name on every system.
REGION_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
_HALO = "How far cells around the outline or bounds are read, so that clusters are whole."


class Outline(Section):
    """The polygon of a region."""

    path: LocalPath = Field(description="Vector file with the outline, relative to the folder of this configuration.")
    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    field: str | None = Field(None, description="Field that tells the features of this region; without it all count.")
    value: str | int | None = Field(None, description="What the field says in the features of this region.")

    @model_validator(mode="after")
    def _field_with_value(self) -> Outline:
        if (self.field is None) != (self.value is None):
            raise ValueError("'field' and 'value' go together")
        return self


class Overrides(Section):
    """What differs in one region from the rest of the configuration."""

    inputs: dict[str, Any] | None = Field(None, description="Keys of 'inputs' that differ in this region.")
    regrid: dict[str, Any] | None = Field(None, description="Keys of 'regrid' that differ in this region.")
    delineation: dict[str, Any] | None = Field(None, description="Keys of 'delineation' that differ in this region.")
    settlements: dict[str, Any] | None = Field(None, description="Keys of 'settlements' that differ in this region.")
    indicators: dict[str, Any] | None = Field(None, description="Keys of 'indicators' that differ in this region.")
    exposure: dict[str, Any] | None = Field(None, description="Keys of 'exposure' that differ in this region.")
    environment: dict[str, Any] | None = Field(None, description="Keys of 'environment' that differ in this region.")


class Region(Overrides):
    """One region, with what differs from the rest of the configuration."""

    name: str = Field(pattern=REGION_NAME, description="Names the output folder and its GeoPackage.")
    title: str | None = Field(None, description="Heading of maps and report; the name where absent.")
    outline: Outline | None = Field(
        None,
        description="Only the cells of this polygon's bounding box (a halo around it is read), and only the units "
        "whose inner point lies in the polygon itself; rasters and tables of classes cover the whole box.",
    )
    bounds: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        None, description="Instead of an outline: left, bottom, right and top in the CRS of the population grid."
    )
    halo_km: float = Field(50.0, ge=0, description=_HALO)

    @model_validator(mode="after")
    def _one_extent(self) -> Region:
        if self.outline is not None and self.bounds is not None:
            raise ValueError("give 'outline' or 'bounds', not both")
        if self.bounds is not None and not (self.bounds[0] < self.bounds[2] and self.bounds[1] < self.bounds[3]):
            raise ValueError("bounds are left, bottom, right, top: left below right, bottom below top")
        return self


class RegionOverride(Overrides):
    """What differs in one region of a layer."""

    title: str | None = Field(None, description="Heading of maps and report, instead of the layer's.")
    halo_km: float | None = Field(None, ge=0, description=_HALO)


class RegionLayer(Section):
    """A layer of regions: each of its features is one."""

    path: LocalPath = Field(description="Vector file with the outlines, relative to the folder of this configuration.")
    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    name_field: str = Field(
        description="Field whose values, each in one feature only, name the regions; what no folder may be called is "
        "spelt with A-Z, a-z, 0-9, '_' and '-'."
    )
    title_field: str | None = Field(None, description="Field with the headings; 'name_field' where absent.")
    halo_km: float = Field(50.0, ge=0, description=_HALO)
    overrides: dict[str, RegionOverride] = Field(
        default_factory=dict, description="What differs, by the name of the region or the value of 'name_field'."
    )


def region_names(values: Iterable[str]) -> dict[str, str]:
    """Return, for the values of a field, names that folders can have on every system, each once.

    Values that would get the same name get a digest of the value behind it, so that no name depends
    on the order of the features.

    Parameters
    ----------
    values : iterable of str
        All different.

    Examples
    --------
    >>> region_names(["São Paulo", "Accra / Tema"])
    {'São Paulo': 'Sao_Paulo', 'Accra / Tema': 'Accra_Tema'}
    >>> sorted(region_names(["A b", "a-b", "A_B"]).values())
    ['A_B_6c1908', 'A_b_a760b0', 'a-b']
    """
    plain = {value: _plain(value) for value in values}
    used = Counter(name.casefold() for name in plain.values())
    return {
        value: name if name and used[name.casefold()] == 1 else f"{name[:57] or 'region'}_{_tag(value)}"
        for value, name in plain.items()
    }


def _plain(value: str) -> str:
    letters = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", letters).strip("_-")[:64]


def _tag(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:6]
