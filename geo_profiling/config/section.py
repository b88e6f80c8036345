"""What every section of the configuration shares: strictness, paths, CRS names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from geo_profiling.crs import parse_crs
from geo_profiling.errors import CRSError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class Section(BaseModel):
    """A mapping of the configuration: no unknown key, no silent conversion, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def expand_variables(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``${NAME}`` and ``${NAME:-default}`` by environment variables.

    Raises
    ------
    ValueError
        If a variable without a default is not set, or a ``$`` starts anything else.

    Examples
    --------
    >>> expand_variables("${DATA:-../data}/POP.tif", {})
    '../data/POP.tif'
    """

    def value(match: re.Match[str]) -> str:
        found = environment.get(match["name"]) or match["default"]
        if not found:
            raise ValueError(f"environment variable {match['name']} is not set; set it or write ${{NAME:-default}}")
        return found

    if "$" in _VARIABLE.sub("", text):
        raise ValueError("'$' is only understood as ${NAME} or ${NAME:-default}")
    return _VARIABLE.sub(value, text)


def _local_path(value: Any, info: ValidationInfo) -> Any:
    """Turn the text of a path into an absolute one, counted from the configuration's folder."""
    if not isinstance(value, str):
        return value
    context: Mapping[str, Any] = info.context or {}
    text = expand_variables(value, context.get("environment", os.environ))
    if not text.strip() or "://" in text or text.lower().startswith("/vsi") or any(ord(c) < 32 for c in text):
        raise ValueError("not the path of a local file or folder")
    return Path(context.get("folder", Path.cwd()), text).resolve()


def _known_crs(value: str) -> str:
    try:
        parse_crs(value, what="crs")
    except CRSError as error:
        raise ValueError("not a coordinate reference system that PROJ knows (write for example ESRI:54009)") from error
    return value


#: A path as written: relative to the configuration's folder, ``${NAME:-default}`` expanded.
LocalPath = Annotated[Path, BeforeValidator(_local_path, json_schema_input_type=str)]
#: A coordinate reference system by authority code or WKT.
CrsText = Annotated[str, AfterValidator(_known_crs)]
