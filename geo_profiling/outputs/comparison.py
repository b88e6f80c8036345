"""Two results of a region compared: areas that appeared, vanished, merged or split, and indicators that moved."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import STRtree

from geo_profiling.crs import require_equal_area, same_crs
from geo_profiling.errors import InputError

#: What identifies an observation of the layer ``indicators``.
INDICATOR_KEY = (
    "area_type", "area_id", "indicator", "series", "time_period", "sex", "age", "urbanisation", "breakdown",
)  # fmt: skip
#: Two areas are one and the same from this share of the smaller one in the other.
MIN_OVERLAP_SHARE = 0.5
#: Values this close (relative) are equal: what sums in another order may differ by.
_EQUAL = 1e-9


def compare_areas(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, *, id_field: str) -> pd.DataFrame:
    """Return what became of areas: which appeared, vanished, merged, split, or have other people or ground.

    Areas of the two results are linked where one covers at least half of the other's area (shares of
    area, 0-1, of the smaller one). An area that is linked to several older ones is merged, one that
    several newer ones are linked to is split.

    Parameters
    ----------
    old, new : GeoDataFrame
        Polygons in one equal-area CRS, with ``id_field`` and, where there are any, ``name``,
        ``population`` and ``area_km2``.
    id_field : str

    Returns
    -------
    DataFrame
        Columns ``what`` ("appeared", "vanished", "merged", "split", "changed"), ``area_id`` (the new
        one; of what vanished the old one), ``name``, ``before_ids``, ``after_ids`` (ids joined by a
        blank), ``population_before``, ``population_after``; sorted. Areas that are as they were are
        left out.

    Raises
    ------
    CRSError, InputError
        If the layers are in different CRSs, or in none that keeps areas.

    Examples
    --------
    >>> from shapely import box
    >>> old = gpd.GeoDataFrame(
    ...     {"centre_id": ["a", "b"], "population": [5.0, 6.0]},
    ...     geometry=[box(0, 0, 1e3, 1e3), box(2e3, 0, 3e3, 1e3)], crs="ESRI:54009")
    >>> new = gpd.GeoDataFrame(
    ...     {"centre_id": ["c"], "population": [12.0]}, geometry=[box(0, 0, 3e3, 1e3)], crs="ESRI:54009")
    >>> compare_areas(old, new, id_field="centre_id")[["what", "before_ids", "after_ids"]].to_numpy().tolist()
    [['merged', 'a b', 'c']]
    """
    for layer, which in ((old, "old"), (new, "new")):
        if len(layer):
            require_equal_area(layer.crs, tuple(layer.total_bounds), what=f"{which} layer")
    if len(old) and len(new) and not same_crs(old.crs, new.crs):
        raise InputError("the two results are in different coordinate reference systems")
    forward, backward = _links(old, new, id_field)
    before, after = old.set_index(id_field), new.set_index(id_field)
    rows = [_row("vanished", name, [name], [], before, after) for name in before.index if name not in forward]
    for name in after.index:
        ancestors = backward.get(name, [])
        if not ancestors:
            rows.append(_row("appeared", name, [], [name], before, after))
        elif len(ancestors) > 1:
            rows.append(_row("merged", name, ancestors, [name], before, after))
        elif len(forward[ancestors[0]]) > 1:
            rows.append(_row("split", name, ancestors, forward[ancestors[0]], before, after))
        elif _differs(before.loc[ancestors[0]], after.loc[name]):
            rows.append(_row("changed", name, ancestors, [name], before, after))
    columns = ["what", "area_id", "name", "before_ids", "after_ids", "population_before", "population_after"]
    return pd.DataFrame(rows, columns=columns).sort_values(["what", "area_id"], ignore_index=True)


def _links(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, id_field: str
) -> tuple[dict[object, list[object]], dict[object, list[object]]]:
    """Return the new areas of each old one and the old ones of each new one, by id, sorted."""
    was, now = old.geometry.to_numpy(), new.geometry.to_numpy()
    pairs = STRtree(now).query(was, predicate="intersects") if len(now) and len(was) else np.empty((2, 0), int)
    forward: dict[object, list[object]] = {}
    backward: dict[object, list[object]] = {}
    for first, second in zip(*pairs, strict=True):
        shared = was[first].intersection(now[second]).area
        if shared >= MIN_OVERLAP_SHARE * min(was[first].area, now[second].area) and shared > 0:
            one, other = old[id_field].iloc[first], new[id_field].iloc[second]
            forward.setdefault(one, []).append(other)
            backward.setdefault(other, []).append(one)
    for links in (forward, backward):
        for found in links.values():
            found.sort(key=str)
    return forward, backward


def _row(
    what: str, name: object, was: list[object], now: list[object], before: gpd.GeoDataFrame, after: gpd.GeoDataFrame
) -> dict[str, object]:
    frame = before if what == "vanished" else after
    return {
        "what": what,
        "area_id": name,
        "name": frame["name"].get(name) if "name" in frame else None,
        "before_ids": " ".join(map(str, was)),
        "after_ids": " ".join(map(str, now)),
        "population_before": _people(before, was),
        "population_after": _people(after, now),
    }


def _people(frame: gpd.GeoDataFrame, names: list[object]) -> float | None:
    return float(frame.loc[names, "population"].sum()) if names and "population" in frame else None


def _differs(before: pd.Series, after: pd.Series) -> bool:
    if not before["geometry"].equals(after["geometry"]):
        return True
    numbers = [name for name in ("population", "area_km2") if name in before and name in after]
    return any(not np.isclose(before[name], after[name], rtol=_EQUAL, atol=0) for name in numbers)


def compare_indicators(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return the observations that moved beyond their uncertainty, appeared or vanished.

    An observation moved if the intervals of the two results do not overlap; one without an interval
    counts as a point, so that without any interval every other value is a move.

    Parameters
    ----------
    old, new : DataFrame
        The layer ``indicators`` of two results.

    Returns
    -------
    DataFrame
        The key columns, ``what`` ("moved", "appeared", "vanished"), ``before``, ``after`` and the bounds
        of both; sorted by key.

    Raises
    ------
    InputError
        If an observation stands twice in a table.

    Examples
    --------
    >>> table = pd.DataFrame({"indicator": ["11.1.1", "11.1.1"], "area_id": ["a", "b"], "obs_value": [30.0, 40.0],
    ...                       "lower_bound": [28.0, 38.0], "upper_bound": [32.0, 42.0]})
    >>> later = table.assign(obs_value=[31.0, 50.0], lower_bound=[29.0, 48.0], upper_bound=[33.0, 52.0])
    >>> compare_indicators(table, later)[["what", "area_id", "before", "after"]].to_numpy().tolist()
    [['moved', 'b', 40.0, 50.0]]
    """
    key = [name for name in INDICATOR_KEY if name in old and name in new]
    values = ["obs_value", "lower_bound", "upper_bound"]
    sides = []
    for frame, which in ((old, "old"), (new, "new")):
        side = frame.reindex(columns=[*key, *values])
        side[values] = side[values].astype(float)
        # NULL in a key column is a value like any other: "all ages", "no breakdown".
        side[key] = side[key].astype(object).where(side[key].notna(), "").astype(str)
        if side.duplicated(key).any():
            raise InputError(f"the {which} table of indicators has an observation twice: {_first_twice(side, key)}")
        sides.append(side)
    both = sides[0].merge(sides[1], on=key, how="outer", suffixes=("_before", "_after"), indicator=True)
    low_before, high_before = _interval(both, "before")
    low_after, high_after = _interval(both, "after")
    margin = _EQUAL * np.maximum(np.abs(both["obs_value_before"]), np.abs(both["obs_value_after"]))
    moved = (low_after > high_before + margin) | (high_after < low_before - margin)
    moved |= both["obs_value_before"].isna() != both["obs_value_after"].isna()
    what = np.where(
        both["_merge"] == "left_only", "vanished", np.where(both["_merge"] == "right_only", "appeared", "moved")
    )
    found = both.assign(what=what).loc[(both["_merge"] != "both") | moved]
    found = found.rename(columns={"obs_value_before": "before", "obs_value_after": "after"})
    bounds = [f"{name}_{side}" for side in ("before", "after") for name in ("lower_bound", "upper_bound")]
    return found[["what", *key, "before", "after", *bounds]].sort_values(key, ignore_index=True)


def _interval(both: pd.DataFrame, side: str) -> tuple[pd.Series, pd.Series]:
    value = both[f"obs_value_{side}"]
    return both[f"lower_bound_{side}"].fillna(value), both[f"upper_bound_{side}"].fillna(value)


def _first_twice(frame: pd.DataFrame, key: list[str]) -> str:
    row = frame[frame.duplicated(key, keep=False)].iloc[0]
    return ", ".join(f"{name} {row[name]}" for name in key if row[name])
