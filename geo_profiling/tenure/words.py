"""The closed vocabularies of tenure, and the code lists of other systems in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

RightClass = Literal["primary", "derived", "resource"]
CodeList = Literal["canonical", "stdm", "cadasta"]


@dataclass(frozen=True)
class TenureType:
    """A kind of right in land.

    Attributes
    ----------
    label : str
        For readers.
    continuum : int or None
        Step on the continuum of land rights, 1 (perceived) to 8 (registered freehold); None: a right
        that has no step of its own. No end of the continuum is the better one.
    right_class : {"primary", "derived", "resource"}
        Held in its own right; from somebody who holds one; or to use a resource, which no home rests on.
    is_exclusive : bool
        Two different holders of the whole at one time contradict each other.
    """

    label: str
    continuum: int | None
    right_class: RightClass = "primary"
    is_exclusive: bool = False


#: Every kind of right, in the order of the continuum of land rights (UN-Habitat and GLTN).
TENURE_TYPES: Mapping[str, TenureType] = MappingProxyType(
    {
        "perceived": TenureType("Perceived right", 1),
        "customary": TenureType("Customary right", 2),
        "indigenous": TenureType("Indigenous land right", 2),
        "occupancy": TenureType("Occupancy", 3, is_exclusive=True),
        "anti_eviction": TenureType("Protection from eviction", 4),
        "adverse_possession": TenureType("Adverse possession", 5),
        "group": TenureType("Group tenure", 6),
        "lease": TenureType("Lease", 7, is_exclusive=True),
        "long_lease": TenureType("Long lease", 7, is_exclusive=True),
        "freehold": TenureType("Freehold", 8, is_exclusive=True),
        "co_ownership": TenureType("Co-ownership", 8),
        "owner": TenureType("Owner, kind of right not stated", None, is_exclusive=True),
        "tenancy": TenureType("Tenancy", None, "derived"),
        "sub_tenancy": TenureType("Sub-tenancy", None, "derived"),
        "hosted": TenureType("Living with relatives or friends", None, "derived"),
        "easement": TenureType("Easement or servitude", None, "resource"),
        "resource_use": TenureType("Right to use a resource", None, "resource"),
    }
)

_STDM = {
    "owner": "owner",
    "tenant": "tenancy",
    "sub-tenant": "sub_tenancy",
    "relative of owner": "hosted",
    "relative of tenant": "hosted",
    "relative of sub-tenant": "hosted",
    "friend of owner": "hosted",
    "friend of tenant": "hosted",
    "friend of sub-tenant": "hosted",
    "relative/friend of owner": "hosted",
    "relative/friend of tenant": "hosted",
    "relative/friend of sub-tenant": "hosted",
}
_CADASTA = {
    "fh": "freehold",
    "lh": "lease",
    "ll": "long_lease",
    "cu": "customary",
    "in": "indigenous",
    "oc": "occupancy",
    "tn": "tenancy",
    "jt": "co_ownership",
    "tc": "co_ownership",
    "uc": "co_ownership",
    "co": "resource_use",
    "cr": "resource_use",
    "gr": "resource_use",
    "hr": "resource_use",
    "mr": "resource_use",
    "wr": "resource_use",
    "ea": "easement",
    "es": "easement",
}

#: By code list, what each of its words (in lower case) is here. Cadasta's sub-lease is a tenancy: it
#: is held from somebody.
CODE_LISTS: Mapping[CodeList, Mapping[str, str]] = MappingProxyType(
    {
        "canonical": MappingProxyType({name: name for name in TENURE_TYPES}),
        "stdm": MappingProxyType(_STDM),
        "cadasta": MappingProxyType(_CADASTA),
    }
)

PARTY_KINDS = ("person", "household", "group")
SEXES = ("female", "male")
#: No document, a paper between people, one that an authority recognises, an entry in a register.
DOCUMENTED = ("none", "informal_paper", "recognised", "registered")
PERCEIVED = ("secure", "insecure")
DISPUTE_STATUS = ("none", "ongoing")
DISPUTE_TYPES = ("boundary", "ownership", "rent", "access")
YES_NO = ("yes", "no")
EVICTION_KINDS = ("threat", "notice", "demolition", "forced_eviction", "relocation_agreed", "fire_displacement")
CONFIDENCE = ("low", "medium", "high")

#: How else the words of the columns are written.
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "f": "female",
        "m": "male",
        "woman": "female",
        "man": "male",
        "on": "ongoing",
        "individual": "person",
        "informal paper": "informal_paper",
        "informal": "informal_paper",
        "true": "yes",
        "false": "no",
        "1": "yes",
        "0": "no",
        "forced eviction": "forced_eviction",
        "eviction": "forced_eviction",
        "relocation agreed": "relocation_agreed",
        "fire-displacement": "fire_displacement",
        "fire displacement": "fire_displacement",
    }
)
#: Answers that say that nothing is known.
UNKNOWN_WORDS = frozenset({"", "unknown", "not known", "n/a", "na", "nan", "don't know"})
