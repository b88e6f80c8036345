"""Estimates for a million households: 50 indicators in 500 domains, against one call at a time and against samplics.

Run ``python benchmarks/survey.py`` (some minutes), or ``--quick`` for a small case. Households lie in 40,000 PSUs and
200 strata, every domain is cut by PSUs, and every second indicator misses 2 % of its answers. samplics, where
it is installed, estimates a few of the same indicators on the same table; both answers are compared first.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import resource
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

from geo_profiling.indicators.survey import survey_estimates

FIGURES = ["estimate", "se", "ci_low", "ci_high", "df", "deff"]
DESIGN: dict[str, Any] = {
    "statistic": "proportion",
    "weights": "weight",
    "strata": "stratum",
    "psu": "psu",
    "by": ["domain"],
}


def households(rows: int, indicators: int, domains: int, seed: int = 1) -> tuple[pd.DataFrame, list[str]]:
    """Return households with their design and 0/1 indicators."""
    random = np.random.default_rng(seed)
    psu = random.integers(0, rows // 25, rows)
    stratum = psu % 200
    # A domain takes half of its households from PSUs of its own and half from those of a neighbour.
    domain = (psu * domains // (rows // 25) + random.integers(0, 2, rows)) % domains
    frame = {"weight": random.uniform(0.5, 4, rows), "stratum": stratum, "psu": psu, "domain": domain}
    names = [f"indicator_{number:02d}" for number in range(indicators)]
    level = random.uniform(0.1, 0.9, rows // 25)[psu]
    for number, name in enumerate(names):
        values = (random.random(rows) < level).astype(float)
        if number % 2:
            values[random.random(rows) < 0.02] = np.nan
        frame[name] = values
    return pd.DataFrame(frame), names


def best_of(rounds: int, call: Any) -> tuple[float, Any]:
    """Return the shortest time of several calls, and the answer."""
    seconds, answer = [], None
    for _ in range(rounds):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def by_samplics(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the estimates of one indicator as samplics makes them."""
    from samplics.estimation import TaylorEstimator
    from samplics.utils.types import PopParam

    estimator = TaylorEstimator(PopParam.mean)
    estimator.estimate(
        y=frame[name].to_numpy(),
        samp_weight=frame["weight"].to_numpy(),
        stratum=frame["stratum"].to_numpy(),
        # samplics reads PSU ids across strata; here they are unique.
        psu=frame["psu"].to_numpy(),
        domain=frame["domain"].to_numpy(),
        remove_nan=True,
    )
    found = pd.DataFrame({"estimate": estimator.point_est, "se": estimator.stderror})
    return found.loc[sorted(found.index)]


def compare_with_samplics(frame: pd.DataFrame, names: list[str], ours: pd.DataFrame) -> float | None:
    """Return the seconds that samplics takes for one indicator, both answers compared; None where it is absent."""
    if importlib.util.find_spec("samplics") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds, theirs = best_of(1, lambda: by_samplics(frame, names[0]))
    own = ours[ours["variable"] == names[0]]
    for figure in ("estimate", "se"):
        np.testing.assert_allclose(own[figure].to_numpy(), theirs[figure].to_numpy(), rtol=1e-9)
    return seconds


def main() -> None:
    """Time the stages and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows, indicators, domains, rounds = (50_000, 10, 50, 2) if quick else (1_000_000, 50, 500, 3)
    frame, names = households(rows, indicators, domains)
    batch, found = best_of(rounds, lambda: survey_estimates(frame, names, **DESIGN))
    one, _ = best_of(1, lambda: [survey_estimates(frame, [name], **DESIGN) for name in names[:5]])
    for name in names[:5]:
        alone = survey_estimates(frame, [name], **DESIGN)[FIGURES].to_numpy(float)
        together = found.loc[found["variable"] == name, FIGURES].to_numpy(float)
        np.testing.assert_allclose(together, alone, rtol=1e-12, atol=0)
    theirs = compare_with_samplics(frame, names, found)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pandas", "scipy"))
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {versions}\n"
    )
    print(f"### {rows:,} households, {indicators} indicators, {domains} domains ({len(found):,} estimates)\n")
    print("| | s |\n|---|---|")
    print(f"| all indicators at once (best of {rounds}) | {batch:.2f} |")
    print(f"| one call an indicator, from 5 of them | {one / 5 * indicators:.2f} |")
    if theirs is not None:
        version = importlib.metadata.version("samplics")
        print(f"| samplics {version}, one indicator | {theirs:.2f} |")
        print(f"| samplics {version}, all of them at that pace | {theirs * indicators:.0f} |")
        print(f"\nsamplics takes {theirs * indicators / batch:.0f} times as long; estimates and SEs agree to 1e-9.")
    print(f"\nPeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
