"""What indicators read, checked before anything is computed: the survey, its mapping, the city's tables."""

from __future__ import annotations

from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import GeoProfilingError
from geo_profiling.findings import Finding
from geo_profiling.indicators.measures import household_measures
from pipelines.city_tables import city_records
from pipelines.declared import input_label
from pipelines.households import household_rules, read_households, with_expected_layers


def indicator_findings(region: RegionSettings) -> list[Finding]:
    """Check the household survey and the tables of a region, each by reading it as the run does.

    Parameters
    ----------
    region : RegionSettings

    Returns
    -------
    list of Finding
        Errors: codes that the mapping does not know, weights and sizes that cannot be, variables that are asked for
        and not there, figures of tables that cannot be. Warnings: weights that are all the same, empty households.
    """
    rules = region.indicators
    if rules is None:
        return []
    findings: list[Finding] = []
    declared = region.inputs.households
    if declared is not None:
        label = input_label("households.table", declared.table.path)
        try:
            households = with_expected_layers(region, read_households(region))
            findings += households.findings
            measures = household_measures(households, household_rules(rules, households))
        except GeoProfilingError as error:
            findings += _errors(label, error)
        else:
            if not measures:
                remedy = "check the mapping: it gives no variable that an indicator is made of"
                findings.append(Finding("error", label, "", "nothing that indicators need was measured", remedy))
            findings += [
                Finding("error", label, "indicators.breakdowns", f"the survey has no variable '{name}'", "leave it out")
                for name in rules.breakdowns
                if not households.has(name)
            ]
    try:
        city_records(region)
    except GeoProfilingError as error:
        findings += _errors("tables", error)
    return findings


def _errors(label: str, error: GeoProfilingError) -> list[Finding]:
    lines = str(error).splitlines()
    return [
        Finding("error", label, "", line.removeprefix(f"{label}: ").removeprefix(label + ", "), error.hint)
        for line in lines
    ]
