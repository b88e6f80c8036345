"""Hazard kinds as small declared objects: unit, thresholds, direction, what zero and no data mean.

A kind says how a number in a raster is read; which events there are (return periods, scenarios,
epochs) is said beside it. A user adds a kind in the configuration with the same fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from geo_profiling.errors import UsageError
from geo_profiling.hazard.bands import Bands, NodataMeans
from geo_profiling.raster.values import Quantity

Unit = Literal["m", "cm", "degree", "percentile", "class", "degree_celsius", "m_distance"]
#: above: the more, the more hazardous; below: the less (elevation, distance).
Direction = Literal["above", "below"]

#: Water over ground is nowhere deeper, in metres: a sentinel, or another unit.
PLAUSIBLE_DEPTH_M: Final = 99.0
#: Where more than half of the wet cells are deeper, in metres, the unit is another one.
PLAUSIBLE_MEDIAN_DEPTH_M: Final = 10.0


#: What a value of these units stays below: heights read as slopes, temperatures read as percentiles.
_GREATEST: Final = {"degree": 90.0, "percentile": 100.5}


@dataclass(frozen=True)
class HazardKind:
    """How the numbers of a hazard raster are read.

    Parameters
    ----------
    name : str
        For messages and tables.
    unit : str
        Of the raster.
    bands : Bands
        Thresholds in metres for ``m`` and ``cm``, else in ``unit``.
    direction : {"above", "below"}
        Which side of a threshold is exposed.
    nodata_means : {"unknown", "dry"}
        Dry only where the provider says so.
    reference : str
        Where the thresholds come from.

    Examples
    --------
    >>> HazardKind("river_flood", "cm", Bands((0.15,))).per_unit
    100
    """

    name: str
    unit: Unit = "m"
    bands: Bands = field(default_factory=Bands)
    direction: Direction = "above"
    nodata_means: NodataMeans = "unknown"
    reference: str = ""

    @property
    def per_unit(self) -> int:
        """Units of the raster in one unit of the thresholds."""
        return 100 if self.unit == "cm" else 1

    @property
    def is_depth(self) -> bool:
        """Whether the numbers are depths: not negative, 0 is dry, and of a plausible size."""
        return self.unit in ("m", "cm")

    @property
    def quantity(self) -> Quantity:
        """What the raster's reader checks."""
        if self.is_depth:
            return "depth"
        return "class" if self.unit == "class" else "any"

    @property
    def limit(self) -> float:
        """Greatest value that can be meant, in the raster's unit; infinite where there is none."""
        if self.is_depth:
            return PLAUSIBLE_DEPTH_M * self.per_unit
        return _GREATEST.get(self.unit, float("inf"))

    def exposed_bands(self, threshold: float) -> tuple[str, ...]:
        """Return the bands that count as exposed at a threshold.

        Raises
        ------
        UsageError
            If the threshold is none of the kind's.

        Examples
        --------
        >>> HazardKind("flood", bands=Bands((0.15, 0.5))).exposed_bands(0.5)
        ('>=0.5',)
        >>> HazardKind("coast", bands=Bands((1.0, 2.0)), direction="below").exposed_bands(2.0)
        ('<1', '1-2')
        """
        if threshold not in self.bands.thresholds:
            raise UsageError(
                f"{self.name}: {threshold:g} is no threshold of its bands",
                hint=f"choose from {', '.join(f'{value:g}' for value in self.bands.thresholds)}",
            )
        at = self.bands.thresholds.index(threshold) + 1
        return self.bands.labels[at:] if self.direction == "above" else self.bands.labels[:at]


#: Kinds that come with the package; :func:`kind` gives one, with changes.
KINDS: Final = {
    "flood": HazardKind("flood", "m", reference="Rentschler, Salhab and Jafino (2022), Nature Communications 13, 3527"),
    "storm_surge": HazardKind("storm_surge", "m", reference="as flood"),
    "slope": HazardKind("slope", "degree", Bands((15.0, 25.0)), reference="15 and 25 degrees, local practice"),
    "landslide_susceptibility": HazardKind(
        "landslide_susceptibility", "class", Bands((3.0, 4.0)), reference="classes 1 (very low) to 5 (very high)"
    ),
    "heat": HazardKind(
        "heat", "percentile", Bands((80.0, 90.0, 95.0)), reference="surface temperature within the city"
    ),
    "sea_level": HazardKind(
        "sea_level", "m_distance", Bands((1.0, 2.0, 5.0)), "below", reference="ground connected to the sea"
    ),
    "fire_access": HazardKind(
        "fire_access", "m_distance", Bands((50.0, 100.0)), reference="beyond 50 to 100 m no engine reaches"
    ),
}


def kind(name: str, **changes: object) -> HazardKind:
    """Return a kind of the package by name, with some of its fields changed.

    Raises
    ------
    UsageError
        If there is none of that name.

    Examples
    --------
    >>> kind("flood", unit="cm").limit
    9900.0
    """
    if name not in KINDS:
        raise UsageError(f"there is no hazard kind {name!r}", hint=f"one of {', '.join(KINDS)}, or declare your own")
    return replace(KINDS[name], **changes)  # type: ignore[arg-type]  # checked where the values come from
