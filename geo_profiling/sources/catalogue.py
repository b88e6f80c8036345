"""The official sources that ``geo-profiling fetch`` knows: one table of addresses, licences and citations.

An address is a pattern; what stands in braces is filled in from the outline (``row``, ``column``,
``country``) and from options (``year``, ``resolution``, ``level``, ``return_period``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from geo_profiling.errors import UsageError

#: How the files of a source are cut: tiles of the GHSL, one file a country, an index of extracts, the world.
Cut = Literal["ghsl_tiles", "country", "extracts", "world"]
_GHSL = "https://jeodpp.jrc.ec.europa.eu/ftp/jrc-opendata/GHSL"
_GHSL_LICENCE = "CC BY 4.0 (European Commission, reuse notice of Decision 2011/833/EU)"


@dataclass(frozen=True)
class Source:
    """A source of data.

    Parameters
    ----------
    name : str
        As the command line calls it.
    title : str
        For people.
    base : str
        Address in front of every file; a mirror has the same files behind another base.
    pattern : str
        Path of a file behind the base.
    cut : str
        How its files are cut.
    licence, citation : str
        Written beside every file.
    options : mapping of str to tuple of int
        What can be chosen, the default first.
    """

    name: str
    title: str
    base: str
    pattern: str
    cut: Cut
    licence: str
    citation: str
    options: dict[str, tuple[int, ...]] = field(default_factory=dict)


_EPOCHS = (2020, 1975, 1980, 1985, 1990, 1995, 2000, 2005, 2010, 2015, 2025, 2030)

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "ghs-pop",
            "GHS-POP R2023A: people in each cell",
            _GHSL,
            "GHS_POP_GLOBE_R2023A/GHS_POP_E{year}_GLOBE_R2023A_54009_{resolution}/V1-0/tiles/"
            "GHS_POP_E{year}_GLOBE_R2023A_54009_{resolution}_V1_0_R{row}_C{column}.zip",
            "ghsl_tiles",
            _GHSL_LICENCE,
            "Schiavina M., Freire S., Carioli A., MacManus K. (2023): GHS-POP R2023A - GHS population grid "
            "multitemporal (1975-2030). European Commission, Joint Research Centre (JRC). "
            "doi:10.2905/2FF68A52-5B5B-4A22-8F40-C41DA8332CFE",
            {"year": _EPOCHS, "resolution": (1000, 100)},
        ),
        Source(
            "ghs-built-s",
            "GHS-BUILT-S R2023A: built-up surface, m2 in each cell",
            _GHSL,
            "GHS_BUILT_S_GLOBE_R2023A/GHS_BUILT_S_E{year}_GLOBE_R2023A_54009_{resolution}/V1-0/tiles/"
            "GHS_BUILT_S_E{year}_GLOBE_R2023A_54009_{resolution}_V1_0_R{row}_C{column}.zip",
            "ghsl_tiles",
            _GHSL_LICENCE,
            "Pesaresi M., Politis P. (2023): GHS-BUILT-S R2023A - GHS built-up surface grid (1975-2030). "
            "European Commission, Joint Research Centre (JRC). doi:10.2905/9F06F36F-4B11-47EC-ABB0-4F8B7B1D72EA",
            {"year": _EPOCHS, "resolution": (1000, 100)},
        ),
        Source(
            "ghs-land",
            "GHS-LAND R2022A: permanent land, m2 in each cell",
            _GHSL,
            "GHS_LAND_GLOBE_R2022A/GHS_LAND_E2018_GLOBE_R2022A_54009_{resolution}/V1-0/tiles/"
            "GHS_LAND_E2018_GLOBE_R2022A_54009_{resolution}_V1_0_R{row}_C{column}.zip",
            "ghsl_tiles",
            _GHSL_LICENCE,
            "Pesaresi M., Politis P. (2022): GHS-LAND R2022A - Land fraction as derived from Sentinel2 image "
            "composite (2018) and OSM data. European Commission, Joint Research Centre (JRC).",
            {"resolution": (1000, 100)},
        ),
        Source(
            "ghs-smod",
            "GHS-SMOD R2023A: Degree of Urbanisation of each cell, as the JRC classified it",
            _GHSL,
            "GHS_SMOD_GLOBE_R2023A/GHS_SMOD_E{year}_GLOBE_R2023A_54009_1000/V2-0/tiles/"
            "GHS_SMOD_E{year}_GLOBE_R2023A_54009_1000_V2_0_R{row}_C{column}.zip",
            "ghsl_tiles",
            _GHSL_LICENCE,
            "Schiavina M., Melchiorri M., Pesaresi M. (2023): GHS-SMOD R2023A - GHS settlement layers. "
            "European Commission, Joint Research Centre (JRC). doi:10.2905/A0DF7A6F-49DE-46EA-9BDE-563437A6E2BA",
            {"year": _EPOCHS},
        ),
        Source(
            "worldpop",
            "WorldPop: people in each cell of 3 arc-seconds, unconstrained",
            "https://data.worldpop.org",
            "GIS/Population/Global_2000_2020/{year}/{country}/{country_lower}_ppp_{year}.tif",
            "country",
            "CC BY 4.0",
            "WorldPop (School of Geography and Environmental Science, University of Southampton), "
            "Global High Resolution Population Denominators Project. doi:10.5258/SOTON/WP00645",
            {"year": tuple(range(2020, 1999, -1))},
        ),
        Source(
            "aqueduct-floods",
            "Aqueduct Floods: depth of river floods in metres, historical climate",
            "https://wri-projects.s3.amazonaws.com/AqueductFloodTool/download/v2",
            "inunriver_historical_000000000WATCH_1980_rp{return_period:05d}.tif",
            "world",
            "CC BY 4.0",
            "Ward P. J. et al. (2020): Aqueduct Floods Methodology. World Resources Institute, Washington DC.",
            {"return_period": (100, 2, 5, 10, 25, 50, 250, 500, 1000)},
        ),
        Source(
            "osm",
            "OpenStreetMap: the smallest extract of Geofabrik around the outline",
            "https://download.geofabrik.de",
            "index-v1.json",
            "extracts",
            "ODbL 1.0",
            "OpenStreetMap contributors, extract of Geofabrik GmbH",
        ),
        Source(
            "geoboundaries",
            "geoBoundaries (gbOpen): administrative boundaries",
            "https://github.com/wmgeolab/geoBoundaries/raw/main/releaseData/gbOpen",
            "{country}/ADM{level}/geoBoundaries-{country}-ADM{level}.geojson",
            "country",
            "CC BY 4.0, or the licence that the boundary's own metadata names",
            "Runfola D. et al. (2020): geoBoundaries: A global database of political administrative boundaries. "
            "PLoS ONE 15(4): e0231866. doi:10.1371/journal.pone.0231866",
            {"level": (2, 0, 1, 3, 4, 5)},
        ),
    )
}

#: Which country an outline lies in.
COUNTRIES = Source(
    "countries",
    "Natural Earth: countries",
    "https://naciscdn.org/naturalearth",
    "50m/cultural/ne_50m_admin_0_countries.zip",
    "world",
    "public domain",
    "Natural Earth",
)


def find_source(name: str) -> Source:
    """Return a source by its name.

    Raises
    ------
    UsageError
        If there is none; all are listed.

    Examples
    --------
    >>> find_source("worldpop").licence
    'CC BY 4.0'
    """
    if name not in SOURCES:
        listed = "; ".join(f"{source.name} ({source.title})" for source in SOURCES.values())
        raise UsageError(f"there is no source '{name}'", hint=f"sources are: {listed}")
    return SOURCES[name]


def chosen_options(source: Source, given: dict[str, int | None]) -> dict[str, int]:
    """Return a source's options, defaults filled in.

    Raises
    ------
    UsageError
        If the source has no such option or not that value.

    Examples
    --------
    >>> chosen_options(find_source("ghs-pop"), {"year": 2015})
    {'year': 2015, 'resolution': 1000}
    """
    for name, value in given.items():
        allowed = source.options.get(name)
        if value is not None and (allowed is None or value not in allowed):
            shown = "has no such option" if allowed is None else f"has {', '.join(map(str, sorted(allowed)))}"
            raise UsageError(f"source {source.name}: --{name.replace('_', '-')} {value}: it {shown}")
    chosen = {name: given.get(name) for name in source.options}
    return {name: source.options[name][0] if value is None else value for name, value in chosen.items()}
