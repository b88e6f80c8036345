"""Evictions and threats of them: events, households, notice, resettlement, and the hazards they lie on.

An event of which nobody counted the households is an event all the same: it is counted, and the number
of households it would add to is unknown, not smaller.
"""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.crs import parse_crs, require_same
from geo_profiling.disclosure import MINIMUM_HOUSEHOLDS, TOTAL, suppress
from geo_profiling.errors import UsageError
from geo_profiling.findings import Finding
from geo_profiling.tenure.model import as_day
from geo_profiling.tenure.rows import TableReader
from geo_profiling.tenure.words import CONFIDENCE, EVICTION_KINDS, YES_NO

#: Kinds in which households lose their home by force, and those that announce it.
EVICTED = ("demolition", "forced_eviction")
THREATENED = ("threat", "notice")
#: Days of notice from which it counts as given in time.
NOTICE_DAYS = 90
DAYS_PER_YEAR = 365.25

EVENT_COLUMNS = (
    *("event_id", "settlement_id", "kind", "date_start", "date_end", "households", "structures", "persons_female"),
    *("persons_male", "notice_days", "court_order", "compensation", "resettlement", "resettlement_distance_m"),
    *("source_id", "confidence"),
)


def eviction_events(events: pd.DataFrame, *, name: str = "evictions") -> tuple[pd.DataFrame, list[Finding]]:
    """Check a table of events and type it.

    Parameters
    ----------
    events : DataFrame or GeoDataFrame
        All values as text, or typed; columns as :data:`EVENT_COLUMNS` (event_id, kind and date_start
        must be there; others may be missing: unknown). Other columns, names of people and actors
        above all, are left behind.
    name : str
        What messages call the table.

    Returns
    -------
    DataFrame or GeoDataFrame
        On event_id, sorted: typed columns; dates as days, counts as numbers with NULL, yes and no as
        nullable booleans.
    list of Finding
        Errors: ids missing or there twice, a kind that is none, dates that are none or end before they
        begin, counts below 0.

    Raises
    ------
    UsageError
        If a column is missing that must be there.

    Examples
    --------
    >>> told = pd.DataFrame({"event_id": ["1"], "kind": ["forced eviction"], "date_start": ["2023-05-01"]})
    >>> events, findings = eviction_events(told)
    >>> events["kind"].tolist(), findings
    (['forced_eviction'], [])
    """
    findings: list[Finding] = []
    table = TableReader(events, ("event_id", "kind", "date_start"), EVENT_COLUMNS, name, findings)
    ids = table.ids("event_id", unique=True)
    begins, ends = table.span("date_start", "date_end")
    table.tell(table.text("date_start").isna(), "has no date_start", "write the day, or the first of its month")
    table.tell(table.text("kind").isna(), "has no kind", f"write one of {', '.join(EVICTION_KINDS)}")
    counts = ("households", "structures", "persons_female", "persons_male", "notice_days", "resettlement_distance_m")
    truths = ("court_order", "compensation", "resettlement")
    answers = {column: table.words(column, YES_NO) for column in truths}
    columns = {
        "settlement_id": table.text("settlement_id"),
        "kind": table.words("kind", EVICTION_KINDS),
        "date_start": begins,
        "date_end": ends,
        **{column: table.numbers(column) for column in counts},
        **{column: values.map({"yes": True, "no": False}).astype("boolean") for column, values in answers.items()},
        "source_id": table.text("source_id"),
        "confidence": table.words("confidence", CONFIDENCE),
    }
    index = pd.Index(ids, name="event_id", dtype=object)
    found = pd.DataFrame(columns).set_index(index)
    if isinstance(table.frame, gpd.GeoDataFrame):
        found = gpd.GeoDataFrame(found, geometry=table.frame.geometry.array, crs=table.frame.crs)
    return found.sort_index(), findings


def eviction_rates(
    events: pd.DataFrame,
    households: pd.Series,
    *,
    start: dt.date | str,
    end: dt.date | str,
    notice_days: int = NOTICE_DAYS,
) -> pd.DataFrame:
    """Measure evictions in a window of time and threats at its end, by settlement and for all.

    Definition: households evicted per 1,000 households per year = 1,000 x households of demolitions and
    forced evictions that began in the window, by the households of the settlement, by the years of
    the window. Households under threat are those of threats and notices that began before the end of
    the window and were not over at it. One event of unknown size makes its sum NULL. Agreed relocations
    and fires are other kinds of events and count in ``n_events`` alone.

    Parameters
    ----------
    events : DataFrame
        From :func:`eviction_events`.
    households : Series
        Households of each settlement, on its id; NULL is unknown.
    start, end : datetime.date or str
        First day of the window, and the first day after it.
    notice_days : int
        Days from which notice counts as given in time.

    Returns
    -------
    DataFrame
        One row for each settlement with events, sorted, and ``all`` (settlement_id): households,
        n_events (of all kinds in the window), n_evictions, n_evictions_unknown_size,
        evicted_households, evicted_per_1000_per_year, notice_known, notice_share (of evictions whose
        notice is known), resettlement_known, resettlement_share, n_threats, n_threats_unknown_size,
        threatened_households, threatened_share (0-1; NULL where threats add up to more households
        than there are). Not suppressed: see :func:`publish_evictions`.

    Raises
    ------
    UsageError
        If the window ends before it begins.

    References
    ----------
    UN Human Rights Council, A/HRC/4/18, annex 1, "Basic principles and guidelines on
    development-based evictions and displacement" (2007), for what an eviction must respect.

    Examples
    --------
    >>> told = pd.DataFrame({"event_id": ["1", "2"], "kind": ["demolition", "threat"], "settlement_id": "a",
    ...                      "date_start": ["2022-03-01", "2022-04-01"], "households": ["10", ""]})
    >>> rates = eviction_rates(eviction_events(told)[0], pd.Series({"a": 500}), start="2021-01-01", end="2023-01-01")
    >>> rates.loc["a", ["evicted_households", "threatened_households"]].tolist()
    [10.0, nan]
    >>> round(float(rates.loc["a", "evicted_per_1000_per_year"]), 2)
    10.01
    """
    first, last = as_day(start), as_day(end)
    if last <= first:
        raise UsageError(f"window of evictions: ends ({end}) before it begins ({start})")
    years = (last - first).days / DAYS_PER_YEAR
    inside = events[(events["date_start"] >= first) & (events["date_start"] < last)]
    ended = events["date_end"] <= last
    threats = events[events["kind"].isin(THREATENED) & (events["date_start"] < last) & ~ended]
    evicted = inside[inside["kind"].isin(EVICTED)]
    places = sorted({*inside["settlement_id"].dropna(), *threats["settlement_id"].dropna()})
    rows = []
    for place in (*places, TOTAL):
        parts = [
            part if place == TOTAL else part[part["settlement_id"] == place] for part in (inside, evicted, threats)
        ]
        homes = households.sum(min_count=1, skipna=False) if place == TOTAL else households.get(place, np.nan)
        rows.append(
            {"settlement_id": place, **_rate(*parts, homes=_number(homes), years=years, notice_days=notice_days)}
        )
    return pd.DataFrame(rows).set_index("settlement_id")


def _number(value: object) -> float:
    return float("nan") if pd.isna(value) else float(value)  # type: ignore[call-overload,arg-type]


def _rate(
    inside: pd.DataFrame,
    evicted: pd.DataFrame,
    threats: pd.DataFrame,
    *,
    homes: float,
    years: float,
    notice_days: int,
) -> dict[str, float | int]:
    lost = _total(evicted["households"])
    threatened = _total(threats["households"])
    notice = evicted["notice_days"].dropna()
    resettled = evicted["resettlement"].dropna()
    base = homes if homes > 0 else float("nan")
    share = threatened / base
    return {
        "households": homes,
        "n_events": len(inside),
        "n_evictions": len(evicted),
        "n_evictions_unknown_size": int(evicted["households"].isna().sum()),
        "evicted_households": lost,
        "evicted_per_1000_per_year": 1000 * lost / base / years,
        "notice_known": len(notice),
        "notice_share": float((notice >= notice_days).mean()) if len(notice) else float("nan"),
        "resettlement_known": len(resettled),
        "resettlement_share": float(resettled.astype(float).mean()) if len(resettled) else float("nan"),
        "n_threats": len(threats),
        "n_threats_unknown_size": int(threats["households"].isna().sum()),
        "threatened_households": threatened,
        "threatened_share": share if share <= 1 else float("nan"),
    }


def _total(values: pd.Series) -> float:
    return float(values.sum(skipna=False)) if len(values) else 0.0


#: By the cell of households that they tell of, the figures that go with it.
_OF_CELL = {
    "evicted_households": (
        *("n_events", "n_evictions", "n_evictions_unknown_size", "evicted_households", "evicted_per_1000_per_year"),
        *("notice_known", "notice_share", "resettlement_known", "resettlement_share"),
    ),
    "threatened_households": (*("n_threats", "n_threats_unknown_size", "threatened_households", "threatened_share"),),
}


def publish_evictions(rates: pd.DataFrame, *, minimum: int = MINIMUM_HOUSEHOLDS) -> pd.DataFrame:
    """Blank what is told of fewer households than may be published, and of others that the total would give away.

    A number of households that is unknown stays so, and the count of its events stays.

    Parameters
    ----------
    rates : DataFrame
        From :func:`eviction_rates`.
    minimum : int
        Smallest number of households that is published.

    Returns
    -------
    DataFrame
        settlement_id as a column, then as the rates, counts as nullable whole numbers, and
        is_suppressed.

    Examples
    --------
    >>> told = pd.DataFrame({"event_id": ["1", "2"], "kind": "demolition", "settlement_id": ["a", "b"],
    ...                      "date_start": "2022-03-01", "households": ["3", "40"]})
    >>> homes = pd.Series({"a": 500, "b": 500})
    >>> rates = eviction_rates(eviction_events(told)[0], homes, start="2022-01-01", end="2023-01-01")
    >>> publish_evictions(rates)["evicted_households"].tolist()
    [<NA>, <NA>, 43]
    """
    table = rates.reset_index()
    whole = [
        column for column in table if str(column).startswith("n_") or str(column).endswith(("_known", "households"))
    ]
    table = table.assign(**{str(column): table[column].round().astype("Int64") for column in whole})
    hidden = pd.Series(False, index=table.index)
    for cell, columns in _OF_CELL.items():
        known = table[table[cell].notna()]
        found = suppress(known, ["settlement_id"], count=cell, values=[], minimum=minimum)["is_suppressed"]
        own = found.reindex(table.index, fill_value=False)
        for column in columns:
            table[column] = table[column].mask(own)
        hidden |= own
    return table.assign(is_suppressed=hidden)


def event_bands(events: gpd.GeoDataFrame, hazard: gpd.GeoDataFrame, *, band: str = "band") -> pd.Series:
    """Return, for each event, the highest hazard band of the ground it took place on.

    Parameters
    ----------
    events : geopandas.GeoDataFrame
        From :func:`eviction_events`, with points or polygons.
    hazard : geopandas.GeoDataFrame
        Polygons with a whole number ``band``, in the CRS of the events.
    band : str
        Column of the hazard.

    Returns
    -------
    Series
        ``band`` on event_id; NULL off all polygons or without a geometry.

    Raises
    ------
    CRSError
        If the layers differ in CRS.

    Examples
    --------
    >>> told = gpd.GeoDataFrame({"event_id": ["1"], "kind": ["demolition"], "date_start": ["2022-03-01"]},
    ...                         geometry=[shapely.Point(1, 1)], crs="EPSG:32638")
    >>> flood = gpd.GeoDataFrame({"band": [1, 3]}, geometry=[shapely.box(0, 0, 5, 5)] * 2, crs="EPSG:32638")
    >>> event_bands(eviction_events(told)[0], flood).tolist()
    [3]
    """
    require_same(
        parse_crs(events.crs, what="evictions"), parse_crs(hazard.crs, what="hazard"), what="evictions, hazard"
    )
    shapes = np.asarray(hazard.geometry.array, dtype=object)
    event, place = shapely.STRtree(shapes).query(
        np.asarray(events.geometry.array, dtype=object), predicate="intersects"
    )
    highest = pd.Series(hazard[band].to_numpy()[place], index=events.index[event]).groupby(level=0).max()
    return highest.reindex(events.index).astype("Int64").rename(band)


def evictions_by_band(events: pd.DataFrame, bands: pd.Series) -> pd.DataFrame:
    """Count evictions and their households by hazard band: whether hazard is where evictions happen.

    Parameters
    ----------
    events : DataFrame
        From :func:`eviction_events`.
    bands : Series
        Band of each event on event_id (:func:`event_bands`, or of your own); NULL is unknown.

    Returns
    -------
    DataFrame
        On band, sorted, the unknown one last: n_evictions, evicted_households (NULL if the size of one
        is unknown), n_evictions_unknown_size. For use inside: not suppressed.

    Examples
    --------
    >>> told = pd.DataFrame({"event_id": ["1", "2"], "kind": "demolition", "date_start": "2022-03-01",
    ...                      "households": ["20", "5"]})
    >>> evictions_by_band(eviction_events(told)[0], pd.Series({"1": 3, "2": None}))["evicted_households"].tolist()
    [20.0, 5.0]
    """
    evicted = events[events["kind"].isin(EVICTED)]
    own = bands.reindex(evicted.index).astype("Int64").rename("band")
    sizes = evicted["households"]
    grouped = pd.DataFrame({"band": own, "households": sizes, "open": sizes.isna()}).groupby("band", dropna=False)
    return pd.DataFrame(
        {
            "n_evictions": grouped.size(),
            "evicted_households": grouped["households"].agg(lambda values: values.sum(skipna=False)),
            "n_evictions_unknown_size": grouped["open"].sum(),
        }
    )
