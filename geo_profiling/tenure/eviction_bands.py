"""Evictions and threats by the band of a hazard they lie in, by settlement, without cells of few households."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from geo_profiling.disclosure import MINIMUM_HOUSEHOLDS, TOTAL, suppress

_COLUMNS = ["settlement_id", "band", "n_events", "n_events_unknown_size", "households"]


def events_by_band(
    events: pd.DataFrame, bands: pd.Series, *, hidden: Collection[str] = (), minimum: int = MINIMUM_HOUSEHOLDS
) -> pd.DataFrame:
    """Count events and their households by settlement and band, as they may be published.

    A reader may know the figures of whole settlements from elsewhere: bands of a settlement whose own figure is
    hidden are all hidden, and of the others as many as it takes to keep a small one. Every settlement stands by
    itself: sums over settlements are told only where nothing of any of them is hidden.

    Parameters
    ----------
    events : DataFrame
        Of :func:`geo_profiling.tenure.evictions.eviction_events`; those without a settlement are passed over.
    bands : Series
        Name of the band of each event, on event_id.
    hidden : collection of str
        Settlements whose figure is not published.
    minimum : int
        Smallest number of households that is published.

    Returns
    -------
    DataFrame
        settlement_id (sorted, ``all`` last), band, n_events, n_events_unknown_size, households (NULL where the size
        of an event is unknown), is_suppressed. Bands without events have no row.

    Examples
    --------
    >>> events = pd.DataFrame({"settlement_id": "a", "households": [3.0, 40.0, 9.0]}, index=["1", "2", "3"])
    >>> found = events_by_band(events, pd.Series({"1": "dry", "2": ">=0.5", "3": "0.15-0.5"}))
    >>> found.loc[found["settlement_id"] == "a", ["band", "households"]].to_numpy().tolist()
    [['0.15-0.5', <NA>], ['>=0.5', 40], ['dry', <NA>]]
    """
    own = events[events["settlement_id"].notna()]
    cells = _counted(own["settlement_id"].astype(str), bands.reindex(own.index), own["households"])
    if cells.empty:
        return cells.assign(is_suppressed=pd.Series(dtype=bool))
    whole = cells.groupby("settlement_id")["households"].agg(lambda sizes: sizes.sum(skipna=False))
    totals = pd.DataFrame({"settlement_id": whole.index, "band": TOTAL, "households": whole.to_numpy()})
    known = pd.concat([cells, totals], ignore_index=True)
    known = known[known["households"].notna()]
    small = suppress(known, ["settlement_id", "band"], count="households", values=[], minimum=minimum)["is_suppressed"]
    is_hidden = small.reindex(cells.index, fill_value=False) | cells["settlement_id"].isin(list(hidden))
    together = _counted(pd.Series(TOTAL, own.index), bands.reindex(own.index), own["households"])
    table = pd.concat([cells.assign(is_suppressed=is_hidden), together.assign(is_suppressed=bool(is_hidden.any()))])
    for column in ("n_events", "n_events_unknown_size", "households"):
        table[column] = table[column].round().astype("Int64").mask(table["is_suppressed"])
    return table.reset_index(drop=True)


def _counted(settlement: pd.Series, band: pd.Series, households: pd.Series) -> pd.DataFrame:
    """Count events by settlement and band, sorted."""
    told = pd.DataFrame({"settlement_id": settlement, "band": band, "households": households.astype(float)})
    grouped = told.groupby(["settlement_id", "band"], sort=True)["households"]
    found = pd.DataFrame(
        {
            "n_events": grouped.size(),
            "n_events_unknown_size": grouped.agg(lambda sizes: sizes.isna().sum()),
            "households": grouped.agg(lambda sizes: sizes.sum(skipna=False)),
        }
    ).reset_index()
    return found.reindex(columns=_COLUMNS)
