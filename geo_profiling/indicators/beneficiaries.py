"""Beneficiaries of projects, each person counted once where projects overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from geo_profiling.errors import InputError

Reach = Literal["direct", "indirect"]
#: Groups of overlapping projects up to this size are solved; the largest independent set of larger ones is NaN.
MAX_GROUP = 40


@dataclass(frozen=True)
class Beneficiaries:
    """People reached, counted once.

    Attributes
    ----------
    reach : {"direct", "indirect"}
    total, women, men : float
        Sum over groups of overlapping projects of the largest estimate of each, with that project's
        own split by sex.
    independent : float
        The largest sum over projects none of which overlap: what a chain A-B-C comes to where A and C
        reach different people. Never below ``total``.
    n_projects, n_groups : int
        Projects, and groups of them that overlap.
    chosen : tuple of str
        The projects whose estimates ``total`` is made of.
    """

    reach: Reach
    total: float
    women: float
    men: float
    independent: float
    n_projects: int
    n_groups: int
    chosen: tuple[str, ...]


def count_beneficiaries(
    projects: pd.DataFrame, overlaps: Iterable[Sequence[str]], *, name: str = "projects"
) -> list[Beneficiaries]:
    """Count beneficiaries once, direct and indirect apart.

    Parameters
    ----------
    projects : DataFrame
        ``project_id``, ``total``, ``women``, ``men`` (women and men may be NaN) and ``reach`` ("direct" or
        "indirect"; all direct without the column).
    overlaps : iterable of pairs
        Projects that may reach the same people: the same area or households, and the same service.
    name : str
        Of the table, for messages.

    Returns
    -------
    list of Beneficiaries
        One for each reach there is, direct first. The two are never added: an indirect beneficiary may be a
        direct one of another project.

    Raises
    ------
    InputError
        If a project is there twice, an overlap names one that is not there, or women and men do not add up.

    References
    ----------
    Cities Alliance, Strategic Plan 2022-2025, footnote 5: each beneficiary counted once; where there is
    a risk of overlap only the larger estimate is aggregated.

    Examples
    --------
    >>> projects = pd.DataFrame({"project_id": ["A", "B", "C"], "total": [130, 150, 120], "women": [90, 70, 70],
    ...                          "men": [40, 80, 50]})
    >>> found = count_beneficiaries(projects, [("A", "B"), ("B", "C")])[0]
    >>> found.total, found.women, found.men, found.independent
    (150.0, 70.0, 80.0, 250.0)
    """
    _check_projects(projects, name)
    ids = [str(value) for value in projects["project_id"]]
    pairs = _pairs(overlaps, set(ids), name)
    reach = projects["reach"] if "reach" in projects.columns else pd.Series("direct", index=projects.index)
    found = []
    for kind in ("direct", "indirect"):
        part = projects[(reach == kind).to_numpy()].assign(project_id=lambda p: p["project_id"].map(str))
        if len(part):
            found.append(_count(part.sort_values("project_id", ignore_index=True), pairs, kind))
    return found


def _check_projects(projects: pd.DataFrame, name: str) -> None:
    twice = projects["project_id"].map(str).duplicated()
    if twice.any():
        raise InputError(f"{name}: project {projects.loc[twice, 'project_id'].iloc[0]} is there twice")
    if not (projects["total"] >= 0).all():
        raise InputError(f"{name}: a total is missing or negative", hint="0 where nobody was reached")
    split = projects["women"] + projects["men"]
    wrong = split.notna() & ((split - projects["total"]).abs() > 0.5)
    if wrong.any():
        row = projects[wrong].iloc[0]
        raise InputError(
            f"{name}: project {row['project_id']}: {row['women']:g} women and {row['men']:g} men are not "
            f"{row['total']:g} people",
            hint="leave women and men empty where they are not known",
        )
    if "reach" in projects.columns and not projects["reach"].isin(["direct", "indirect"]).all():
        raise InputError(f"{name}: reach is neither 'direct' nor 'indirect'", hint="say one of the two in every row")


def _pairs(overlaps: Iterable[Sequence[str]], known: set[str], name: str) -> list[tuple[str, str]]:
    pairs = []
    for first, second in overlaps:
        for project in (str(first), str(second)):
            if project not in known:
                raise InputError(f"{name}: an overlap names project {project}, which is not there")
        if first != second:
            pairs.append((str(first), str(second)))
    return pairs


def _count(part: pd.DataFrame, pairs: list[tuple[str, str]], kind: Reach) -> Beneficiaries:
    position = {project: number for number, project in enumerate(part["project_id"])}
    edges = [(position[a], position[b]) for a, b in pairs if a in position and b in position]
    rows, columns = (np.array(edges, dtype=np.int64).reshape(-1, 2)).T
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(part), len(part)))
    n_groups, group = csgraph.connected_components(graph, directed=False)
    totals = part["total"].to_numpy(float)
    # Ties go to the first id, so that the split by sex does not depend on the order of rows.
    order = np.lexsort((np.arange(len(part)), -totals, group))
    winners = order[np.unique(group[order], return_index=True)[1]]
    neighbours: dict[int, set[int]] = {number: set() for number in range(len(part))}
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    groups: dict[int, list[int]] = {}
    for number, code in enumerate(group):
        groups.setdefault(int(code), []).append(number)
    independent = sum(_heaviest(members, neighbours, totals) for members in groups.values())
    chosen = part.iloc[np.sort(winners)]
    return Beneficiaries(
        kind,
        float(chosen["total"].sum()),
        float(chosen["women"].sum(skipna=False)),
        float(chosen["men"].sum(skipna=False)),
        float(independent),
        len(part),
        int(n_groups),
        tuple(chosen["project_id"]),
    )


def _heaviest(members: list[int], neighbours: dict[int, set[int]], weight: np.ndarray) -> float:
    """Return the weight of the heaviest set of members none of which are neighbours; NaN for very large groups."""
    if len(members) > MAX_GROUP:
        return float("nan")
    left = frozenset(members)
    known: dict[frozenset[int], float] = {frozenset(): 0.0}

    def best(rest: frozenset[int]) -> float:
        if rest not in known:
            # Branch on the one with most neighbours: what is left soon falls apart.
            pick = max(rest, key=lambda one: (len(neighbours[one] & rest), -one))
            alone = not neighbours[pick] & rest
            taken = float(weight[pick]) + best(rest - neighbours[pick] - {pick})
            known[rest] = taken if alone else max(taken, best(rest - {pick}))
        return known[rest]

    return best(left)
