"""Rule sets of the Degree of Urbanisation, with their versions.

Densities are per km2 of permanent land, distances and gaps in km and km2, so that the same rules
hold on cells of any size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from geo_profiling.errors import UsageError
from geo_profiling.raster.components import Connectivity
from geo_profiling.raster.focal import Smoothing

RulesVersion = Literal["2021", "2024"]
Level = Literal[1, 2]


@dataclass(frozen=True)
class DegurbaRules:
    """Thresholds of the Degree of Urbanisation on cells.

    Attributes
    ----------
    version : {"2021", "2024"}
        Which definition of semi-dense clusters, and of the classes of units.
    dense_density_per_km2, dense_population, centre_population : float
        Dense cells (or built-up, see below) form dense clusters and urban centres over sides.
    semi_dense_density_per_km2, semi_dense_population, semi_dense_connectivity, semi_dense_buffer_km
        A semi-dense cluster with any cell within the buffer (Chebyshev distance) around urban
        centres and dense clusters is dropped whole.
    urban_density_per_km2, urban_population, rural_cluster_population : float
        Urban and rural clusters, over sides and corners.
    low_density_per_km2 : float
        Between low and very low density rural cells.
    built_up_threshold : float or None
        Cells with at least this built-up share of their land are dense as well (None: never).
    smoothing : {"r2022a", "r2023a", "none"}
        Edge smoothing of urban centres.
    max_gap_km2 : float
        Gaps of urban centres below this area are filled; 0 fills none.

    References
    ----------
    European Union, FAO, UN-Habitat, OECD, World Bank 2021, Applying the Degree of Urbanisation,
    chapters 2 and 7; GHSL Data Package 2023, GHS-SMOD.

    Examples
    --------
    >>> rule_set("2021").semi_dense_density_per_km2, rule_set("2024").semi_dense_density_per_km2
    (300.0, 900.0)
    """

    version: RulesVersion
    semi_dense_density_per_km2: float
    semi_dense_population: float
    semi_dense_connectivity: Connectivity
    semi_dense_buffer_km: float
    dense_density_per_km2: float = 1500.0
    dense_population: float = 5000.0
    centre_population: float = 50_000.0
    urban_density_per_km2: float = 300.0
    urban_population: float = 5000.0
    rural_cluster_population: float = 500.0
    low_density_per_km2: float = 50.0
    built_up_threshold: float | None = 0.20
    smoothing: Smoothing = "r2023a"
    max_gap_km2: float = 15.0


_RULE_SETS: dict[str, DegurbaRules] = {
    "2021": DegurbaRules("2021", 300.0, 5000.0, 8, 3.0),
    "2024": DegurbaRules("2024", 900.0, 2500.0, 4, 2.0),
}


def rule_set(version: str = "2024", **changes: Any) -> DegurbaRules:
    """Return a rule set by version, with single thresholds changed.

    Parameters
    ----------
    version : {"2021", "2024"}
        "2021": semi-dense 300 per km2, 5,000 people, corners connect, 3 km buffer (the manual of
        2021 and GHS-SMOD R2023A); "2024": 900, 2,500, sides only, 2 km (rules from July 2024).
    **changes
        Attributes of :class:`DegurbaRules` and their values.

    Raises
    ------
    UsageError
        If the version or an attribute is unknown, or a threshold cannot be meant.

    Examples
    --------
    >>> rule_set("2024", built_up_threshold=None).built_up_threshold is None
    True
    """
    if version not in _RULE_SETS:
        raise UsageError(f"unknown rules {version!r}", hint=f"choose one of {', '.join(_RULE_SETS)}")
    unknown = sorted(set(changes) - set(DegurbaRules.__dataclass_fields__))
    if unknown:
        raise UsageError(f"unknown thresholds {', '.join(unknown)}", hint="see geo_profiling.delineation.rules")
    rules = replace(_RULE_SETS[version], **changes)
    threshold = rules.built_up_threshold
    if threshold is not None and not 0 < threshold <= 1:
        raise UsageError(f"built-up threshold {threshold} is not a share of land above 0 and up to 1")
    if rules.max_gap_km2 < 0:
        raise UsageError(f"a gap area of {rules.max_gap_km2} km2 is negative")
    return rules
