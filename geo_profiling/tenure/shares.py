"""Who holds by which tenure, with which document, and how safe they feel: shares by settlement.

Cells are counted first (households or adults in each settlement, category and state), then small ones
are suppressed, and shares are taken of what is left: a share never says more than its cells.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array, vstack

from geo_profiling.disclosure import MINIMUM_HOUSEHOLDS, TOTAL, hide_cells, table_relations
from geo_profiling.tenure.model import TenureRecords, whole_shares
from geo_profiling.tenure.words import DOCUMENTED, TENURE_TYPES

#: Words of ``documented`` that stand for a document which the law knows.
RECOGNISED = ("recognised", "registered")
UNKNOWN = "unknown"
NO_TENURE = "no_tenure"
MEASURES = ("documented", "perceived", "documented_and_perceived")
SHARE_COLUMNS = (
    *("settlement_id", "measure", "sex", "tenure_type", "counted", "share", "n", "n_known", "n_total"),
    *("coverage_share", "n_households", "is_suppressed"),
)


def household_tenure(records: TenureRecords) -> pd.DataFrame:
    """Return the tenure of each household: how much of it is of which type.

    Definition: the shares of the household's rights, those of its members added up, divided by their
    sum, so that a household counts once whether it holds half a plot or three. Rights to resources
    (water, grazing, ways) are not counted, nor are parties that are groups.

    Parameters
    ----------
    records : TenureRecords
        At one date, see :meth:`~geo_profiling.tenure.model.TenureRecords.at`.

    Returns
    -------
    DataFrame
        household_id, settlement_id, tenure_type, share (0-1, by household adding up to 1), weight.
        A household whose rights have an unknown type or share is all ``unknown``, one without any
        right all ``no_tenure``. Sorted.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> people = pd.DataFrame({"party_id": ["a", "b"], "household_id": ["h", "h"]})
    >>> plots = pd.DataFrame({"unit_id": ["1"]})
    >>> held = pd.DataFrame({"party_id": ["a", "b"], "unit_id": ["1", "1"], "share": [0.5, 0.5],
    ...                      "tenure_type": ["freehold", "tenancy"]})
    >>> household_tenure(tenure_records(people, plots, held)[0])["share"].tolist()
    [0.5, 0.5]
    """
    homes = _households(records)
    rights = _counted_rights(records).assign(share=lambda frame: whole_shares(frame))
    rights = rights[rights["household_id"].isin(homes.index)]
    vague = rights.loc[rights["tenure_type"].isna() | rights["share"].isna(), "household_id"].unique()
    sums = (
        rights[~rights["household_id"].isin(vague)].groupby(["household_id", "tenure_type"], sort=True)["share"].sum()
    )
    sums = sums[sums > 0]
    shares = (sums / sums.groupby(level="household_id").transform("sum")).rename("share").reset_index()
    rest = homes.index.difference(pd.Index(shares["household_id"].unique()))
    others = pd.DataFrame({"household_id": rest, "tenure_type": np.where(rest.isin(vague), UNKNOWN, NO_TENURE)})
    found = pd.concat([shares, others.assign(share=1.0)], ignore_index=True).join(homes, on="household_id")
    columns = ["household_id", "settlement_id", "tenure_type", "share", "weight"]
    return found[columns].sort_values(["household_id", "tenure_type"], ignore_index=True)


def _counted_rights(records: TenureRecords) -> pd.DataFrame:
    """Return the rights that are not to a resource, with household and settlement."""
    resource = [name for name, kind in TENURE_TYPES.items() if kind.right_class == "resource"]
    rights = records.rights[~records.rights["tenure_type"].isin(resource)]
    return rights.join(records.parties["household_id"], on="party_id").join(
        records.units["settlement_id"], on="unit_id"
    )


def _party_settlements(records: TenureRecords) -> pd.Series:
    """Return the settlement of each party: its own, else that of the first unit it holds."""
    held = records.rights.join(records.units["settlement_id"], on="unit_id").dropna(subset=["settlement_id"])
    by_unit = held.groupby("party_id")["settlement_id"].min()
    own = records.parties["settlement_id"]
    return own.where(own.notna(), own.index.to_series().map(by_unit))


def _households(records: TenureRecords) -> pd.DataFrame:
    """Return households with settlement and weight: those that are parties, and those that persons belong to."""
    parties = records.parties.assign(settlement_id=_party_settlements(records))
    parties = parties[parties["kind"] != "group"]
    # What is said of the household itself goes before what is said of its members.
    parties = parties.assign(rank=(parties["kind"] != "household").astype(int)).sort_index()
    parties = parties.sort_values("rank", kind="stable")
    return parties.groupby("household_id", sort=True)[["settlement_id", "weight"]].first()


def tenure_type_shares(
    records: TenureRecords, *, minimum: int | None = MINIMUM_HOUSEHOLDS, total: str = TOTAL
) -> pd.DataFrame:
    """Count households by type of tenure, in each settlement and in all.

    Definition: share of type t = sum over households of weight x share of t, by the sum of the
    weights of the households whose tenure is known.

    Parameters
    ----------
    records : TenureRecords
        At one date.
    minimum : int or None
        Smallest number of households that is published; None: everything, for use inside.
    total : str
        How 'all' is written.

    Returns
    -------
    DataFrame
        Columns :data:`SHARE_COLUMNS`: measure is ``tenure_type``, sex is ``total``; n, n_known and
        n_total are sums of weights, n_households is unweighted. ``unknown`` has no share, ``no_tenure``
        is a type like others. Households of no settlement count in the total alone.

    References
    ----------
    UN-Habitat and GLTN, "Social Tenure Domain Model"; spec C1 of the product.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> ids = [str(number) for number in range(12)]
    >>> people = pd.DataFrame({"party_id": ids, "settlement_id": "a"})
    >>> held = pd.DataFrame({"party_id": ids, "unit_id": ids, "tenure_type": ["freehold"] * 6 + ["tenancy"] * 6})
    >>> shares = tenure_type_shares(tenure_records(people, pd.DataFrame({"unit_id": ids}), held)[0])
    >>> shares[shares["settlement_id"] == "a"][["tenure_type", "share"]].to_numpy().tolist()
    [['all', 1.0], ['freehold', 0.5], ['tenancy', 0.5]]
    """
    tenure = household_tenure(records)
    tenure = tenure.assign(n=tenure["weight"] * tenure["share"])
    frames = []
    for place in (tenure["settlement_id"], pd.Series(total, index=tenure.index)):
        for kind in (tenure["tenure_type"], pd.Series(total, index=tenure.index)):
            keys = [place.rename("settlement_id"), kind.rename("tenure_type")]
            counted = tenure.groupby(keys)
            frames.append(pd.DataFrame({"n": counted["n"].sum(), "n_households": counted["household_id"].nunique()}))
    cells = pd.concat(frames).reset_index().sort_values(["settlement_id", "tenure_type"], ignore_index=True)
    hidden = _hidden(cells, ["settlement_id", "tenure_type"], minimum, total)
    return _type_rows(cells, hidden, total)


def _hidden(cells: pd.DataFrame, groups: list[str], minimum: int | None, total: str) -> pd.Series:
    if minimum is None:
        return pd.Series(False, index=cells.index)
    relations = table_relations(cells, groups, total=total)
    blocks = pd.factorize(cells[groups[0]])[0].astype(np.int64)
    counts = cells["n_households"].to_numpy(float)
    return pd.Series(hide_cells(counts, relations, blocks=blocks, minimum=minimum), index=cells.index)


def _type_rows(cells: pd.DataFrame, hidden: pd.Series, total: str) -> pd.DataFrame:
    whole = cells.assign(hidden=hidden)
    by_place = whole.set_index(["settlement_id", "tenure_type"])
    everything = by_place.xs(total, level="tenure_type")
    unknown = by_place.xs(UNKNOWN, level="tenure_type") if UNKNOWN in set(whole["tenure_type"]) else None
    n_total = everything["n"].mask(everything["hidden"])
    if unknown is None:
        lost = pd.Series(0.0, index=n_total.index)
    else:
        lost = unknown["n"].mask(unknown["hidden"]).reindex(n_total.index)
        lost = lost.mask(~n_total.index.isin(unknown.index), 0.0)
    n_known = n_total - lost
    rows = whole.assign(
        n=whole["n"].mask(hidden),
        n_households=whole["n_households"].astype("Int64").mask(hidden),
        n_known=whole["settlement_id"].map(n_known),
        n_total=whole["settlement_id"].map(n_total),
        measure="tenure_type",
        sex=total,
        counted="households",
        is_suppressed=hidden,
    )
    is_known = rows["tenure_type"] != UNKNOWN
    of_all = rows["tenure_type"] == total
    share = (rows["n"] / rows["n_known"].where(rows["n_known"] > 0)).where(is_known)
    rows["share"] = share.mask(of_all & rows["n"].notna() & (rows["n_known"] > 0), 1.0)
    rows["coverage_share"] = rows["n_known"] / rows["n_total"].where(rows["n_total"] > 0)
    return rows[list(SHARE_COLUMNS)]


# --- SDG 1.4.2 -----------------------------------------------------------------------------------


def adult_security(records: TenureRecords, *, recognised_documents: Collection[str] | None = None) -> pd.DataFrame:
    """Tell for each adult whether the right is documented and whether it is perceived as secure.

    Definition (SDG 1.4.2): **documented**: the adult is named in a right with a document that the law
    recognises, or may sell or bequeath land for which the household has one. **Perceived as secure**:
    in some right the adult fears no involuntary loss (within five years) and may bequeath. An adult
    without any right is neither. Of several rights one that qualifies is enough; without one, an
    unknown answer makes the adult's unknown. In a register that never asks who may sell or bequeath the
    name alone decides on documents.

    Parameters
    ----------
    records : TenureRecords
        At one date; the parties are all adults, also those who hold nothing.
    recognised_documents : collection of str, optional
        Kinds of sources that the country's law recognises; a right is documented only if its source
        is one. Without it the word in ``documented`` decides.

    Returns
    -------
    DataFrame
        On party_id, sorted: household_id, settlement_id, sex, weight, tenure_type (of the adult's
        largest share; ``no_tenure`` without), and as nullable booleans documented, perceived,
        documented_and_perceived.

    References
    ----------
    SDG indicator metadata 1.4.2 (UN-Habitat and World Bank, 2021-08-01), "Concepts" and "Computation
    method".

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> people = pd.DataFrame({"party_id": ["a", "b"], "is_adult": ["yes", "yes"], "sex": ["F", "M"]})
    >>> held = pd.DataFrame({"party_id": ["a"], "unit_id": ["1"], "tenure_type": ["freehold"],
    ...                      "documented": ["registered"], "perceived": ["secure"], "may_bequeath": ["no"]})
    >>> found = adult_security(tenure_records(people, pd.DataFrame({"unit_id": ["1"]}), held)[0])
    >>> found[["documented", "perceived"]].to_numpy().tolist()
    [[True, False], [False, False]]
    """
    parties = records.parties.assign(settlement_id=_party_settlements(records))
    adults = parties[(parties["kind"] == "person") & parties["is_adult"].fillna(False)].sort_index()
    rights = _counted_rights(records).assign(share=lambda frame: whole_shares(frame))
    rights = rights.assign(recognised=_recognised(rights, records, recognised_documents))
    of_home = _any_known(rights["recognised"], [rights["household_id"], rights["unit_id"]])
    at_home = pd.Series(
        [of_home[key] for key in zip(rights["household_id"], rights["unit_id"], strict=True)],
        index=rights.index,
        dtype="boolean",
    )
    disposes = _disposes(rights)
    by_right = pd.DataFrame(
        {
            "documented": rights["recognised"] | (disposes & at_home),
            "perceived": _is(rights["perceived"], "secure") & _is(rights["may_bequeath"], "yes"),
        }
    )
    found = adults[["household_id", "settlement_id", "sex", "weight"]].assign(
        tenure_type=_main_type(rights, adults.index)
    )
    for column in ("documented", "perceived"):
        by_adult = _any_known(by_right[column], [rights["party_id"]])
        found[column] = by_adult.reindex(adults.index, fill_value=False).astype("boolean")
    found["documented_and_perceived"] = found["documented"] & found["perceived"]
    return found


def _recognised(rights: pd.DataFrame, records: TenureRecords, documents: Collection[str] | None) -> pd.Series:
    word = rights["documented"].isin(RECOGNISED).astype("boolean").mask(~rights["documented"].isin(DOCUMENTED))
    if documents is None:
        return word
    wanted = {document.casefold() for document in documents}
    kind = rights["source_id"].map(records.sources["kind"]).astype(object)
    listed = kind.fillna("").str.casefold().isin(wanted).astype("boolean").mask(kind.isna())
    # No document at all is known without a source; any other needs the kind of its source.
    return (listed & word.fillna(True)).mask(rights["documented"] == "none", False)


def _is(values: pd.Series, word: str) -> pd.Series:
    return (values == word).astype("boolean").mask(values.isna())


def _disposes(rights: pd.DataFrame) -> pd.Series:
    """Return whether the holder may sell or bequeath; one answer suffices to know."""
    answers = rights[["may_sell", "may_bequeath"]]
    may = (answers == "yes").any(axis=1).astype("boolean")
    # Nobody was asked: the name on the document is all there is to go by.
    return may if answers.isna().all(axis=None) else may.mask(answers.isna().all(axis=1))


def _any_known(values: pd.Series, keys: list[pd.Series]) -> pd.Series:
    """Return, by group, True if any is, else unknown if any is unknown, else False."""
    frame = pd.DataFrame({"yes": values.fillna(False).astype(bool), "open": values.isna()})
    grouped = frame.groupby(keys).any()
    return grouped["yes"].astype("boolean").mask(~grouped["yes"] & grouped["open"])


def _main_type(rights: pd.DataFrame, adults: pd.Index) -> pd.Series:
    order = {name: number for number, name in enumerate(TENURE_TYPES)}
    ranked = rights.assign(
        tenure_type=rights["tenure_type"].fillna(UNKNOWN).astype(object),
        share=rights["share"].fillna(0.0),
        rank=-rights["tenure_type"].map(order).astype(float).fillna(-1.0),
    )
    ranked = ranked.sort_values(["party_id", "share", "rank"], ascending=[True, False, True], kind="stable")
    first = ranked.groupby("party_id")["tenure_type"].first()
    return first.reindex(adults).fillna(NO_TENURE)


def secure_tenure_shares(
    records: TenureRecords,
    *,
    recognised_documents: Collection[str] | None = None,
    minimum: int | None = MINIMUM_HOUSEHOLDS,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Measure SDG 1.4.2 by settlement, by sex and by type of tenure: documented, perceived, and both.

    Parameters
    ----------
    records : TenureRecords
        At one date; see :func:`adult_security`.
    recognised_documents : collection of str, optional
        Kinds of sources that the country's law recognises.
    minimum : int or None
        Smallest number of households that is published; None: everything, for use inside.
    total : str
        How 'all' is written.

    Returns
    -------
    DataFrame
        Columns :data:`SHARE_COLUMNS`: share = weighted adults who have it by those of whom it is
        known (n / n_known); by sex with all types, and by type with both sexes. A share is NULL
        where the adults who have it, or those who do not, are a suppressed cell.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> ids = [str(number) for number in range(20)]
    >>> people = pd.DataFrame({"party_id": ids, "settlement_id": "a", "age": "30", "sex": ["F", "M"] * 10})
    >>> held = pd.DataFrame({"party_id": ids, "unit_id": ids, "tenure_type": "freehold", "documented": "registered"})
    >>> shares = secure_tenure_shares(tenure_records(people, pd.DataFrame({"unit_id": ids}), held)[0])
    >>> shares.query("settlement_id == 'a' and measure == 'documented'")["share"].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    adults = adult_security(records, recognised_documents=recognised_documents)
    frames = [_measured(adults, measure, minimum, total) for measure in MEASURES]
    return pd.concat(frames, ignore_index=True)


def _measured(adults: pd.DataFrame, measure: str, minimum: int | None, total: str) -> pd.DataFrame:
    """Count adults by settlement, category (sex or type) and state; suppress; take shares."""
    state = adults[measure].map({True: "yes", False: "no"}).astype(object).fillna(UNKNOWN)
    everyone = pd.Series(total, index=adults.index)
    sex = "sex:" + adults["sex"].fillna(UNKNOWN).astype(str)
    kind = "type:" + adults["tenure_type"].astype(str)
    frames = []
    for place in (adults["settlement_id"], everyone):
        for category in (sex, kind, everyone):
            for answer in (state, everyone):
                counted = adults.groupby([place.rename("place"), category.rename("category"), answer.rename("state")])
                n, homes = counted["weight"].sum(), counted["household_id"].nunique()
                frames.append(pd.DataFrame({"n": n, "n_households": homes}))
    cells = pd.concat(frames).reset_index().sort_values(["place", "category", "state"], ignore_index=True)
    cells["hidden"] = False if minimum is None else _hidden_states(cells, minimum, total)
    return _security_rows(cells, measure, total)


def _hidden_states(cells: pd.DataFrame, minimum: int, total: str) -> pd.Series:
    """Hide small cells; sexes and types each add up to the same totals, so both systems of equations hold."""
    split = cells["category"].str.split(":", n=1).str
    blocks = []
    for axis in ("sex", "type"):
        part = cells[(split[0] == axis) | (cells["category"] == total)]
        relations = table_relations(part, ["place", "category", "state"], total=total).tocoo()
        blocks.append((relations, part.index.to_numpy()))
    # Both blocks, with their cells at the place they have among all cells.
    whole = [
        coo_array((block.data, (block.coords[0], where[block.coords[1]])), shape=(block.shape[0], len(cells)))
        for block, where in blocks
    ]
    counts = cells["n_households"].to_numpy(float)
    places = pd.factorize(cells["place"])[0].astype(np.int64)
    hidden = hide_cells(counts, csr_array(vstack(whole)), blocks=places, minimum=minimum)
    return pd.Series(hidden, index=cells.index)


def _security_rows(cells: pd.DataFrame, measure: str, total: str) -> pd.DataFrame:
    keys = ["place", "category"]
    shown = cells.assign(n=cells["n"].mask(cells["hidden"]), n_households=cells["n_households"].mask(cells["hidden"]))
    exists = cells.pivot(index=keys, columns="state", values="n").notna()
    n = shown.pivot(index=keys, columns="state", values="n").reindex(columns=["yes", "no", UNKNOWN, total])
    exists = exists.reindex(columns=n.columns, fill_value=False)
    n = n.mask(~exists, 0.0)
    # of no adult at all there is no total either
    homes = shown.pivot(index=keys, columns="state", values="n_households").reindex(columns=[total])[total]
    known = n["yes"] + n["no"]
    rows = pd.DataFrame(
        {
            "n": n["yes"],
            "n_known": known,
            "n_total": n[total],
            "share": n["yes"] / known.where(known > 0),
            "coverage_share": known / n[total].where(n[total] > 0),
            "n_households": homes.astype("Int64"),
            "is_suppressed": n["yes"].isna() | n["no"].isna(),
        }
    ).reset_index()
    split = rows["category"].str.split(":", n=1).str
    of = {axis: split[1].where(split[0] == axis, total) for axis in ("sex", "type")}
    rows = rows.assign(
        settlement_id=rows["place"], measure=measure, sex=of["sex"], tenure_type=of["type"], counted="adults"
    )
    return rows[list(SHARE_COLUMNS)]


# --- disputes ------------------------------------------------------------------------------------


def dispute_counts(records: TenureRecords) -> pd.DataFrame:
    """Count spatial units in dispute by settlement and kind of dispute.

    Parameters
    ----------
    records : TenureRecords
        At one date.

    Returns
    -------
    DataFrame
        settlement_id, dispute_type (boundary, ownership, rent, access, unknown, or all), n_units in
        dispute, n_households that hold them (unweighted), n_known: units of which it is known whether
        there is a dispute, n_units_total. Not suppressed: for use inside.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> held = pd.DataFrame({"party_id": ["a", "a"], "unit_id": ["1", "2"], "tenure_type": ["freehold"] * 2,
    ...                      "dispute_status": ["on", "none"], "dispute_type": ["rent", None]})
    >>> plots = pd.DataFrame({"unit_id": ["1", "2"], "settlement_id": ["s", "s"]})
    >>> dispute_counts(tenure_records(pd.DataFrame({"party_id": ["a"]}), plots, held)[0])["n_units"].tolist()
    [1, 1]
    """
    rights = _counted_rights(records)
    disputed = rights[rights["dispute_status"] == "ongoing"]
    kind = disputed["dispute_type"].fillna(UNKNOWN).astype(object)
    frames = []
    for label in (kind, pd.Series(TOTAL, index=disputed.index, dtype=object)):
        counted = disputed.groupby([disputed["settlement_id"], label.rename("dispute_type")])
        frames.append(
            pd.DataFrame({"n_units": counted["unit_id"].nunique(), "n_households": counted["household_id"].nunique()})
        )
    found = pd.concat(frames).reset_index().sort_values(["settlement_id", "dispute_type"], ignore_index=True)
    known = rights[rights["dispute_status"].notna()].groupby("settlement_id")["unit_id"].nunique()
    every = records.units.groupby("settlement_id").size()
    return found.assign(
        n_known=found["settlement_id"].map(known).fillna(0).astype(int),
        n_units_total=found["settlement_id"].map(every).fillna(0).astype(int),
    )
