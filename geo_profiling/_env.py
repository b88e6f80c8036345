"""The environment of GDAL, set before any package that carries a GDAL is imported.

Each wheel (rasterio, pyogrio, ...) carries its own GDAL: only environment variables set before
import reach all of them. ``geo_profiling/__init__.py`` imports this module first, and Dask
workers get the same variables (:data:`GDAL_ENVIRONMENT`).
"""

from __future__ import annotations

import os

# Drivers that read through to other files or the network, or that guess at text. A name that one
# of the GDALs does not know makes it warn on every import, so only names both know stand here.
_SKIPPED_DRIVERS = (
    "VRT GTI GDALG DERIVED WMS WMTS WCS HTTP PLMOSAIC PLSCENES STACIT STACTA OGCAPI EEDAI DAAS "
    "KMLSUPEROVERLAY OGR_VRT WFS OAPIF CSW Carto AmigoCloud Elasticsearch CSV XLSX ODS PGDUMP GPSBabel"
)

GDAL_ENVIRONMENT: dict[str, str] = {
    "GDAL_SKIP": _SKIPPED_DRIVERS,
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    # Sidecars (.ovr, .aux.xml, .msk) may redirect reads or replace CRS, transform and nodata.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    # No request leaves the machine, whatever a file says.
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    # The default cache (5 % of memory) costs up to 10x in page faults when streaming.
    "GDAL_CACHEMAX": "32",
    # GeoPackages carry their time of writing; a fixed one keeps the same input the same bytes.
    "OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z",
}
_UNSET = ("GDAL_DRIVER_PATH", "OGR_DRIVER_PATH", "GTIFF_IGNORE_READ_ERRORS")


def configure_gdal() -> None:
    """Set the GDAL environment of this process; call before importing rasterio or pyogrio.

    Examples
    --------
    >>> configure_gdal()
    >>> os.environ["GDAL_PAM_ENABLED"]
    'NO'
    """
    os.environ.update(GDAL_ENVIRONMENT)
    for name in _UNSET:
        os.environ.pop(name, None)
