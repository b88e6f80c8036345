"""The register of tenure checked before anything is computed: every row that cannot be is named."""

from __future__ import annotations

from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from pipelines.declared import input_label
from pipelines.tenure import read_tenure


def tenure_findings(region: RegionSettings) -> list[Finding]:
    """Check the tables of tenure of a region, each and against each other.

    Parameters
    ----------
    region : RegionSettings

    Returns
    -------
    list of Finding
        Errors: words that are in no vocabulary, dates and shares that cannot be, ids that lead nowhere;
        warnings: shares that do not add up, rows in no settlement.
    """
    declared = region.inputs.tenure
    if declared is None:
        return []
    try:
        return read_tenure(region).findings
    except InputError as error:
        label = input_label("tenure.rights", declared.rights.path)
        return [
            Finding("error", label, "", line.removeprefix(f"{label}: "), error.hint) for line in str(error).splitlines()
        ]
