"""What communities know of themselves: an enumeration of the settlements, a register of tenure, evictions.

All people are made up. Their names stand in the register as they would in a real one: no output may hold them.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from port_serrano import plan
from port_serrano.land import PRECISION_M, generator
from port_serrano.neighbourhoods import counts, quarters
from port_serrano.settlements import outlines

#: Nobody has enumerated these two.
NOT_ENUMERATED = ("S07", "S11")
#: Settlements with a register of tenure, and how many of their plots it holds.
REGISTERED = {"S06": 170, "S10": 140}
_GIVEN = ("Ana", "Luz", "Rosa", "Carmen", "Ines", "Jorge", "Luis", "Pedro", "Raul", "Tomas")
_FAMILY = ("Ibarra", "Quispe", "Salcedo", "Montero", "Zapata", "Arce", "Villalba", "Robledo")


def enumeration() -> pd.DataFrame:
    """Return one row for each enumerated settlement, in the words of the people who asked."""
    rng = generator("enumeration")
    houses = counts()
    rows = []
    for settlement in plan.SETTLEMENTS:
        if settlement.settlement_id in NOT_ENUMERATED:
            continue
        structures = int(houses[settlement.settlement_id])
        households = round(structures * float(rng.uniform(1.05, 1.45)))
        age = 2020 - settlement.founded
        old, middle = age > 40, age > 22
        rows.append(
            {
                "settlement_id": settlement.settlement_id,
                "status": "declared" if old else "undeclared",
                "structures": structures,
                "households": households,
                "people": round(households * float(rng.uniform(4.0, 5.2))),
                "persons_per_room": round(float(rng.uniform(2.1, 4.2)), 1),
                "walls": "brick" if old else rng.choice(["brick", "timber and sheets"]),
                "water": "house connection" if old else ("public tap" if middle else rng.choice(["tanker", "river"])),
                "toilet": "sewer" if old else ("septic tank" if middle else "hanging latrine"),
                "electricity": "meter" if old else rng.choice(["meter", "hooked up"]),
                "waste": "every week" if old else rng.choice(["now and then", "never"]),
                "streets": "paved" if old else rng.choice(["dirt", "paths"]),
                "threat_of_eviction": rng.choice(["yes", "no", "no", "not asked"]),
                "flood_zone": "yes" if settlement.ground in ("riverside", "wetland") else "no",
                "steep_slope": "yes" if settlement.ground == "hillside" else "no",
                "beside_railway": "yes" if settlement.ground == "railside" else "no",
                "beside_dump": "yes" if rng.random() < 0.3 else "no",
            }
        )
    return pd.DataFrame(rows)


def plots() -> gpd.GeoDataFrame:
    """Return the plots of the register: a little ground around a house; some reach over their neighbour's."""
    rows, shapes = [], []
    for settlement, outline, drawn in zip(plan.SETTLEMENTS, outlines(), quarters(), strict=True):
        number = REGISTERED.get(settlement.settlement_id, 0)
        if not number:
            continue
        houses = np.array(drawn.houses)
        inside = houses[shapely.contains_properly(outline, shapely.centroid(houses))]
        middle = outline.representative_point()
        near = inside[np.argsort(shapely.distance(inside, middle), kind="stable")[:number]]
        reach = generator(f"plots {settlement.settlement_id}").uniform(0.5, 1.35, number)
        grown = shapely.buffer(near, reach, join_style="mitre")
        shapes += list(shapely.set_precision(grown, PRECISION_M))
        rows += [(f"{settlement.settlement_id}-{i:03d}", "plot") for i in range(1, number + 1)]
    return gpd.GeoDataFrame(rows, columns=["unit_id", "level"], geometry=shapes, crs=plan.CRS)


def people_and_rights(units: gpd.GeoDataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return parties, rights and sources: one household on each plot, few of them with a title."""
    rng = generator("register")
    parties, rights, sources = [], [], []
    for unit in units["unit_id"]:
        household = f"H{unit}"
        family = str(rng.choice(_FAMILY))
        adults = int(rng.choice([1, 2, 2, 2, 3]))
        kind = str(rng.choice(["occupancy", "occupancy", "occupancy", "tenancy", "freehold", "perceived"]))
        paper = {"freehold": "registered", "tenancy": "informal_paper"}.get(kind)
        paper = paper or str(rng.choice(["none", "none", "informal_paper", "recognised"]))
        source = f"D{unit}" if paper != "none" else ""
        if source:
            sources.append(
                {
                    "source_id": source,
                    "kind": {"registered": "title", "recognised": "certificate"}.get(paper, "receipt"),
                }
            )
        since = f"{int(rng.integers(1985, 2019))}-03-01"
        holders = min(adults, 2) if rng.random() < 0.6 else 1
        for number in range(adults):
            party = f"P{unit}-{number + 1}"
            sex = "female" if (number + rng.integers(2)) % 2 else "male"
            age = int(rng.integers(19, 78))
            name = f"{rng.choice(_GIVEN)} {family}"
            parties.append({"party_id": party, "name": name, "sex": sex, "age": age, "household_id": household,
                            "settlement_id": unit[:3]})  # fmt: skip
            if number < holders:
                secure = rng.random() < (0.75 if paper in ("registered", "recognised") else 0.3)
                rights.append(
                    {
                        "party_id": party,
                        "unit_id": unit,
                        "tenure_type": kind,
                        "share": round(1 / holders, 4),
                        "valid_from": since,
                        "documented": paper,
                        "perceived": "secure" if secure else str(rng.choice(["insecure", "insecure", "unknown"])),
                        "may_bequeath": "yes" if secure else "no",
                        "dispute_status": "ongoing" if rng.random() < 0.04 else "none",
                        "source_id": source,
                    }
                )
    return pd.DataFrame(parties), pd.DataFrame(rights), pd.DataFrame(sources)


def evictions() -> gpd.GeoDataFrame:
    """Return threats and evictions of the last years, as points somewhere in their settlement."""
    rows = [
        ("E1", "S06", "forced_eviction", "2018-05-14", 64, 12, "no", "no"),
        ("E2", "S01", "threat", "2019-11-02", 310, None, None, None),
        ("E3", "S03", "demolition", "2017-02-20", 38, 95, "yes", "yes"),
        ("E4", "S06", "notice", "2020-01-15", 120, 30, "yes", None),
        ("E5", "S08", "forced_eviction", "2019-08-08", None, 0, "no", "no"),
    ]
    columns = [
        "event_id",
        "settlement_id",
        "kind",
        "date_start",
        "households",
        "notice_days",
        "court_order",
        "resettlement",
    ]
    places = {s.settlement_id: outline for s, outline in zip(plan.SETTLEMENTS, outlines(), strict=True)}
    points = shapely.set_precision(np.array([places[row[1]].representative_point() for row in rows]), PRECISION_M)
    frame = gpd.GeoDataFrame(rows, columns=columns, geometry=points, crs=plan.CRS)
    for column in ("households", "notice_days"):
        frame[column] = frame[column].astype("Int32")
    return frame
