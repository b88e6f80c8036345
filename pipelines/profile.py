"""The settlement profile of a region: what an enumeration says, and deprivation by component."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.vocabulary import load_mapping
from geo_profiling.disclosure import TOTAL
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.settlements.deprivation import settlement_deprivation
from geo_profiling.settlements.profile import main_answers, profile_shares, settlement_profile
from geo_profiling.settlements.vocabulary import map_answers
from geo_profiling.vector.read import read_layer, read_table
from pipelines.declared import TABLE_SUFFIXES, input_label


@dataclass(frozen=True)
class Enumeration:
    """What an enumeration says.

    Attributes
    ----------
    answers : DataFrame
        See :func:`geo_profiling.settlements.vocabulary.map_answers`.
    rows : {"settlements", "households"}
        What a row is.
    findings : list of Finding
        An answer that is not in the mapping is an error.
    """

    answers: pd.DataFrame
    rows: Literal["settlements", "households"]
    findings: list[Finding]


def read_enumeration(region: RegionSettings) -> Enumeration:
    """Read the enumeration of a region in the words of the settlement profile.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.enumeration``.

    Raises
    ------
    InputError
        If the table is refused or lacks a column.
    ConfigError
        If the mapping file is wrong.
    """
    declared = region.inputs.enumeration
    assert declared is not None  # only asked for where it is configured
    label = input_label("enumeration.table", declared.table.path)
    found: list[Finding] = []
    if declared.table.path.suffix.lower() in TABLE_SUFFIXES:
        table = read_table(declared.table.path, roots=region.roots, encoding=declared.table.encoding, name=label)
    else:
        layer, found = read_layer(declared.table.path, layer=declared.table.layer, roots=region.roots, name=label)
        table = pd.DataFrame(layer.drop(columns="geometry"))
    if declared.mapping is not None:
        mapping = load_mapping(declared.mapping.path)
    else:
        assert declared.built_in_mapping is not None  # one of the two, by the configuration's own check
        mapping = load_mapping(declared.built_in_mapping)
    answers, told = map_answers(table, mapping, name=label)
    if mapping.rows == "settlements" and answers["settlement_id"].duplicated().any():
        twice = answers.loc[answers["settlement_id"].duplicated(), "settlement_id"].iloc[0]
        remedy = "give each settlement one row, or write 'rows: households' in the mapping"
        told.append(Finding("error", label, f"settlement {twice}", "has several rows", remedy))
    return Enumeration(answers, mapping.rows, [*found, *told])


#: Columns of table ``profile_shares``, whatever a row of the enumeration is.
SHARE_COLUMNS = (
    *("settlement_id", "variable", "word", "weighting", "share", "n", "n_known", "n_total", "coverage_share"),
    *("n_households", "is_suppressed"),
)


def run_profile(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Tell what an enumeration says: tables ``settlement_profile`` and ``profile_shares``.

    ``settlement_profile`` has one row for each settlement: its prevailing answers, its households and
    people as enumerated, and its deprivations; ``profile_shares`` the shares of settlements and of
    households that give each answer, of all settlements together (``all``); where rows are households,
    their shares in each settlement and in all.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.enumeration`` and ``settlements``.
    directory : Path
        The region's output folder; tenure of table ``settlement_tenure`` is used where it is there.
    compute : Compute

    Raises
    ------
    InputError
        If the enumeration is refused.
    """
    del compute  # a table fits into memory
    rules = region.settlements
    assert rules is not None  # only asked for where it is configured
    found = read_enumeration(region)
    raise_on_errors(found.findings)
    answers, minimum = found.answers, rules.profile.min_households
    if found.rows == "households":
        shares = settlement_profile(answers, minimum=minimum).assign(weighting="households")
        every = main_answers(answers)
        # What prevails among a handful of households is what they said.
        profile = every[every["households"] >= minimum].reindex(every.index)
    else:
        profile = answers.set_index("settlement_id").sort_index()
        shares = profile_shares(profile).assign(settlement_id=TOTAL, n_households=np.nan, is_suppressed=False)
    secure = _secure_tenure(directory)
    deprived = settlement_deprivation(
        profile,
        hazardous_location=_hazardous_location(directory, rules.profile.hazardous_share),
        secure_tenure=secure,
        components=rules.profile.components,
        min_deprivations=rules.profile.min_deprivations,
        water_list=rules.profile.water_list,
    )
    write_parquet(directory / "tables/settlement_profile.parquet", profile.join(deprived).reset_index())
    shares["n_households"] = shares["n_households"].astype("Int64")
    write_parquet(directory / "tables/profile_shares.parquet", shares[list(SHARE_COLUMNS)])


def _secure_tenure(directory: Path) -> pd.Series | None:
    path = directory / "tables/settlement_tenure.parquet"
    if not path.is_file():
        return None
    return pd.read_parquet(path).set_index("settlement_id")["is_tenure_secure"]


def _hazardous_location(directory: Path, limit: float) -> pd.Series | None:
    """Return whether so many of a settlement's people live in a hazardous location; NULL where bounds do not tell."""
    path = directory / "tables/settlement_hazard.parquet"
    if not path.is_file():
        return None
    hazard = pd.read_parquet(path)
    hazard = hazard.set_index(hazard["settlement_id"].astype(str))
    found = pd.Series(pd.NA, index=hazard.index, dtype="boolean")
    return found.mask(hazard["hazardous_share_low"] >= limit, True).mask(hazard["hazardous_share_high"] < limit, False)


def enumerated_households(region: RegionSettings) -> pd.Series | None:
    """Return the households of each settlement as enumerated, by its id as text; None without an enumeration.

    Raises
    ------
    InputError
        If the enumeration is refused.
    """
    if region.inputs.enumeration is None:
        return None
    found = read_enumeration(region)
    raise_on_errors(found.findings)
    answers = found.answers
    if found.rows == "households":
        return answers.groupby("settlement_id").size().astype(float)
    return answers.set_index("settlement_id")["households"] if "households" in answers else None


def profile_findings(region: RegionSettings) -> list[Finding]:
    """Check the enumeration of a region: every answer is in the mapping, every row has its settlement.

    Parameters
    ----------
    region : RegionSettings

    Returns
    -------
    list of Finding
    """
    declared = region.inputs.enumeration
    if declared is None:
        return []
    try:
        return read_enumeration(region).findings
    except InputError as error:
        label = input_label("enumeration.table", declared.table.path)
        return [
            Finding("error", label, "", line.removeprefix(f"{label}: "), error.hint) for line in str(error).splitlines()
        ]
