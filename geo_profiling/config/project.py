"""The whole configuration, and what it means for one region."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from geo_profiling.config.delineation import Delineation
from geo_profiling.config.environment import Environment
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.indicators import Indicators
from geo_profiling.config.inputs import Inputs
from geo_profiling.config.output import Output
from geo_profiling.config.regions import Outline, Region, RegionLayer
from geo_profiling.config.regrid import Regrid
from geo_profiling.config.section import LocalPath, Section
from geo_profiling.config.settlement_rules import Settlements

#: Where files may be fetched from: a scheme, and a host or a bucket.
ORIGIN = r"^(https?://[A-Za-z0-9.-]+(:[0-9]+)?|s3://[a-z0-9.-]+)$"


class Config(Section):
    """A project: inputs, methods, regions and where the results go."""

    version: Literal[1] = Field(description="Version of the configuration's format.")
    name: str = Field(min_length=1, description="Name of the project; stands in reports and manifests.")
    allowed_roots: list[LocalPath] = Field(
        default_factory=list,
        description="Folders that inputs may lie in, besides the folder of this configuration.",
    )
    allowed_hosts: list[Annotated[str, Field(pattern=ORIGIN)]] = Field(
        default_factory=list,
        description="Where inputs may be fetched from: 'https://host', 'http://host:port' or 's3://bucket'. "
        "Without it an input that is no local file is refused.",
    )
    inputs: Inputs = Field(description="Input files.")
    regrid: Regrid | None = Field(
        None,
        description="Rule for rasters that are not aligned or not equal-area; without it such rasters are refused.",
    )
    delineation: Delineation = Field(default_factory=Delineation, description="What is delineated, by which rules.")
    settlements: Settlements | None = Field(None, description="Informal settlements; not profiled where absent.")
    indicators: Indicators | None = Field(None, description="Indicators; not computed where absent.")
    exposure: Exposure | None = Field(None, description="Choices for exposure to the hazards of 'inputs.hazards'.")
    environment: Environment | None = Field(None, description="Environmental profile; not told where absent.")
    regions: Annotated[list[Region], Field(min_length=1)] = Field(
        default_factory=list, description="Regions, each computed and published by itself."
    )
    region_layer: RegionLayer | None = Field(
        None, description="Instead of 'regions': a layer, of which every feature is a region."
    )
    output: Output = Field(description="Where results go.")

    @model_validator(mode="after")
    def _regions_are_told_once(self) -> Config:
        if bool(self.regions) == (self.region_layer is not None):
            raise ValueError("give 'regions' or 'region_layer', one of the two")
        return self

    @model_validator(mode="after")
    def _regions_differ(self) -> Config:
        # Folders 'Accra' and 'accra' are one folder on some systems.
        names = [region.name.casefold() for region in self.regions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"regions listed twice: {', '.join(twice)}")
        return self


@dataclass(frozen=True)
class RegionSettings:
    """Everything that one region is computed from: the configuration with the region's overrides.

    Parameters
    ----------
    project : str
        Name of the project.
    name, title : str
        Folder name and heading.
    inputs : Inputs
        Input files, overrides merged.
    regrid : Regrid or None
        Common grid, if there is one.
    delineation : Delineation
        Rules, overrides merged.
    settlements : Settlements or None
        Rules for informal settlements, overrides merged.
    indicators : Indicators or None
        Choices for the indicators, overrides merged.
    exposure : Exposure or None
        Choices for exposure, overrides merged.
    environment : Environment or None
        Choices for the environmental profile, overrides merged; None: it is not told.
    outline : Outline or None
        The region's polygon.
    bounds : tuple of float or None
        Left, bottom, right and top in the CRS of the population grid.
    halo_km : float
        How far around outline or bounds cells are read.
    roots : tuple of Path
        Folders that input files may lie in.
    """

    project: str
    name: str
    title: str
    inputs: Inputs
    regrid: Regrid | None
    delineation: Delineation
    settlements: Settlements | None
    indicators: Indicators | None
    exposure: Exposure | None
    environment: Environment | None
    outline: Outline | None
    bounds: tuple[float, float, float, float] | None
    halo_km: float
    roots: tuple[Path, ...]


@dataclass(frozen=True)
class Project:
    """A loaded configuration.

    Parameters
    ----------
    path : Path
        The configuration file.
    config : Config
        As written.
    regions : tuple of RegionSettings
        In the order of the file.
    """

    path: Path
    config: Config
    regions: tuple[RegionSettings, ...]
