"""The plan of the fictional metropolis Port Serrano: what lies where. Every layer is drawn from it.

Places are given in kilometres east and north of the lower left corner of the grid. Nothing here depends on
anything else, so a new layer (clinics, bus lines, a survey) starts from these tuples or adds one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SEED = 20_240_601
CRS = "ESRI:54009"

#: Upper left corner in metres (World Mollweide), size of the region in cells of 1 km, and the two cell sizes.
LEFT_M, TOP_M = 30_000, 4_870_000
ROWS_KM, COLUMNS_KM = 120, 140
COARSE_M, FINE_M = 1_000, 100
#: The core that has 100 m grids, in cells of 1 km: first row, first column, rows, columns.
CORE_KM = (52, 42, 44, 52)

XY = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """A city, town or suburb: its people in 2010 and 2020 fall off from the centre as exp(-(r / scale) ** shape)."""

    name: str
    centre_km: XY
    population_2010: int
    population_2020: int
    scale_km: float
    shape: float


@dataclass(frozen=True)
class Settlement:
    """An informal settlement: where it lies, how large and dense it is, and on what kind of ground."""

    settlement_id: str
    name: str
    centre_km: XY
    area_ha: float
    people_per_ha: float
    ground: Literal["riverside", "hillside", "wetland", "railside", "periphery"]
    founded: int


@dataclass(frozen=True)
class Municipality:
    """A local unit: its code (text, the leading zero counts), its seat and the region it belongs to."""

    unit_id: str
    name: str
    seat_km: XY
    region_id: str


@dataclass(frozen=True)
class Works:
    """A port, airport or industrial estate: built up, hardly lived in."""

    name: str
    centre_km: XY
    radius_km: float
    built_share: float


#: From west to east; the land lies north of it.
COAST_KM: tuple[XY, ...] = (
    (-6, 13), (6, 15), (15, 13), (26, 15), (36, 20), (45, 24), (53, 28), (59, 31), (63.5, 35.5), (66.2, 39.6),
    (68.2, 40.2), (71.5, 38), (76, 35.5), (81, 35), (86, 38.5), (90, 45), (97, 51), (104, 55), (112, 56.5),
    (121, 63), (130, 69), (138, 72), (147, 80),
)  # fmt: skip
#: Islands: centre and radius. Nobody lives on the second.
ISLANDS_KM: tuple[tuple[XY, float], ...] = (((99, 37), 3.1), ((84.5, 28.5), 1.2))
#: The river Vado, from its source to its mouth, and its width in metres at both ends.
RIVER_KM: tuple[XY, ...] = (
    (38, 126), (40.5, 115), (47, 106), (48, 97), (43.5, 89), (46, 80), (52.5, 74), (53, 66), (59, 60.5), (60, 53.5),
    (65, 48.5), (66, 43.5), (67.4, 39.2),
)  # fmt: skip
RIVER_WIDTH_M = (60.0, 620.0)
#: A reservoir in the hills: centre and radius.
LAKES_KM: tuple[tuple[XY, float], ...] = (((90, 92), 2.4), ((51, 31.2), 1.1))

PLACES: tuple[Place, ...] = (
    Place("Port Serrano", (66.4, 45.2), 1_080_000, 1_190_000, 4.4, 1.25),
    Place("Ensanche Norte", (70.5, 55.0), 96_000, 137_000, 2.2, 1.6),
    Place("Las Salinas", (55.5, 35.5), 48_000, 66_000, 1.7, 1.8),
    Place("Playa Larga", (80.0, 39.5), 61_000, 74_000, 2.0, 1.7),
    Place("Vado Real", (45.0, 84.5), 171_000, 192_000, 2.3, 1.5),
    Place("Puebla del Mar", (103.0, 59.5), 62_000, 71_500, 1.75, 2.2),  # an urban centre, just
    Place("Torre Blanca", (83.0, 68.0), 41_000, 55_500, 1.62, 2.2),  # not one, just
    Place("Santa Oliva", (27.0, 24.0), 22_500, 24_000, 1.15, 2.4),
    Place("Minas de Cobre", (29.0, 68.0), 17_500, 13_500, 0.95, 2.4),  # it shrinks
    Place("Villar de la Vega", (60.5, 71.5), 9_000, 11_800, 0.9, 2.4),
    Place("Los Almendros", (110.0, 82.0), 8_400, 9_100, 1.35, 3.0),
    Place("Casas Nuevas", (18.0, 47.0), 3_900, 6_200, 1.15, 3.0),
    Place("Cala Perdida", (98.6, 37.6), 1_900, 2_300, 0.6, 2.0),
    Place("Fuente Honda", (123.0, 98.0), 5_300, 5_150, 0.75, 2.2),
    Place("Valdehierro", (20.0, 96.0), 4_950, 4_700, 0.75, 2.2),
    Place("Cruce del Norte", (64.0, 104.0), 3_700, 4_100, 0.8, 2.2),
)
N_VILLAGES = 150

#: Roads that join the places, by name; ribbons of building follow them.
ROADS: tuple[tuple[str, str], ...] = (
    ("Port Serrano", "Ensanche Norte"), ("Port Serrano", "Las Salinas"), ("Port Serrano", "Playa Larga"),
    ("Port Serrano", "Villar de la Vega"), ("Villar de la Vega", "Vado Real"), ("Ensanche Norte", "Torre Blanca"),
    ("Playa Larga", "Puebla del Mar"), ("Torre Blanca", "Puebla del Mar"), ("Torre Blanca", "Los Almendros"),
    ("Las Salinas", "Santa Oliva"), ("Vado Real", "Minas de Cobre"), ("Vado Real", "Valdehierro"),
    ("Vado Real", "Cruce del Norte"), ("Los Almendros", "Fuente Honda"), ("Minas de Cobre", "Casas Nuevas"),
    ("Casas Nuevas", "Santa Oliva"), ("Puebla del Mar", "Los Almendros"),
)  # fmt: skip

WORKS: tuple[Works, ...] = (
    Works("Port", (69.0, 41.2), 1.5, 0.62),
    Works("Airport", (58.0, 40.5), 1.6, 0.34),
    Works("Refinery", (47.8, 29.6), 1.2, 0.55),
    Works("Northern estate", (75.0, 60.0), 1.6, 0.57),
    Works("Vado mills", (48.3, 81.0), 0.9, 0.60),
)

SETTLEMENTS: tuple[Settlement, ...] = (
    Settlement("S01", "La Ribera", (63.0, 49.7), 34, 520, "riverside", 1968),
    Settlement("S02", "Bajo Puente", (60.6, 56.2), 21, 430, "riverside", 1981),
    Settlement("S03", "El Estero", (71.6, 40.2), 27, 610, "wetland", 1962),
    Settlement("S04", "Cerro Rojo", (73.4, 50.6), 38, 380, "hillside", 1985),
    Settlement("S05", "Mirador", (77.3, 46.2), 18, 350, "hillside", 1999),
    Settlement("S06", "La Via", (62.6, 42.6), 14, 560, "railside", 1974),
    Settlement("S07", "Nueva Esperanza", (68.3, 60.2), 46, 210, "periphery", 2006),
    Settlement("S08", "Tierra Prometida", (57.4, 47.4), 31, 240, "periphery", 2003),
    Settlement("S09", "Las Lagunas", (53.6, 33.4), 17, 300, "wetland", 1994),
    Settlement("S10", "Isla Verde", (46.1, 82.6), 12, 400, "riverside", 1979),
    Settlement("S11", "Quince de Mayo", (83.6, 65.6), 9, 330, "periphery", 2001),
    Settlement("S12", "La Cantera", (43.0, 87.4), 11, 290, "hillside", 1990),
)

#: The units cover the land of the province, which ends some kilometres inside the grid.
PROVINCE_KM: tuple[XY, ...] = (
    (6, 0), (4, 30), (8, 58), (5, 84), (9, 108), (30, 114), (58, 112), (84, 115), (112, 113), (134, 108), (133, 86),
    (136, 60), (128, 30), (112, 14), (60, 4),
)  # fmt: skip
MUNICIPALITIES: tuple[Municipality, ...] = (
    Municipality("04001", "Port Serrano", (66.0, 45.0), "04A"),
    Municipality("04002", "Ensanche Norte", (71.5, 56.0), "04A"),
    Municipality("04003", "Las Salinas", (54.0, 35.0), "04A"),
    Municipality("04004", "Playa Larga", (81.5, 41.5), "04A"),
    Municipality("04005", "Vega Baja", (56.5, 50.0), "04A"),
    Municipality("04006", "Cerro Rojo", (77.5, 51.0), "04A"),
    Municipality("04007", "Villar de la Vega", (60.0, 69.0), "04A"),
    Municipality("04008", "Vado Real", (44.0, 84.5), "04B"),
    Municipality("04009", "Molinos del Vado", (52.5, 83.0), "04B"),
    Municipality("04010", "Puebla del Mar", (103.0, 60.0), "04C"),
    Municipality("04011", "Torre Blanca", (84.0, 69.0), "04A"),
    Municipality("04012", "Santa Oliva", (26.0, 26.0), "04B"),
    Municipality("04013", "Minas de Cobre", (29.0, 67.0), "04B"),
    Municipality("04014", "Los Almendros", (109.0, 82.0), "04C"),
    Municipality("04015", "Casas Nuevas", (17.0, 47.0), "04B"),
    Municipality("04016", "Cala Perdida", (98.5, 37.5), "04C"),
    Municipality("04017", "Fuente Honda", (122.0, 99.0), "04C"),
    Municipality("04018", "Valdehierro", (20.0, 97.0), "04B"),
    Municipality("04019", "Cruce del Norte", (65.0, 103.0), "04B"),
    Municipality("04020", "Sotos", (40.0, 46.0), "04B"),
    Municipality("04021", "Alto Embalse", (90.0, 93.0), "04C"),
    Municipality("04022", "Rocas del Faro", (84.5, 28.5), "04C"),  # an island where nobody lives
    Municipality("04023", "Barrio del Obispo", (63.3, 46.6), "04A"),  # an enclave smaller than a cell
)
ENCLAVE_ID, ENCLAVE_RADIUS_KM = "04023", 0.36
ISLAND_IDS = ("04016", "04022")
