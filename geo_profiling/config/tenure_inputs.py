"""Input files of tenure: the tables of a register after ISO 19152, and evictions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from geo_profiling.config.files import FileInput
from geo_profiling.config.section import CrsText, Section


class TenureTable(FileInput):
    """A table of the register (CSV)."""

    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Column of the file for each of the model's that is called otherwise (party_id: nr). "
        "Columns that are not of the model, names above all, are never read.",
    )
    encoding: str = Field("utf-8", description="Of the text.")


class TenureLayer(TenureTable):
    """A table of the register whose rows may have a place: a CSV, or a layer."""

    layer: str | None = Field(None, description="Layer to read, where the file is one with several.")
    crs: CrsText | Literal["local-planar"] | None = Field(
        None,
        description="Coordinate reference system of a layer that declares none; 'local-planar' for a plan in metres "
        "that is not tied to the Earth.",
    )


class TenureInput(Section):
    """A register of tenure: who holds what, by which right, for how long."""

    parties: TenureTable = Field(
        description="People, households and groups; all adults, also those who hold nothing. Columns party_id, kind, "
        "sex, age or is_adult, household_id, weight, settlement_id."
    )
    spatial_units: TenureLayer = Field(
        description="What is held. Columns unit_id, level, settlement_id (by place where absent), valid_from, valid_to."
    )
    rights: TenureTable = Field(
        description="Columns party_id, unit_id, tenure_type, share, valid_from, valid_to, documented, perceived, "
        "may_bequeath, may_sell, dispute_status, dispute_type, source_id."
    )
    sources: TenureTable | None = Field(None, description="Documents. Columns source_id, kind.")
    evictions: TenureLayer | None = Field(
        None,
        description="Evictions and threats. Columns event_id, kind, date_start, settlement_id, date_end, households, "
        "structures, persons_female, persons_male, notice_days, court_order, compensation, resettlement, "
        "resettlement_distance_m, source_id, confidence.",
    )
