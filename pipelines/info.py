"""What a raster, a layer or a finished output is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geo_profiling.crs import parse_crs
from geo_profiling.errors import InputError
from geo_profiling.outputs.manifest import FILE_NAME, read_manifest
from geo_profiling.paths import safe_path, sniff
from geo_profiling.raster.read import raster_info
from geo_profiling.vector.read import layer_info, read_table


def describe(path: Path) -> dict[str, Any]:
    """Return what a file or the folder of a finished region holds, in plain types.

    Parameters
    ----------
    path : Path
        A GeoTIFF, a layer, a CSV table, or a folder with a manifest.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if path.is_dir():
        return _describe_output(path)
    content = sniff(safe_path(path, roots=None))
    if content == "GeoTIFF":
        return raster_info(path)
    if content == "text":
        table = read_table(path)
        return {"path": str(path), "format": "CSV", "rows": len(table), "columns": list(map(str, table.columns))}
    about = layer_info(path)
    for layer in about["layers"]:
        if layer.get("crs"):
            crs = parse_crs(layer["crs"], what=str(path))
            layer["crs"] = crs.to_string() if crs.to_authority() else crs.name
    return about


def _describe_output(folder: Path) -> dict[str, Any]:
    if not (folder / FILE_NAME).is_file():
        inner = sorted(child.name for child in folder.iterdir() if (child / FILE_NAME).is_file())
        hint = f"name one of its regions: {', '.join(inner)}" if inner else "name the folder of a finished region"
        raise InputError(f"{folder}: holds no {FILE_NAME}, so no finished output", hint=hint)
    manifest = read_manifest(folder / FILE_NAME)
    return {
        "path": str(folder),
        "format": "finished region",
        "region": manifest.region,
        "title": manifest.title,
        "year": manifest.year,
        "inputs": [{"input": item.name, "path": item.path, "sha256": item.sha256[:12]} for item in manifest.inputs],
        "parameters": dict(manifest.parameters),
        "findings": [dict(finding) for finding in manifest.findings],
        "outputs": sorted(manifest.outputs),
        "versions": dict(manifest.versions),
    }
