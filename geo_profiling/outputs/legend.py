"""The classes of the Degree of Urbanisation and the metropolitan scales in plain words and colours.

Colours follow the JRC's maps of settlement classes, changed where two of them look alike on a
screen or to colour-blind readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class ClassLabel:
    """A class as a reader meets it.

    Attributes
    ----------
    code : int
        As stored in grids or fields.
    label : str
        In plain words.
    official : str
        The name in the manual.
    meaning : str
        One sentence.
    colour : str
        ``#rrggbb``.
    """

    code: int
    label: str
    official: str
    meaning: str
    colour: str


_RED, _BROWN, _OCHRE, _YELLOW = "#e8262a", "#6b2400", "#e0a030", "#ffe74c"
_DARK_GREEN, _GREEN, _PALE_GREEN, _BLUE = "#3f8a70", "#a9cf6b", "#e2f3bd", "#8fc3f2"
_ORANGE = "#f5b335"
_INDIGO = "#2e2585"

CELL_LEVEL2 = (
    ClassLabel(30, "Urban centre", "Urban centre", "Dense cells with at least 50,000 people together.", _RED),
    ClassLabel(23, "Dense town", "Dense urban cluster", "Dense cells with at least 5,000 people together.", _BROWN),
    ClassLabel(22, "Semi-dense town", "Semi-dense urban cluster", "A less dense town, away from any city.", _OCHRE),
    ClassLabel(
        21, "Suburbs", "Suburban or peri-urban cells", "Other cells of towns and of the edges of cities.", _YELLOW
    ),
    ClassLabel(13, "Village", "Rural cluster", "Between 500 and 5,000 people living close together.", _DARK_GREEN),
    ClassLabel(12, "Scattered houses", "Low density rural cells", "At least 50 people per km².", _GREEN),
    ClassLabel(11, "Almost nobody", "Very low density rural cells", "Fewer than 50 people per km².", _PALE_GREEN),
    ClassLabel(10, "Water", "Water cells", "Less than half land, and hardly anybody lives there.", _BLUE),
)
CELL_LEVEL1 = (
    ClassLabel(3, "Urban centre", "Urban centre", "Dense cells with at least 50,000 people together.", _RED),
    ClassLabel(2, "Towns and suburbs", "Urban cluster", "Cells with at least 5,000 people together.", _ORANGE),
    ClassLabel(1, "Rural", "Rural grid cells", "All other land.", _PALE_GREEN),
    ClassLabel(0, "Water", "Water", "Less than half land, and hardly anybody lives there.", _BLUE),
)
UNIT_LEVEL1 = (
    ClassLabel(1, "City", "City", "At least half of the people live in an urban centre.", _RED),
    ClassLabel(
        2, "Town or suburb", "Town and semi-dense area", "Neither city nor rural: most people live in towns.", _ORANGE
    ),
    ClassLabel(3, "Rural", "Rural area", "More than half of the people live in rural cells.", _PALE_GREEN),
)
UNIT_LEVEL2 = (
    ClassLabel(30, "City", "City", "At least half of the people live in an urban centre.", _RED),
    ClassLabel(23, "Dense town", "Dense town", "Most town dwellers live in dense clusters.", _BROWN),
    ClassLabel(22, "Semi-dense town", "Semi-dense town", "Most town dwellers live in semi-dense clusters.", _OCHRE),
    ClassLabel(21, "Suburb", "Suburban or peri-urban area", "Most town dwellers live in suburbs.", _YELLOW),
    ClassLabel(13, "Village", "Village", "Most of its rural people live in villages.", _DARK_GREEN),
    ClassLabel(12, "Scattered houses", "Dispersed rural area", "Most of its rural people live scattered.", _GREEN),
    ClassLabel(
        11, "Almost nobody", "Mostly uninhabited area", "Most of its rural people live far from others.", _PALE_GREEN
    ),
)


@dataclass(frozen=True)
class WordLabel:
    """A value in words as a reader meets it.

    Attributes
    ----------
    code : str
        As stored in a field.
    label : str
        In plain words.
    meaning : str
        One sentence.
    colour : str
        ``#rrggbb``.
    """

    code: str
    label: str
    meaning: str
    colour: str


@dataclass(frozen=True)
class RangeLabel:
    """A range of numbers as a reader meets it.

    Attributes
    ----------
    lower, upper : float
        Values above ``lower`` and up to ``upper``; the lowest range holds its lower end too.
    label : str
        In plain words.
    colour : str
        ``#rrggbb``.
    """

    lower: float
    upper: float
    label: str
    colour: str


#: Metropolitan scales, the smallest first.
SCALES = (
    WordLabel("proximity", "Proximity", "Ground within walking time of a local centre.", "#d7301f"),
    WordLabel(
        "agglomeration", "Agglomeration", "Built-up ground that hangs together, whatever the borders.", "#e08a00"
    ),
    WordLabel("metropolitan_area", "Metropolitan area", "The functional urban area: city and commuting zone.", _INDIGO),
    WordLabel(
        "metropolitan_region",
        "Metropolitan region",
        "Regions most of whose people live in large functional areas.",
        "#2b8a5f",
    ),
)

#: Why a unit of commuting flows is in a functional urban area, or in none.
FUA_RULES = (
    WordLabel("city", "City", "Its people live mostly in the urban centre, or it is an official city.", "#8c2d6b"),
    WordLabel("merged city", "City tied to a larger one", "Commuting makes its city one with a larger one.", "#b8569a"),
    WordLabel("commuting", "Commuting zone", "A large share of its employed residents work in the city.", "#e3b8d3"),
    WordLabel("enclave", "Enclave", "Surrounded by units of one functional urban area.", "#c9a227"),
    WordLabel(
        "exclave dropped", "Not connected", "Commuters enough, but no shared border leads to the city.", "#7fb2d9"
    ),
    WordLabel(
        "below threshold", "Too few commuters", "Less than the threshold's share commute to any city.", "#f4f1ea"
    ),
    WordLabel("no employed residents", "No employed residents", "Nobody who works lives there.", "#d9d9d9"),
    WordLabel("unknown", "Unknown", "There are no data on its commuters.", "#ffffff"),
)

#: Legends of grids by level.
CELL_LEGENDS = MappingProxyType({1: CELL_LEVEL1, 2: CELL_LEVEL2})
#: Legends of the classes of units.
FIELD_LEGENDS = MappingProxyType({"degurba_l1": UNIT_LEVEL1, "degurba_l2": UNIT_LEVEL2})
#: Outline of urban centres on maps.
CENTRE_OUTLINE = "#40000a"
#: Outline of functional urban areas on maps.
FUA_OUTLINE = _INDIGO
#: Shares from 0 to 1, in fifths.
SHARE_RANGES = (
    RangeLabel(0.0, 0.2, "up to 20 %", "#a51f4f"),
    RangeLabel(0.2, 0.4, "20 to 40 %", "#e0602a"),
    RangeLabel(0.4, 0.6, "40 to 60 %", "#f5c04a"),
    RangeLabel(0.6, 0.8, "60 to 80 %", "#b9d98a"),
    RangeLabel(0.8, 1.0, "over 80 %", "#2b8a5f"),
)
