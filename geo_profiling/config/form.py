"""Section ``settlements.form``: morphological informality, candidate settlements, population of settlements."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from geo_profiling.config.section import Section


class Informality(Section):
    """Rules of the class of morphological informality; thresholds that are not given come from the city itself."""

    small_percentile: float = Field(
        50.0, ge=0, le=100, description="Cells are small up to this percentile of the median building area."
    )
    dense_percentile: float = Field(
        50.0, ge=0, le=100, description="Cells are dense from this percentile of cover and of buildings per hectare."
    )
    irregular_percentile: float = Field(
        67.0, ge=0, le=100, description="Cells are irregular from this percentile of misalignment and of disorder."
    )
    min_buildings: int = Field(
        5, ge=1, description="Cells with fewer buildings do not count for the percentiles and have no class."
    )
    building_area_m2: float | None = Field(
        None, gt=0, description="Median building area up to which a cell is small; instead of the percentile."
    )
    coverage_share: float | None = Field(
        None, ge=0, le=1, description="Built cover from which a cell is dense; instead of the percentile."
    )
    buildings_per_ha: float | None = Field(
        None, ge=0, description="Buildings per hectare from which a cell is dense; instead of the percentile."
    )
    local_alignment_deg: float | None = Field(
        None, ge=0, le=45, description="Mean misalignment from which a cell is irregular; instead of the percentile."
    )
    orientation_disorder: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Disorder of directions from which a cell is irregular; instead of the percentile.",
    )
    max_building_area_m2: float = Field(
        80.0, gt=0, description="The percentile never makes larger buildings than this small."
    )
    min_coverage_share: float = Field(
        0.10, ge=0, le=1, description="The percentile never makes less built cover than this dense."
    )
    min_buildings_per_ha: float = Field(
        20.0, ge=0, description="The percentile never makes fewer buildings per hectare than this dense."
    )
    min_local_alignment_deg: float = Field(
        5.0, ge=0, le=45, description="The percentile never makes less misalignment than this irregular."
    )
    min_orientation_disorder: float = Field(
        0.5, ge=0, le=1, description="The percentile never makes less disorder than this irregular."
    )


class Ramp(Section):
    """A part of a score: 0 up to one value, 1 from another, a straight line between them."""

    zero_at: float = Field(description="Where the part is 0.")
    one_at: float = Field(description="Where the part is 1; it may be the lower of the two.")

    @model_validator(mode="after")
    def _is_sloped(self) -> Ramp:
        if self.zero_at == self.one_at:
            raise ValueError("'zero_at' and 'one_at' must differ")
        return self


class Candidates(Section):
    """How candidate settlements are found: buildings whose surroundings score high, joined where they are close."""

    radius_m: float = Field(50.0, gt=0, description="Surroundings of a building, in metres.")
    small_m2: float = Field(60.0, gt=0, description="Buildings below this area are small.")
    small_share: Ramp = Field(Ramp(zero_at=0.2, one_at=0.7), description="Share of small buildings around.")
    buildings_per_ha: Ramp = Field(Ramp(zero_at=10.0, one_at=50.0), description="Buildings per hectare around.")
    local_alignment_deg: Ramp = Field(
        Ramp(zero_at=3.0, one_at=15.0), description="Mean misalignment with the buildings around, degrees."
    )
    orientation_disorder: Ramp = Field(Ramp(zero_at=0.3, one_at=0.9), description="Disorder of the directions around.")
    street_distance_m: Ramp = Field(
        Ramp(zero_at=20.0, one_at=100.0), description="Distance to the nearest street of access, in metres."
    )
    min_score: float = Field(0.6, gt=0, le=1, description="Score from which a building belongs to a candidate.")
    gap_m: float = Field(20.0, gt=0, description="Buildings up to this far apart belong together, in metres.")
    min_buildings: int = Field(20, ge=1, description="Candidates with fewer buildings are dropped.")


class SettlementPopulation(Section):
    """Which figure of the population of a settlement later figures use, and the correction of gridded counts."""

    prefer: tuple[Literal["enumerated", "building_based", "gridded"], ...] = Field(
        ("enumerated", "building_based", "gridded"),
        min_length=1,
        strict=False,
        description="The first of these that is known is used; what is not listed never is.",
    )
    gridded_by_enumerated: float | None = Field(
        None,
        gt=0,
        description="Gridded by enumerated people that is assumed where nobody was enumerated (0.41: median of 351 "
        "settlements with WorldPop constrained); gives corrected figures beside the others.",
    )
    gridded_by_enumerated_low: float | None = Field(None, gt=0, description="Low end of that ratio.")
    gridded_by_enumerated_high: float | None = Field(None, gt=0, description="High end of that ratio.")

    @model_validator(mode="after")
    def _is_a_range(self) -> SettlementPopulation:
        ratio, low, high = self.gridded_by_enumerated, self.gridded_by_enumerated_low, self.gridded_by_enumerated_high
        if len(set(self.prefer)) != len(self.prefer):
            raise ValueError("'prefer' names a figure twice")
        if ratio is None and (low is not None or high is not None):
            raise ValueError("a range of the ratio needs the ratio itself ('gridded_by_enumerated')")
        if ratio is not None and not (low or ratio) <= ratio <= (high or ratio):
            raise ValueError("the ratio must lie within its range")
        return self


class Form(Section):
    """Form of settlements: class of informality, candidates, population."""

    plots: bool = Field(
        False,
        description="Also divide the ground between the buildings: size of plots, orientation to neighbours. It takes "
        "longer than everything else.",
    )

    informality: Informality = Field(Informality(), description="Class of morphological informality.")
    candidates: Candidates | None = Field(Candidates(), description="Candidate settlements; null: none are looked for.")
    population: SettlementPopulation = Field(SettlementPopulation(), description="Population of settlements.")
