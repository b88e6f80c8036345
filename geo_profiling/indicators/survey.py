"""Design-based estimates from a sample survey, with their uncertainty.

Means, proportions, totals and ratios by domain. The variance is Taylor's linearisation over the first
stage of the design (strata, PSUs, finite populations), as R's ``survey`` package computes it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.intervals import Interval, estimate_interval
from geo_profiling.indicators.survey_table import SampleTable, number_of, sorted_positions

_log = logging.getLogger(__name__)

Statistic = Literal["mean", "proportion", "total", "ratio"]
LonelyPsu = Literal["fail", "certainty", "remove", "adjust", "average"]
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

#: A stratum of which a smaller share was left out is a census and adds no variance (as in R).
_CENSUS = 1e-7
#: A standard error below this share of the mean absolute value is rounding.
_ROUNDING = 1e-12

_FIGURES = ["estimate", "se", "ci_low", "ci_high", "ci_method", "n", "n_psu", "df", "deff", "n_eff"]


@dataclass(frozen=True)
class _Design:
    """The sample: rows to PSUs, PSUs to strata. PSUs are numbered stratum by stratum."""

    weights: Floats
    psu: Ints
    stratum_of_psu: Ints
    psus_in_stratum: Ints
    unsampled_share: Floats
    stratum_names: list[str]
    lonely_psu: LonelyPsu


class _Domains(NamedTuple):
    """Rows that count in some domain, in order of domain and PSU; cells are PSUs inside domains; a label a domain.

    Everything that does not depend on what is estimated is laid out once, so that many variables at once
    cost a few passes each.
    """

    order: Ints
    domain: Ints
    cell: Ints
    weight: Floats
    cell_domain: Ints
    cell_stratum: Ints
    labels: pd.DataFrame


class _Measure(NamedTuple):
    """What is estimated: the sum of ``values``, or that by the sum of ``base`` (1 without); NaN is missing."""

    values: Floats
    base: Floats | None = None
    total: bool = False


class _Estimates(NamedTuple):
    """One figure a domain."""

    estimate: Floats
    se: Floats
    n: Ints
    n_psu: Ints
    df: Ints
    deff: Floats


def survey_estimates(
    frame: pd.DataFrame,
    variables: Sequence[str],
    *,
    statistic: Statistic,
    weights: str,
    strata: str | None = None,
    psu: str | None = None,
    fpc: str | None = None,
    by: Sequence[str] = (),
    ci: Interval = "logit",
    lonely_psu: LonelyPsu = "fail",
    name: str = "survey",
) -> pd.DataFrame:
    r"""Estimate means, proportions, totals or ratios of a population from a sample of it.

    Rows outside a domain, and rows where the variable is missing, stay in the design with weight zero;
    they are never cut off before the PSUs are counted.

    Parameters
    ----------
    frame : DataFrame
        One row a sampled unit. Columns may be text (as tables are read); empty text and NaN are missing.
    variables : sequence of str
        Numeric columns. For a proportion a column of 0 and 1, or ``column=value``; for a ratio
        ``numerator/denominator``.
    statistic : {"mean", "proportion", "total", "ratio"}
        Proportions are 0-1.
    weights : str
        Column of sampling weights: none missing, none negative. Rows of weight 0 count nowhere.
    strata : str, optional
        Column of first-stage strata; one stratum without it.
    psu : str, optional
        Column of primary sampling units, read inside their stratum; every row is one without it.
    fpc : str, optional
        Column with the number of PSUs of the stratum in the population; sampled with replacement
        without it.
    by : sequence of str
        Columns whose values, crossed, are the domains. A row with one of them missing is in no domain.
    ci : {"logit", "wilson", "beta", "mean", "dhs2se"}
        Interval of proportions at 95 %; see Notes. Others have "mean". "dhs2se" is estimate +- 2 SE for
        every statistic, as DHS tables print it.
    lonely_psu : {"fail", "certainty", "remove", "adjust", "average"}
        What a stratum with one PSU adds to the variance: an error; nothing; nothing; its square around
        the grand mean instead of its own; the average of the other strata.
    name : str
        Of the table, for messages.

    Returns
    -------
    DataFrame
        A row for each variable and domain: variable, statistic, the ``by`` columns, estimate, se,
        ci_low, ci_high, ci_method, n (valid rows), n_psu (PSUs with valid rows), df (these minus their
        strata), deff (against simple random sampling with replacement), n_eff (n / deff). Domains are
        sorted, as numbers where all are. NaN is unknown: an interval without degrees of freedom, every
        figure of a domain without valid rows.

    Raises
    ------
    InputError
        If a column is absent, a value is no number or missing where it may not be, a weight is
        negative, ``fpc`` varies in a stratum or is below its PSUs, or a stratum has one PSU and
        ``lonely_psu`` is "fail".
    UsageError
        If an option is none of those named, or ``by`` clashes with the columns of the result.

    Notes
    -----
    For a mean or ratio :math:`R`, :math:`z_i = w_i (y_i - R x_i) / \sum w x`; for a total
    :math:`z_i = w_i y_i`. With :math:`z_{hc}` the sum in PSU c of stratum h,
    :math:`V = \sum_h (1 - n_h / N_h) \frac{n_h}{n_h - 1} \sum_c (z_{hc} - \bar z_h)^2`.

    Intervals: "mean" is estimate +- t(df) SE; "logit" that on the logit scale; "wilson" Wilson's score
    with n = p(1-p)/SE^2 and the normal quantile; "beta" Korn and Graubard's with
    n* = p(1-p)/SE^2 (t(n-1)/t(df))^2. A proportion of 0 or 1 has "beta" with n* = n whichever is asked.

    References
    ----------
    Lumley, T. (2010), Complex Surveys, chapters 2 and 3; R package survey, ``svyrecvar`` and
    ``svyciprop``. Korn, E. and Graubard, B. (1998), Survey Methodology 24(2), 193-201.

    Examples
    --------
    >>> frame = pd.DataFrame({"w": 10, "stratum": [1, 1, 2, 2], "psu": [1, 2, 1, 2], "piped": [1, 0, 1, 1]})
    >>> found = survey_estimates(
    ...     frame, ["piped"], statistic="proportion", weights="w", strata="stratum", psu="psu"
    ... )
    >>> found[["estimate", "se", "n_psu", "df"]].to_numpy().tolist()
    [[0.75, 0.25, 4.0, 2.0]]
    """
    for value, known in ((statistic, Statistic), (ci, Interval), (lonely_psu, LonelyPsu)):
        if value not in get_args(known):
            raise UsageError(f"'{value}' is not known", hint=f"one of {', '.join(get_args(known))}")
    _check_by(by)
    if frame.empty:
        raise InputError(f"{name}: has no rows")
    table = SampleTable(frame, name)
    design = _read_design(table, weights=weights, strata=strata, psu=psu, fpc=fpc, lonely_psu=lonely_psu)
    domains = _read_domains(table, by, design)
    parts = []
    for variable in dict.fromkeys(variables):
        found = _estimate(design, domains, _read_measure(table, variable, statistic), name)
        part = domains.labels.copy()
        part.insert(0, "variable", variable)
        part.insert(1, "statistic", statistic)
        parts.append(pd.concat([part, _figures(found, statistic, ci)], axis=1))
    if not parts:
        raise UsageError("no variable is named", hint="name at least one column")
    return pd.concat(parts, ignore_index=True)


def _check_by(by: Sequence[str]) -> None:
    clash = sorted({"variable", "statistic", *_FIGURES} & set(by))
    if clash:
        raise UsageError(f"a column of the result is also called '{clash[0]}'", hint="rename the column of the domains")
    if len(set(by)) < len(by):
        raise UsageError("the same column of domains is named twice")


def _read_design(
    table: SampleTable, *, weights: str, strata: str | None, psu: str | None, fpc: str | None, lonely_psu: LonelyPsu
) -> _Design:
    found = table.complete(weights)
    if (found < 0).any():
        table.refuse(weights, found < 0, "is negative", "weights are 0 or more")
    if not found.any():
        raise InputError(f"{table.name}: all weights in '{weights}' are 0")
    rows = len(found)
    stratum, names = (np.zeros(rows, np.int64), [""]) if strata is None else table.codes(strata)
    unit = np.arange(rows) if psu is None else table.codes(psu)[0]
    pairs, of_row = np.unique(stratum * (unit.max() + 1) + unit, return_inverse=True)
    stratum_of_psu = pairs // (unit.max() + 1)
    sampled = np.bincount(stratum_of_psu, minlength=len(names))
    unsampled = np.ones(len(names))
    if fpc is not None:
        population = table.complete(fpc)
        first = np.empty(len(names))
        first[stratum[::-1]] = population[::-1]
        if (population != first[stratum]).any():
            text = "differs from that of an earlier row of its stratum"
            table.refuse(fpc, population != first[stratum], text, "it is the number of PSUs in the stratum")
        if (population < sampled[stratum]).any():
            text = "is less than the number of sampled PSUs of its stratum"
            table.refuse(fpc, population < sampled[stratum], text, "it is the number of PSUs in the stratum")
        unsampled = 1 - sampled / first
    return _Design(found, of_row.astype(np.int64), stratum_of_psu, sampled, unsampled, names, lonely_psu)


def _read_domains(table: SampleTable, by: Sequence[str], design: _Design) -> _Domains:
    rows = len(design.weights)
    of_row, known, columns = np.zeros(rows, np.int64), np.ones(rows, bool), []
    for column in by:
        series = table.column(column)
        codes, levels = pd.factorize(series, sort=False)
        rank = np.zeros(len(levels) + 1, np.int64)
        rank[sorted_positions(list(levels))] = np.arange(len(levels))
        known &= codes >= 0
        of_row = of_row * max(1, len(levels)) + rank[codes]
        # Codes stay below the number of rows, so that many columns cannot overflow.
        of_row = np.unique(of_row, return_inverse=True)[1].astype(np.int64, copy=False)
        columns.append(series)
    if not known.any():
        raise InputError(
            f"{table.name}: no row has a value in {', '.join(by)}", hint="check the columns of the domains"
        )
    if not known.all():
        _log.warning("%s: %d rows without %s are in no domain", table.name, (~known).sum(), " or ".join(by))
    _, first, within = np.unique(of_row[known], return_index=True, return_inverse=True)
    of_row = np.full(rows, -1)
    of_row[known] = within
    chosen = np.flatnonzero(known)[first]
    labels = pd.DataFrame({c: s.iloc[chosen].to_numpy() for c, s in zip(by, columns, strict=True)})
    return _lay_out(design, of_row, labels.reindex(range(len(chosen))))


def _lay_out(design: _Design, of_row: Ints, labels: pd.DataFrame) -> _Domains:
    used = np.flatnonzero((of_row >= 0) & (design.weights > 0))
    keys = of_row[used] * len(design.stratum_of_psu) + design.psu[used]
    order = used[np.argsort(keys, kind="stable")]
    domain, psu = of_row[order], design.psu[order]
    starts = _starts(domain, psu)
    return _Domains(
        order,
        domain,
        np.cumsum(starts) - 1,
        design.weights[order],
        domain[starts],
        design.stratum_of_psu[psu[starts]],
        labels,
    )


def _read_measure(table: SampleTable, variable: str, statistic: Statistic) -> _Measure:
    if statistic == "ratio":
        above, below = _ratio_columns(table, variable)
        return _Measure(table.numbers(above), table.numbers(below))
    values = _indicator(table, variable) if statistic == "proportion" else table.numbers(variable)
    return _Measure(values, total=statistic == "total")


def _ratio_columns(table: SampleTable, variable: str) -> tuple[str, str]:
    parts = variable.split("/")
    pairs = [("/".join(parts[:cut]), "/".join(parts[cut:])) for cut in range(1, len(parts))]
    if not pairs:
        raise UsageError(f"'{variable}' is no ratio", hint="write numerator/denominator")
    for above, below in pairs:
        if above in table and below in table:
            return above, below
    for column in pairs[0]:
        table.column(column)
    raise InputError(f"{table.name}: '{variable}' does not name two columns", hint="write numerator/denominator")


def _indicator(table: SampleTable, variable: str) -> Floats:
    """Return 1 where a row has the trait, 0 where it has not, NaN where that is missing."""
    hint = "a proportion takes a column of 0 and 1, or column=value"
    parts = variable.split("=")
    for cut in range(1, len(parts)):
        column, value = "=".join(parts[:cut]), "=".join(parts[cut:])
        if variable not in table and column in table:
            series = table.column(column)
            same = (
                series == number_of(value) if pd.api.types.is_numeric_dtype(series.dtype) else series.map(str) == value
            )
            if not same.any():
                _log.warning("%s: no row of '%s' is '%s'", table.name, column, value)
            return np.where(series.isna(), np.nan, same.to_numpy(float))
    values = table.numbers(variable if len(parts) == 1 or variable in table else parts[0], hint)
    wrong = ~np.isnan(values) & (values != 0) & (values != 1)
    if wrong.any():
        table.refuse(variable, wrong, "is neither 0 nor 1", hint)
    return values


def _estimate(design: _Design, domains: _Domains, measure: _Measure, name: str) -> _Estimates:
    count = len(domains.labels)
    value = measure.values[domains.order]
    base = None if measure.base is None else measure.base[domains.order]
    weight, domain, cell = domains.weight, domains.domain, domains.cell
    valid = ~np.isnan(value) if base is None else ~(np.isnan(value) | np.isnan(base))
    if not valid.all():
        value, weight, domain, cell = value[valid], weight[valid], domain[valid], cell[valid]
        base = None if base is None else base[valid]
    n, people = _counts(domain, count), _sums(domain, weight, count)
    weighted = weight * value
    total = _sums(domain, weighted, count)
    noise = _ROUNDING * _sums(domain, np.abs(weighted), count)
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure.total:
            estimate: Floats = np.where(n > 0, total, np.nan)
            bases = np.ones(count)
            spread, scale = value - (total / people)[domain], people
            linear = weighted
        else:
            bases = people if base is None else _sums(domain, weight * base, count)
            estimate = np.where(bases != 0, total / bases, np.nan)
            expected = estimate[domain] if base is None else estimate[domain] * base
            spread, scale = value - expected, people / bases
            linear = weight * spread
        sums, rows_of_cell = _sums(cell, linear, len(domains.cell_domain)), _counts(cell, len(domains.cell_domain))
        computed, n_psu, df = _variance(design, domains, sums / bases[domains.cell_domain], rows_of_cell > 0, name)
        rounding = noise / np.abs(bases)
        variance: Floats = np.where(computed <= rounding**2, 0.0, computed)
        squares = _sums(domain, weight * spread**2, count) / people
        random_variance = squares * n / (n - 1) / n * scale**2
        varies = squares > (noise / people) ** 2
        variance = np.where(np.isnan(estimate), np.nan, variance)
        deff = np.where(varies, variance / random_variance, np.nan)
    return _Estimates(estimate, np.sqrt(variance), n, n_psu, df, deff)


def _variance(
    design: _Design, domains: _Domains, sums: Floats, is_present: npt.NDArray[np.bool_], name: str
) -> tuple[Floats, Ints, Ints]:
    """Return variance, PSUs and degrees of freedom by domain, from the sums of cells that have valid rows."""
    count = len(domains.labels)
    cell_sum, cell_domain = sums[is_present], domains.cell_domain[is_present]
    cell_stratum = domains.cell_stratum[is_present]
    first = _starts(cell_domain, cell_stratum)
    group = np.cumsum(first) - 1
    group_domain, stratum = cell_domain[first], cell_stratum[first]
    # PSUs without a row of the domain are there with a sum of zero.
    sampled, present = design.psus_in_stratum[stratum], _counts(group, len(stratum))
    mean = _sums(group, cell_sum, len(stratum)) / sampled
    squares = _sums(group, (cell_sum - mean[group]) ** 2, len(stratum)) + (sampled - present) * mean**2
    unsampled = design.unsampled_share[stratum]
    part = unsampled * sampled / np.maximum(sampled - 1, 1) * squares
    lonely = (sampled == 1) & (unsampled > _CENSUS)
    if lonely.any() and design.lonely_psu == "fail":
        raise _lonely_error([design.stratum_names[code] for code in np.unique(stratum[lonely])], name)
    if design.lonely_psu == "adjust":
        part = np.where(lonely, unsampled * mean**2, part)
    variance = _sums(group_domain, part, count)
    n_psu, n_strata = _counts(cell_domain, count), _counts(group_domain, count)
    if design.lonely_psu == "average":
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = variance * n_strata / _counts(group_domain[~lonely], count)
    return variance, n_psu, n_psu - n_strata


def _sums(index: Ints, values: Floats, count: int) -> Floats:
    found: Floats = np.bincount(index, values, count).astype(np.float64, copy=False)
    return found


def _counts(index: Ints, count: int) -> Ints:
    return np.bincount(index, minlength=count).astype(np.int64, copy=False)


def _starts(major: Ints, minor: Ints) -> npt.NDArray[np.bool_]:
    starts = np.ones(len(major), bool)
    starts[1:] = (major[1:] != major[:-1]) | (minor[1:] != minor[:-1])
    return starts


def _lonely_error(strata: list[str], name: str) -> InputError:
    hint = "merge it with another, or choose --lonely-psu certainty, remove, adjust or average"
    if strata == [""]:
        return InputError(f"{name}: the sample has one PSU", hint=hint)
    more = f" and {len(strata) - 5} more" if len(strata) > 5 else ""
    which = ", ".join(f"'{stratum}'" for stratum in strata[:5])
    noun = "stratum" if len(strata) == 1 else "strata"
    return InputError(f"{name}: {noun} {which}{more} with one PSU: its variance is unknown", hint=hint)


def _figures(found: _Estimates, statistic: Statistic, ci: Interval) -> pd.DataFrame:
    low, high, method = estimate_interval(
        found.estimate, found.se, found.df, found.n, kind=ci, is_proportion=statistic == "proportion"
    )
    with np.errstate(divide="ignore"):
        n_eff = np.where(found.deff > 0, found.n / found.deff, np.nan)
    methods = pd.array(method, dtype="string")
    columns = [found.estimate, found.se, low, high, methods, found.n, found.n_psu, found.df, found.deff, n_eff]
    return pd.DataFrame(dict(zip(_FIGURES, columns, strict=True)))
