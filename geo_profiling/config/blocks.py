"""Section ``settlements.blocks``: street blocks, how deep buildings lie in them, and new paths."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.section import Section


class NewPaths(Section):
    """Short new paths in blocks whose buildings lie deep."""

    min_k: int = Field(3, ge=2, description="Complexity from which a block gets new paths.")
    cost_per_m: float | None = Field(None, gt=0, description="Cost of a metre of path, in any currency.")


class Blocks(Section):
    """Street blocks and the access of buildings to streets."""

    context_m: float = Field(
        250.0,
        ge=0,
        description="Ground around the settlements that is cut into blocks, where no 'study_area' is given.",
    )
    contact_m: float = Field(0.01, gt=0, description="Plots this near to one another touch.")
    access_m: float = Field(1.0, gt=0, description="A plot this near to a street touches it.")
    gap_m: float = Field(100.0, ge=0, description="Streets with gaps up to this between them are one network.")
    new_paths: NewPaths | None = Field(
        default_factory=NewPaths, description="Short new paths that give every building access; null: none are sought."
    )
