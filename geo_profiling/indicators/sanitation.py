"""The ladder of sanitation (SDG 6.2.1a): type of facility, sharing, and what becomes of the excreta."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError
from geo_profiling.indicators.ladder import Floats, Ladder, both, column, member

SANITATION_RUNGS = ("safely_managed", "basic", "limited", "unimproved", "open_defecation")
_IMPROVED = (
    "flush_sewer", "flush_septic", "flush_pit", "flush_unknown", "ventilated_pit", "pit_slab", "composting", "improved",
)  # fmt: skip
_ON_SITE = ("flush_septic", "flush_pit", "ventilated_pit", "pit_slab")


@dataclass(frozen=True)
class Treatment:
    """What a utility knows and a household does not: shares of what leaves the plot that is treated, 0-1.

    Attributes
    ----------
    sewage : float or None
        Of what enters sewers, the share that reaches a plant and is treated at least secondarily.
    faecal_sludge : float or None
        Of what is removed from pits and tanks, the share that is delivered to a plant and treated.
    """

    sewage: float | None = None
    faecal_sludge: float | None = None

    def __post_init__(self) -> None:
        for name in ("sewage", "faecal_sludge"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"treatment, {name}: {value} is no share", hint="shares are 0-1, not percent")


def improved_sanitation(frame: pd.DataFrame, *, shared_counts_as_improved: bool = True) -> pd.Series:
    """Tell whether the facility is improved, by its type.

    Flush to an open drain or elsewhere is not improved; flush to "do not know where" is.

    Parameters
    ----------
    frame : DataFrame
        ``toilet``; ``toilet_shared`` where sharing counts.
    shared_counts_as_improved : bool
        SDG 11.1.1 asks for the type alone; the MDG definition also that it is not shared.

    Returns
    -------
    Series
        1, 0, or NaN where unknown.

    References
    ----------
    SDG metadata 6-2-1a and 11-1-1.

    Examples
    --------
    >>> frame = pd.DataFrame({"toilet": ["flush_elsewhere", "pit_slab"], "toilet_shared": [0, 1]})
    >>> improved_sanitation(frame).tolist(), improved_sanitation(frame, shared_counts_as_improved=False).tolist()
    ([0.0, 1.0], [0.0, 0.0])
    """
    found = member(frame["toilet"], _IMPROVED)
    if not shared_counts_as_improved:
        found = both(found, 1 - column(frame, "toilet_shared"))
    return pd.Series(found, index=frame.index, name="improved_sanitation")


def sanitation_ladder(
    frame: pd.DataFrame, *, treatment: Treatment | None = None, assume_contained: bool = True
) -> Ladder:
    """Return the ladder of sanitation.

    Parameters
    ----------
    frame : DataFrame
        ``toilet``; ``toilet_shared``, ``toilet_contained`` and ``toilet_emptied`` where the survey has them.
    treatment : Treatment, optional
        Shares treated of sewage and faecal sludge. A household whose excreta leave the plot is safely
        managed by that share of itself, else basic.
    assume_contained : bool
        Pits and tanks keep their contents in where the survey does not ask, as JMP assumes.

    Returns
    -------
    Ladder
        Rungs ``safely_managed, basic, limited, unimproved, open_defecation``. ``unmeasured`` names the
        chain of disposal where neither the survey nor ``treatment`` tells of it.

    Notes
    -----
    Safely managed: improved, not shared, and excreta disposed of in situ (never emptied, or buried on the
    plot), or removed and treated. Basic: improved and not shared. Limited: improved and shared.

    References
    ----------
    SDG metadata 6-2-1a; JMP, Core questions on sanitation; MICS6 tabulation WS.3.2, WS.3.3.

    Examples
    --------
    >>> frame = pd.DataFrame({"toilet": ["flush_sewer", "pit_slab", "flush_elsewhere", "none"], "toilet_shared": 0})
    >>> found = sanitation_ladder(frame, treatment=Treatment(sewage=0.25, faecal_sludge=0.0)).worst
    >>> found[["safely_managed", "basic", "unimproved", "open_defecation"]].to_numpy().tolist()
    [[0.25, 0.75, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    improved = improved_sanitation(frame).to_numpy()
    private = 1 - column(frame, "toilet_shared")
    given = treatment or Treatment()
    told = "toilet_emptied" in frame.columns or given.sewage is not None
    low, high = _safe_share(frame, given, assume_contained) if told else (np.zeros(len(frame)), np.zeros(len(frame)))
    nowhere = (frame["toilet"] == "none").to_numpy()
    worst = _rungs(frame.index, nowhere, improved, private, low, 0.0)
    best = _rungs(frame.index, nowhere, improved, private, high, 1.0)
    return Ladder(worst, best, unmeasured=() if told else ("excreta_disposal",))


def _rungs(
    index: pd.Index, nowhere: np.ndarray, improved: Floats, private: Floats, safe: Floats, fill: float
) -> pd.DataFrame:
    improved, private = (np.where(np.isnan(part), fill, part) for part in (improved, private))
    basic = improved * private
    columns = [basic * safe, basic * (1 - safe), improved * (1 - private), (1 - improved) * ~nowhere, 1.0 * nowhere]
    return pd.DataFrame(dict(zip(SANITATION_RUNGS, columns, strict=True)), index=index)


def _safe_share(frame: pd.DataFrame, treatment: Treatment, assume_contained: bool) -> tuple[Floats, Floats]:
    """Return which share of each household's excreta is safe, at least and at most."""
    toilet = frame["toilet"]
    size = len(frame)
    sewage = _range(treatment.sewage)
    sludge = _range(treatment.faecal_sludge)
    emptied = frame["toilet_emptied"] if "toilet_emptied" in frame.columns else pd.Series(np.nan, index=frame.index)
    contained = column(frame, "toilet_contained")
    if assume_contained and "toilet_contained" not in frame.columns:
        contained = np.ones(size)
    found = []
    for end in (0, 1):
        holds = np.where(np.isnan(contained), float(end), contained)
        on_site = np.select(
            [emptied.isin(["never", "buried_on_site"]), emptied == "removed", emptied == "removed_untreated"],
            [1.0, sludge[end], 0.0],
            default=sludge[0] if end == 0 else 1.0,
        )
        found.append(
            np.select(
                [toilet == "flush_sewer", toilet.isin(_ON_SITE), toilet == "composting"],
                [np.full(size, sewage[end]), holds * on_site, np.ones(size)],
                default=float(end),
            )
        )
    return found[0], found[1]


def _range(share: float | None) -> tuple[float, float]:
    return (0.0, 1.0) if share is None else (share, share)


def sanitation_chain(inputs: Mapping[str, float]) -> dict[str, float]:
    """Estimate safely managed sanitation of a population from shares along the chain, as JMP does.

    Parameters
    ----------
    inputs : mapping
        Shares 0-1 of people with facilities that are not shared: ``sew`` sewers, ``sep`` septic tanks,
        ``lat`` latrines. Of sewage: ``net`` stays in the network, ``rtp`` reaches the plant, ``wtp`` is
        treated. Of tanks and latrines (prefix ``sep_`` or ``lat_``): ``con`` contained, ``nemp`` not
        emptied, ``ebo`` emptied and buried on site, ``ero`` emptied and removed, ``dtp`` delivered to
        a plant; ``fstp`` of what is delivered is treated.

    Returns
    -------
    dict
        ``sewer_treated``, ``in_situ``, ``sludge_treated`` and their sum ``safely_managed``, shares 0-1.

    Raises
    ------
    InputError
        If a share is missing or leaves 0-1.

    References
    ----------
    JMP world file, sanitation estimates: safely managed = disposed of in situ + faecal sludge treated +
    sewage treated; SDG metadata 6-2-1a.

    Examples
    --------
    >>> chain = {"sew": 0.5, "net": 1, "rtp": 0.8, "wtp": 0.5, "sep": 0, "lat": 0.4, "fstp": 0.5}
    >>> chain |= {f"sep_{key}": 0.0 for key in ("con", "nemp", "ebo", "ero", "dtp")}
    >>> chain |= {"lat_con": 1.0, "lat_nemp": 0.5, "lat_ebo": 0.0, "lat_ero": 0.5, "lat_dtp": 0.5}
    >>> {key: round(value, 3) for key, value in sanitation_chain(chain).items()}
    {'sewer_treated': 0.2, 'in_situ': 0.2, 'sludge_treated': 0.05, 'safely_managed': 0.45}
    """
    keys = [
        "sew", "net", "rtp", "wtp", "sep", "lat", "fstp",
        *(f"{kind}_{key}" for kind in ("sep", "lat") for key in ("con", "nemp", "ebo", "ero", "dtp")),
    ]  # fmt: skip
    for key in keys:
        if key not in inputs:
            raise InputError(f"sanitation chain: '{key}' is missing", hint="every link of the chain is needed")
        if not 0 <= inputs[key] <= 1:
            raise InputError(f"sanitation chain: '{key}' is {inputs[key]}", hint="shares are 0-1, not percent")
    sewer = inputs["sew"] * inputs["net"] * inputs["rtp"] * inputs["wtp"]
    in_situ = sludge = 0.0
    for kind in ("sep", "lat"):
        held = inputs[kind] * inputs[f"{kind}_con"]
        in_situ += held * (inputs[f"{kind}_nemp"] + inputs[f"{kind}_ebo"])
        sludge += held * inputs[f"{kind}_ero"] * inputs[f"{kind}_dtp"] * inputs["fstp"]
    return {
        "sewer_treated": sewer,
        "in_situ": in_situ,
        "sludge_treated": sludge,
        "safely_managed": sewer + in_situ + sludge,
    }
