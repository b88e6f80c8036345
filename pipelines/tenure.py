"""Tenure of a region: shares, conflicts and evictions by settlement, without names and small cells."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.settlements import Tenure
from geo_profiling.config.tenure_inputs import TenureLayer, TenureTable
from geo_profiling.crs import local_utm
from geo_profiling.disclosure import TOTAL, suppress
from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.tenure.conflicts import (
    LOCAL_PLANAR,
    claim_conflicts,
    coverage_gaps,
    describe_conflicts,
    require_planar,
    unit_overlaps,
)
from geo_profiling.tenure.evictions import eviction_events, eviction_rates, publish_evictions
from geo_profiling.tenure.model import TenureRecords, share_conflicts, tenure_records
from geo_profiling.tenure.shares import secure_tenure_shares, tenure_type_shares
from geo_profiling.tenure.words import CODE_LISTS
from geo_profiling.vector.read import read_layer, read_table
from pipelines.built import read_built
from pipelines.declared import TABLE_SUFFIXES, detail_tables, input_label
from pipelines.form import open_ground
from pipelines.profile import enumerated_households

#: Share of adults with secure tenure from which the tenure of a settlement counts as secure.
SECURE_SHARE = 0.5


@dataclass(frozen=True)
class TenureRegister:
    """The declared tables of tenure of a region, checked.

    Attributes
    ----------
    records : TenureRecords
        All times; units in a CRS in which areas can be measured, or ``local-planar``.
    events : DataFrame or None
        Evictions.
    settlements : GeoDataFrame or None
        Polygons on settlement_id (text), in the CRS of the units where those have one.
    findings : list of Finding
    """

    records: TenureRecords
    events: pd.DataFrame | None
    settlements: gpd.GeoDataFrame | None
    findings: list[Finding]


def read_tenure(region: RegionSettings) -> TenureRegister:
    """Read the register of tenure of a region and give units and events their settlement.

    Units and events without ``settlement_id`` are of the settlement that holds their inner point.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.tenure`` and ``settlements.tenure``.

    Raises
    ------
    InputError
        If a table is refused or lacks a column that must be there.
    """
    declared, rules = region.inputs.tenure, _rules(region)
    assert declared is not None  # only asked for where it is configured
    reader = _Reader(region)
    units = reader.layer("tenure.spatial_units", declared.spatial_units, places={"polygon", "point"})
    named = {
        key: input_label(f"tenure.{key}", table.path)
        for key in ("parties", "spatial_units", "rights", "sources")
        if (table := getattr(declared, key)) is not None
    }
    words = {**CODE_LISTS[rules.code_list], **{word.casefold(): name for word, name in rules.tenure_words.items()}}
    try:
        records, found = tenure_records(
            reader.table("tenure.parties", declared.parties),
            units,
            reader.table("tenure.rights", declared.rights),
            None if declared.sources is None else reader.table("tenure.sources", declared.sources),
            tenure_words=words,
            adult_age=rules.adult_age,
            names=[named["parties"], named["spatial_units"], named["rights"], named.get("sources", "sources")],
        )
        reader.findings += found
        events = None
        if declared.evictions is not None:
            label = input_label("tenure.evictions", declared.evictions.path)
            told = reader.layer("tenure.evictions", declared.evictions, places={"polygon", "point"})
            events, found = eviction_events(told, name=label)
            reader.findings += found
    except UsageError as error:
        raise InputError(str(error), hint=error.hint or "name the column in 'columns' of the table") from error
    settlements = reader.settlements(records.units)
    records.units["settlement_id"] = reader.located(records.units, settlements, named["spatial_units"])
    if events is not None:
        events["settlement_id"] = reader.located(events, settlements, "evictions")
    if settlements is not None:
        reader.require_known(records.parties["settlement_id"], settlements.index, named["parties"])
    return TenureRegister(records, events, settlements, reader.findings)


def _rules(region: RegionSettings) -> Tenure:
    rules = region.settlements
    if rules is None or rules.tenure is None:
        raise InputError(
            "inputs.tenure: no reference date says for which day rights are told",
            hint="write 'settlements: {tenure: {reference_date: YYYY-MM-DD}}'",
        )
    return rules.tenure


class _Reader:
    """Reads tables of a region's register and gathers what is found."""

    def __init__(self, region: RegionSettings) -> None:
        self.region = region
        self.findings: list[Finding] = []

    def table(self, key: str, declared: TenureTable) -> pd.DataFrame:
        label = input_label(key, declared.path)
        frame = read_table(declared.path, roots=self.region.roots, encoding=declared.encoding, name=label)
        return _renamed(frame, declared, label)

    def layer(self, key: str, declared: TenureLayer, *, places: set[str]) -> pd.DataFrame:
        if declared.path.suffix.lower() in TABLE_SUFFIXES:
            return self.table(key, declared)
        label = input_label(key, declared.path)
        frame, found = read_layer(
            declared.path,
            layer=declared.layer,
            roots=self.region.roots,
            crs=LOCAL_PLANAR if declared.crs == "local-planar" else declared.crs,
            name=label,
            bad_geometry="skip" if "point" in places and key.endswith("evictions") else "refuse",
        )
        self.findings += found
        return _renamed(_measurable(frame), declared, label)

    def settlements(self, units: pd.DataFrame) -> gpd.GeoDataFrame | None:
        declared = self.region.inputs.settlements
        if declared is None:
            return None
        frame, _ = read_layer(
            declared.path,
            layer=declared.layer,
            id_field=declared.id_field,
            columns=[],
            kinds={"polygon"},
            roots=self.region.roots,
            crs=declared.crs,
            name=input_label("settlements", declared.path),
        )
        frame.index = pd.Index([str(value) for value in frame[declared.id_field]], name="settlement_id", dtype=object)
        places = frame[["geometry"]].sort_index()
        has_place = isinstance(units, gpd.GeoDataFrame) and not units.crs.is_engineering
        return places.to_crs(units.crs) if has_place else _measurable(places)

    def located(self, table: pd.DataFrame, settlements: gpd.GeoDataFrame | None, label: str) -> pd.Series:
        """Return the settlement of each row: as told, else where it lies."""
        told = table["settlement_id"]
        if settlements is not None:
            self.require_known(told, settlements.index, label)
            if isinstance(table, gpd.GeoDataFrame) and not table.crs.is_engineering:
                places = table.geometry.to_crs(settlements.crs)
                points = shapely.point_on_surface(np.asarray(places.array, dtype=object))
                shapes = np.asarray(settlements.geometry.array, dtype=object)
                row, place = shapely.STRtree(shapes).query(points, predicate="intersects")
                inside = pd.Series(settlements.index[place], index=table.index[row]).groupby(level=0).min()
                told = told.where(told.notna(), inside.reindex(table.index))
        lost = int(told.isna().sum())
        if lost:
            message = f"{lost} of {len(told)} rows are in no settlement"
            self.findings.append(Finding("warning", label, "", message, "they count in the total alone"))
        return told

    def require_known(self, told: pd.Series, known: pd.Index, label: str) -> None:
        foreign = sorted(set(told.dropna()) - set(known))
        if foreign:
            shown = ", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else "")
            message = f"{len(foreign)} values of settlement_id are no settlements: {shown}"
            self.findings.append(Finding("error", label, "", message, "write ids as in the layer of settlements"))


def _renamed(frame: pd.DataFrame, declared: TenureTable, label: str) -> pd.DataFrame:
    missing = [column for column in declared.columns.values() if column not in frame.columns]
    if missing:
        raise InputError(f"{label}: has no column {missing[0]!r}", hint=f"it has: {', '.join(map(str, frame.columns))}")
    own = {column: name for name, column in declared.columns.items()}
    # A column that already has the name of the model stands back for the one that is named.
    return frame.drop(columns=[name for name in declared.columns if name in frame and name not in own]).rename(
        columns=own
    )


def _measurable(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer in a CRS in which its areas can be measured: its own, or its UTM zone."""
    try:
        require_planar(frame.geometry, what="layer")
    except CRSError:
        left, bottom, right, top = (float(value) for value in frame.to_crs("EPSG:4326").total_bounds)
        return frame.to_crs(local_utm((left + right) / 2, (bottom + top) / 2))
    return frame


def run_tenure(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Tell who holds the land: tables ``tenure_shares``, ``tenure_conflicts``, ``evictions``, ``settlement_tenure``.

    ``settlement_tenure`` sums them up, one row for each settlement. With ``publish_detail`` there are
    ``tenure_conflict_records`` and ``eviction_records`` with geometry too, empty where places are
    not tied to the Earth.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.tenure`` and ``settlements.tenure``.
    directory : Path
        The region's output folder.
    compute : Compute

    Raises
    ------
    InputError
        If a table is refused.
    """
    del compute  # registers fit into memory
    rules = _rules(region)
    register = read_tenure(region)
    raise_on_errors(register.findings)
    records = register.records.at(rules.reference_date)
    shares = pd.concat(
        [
            tenure_type_shares(records, minimum=rules.min_households),
            secure_tenure_shares(
                records, recognised_documents=rules.recognised_documents, minimum=rules.min_households
            ),
        ],
        ignore_index=True,
    )
    overlaps = _overlaps(records, rules)
    conflicts = publish_conflicts(
        records,
        overlaps,
        register.settlements,
        around=_around(region, register),
        shares_off=_off_today(register.records, rules),
        minimum=rules.min_households,
    )
    rates = _rates(region, register, records, rules)
    write_parquet(directory / "tables/tenure_shares.parquet", shares)
    write_parquet(directory / "tables/tenure_conflicts.parquet", conflicts)
    write_parquet(directory / "tables/evictions.parquet", rates)
    write_parquet(directory / "tables/settlement_tenure.parquet", settlement_tenure(shares, conflicts, rates))
    for name in detail_tables(region):
        layer = _conflict_records(overlaps, records) if name == "tenure_conflict_records" else _event_records(register)
        write_parquet(directory / f"tables/{name}.parquet", layer)


def _overlaps(records: TenureRecords, rules: Tenure) -> gpd.GeoDataFrame | None:
    units = records.units
    if not isinstance(units, gpd.GeoDataFrame):
        return None
    polygons = units[units.geom_type.isin(["Polygon", "MultiPolygon"])]
    if polygons.empty:
        return None
    found = unit_overlaps(
        polygons,
        min_area_m2=rules.conflict_min_area_m2,
        min_share=rules.conflict_min_share,
        accuracy_m=rules.survey_accuracy_m,
    )
    return describe_conflicts(found, records)


def _off_today(records: TenureRecords, rules: Tenure) -> set[str]:
    """Return the units whose shares do not add up on the reference date."""
    found = share_conflicts(records)
    day = pd.Timestamp(rules.reference_date)
    holds = ~(found["valid_from"] > day) & ~(found["valid_to"] <= day)
    return set(found.loc[holds, "unit_id"])


#: By kind of conflict, its counts of units and of the households that hold them.
CONFLICT_KINDS = ("boundary", "claim", "share", "dispute", "no_right")


def publish_conflicts(
    records: TenureRecords,
    overlaps: gpd.GeoDataFrame | None,
    settlements: gpd.GeoDataFrame | None,
    *,
    shares_off: set[str],
    minimum: int,
    around: Surroundings | None = None,
) -> pd.DataFrame:
    """Count units in each kind of conflict by settlement, without cells of few households.

    Parameters
    ----------
    records : TenureRecords
        At one date.
    overlaps : GeoDataFrame or None
        Pairs with settlement, of :func:`geo_profiling.tenure.conflicts.describe_conflicts`; None: unknown.
    settlements : GeoDataFrame or None
        For coverage gaps, in the CRS of the units.
    shares_off : set of str
        Units whose shares do not add up.
    minimum : int
        Smallest number of households that is published; a unit that nobody is known to hold counts
        as one.
    around : Surroundings, optional
        Streets, water and buildings, in the CRS of the units.

    Returns
    -------
    DataFrame
        settlement_id (sorted, ``all`` among them), n_units, n_boundary_conflicts (pairs), n_units of
        each of :data:`CONFLICT_KINDS` as ``n_units_<kind>``, gap_m2, gap_share, n_buildings and
        n_buildings_no_unit (NULL without buildings), is_suppressed.
    """
    units = records.units["settlement_id"]
    disputed = records.rights.loc[records.rights["dispute_status"] == "ongoing", "unit_id"]
    conflicts = None if overlaps is None else overlaps[overlaps["is_conflict"]]
    pairs = set() if conflicts is None else {*conflicts["first_id"], *conflicts["second_id"]}
    members = {
        "boundary": pairs,
        "claim": set(claim_conflicts(records).index),
        "share": shares_off,
        "dispute": set(disputed.dropna()),
        "no_right": set(units.index) - set(records.rights["unit_id"]),
    }
    holders = _holders(records)
    places = [*sorted(set(units.dropna())), TOTAL]
    table = pd.DataFrame({"settlement_id": places})
    hidden = pd.Series(False, index=table.index)
    for kind, ids in {"": set(units.index), **members}.items():
        column = f"n_units_{kind}" if kind else "n_units"
        within = [{unit for unit in ids if place in (TOTAL, units.get(unit))} for place in places]
        homes = [len({home for unit in chosen for home in holders.get(unit, {f"unit {unit}"})}) for chosen in within]
        cells = table[["settlement_id"]].assign(n=[len(chosen) for chosen in within], homes=homes)
        values = ["n"]
        if kind == "boundary" and conflicts is not None:
            cells["pairs"] = [_pairs(conflicts, place) for place in places]
            values.append("pairs")
        shown = suppress(cells, ["settlement_id"], count="homes", values=values, minimum=minimum)
        table[column] = shown["n"].astype("Int64")
        if kind == "boundary":
            unknown = pd.Series([None] * len(table), dtype="Int64")
            table["n_boundary_conflicts"] = shown["pairs"].astype("Int64") if conflicts is not None else unknown
            table[column] = table[column] if conflicts is not None else unknown
        hidden |= shown["is_suppressed"]
    table = _with_gaps(table, records, settlements, around or Surroundings())
    if table["n_buildings_no_unit"].notna().any():
        # A building without a unit is at least one household that nobody knows.
        cells = table[["settlement_id", "n_buildings_no_unit"]].assign(homes=table["n_buildings_no_unit"])
        shown = suppress(cells, ["settlement_id"], count="homes", values=["n_buildings_no_unit"], minimum=minimum)
        table["n_buildings_no_unit"] = shown["n_buildings_no_unit"].astype("Int64")
        hidden |= shown["is_suppressed"]
    return table.assign(is_suppressed=hidden)


def _holders(records: TenureRecords) -> dict[str, set[str]]:
    """Return the households that hold each unit."""
    homes = records.rights["party_id"].map(records.parties["household_id"])
    grouped = homes.dropna().groupby(records.rights["unit_id"])
    return {str(unit): {f"household {home}" for home in values} for unit, values in grouped}


def _pairs(conflicts: gpd.GeoDataFrame, place: str) -> int:
    return len(conflicts) if place == TOTAL else int((conflicts["settlement_id"] == place).sum())


@dataclass(frozen=True)
class Surroundings:
    """What else there is on the ground of settlements, in the CRS of the register's units.

    Attributes
    ----------
    open_ground : GeoSeries or None
        Polygons of streets and water: nobody holds them.
    buildings : GeoSeries or None
    """

    open_ground: gpd.GeoSeries | None = None
    buildings: gpd.GeoSeries | None = None


def _around(region: RegionSettings, register: TenureRegister) -> Surroundings:
    """Return streets, water and buildings where settlements and units have a place on the Earth."""
    units, settlements = register.records.units, register.settlements
    if settlements is None or not isinstance(units, gpd.GeoDataFrame) or units.crs.is_engineering:
        return Surroundings()
    built = read_built(region)
    ground = open_ground(built)
    homes = None if built.buildings is None else built.buildings.geometry
    return Surroundings(*(None if layer is None else layer.to_crs(units.crs) for layer in (ground, homes)))


def _with_gaps(
    table: pd.DataFrame, records: TenureRecords, settlements: gpd.GeoDataFrame | None, around: Surroundings
) -> pd.DataFrame:
    units = records.units
    table = table.assign(gap_m2=np.nan, gap_share=np.nan, n_buildings=np.nan, n_buildings_no_unit=np.nan)
    table = table.astype({"n_buildings": "Int64", "n_buildings_no_unit": "Int64"})
    if settlements is None or not isinstance(units, gpd.GeoDataFrame) or units.crs.is_engineering:
        return table
    own = settlements[settlements.index.isin(table["settlement_id"])]
    gaps = coverage_gaps(own, records, streets=around.open_ground, buildings=around.buildings)
    gaps = gaps[["gap_m2", "area_m2", "n_buildings", "n_buildings_without_unit"]].astype(float)
    found = pd.concat([gaps, gaps.sum(min_count=1).rename(TOTAL).to_frame().T])
    table["gap_m2"] = table["settlement_id"].map(found["gap_m2"])
    table["gap_share"] = table["settlement_id"].map(found["gap_m2"] / found["area_m2"])
    table["n_buildings"] = table["settlement_id"].map(found["n_buildings"]).astype("Int64")
    table["n_buildings_no_unit"] = table["settlement_id"].map(found["n_buildings_without_unit"]).astype("Int64")
    return table


def eviction_window(rules: Tenure) -> tuple[dt.date, dt.date]:
    """Return the first day of the years that evictions are told of, and the first day after them.

    Examples
    --------
    >>> eviction_window(Tenure(reference_date="2020-02-29", eviction_years=5))
    (datetime.date(2015, 2, 28), datetime.date(2020, 2, 29))
    """
    end = dt.date.fromisoformat(rules.reference_date)
    # The 29th of February has no counterpart in most years.
    start = end.replace(year=end.year - rules.eviction_years, day=min(end.day, 28) if end.month == 2 else end.day)
    return start, end


def _rates(region: RegionSettings, register: TenureRegister, records: TenureRecords, rules: Tenure) -> pd.DataFrame:
    events = register.events
    if events is None:
        none = pd.DataFrame({"event_id": [], "kind": [], "date_start": []}, dtype=object)
        events, _ = eviction_events(none)
    start, end = eviction_window(rules)
    homes = enumerated_households(region)
    if homes is None:
        types = tenure_type_shares(records, minimum=None)
        whole = types[(types["tenure_type"] == TOTAL) & (types["settlement_id"] != TOTAL)]
        homes = whole.set_index("settlement_id")["n_total"]
    rates = eviction_rates(events, homes, start=start, end=end, notice_days=rules.notice_days)
    return publish_evictions(rates, minimum=rules.min_households)


def settlement_tenure(shares: pd.DataFrame, conflicts: pd.DataFrame, evictions: pd.DataFrame) -> pd.DataFrame:
    """Sum up what is published of tenure, one row for each settlement.

    Parameters
    ----------
    shares, conflicts, evictions : DataFrame
        As published: suppressed figures are NULL and stay so.

    Returns
    -------
    DataFrame
        settlement_id, main_tenure_type and main_tenure_share (only where no suppressed type could be
        larger), documented_share, perceived_share, documented_and_perceived_share, is_tenure_secure
        (at least half of the adults), n_boundary_conflicts, n_units_claim, n_units_dispute, gap_share,
        evicted_households, evicted_per_1000_per_year, threatened_share.
    """
    places = {*shares["settlement_id"], *conflicts["settlement_id"], *evictions["settlement_id"]} - {TOTAL}
    found = pd.DataFrame(index=pd.Index(sorted(places), name="settlement_id", dtype=object))
    types = shares[(shares["measure"] == "tenure_type") & ~shares["tenure_type"].isin([TOTAL, "unknown"])]
    types = types.sort_values(["share", "tenure_type"], ascending=[False, True], kind="stable")
    first = types.dropna(subset=["share"]).drop_duplicates("settlement_id").set_index("settlement_id")
    hidden = 1 - types.groupby("settlement_id")["share"].sum()
    sure = first[first["share"] >= hidden.reindex(first.index) - 1e-9]
    found["main_tenure_type"] = sure["tenure_type"].astype(object).reindex(found.index)
    found["main_tenure_share"] = sure["share"].reindex(found.index)
    whole = shares[(shares["sex"] == TOTAL) & (shares["tenure_type"] == TOTAL)].set_index("settlement_id")
    for measure in ("documented", "perceived", "documented_and_perceived"):
        found[f"{measure}_share"] = whole.loc[whole["measure"] == measure, "share"].reindex(found.index)
    both = found["documented_and_perceived_share"]
    found["is_tenure_secure"] = (both >= SECURE_SHARE).astype("boolean").mask(both.isna())
    by_place = conflicts.set_index("settlement_id")
    for column in ("n_boundary_conflicts", "n_units_claim", "n_units_dispute", "gap_share"):
        found[column] = by_place[column].reindex(found.index)
    told = evictions.set_index("settlement_id")
    for column in ("evicted_households", "evicted_per_1000_per_year", "threatened_share"):
        found[column] = told[column].reindex(found.index)
    return found.reset_index()


def _conflict_records(overlaps: gpd.GeoDataFrame | None, records: TenureRecords) -> gpd.GeoDataFrame:
    columns = ["first_id", "second_id", "settlement_id", "level", "area_m2", "share_of_smaller", "width_m"]
    columns += ["first_tenure", "second_tenure", "is_disputed"]
    if overlaps is None:
        crs = records.units.crs if isinstance(records.units, gpd.GeoDataFrame) else None
        return gpd.GeoDataFrame({column: [] for column in columns}, geometry=[], crs=crs)
    return overlaps.loc[overlaps["is_conflict"], [*columns, "geometry"]].reset_index(drop=True)


def _event_records(register: TenureRegister) -> gpd.GeoDataFrame:
    events = register.events
    assert isinstance(events, gpd.GeoDataFrame)  # it was declared as a layer
    points = shapely.point_on_surface(np.asarray(events.geometry.array, dtype=object))
    found = events.set_geometry(gpd.GeoSeries(points, index=events.index, crs=events.crs))
    days = {column: found[column].dt.strftime("%Y-%m-%d").astype(object) for column in ("date_start", "date_end")}
    return found.assign(**days).drop(columns="source_id").reset_index()
