"""Section ``environment``: what is told of green and water, ecosystems, and growth into hazard zones."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.section import Section


class Environment(Section):
    """The environmental profile of settlements and city."""

    beside_m: float = Field(
        100.0, gt=0, description="People within so many metres of an ecosystem, straight, live beside it."
    )
    walk_m: float = Field(
        400.0,
        gt=0,
        description="Way on foot within which people have access to an open space, and to water (SDG 11.7.1: 400 m).",
    )
    growth_hazards: list[str] | None = Field(
        None,
        description="Hazards whose zones built-up growth is measured in; where absent all that make a hazardous "
        "location (not heat).",
    )
    growth_from: dict[str, float] = Field(
        default_factory=dict,
        description="Threshold by hazard from which ground is a hazard zone when growth is measured; that from which "
        "people count as exposed where absent.",
    )
