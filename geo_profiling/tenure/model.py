"""Tenure records: parties, spatial units, rights and sources, checked row by row.

The tables follow the Land Administration Domain Model (ISO 19152) as the Social Tenure Domain Model
uses it for informal settlements: a right links a party to a spatial unit for a time, with a share and
a source. Columns that are not of the model, names above all, are never taken in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.findings import Finding
from geo_profiling.tenure.rows import LISTED, TableReader
from geo_profiling.tenure.words import (
    CODE_LISTS,
    DISPUTE_STATUS,
    DISPUTE_TYPES,
    DOCUMENTED,
    PARTY_KINDS,
    PERCEIVED,
    SEXES,
    TENURE_TYPES,
    YES_NO,
)

#: Shares of one unit may miss 1 by this: thirds are written as 0.33.
SHARE_TOLERANCE = 0.01

PARTY_COLUMNS = ("party_id", "kind", "sex", "age", "is_adult", "household_id", "weight", "settlement_id")
UNIT_COLUMNS = ("unit_id", "level", "settlement_id", "valid_from", "valid_to")
RIGHT_COLUMNS = (
    *("party_id", "unit_id", "tenure_type", "share", "valid_from", "valid_to", "documented", "perceived"),
    *("may_bequeath", "may_sell", "dispute_status", "dispute_type", "source_id"),
)
SOURCE_COLUMNS = ("source_id", "kind")


@dataclass(frozen=True)
class TenureRecords:
    """Tables of a tenure register, with typed columns; what is not known is NULL.

    Attributes
    ----------
    parties : DataFrame
        On ``party_id`` (text): kind (person, household, group), sex, is_adult (nullable boolean),
        household_id (the party's own id where it has none), weight, settlement_id.
    units : DataFrame or GeoDataFrame
        On ``unit_id`` (text): level, settlement_id, valid_from, valid_to; geometry where there is one.
    rights : DataFrame
        Sorted by unit, party, type and time: party_id, unit_id, tenure_type, share (0-1), valid_from
        (included), valid_to (the first day on which it holds no more; NULL: until further notice),
        documented, perceived, may_bequeath, may_sell, dispute_status, dispute_type, source_id.
    sources : DataFrame
        On ``source_id`` (text): kind of document.
    """

    parties: pd.DataFrame
    units: pd.DataFrame
    rights: pd.DataFrame
    sources: pd.DataFrame

    def at(self, date: dt.date | str) -> TenureRecords:
        """Return the records as they stood on a date: units and rights that held then, all parties and sources.

        Parameters
        ----------
        date : datetime.date or str
            ``YYYY-MM-DD``.

        Raises
        ------
        UsageError
            If it is no date.

        Examples
        --------
        >>> rights = pd.DataFrame({"party_id": ["a"], "unit_id": ["1"], "tenure_type": ["freehold"],
        ...                        "valid_from": ["2015-01-01"], "valid_to": ["2020-01-01"]})
        >>> people, plots = pd.DataFrame({"party_id": ["a"]}), pd.DataFrame({"unit_id": ["1"]})
        >>> records, _ = tenure_records(people, plots, rights)
        >>> [len(records.at(day).rights) for day in ("2014-12-31", "2015-01-01", "2019-12-31", "2020-01-01")]
        [0, 1, 1, 0]
        """
        day = as_day(date)
        return replace(self, units=self.units[_holds(self.units, day)], rights=self.rights[_holds(self.rights, day)])


def as_day(date: dt.date | str) -> pd.Timestamp:
    """Return a date as pandas has it.

    Raises
    ------
    UsageError
        If it is no date.

    Examples
    --------
    >>> as_day("2024-02-29").year
    2024
    """
    try:
        return pd.Timestamp(dt.date.fromisoformat(str(date)[:10]))
    except ValueError as error:
        raise UsageError(f"{date!r} is no date", hint="write it as YYYY-MM-DD") from error


def _holds(table: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    return ~(table["valid_from"] > day) & ~(table["valid_to"] <= day)


def tenure_records(
    parties: pd.DataFrame,
    units: pd.DataFrame,
    rights: pd.DataFrame,
    sources: pd.DataFrame | None = None,
    *,
    tenure_words: Mapping[str, str] = CODE_LISTS["canonical"],
    adult_age: int = 18,
    names: Sequence[str] = ("parties", "spatial units", "rights", "sources"),
) -> tuple[TenureRecords, list[Finding]]:
    """Check the tables of a tenure register and type them.

    Parameters
    ----------
    parties, units, rights, sources : DataFrame
        All values as text, or typed; columns as :data:`PARTY_COLUMNS`, :data:`UNIT_COLUMNS`,
        :data:`RIGHT_COLUMNS` and :data:`SOURCE_COLUMNS` (ids and ``tenure_type`` must be there, the
        others may be missing: unknown). Units may be a GeoDataFrame. Other columns are left behind.
    tenure_words : mapping of str to str
        From the words of the register, in lower case, to :data:`~geo_profiling.tenure.words.TENURE_TYPES`.
    adult_age : int
        Age from which a person is an adult by the country's law, where ``is_adult`` is not given.
    names : sequence of str
        What messages call the tables.

    Returns
    -------
    TenureRecords
        Complete only if no finding is an error; an answer that is none is NULL.
    list of Finding
        Errors: an id missing, there twice or leading nowhere, a word that is in no vocabulary, a
        number or date that is none, a right that ends before it begins. Warnings: shares of a unit
        that do not add up to 1 (:func:`share_conflicts`), rights without a source.

    Raises
    ------
    UsageError
        If a table lacks a column that must be there, or a word stands for no tenure type.

    References
    ----------
    ISO 19152:2012, Land Administration Domain Model; C. Lemmen, "The Social Tenure Domain Model: a
    pro-poor land tool", FIG Publication 52 (2010).

    Examples
    --------
    >>> people = pd.DataFrame({"party_id": ["p1", "p2"], "name": ["kept out", "kept out"]})
    >>> plots = pd.DataFrame({"unit_id": ["u1"]})
    >>> held = pd.DataFrame({"party_id": ["p1", "p2"], "unit_id": ["u1", "u1"],
    ...                      "tenure_type": ["FH", "FH"], "share": ["0.7", "0.7"]})
    >>> records, findings = tenure_records(people, plots, held, tenure_words=CODE_LISTS["cadasta"])
    >>> [str(finding) for finding in findings if finding.place]
    ['rights, unit u1: its shares add up to 1.4']
    """
    wrong = sorted(set(tenure_words.values()) - set(TENURE_TYPES))
    if wrong:
        raise UsageError(f"tenure words: {wrong[0]!r} is no tenure type", hint=f"there are {', '.join(TENURE_TYPES)}")
    findings: list[Finding] = []
    people = _parties(TableReader(parties, ("party_id",), PARTY_COLUMNS, names[0], findings), adult_age)
    places = _units(TableReader(units, ("unit_id",), UNIT_COLUMNS, names[1], findings))
    held = _rights(
        TableReader(rights, ("party_id", "unit_id", "tenure_type"), RIGHT_COLUMNS, names[2], findings), tenure_words
    )
    if sources is None:
        papers = pd.DataFrame({"kind": pd.Series([], dtype=object)}, index=pd.Index([], name="source_id"))
    else:
        papers = _sources(TableReader(sources, ("source_id",), SOURCE_COLUMNS, names[3], findings))
        _refer(held["source_id"], papers.index, "source", names[2], findings)
    _refer(held["party_id"], people.index, "party", names[2], findings)
    _refer(held["unit_id"], places.index, "spatial unit", names[2], findings)
    bare = int(held["source_id"].isna().sum())
    if sources is not None and bare:
        findings.append(Finding("warning", names[2], "", f"{bare} of {len(held)} rights have no source", "name it"))
    order = ["unit_id", "party_id", "tenure_type", "valid_from", "valid_to", "share"]
    records = TenureRecords(people, places, held.sort_values(order, kind="stable", ignore_index=True), papers)
    return records, [*findings, *_share_findings(records, names[2])]


def _parties(table: TableReader, adult_age: int) -> pd.DataFrame:
    ids = table.ids("party_id", unique=True)
    adult = table.words("is_adult", YES_NO).map({"yes": True, "no": False}).astype("boolean")
    age = table.numbers("age", high=130)
    by_age = (age >= adult_age).astype("boolean").mask(age.isna())
    household = table.text("household_id")
    weight = table.numbers("weight")
    return pd.DataFrame(
        {
            "kind": table.words("kind", PARTY_KINDS).fillna("person"),
            "sex": table.words("sex", SEXES),
            "is_adult": adult.fillna(by_age),
            "household_id": household.where(household.notna(), ids),
            "weight": weight.fillna(1.0) if "weight" not in table.columns else weight,
            "settlement_id": table.text("settlement_id"),
        }
    ).set_index(pd.Index(ids, name="party_id", dtype=object))


def _units(table: TableReader) -> pd.DataFrame:
    ids = table.ids("unit_id", unique=True)
    begins, ends = table.span("valid_from", "valid_to")
    level = table.text("level")
    columns = {
        "level": level.where(level.notna(), "parcel"),
        "settlement_id": table.text("settlement_id"),
        "valid_from": begins,
        "valid_to": ends,
    }
    index = pd.Index(ids, name="unit_id", dtype=object)
    frame = pd.DataFrame(columns).set_index(index)
    if not isinstance(table.frame, gpd.GeoDataFrame):
        return frame.sort_index()
    return gpd.GeoDataFrame(frame, geometry=table.frame.geometry.array, crs=table.frame.crs).sort_index()


def _rights(table: TableReader, tenure_words: Mapping[str, str]) -> pd.DataFrame:
    kind = table.words("tenure_type", tenure_words)
    table.tell(table.text("tenure_type").isna(), "has no tenure_type", "write the type, or 'unknown'")
    begins, ends = table.span("valid_from", "valid_to")
    return pd.DataFrame(
        {
            "party_id": table.ids("party_id", unique=False),
            "unit_id": table.ids("unit_id", unique=False),
            "tenure_type": kind,
            "share": table.numbers("share", high=1.0),
            "valid_from": begins,
            "valid_to": ends,
            "documented": table.words("documented", DOCUMENTED),
            "perceived": table.words("perceived", PERCEIVED),
            "may_bequeath": table.words("may_bequeath", YES_NO),
            "may_sell": table.words("may_sell", YES_NO),
            "dispute_status": table.words("dispute_status", DISPUTE_STATUS),
            "dispute_type": table.words("dispute_type", DISPUTE_TYPES),
            "source_id": table.text("source_id"),
        }
    )


def _sources(table: TableReader) -> pd.DataFrame:
    ids = table.ids("source_id", unique=True)
    kind = table.text("kind")
    return pd.DataFrame({"kind": kind}).set_index(pd.Index(ids, name="source_id", dtype=object)).sort_index()


def _refer(values: pd.Series, known: pd.Index, what: str, name: str, findings: list[Finding]) -> None:
    lost = values[values.notna() & ~values.isin(known)]
    for value in sorted(lost.unique())[:LISTED]:
        rows = ", ".join(str(row + 2) for row in lost.index[lost == value][:LISTED])
        message = f"{what} {value} is not in the table of its kind"
        findings.append(Finding("error", name, f"row {rows}", message, f"add the {what}, or correct the id"))
    if lost.nunique() > LISTED:
        message = f"{lost.nunique() - LISTED} more ids of a {what} lead nowhere"
        findings.append(Finding("error", name, "", message, f"add the {what}, or correct the id"))


# --- shares --------------------------------------------------------------------------------------


def whole_shares(rights: pd.DataFrame) -> pd.Series:
    """Return shares with those that are not written but cannot be other than the whole.

    A right of unknown share is the whole if no other right of its class was ever held in the unit;
    else it stays unknown.

    Parameters
    ----------
    rights : DataFrame
        As in :class:`TenureRecords`.

    Returns
    -------
    Series
        ``share``, 0-1 or NULL, on the index of the rights.

    Examples
    --------
    >>> rights = pd.DataFrame({"unit_id": ["1", "2", "2"], "tenure_type": ["freehold"] * 3, "share": [None] * 3})
    >>> whole_shares(rights.astype({"share": float})).tolist()
    [1.0, nan, nan]
    """
    alone = ~pd.DataFrame({"unit": rights["unit_id"], "class": _classes(rights)}).duplicated(keep=False)
    return rights["share"].mask(rights["share"].isna() & alone, 1.0).rename("share")


def _classes(rights: pd.DataFrame) -> pd.Series:
    classes = {name: kind.right_class for name, kind in TENURE_TYPES.items()}
    return rights["tenure_type"].map(classes).astype(object).fillna("primary")


def share_conflicts(records: TenureRecords) -> pd.DataFrame:
    """Find the units, and the times, in which the shares of the rights do not add up to 1.

    Definition: at any date the shares of a unit's rights add up to 1 within
    :data:`SHARE_TOLERANCE`: all of them together, or those held in their own right and those held
    from them (tenancies) each by itself, so that an owner of the whole and a tenant of the whole do
    not contradict each other. Rights to a resource are not counted. A time of a single day is passed
    over: one right ends on the day before the next begins.

    Parameters
    ----------
    records : TenureRecords

    Returns
    -------
    DataFrame
        One row for each unit and span: unit_id, valid_from, valid_to (NULL: open), share_sum.
        A time without rights is no conflict (see coverage gaps); a unit with an unknown share of
        several is left out, see :func:`whole_shares`.

    Examples
    --------
    >>> rights = pd.DataFrame({"party_id": ["a", "b"], "unit_id": ["1", "1"], "tenure_type": ["freehold"] * 2,
    ...                        "share": [1, 1], "valid_from": ["2010-01-01", "2015-01-01"],
    ...                        "valid_to": ["2016-01-01", None]})
    >>> people, plots = pd.DataFrame({"party_id": ["a", "b"]}), pd.DataFrame({"unit_id": ["1"]})
    >>> records, _ = tenure_records(people, plots, rights)
    >>> share_conflicts(records)["share_sum"].tolist()
    [2.0]
    """
    rights = records.rights.assign(share=whole_shares(records.rights), group=_classes(records.rights))
    rights = rights[(rights["group"] != "resource") & rights["unit_id"].notna()]
    open_units = rights.loc[rights["share"].isna(), "unit_id"].unique()
    rights = rights[~rights["unit_id"].isin(open_units)]
    begin, end = pd.Timestamp.min.as_unit("s"), pd.Timestamp.max.as_unit("s")
    spans = _running_sums(rights, begin, end)
    total = spans["primary"] + spans["derived"]
    fits = _is_whole(total)
    for group in ("primary", "derived"):
        spans[f"{group}_fits"] = _is_whole(spans[group]) | (spans[group].abs() < 1e-9)
    fits |= spans["primary_fits"] & spans["derived_fits"]
    lasts = (spans["valid_to"] - spans["valid_from"]) > pd.Timedelta(days=1)
    found = spans.assign(share_sum=total.round(9))[~fits & lasts & (total > 1e-9)]
    found = found[["unit_id", "valid_from", "valid_to", "share_sum"]].reset_index(drop=True)
    for column, limit in (("valid_from", begin), ("valid_to", end)):
        found[column] = found[column].mask(found[column] == limit)
    return found


def _is_whole(sums: pd.Series) -> pd.Series:
    return (sums - 1.0).abs() <= SHARE_TOLERANCE + 1e-9


def _running_sums(rights: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return, by unit, the spans between changes of its rights with the sums of shares in them."""
    parts = []
    for column, sign, limit in (("valid_from", 1.0, begin), ("valid_to", -1.0, end)):
        part = rights[["unit_id"]].assign(day=rights[column].fillna(limit))
        for group in ("primary", "derived"):
            part[group] = sign * rights["share"].where(rights["group"] == group, 0.0)
        parts.append(part)
    changes = pd.concat(parts).groupby(["unit_id", "day"], sort=True)[["primary", "derived"]].sum()
    sums = changes.groupby(level="unit_id").cumsum().reset_index().rename(columns={"day": "valid_from"})
    sums["valid_to"] = sums.groupby("unit_id")["valid_from"].shift(-1)
    return sums.dropna(subset="valid_to").reset_index(drop=True)


def _share_findings(records: TenureRecords, name: str) -> list[Finding]:
    conflicts = share_conflicts(records)
    findings: list[Finding] = []
    for unit, found in conflicts.groupby("unit_id", sort=True):
        if len(findings) == LISTED:
            more = conflicts["unit_id"].nunique() - LISTED
            findings.append(Finding("warning", name, "", f"shares of {more} more units do not add up to 1", ""))
            break
        sums = " and ".join(f"{value:g}" for value in dict.fromkeys(found["share_sum"].round(3)))
        message = f"its shares add up to {sums}"
        findings.append(Finding("warning", name, f"unit {unit}", message, "correct the shares or the dates"))
    return findings
