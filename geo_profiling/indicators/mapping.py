"""Mappings: how a survey's columns and codes become the product's variables. Each survey has its own code table.

The ready ones lie in ``mappings/`` as YAML, one complete file for each recode: the same number means
different things in different programmes, so that no two of them share a table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from geo_profiling.config.section import Section
from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.variables import VARIABLES

#: Ready mappings, by name.
READY = ("dhs6", "dhs7", "dhs8", "mics6", "plain")
_RANGE = re.compile(r"^(\d+)-(\d+)$")


def code_text(value: object) -> str:
    """Return a code as it is compared: trimmed, whole numbers without zeros before and after.

    Examples
    --------
    >>> [code_text(value) for value in (11, 11.0, "011", " Tube well ", "1.5")]
    ['11', '11', '11', 'Tube well', '1.5']
    """
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and "_" not in text else text


def _codes(value: Any) -> Any:
    """Turn keys into text and spread ranges such as 31-36 over their codes."""
    if not isinstance(value, Mapping):
        return value
    spread: dict[str, Any] = {}
    for key, meaning in value.items():
        match = _RANGE.match(str(key).strip())
        keys = map(str, range(int(match[1]), int(match[2]) + 1)) if match else [code_text(key)]
        for code in keys:
            if code in spread:
                raise ValueError(f"code {code} stands twice")
            spread[code] = meaning
    return spread


def _texts(value: Any) -> Any:
    return [code_text(item) for item in value] if isinstance(value, list) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | Mapping) else value


Codes = Annotated[dict[str, str | float], BeforeValidator(_codes)]
Texts = Annotated[list[str], BeforeValidator(_texts)]


class ColumnRule(Section):
    """How one column gives one variable."""

    column: str = Field(description="Column of the survey.")
    codes: Codes | None = Field(
        None, description="What each code (or range of codes, 31-36) means; a code that is not listed is refused."
    )
    missing: Texts = Field(default_factory=list, description="Codes of no answer and of 'do not know'.")
    scale: float = Field(1.0, gt=0, description="Factor of numbers.")
    optional: bool = Field(False, description="The survey may lack the column.")
    otherwise: str | float | None = Field(
        None, description="Value where neither this column nor one before it tells; unknown without it."
    )


Rules = Annotated[list[ColumnRule], BeforeValidator(_listed), Field(min_length=1)]


class EditionRule(Section):
    """How a file tells of which edition it is."""

    column: str = Field(description="Column that tells, such as hv000 of DHS.")
    pattern: str = Field(description="Regular expression that its values match.")


class KeepRule(Section):
    """Rows that are households."""

    column: str = Field(description="Column that tells.")
    codes: Texts = Field(description="Codes of completed interviews.")


class HouseholdMapping(Section):
    """What a household survey's file says, in the product's words."""

    name: str = Field(min_length=1, description="Name, recorded in the output.")
    programme: str = Field(description="Programme and edition in words.")
    household_id: Annotated[list[str], BeforeValidator(_listed)] | None = Field(
        None, description="Columns that together identify a household."
    )
    weight: Annotated[ColumnRule, Field(description="Weight of the household, or of its people: see weight_of.")]
    weight_of: Annotated[str, Field(pattern="^(household|people)$")] = Field(
        "household",
        description="'household': people's weight is this times the household's size; 'people': it is this already.",
    )
    persons: Rules = Field(description="People of the household; where the first column is 0 or missing, the next.")
    psu: str | None = Field(None, description="Column of primary sampling units.")
    strata: list[str] = Field(
        default_factory=list, description="Columns whose values together are the strata of the first stage."
    )
    edition: EditionRule | None = Field(None, description="How the file tells of which edition it is.")
    keep: KeepRule | None = Field(None, description="Rows that are households; all are without it.")
    variables: Annotated[dict[str, Rules], Field(description="The product's variables.")]

    @model_validator(mode="after")
    def _variables_are_known(self) -> HouseholdMapping:
        for name, rules in self.variables.items():
            variable = VARIABLES.get(name)
            if variable is None:
                raise ValueError(f"variable '{name}' is not known; known are {', '.join(VARIABLES)}")
            for rule in rules:
                _check_rule(name, rule)
        return self

    def columns(self) -> list[str]:
        """Return every column that the file must have, in order.

        Examples
        --------
        >>> ready_mapping("plain").columns()[:2]
        ['weight', 'persons']
        """
        rules = [self.weight, self.persons[0], *(rule for group in self.variables.values() for rule in group)]
        named = [*([self.psu] if self.psu else []), *self.strata, *(self.household_id or [])]
        return list(dict.fromkeys([*(rule.column for rule in rules if not rule.optional), *named]))


def _check_rule(name: str, rule: ColumnRule) -> None:
    variable = VARIABLES[name]
    if variable.kind == "category":
        if rule.codes is None:
            raise ValueError(f"{name}: say what the codes of '{rule.column}' mean")
        wrong = sorted({str(value) for value in rule.codes.values()} - set(variable.values))
        if wrong:
            raise ValueError(f"{name}: '{wrong[0]}' is no value of it; values are {', '.join(variable.values)}")
    elif rule.codes is not None and any(isinstance(value, str) for value in rule.codes.values()):
        raise ValueError(f"{name}: codes of a {variable.kind} mean numbers")
    if variable.kind == "truth" and (rule.codes is None or set(rule.codes.values()) - {0.0, 1.0}):
        raise ValueError(f"{name}: say which codes of '{rule.column}' mean 1 and which 0")


def parse_mapping(text: str, *, name: str) -> HouseholdMapping:
    r"""Return the mapping that a YAML text declares.

    Parameters
    ----------
    text : str
        A mapping with the keys of :class:`HouseholdMapping`; ``extends: dhs7`` at its top takes a ready
        one first, and single keys, variables and codes then replace or add to its own.
    name : str
        Of the file, for messages.

    Raises
    ------
    InputError
        If it is no YAML, a key or variable is not known, or a code means something that is not.

    Examples
    --------
    >>> text = "extends: dhs7\nname: ours\nvariables:\n  toilet:\n    column: hv205\n    codes: {16: composting}\n"
    >>> parse_mapping(text, name="ours.yaml").variables["toilet"][0].codes["16"]
    'composting'
    """
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise InputError(
            f"{name}: no YAML: {str(error).splitlines()[0]}", hint="see docs/methods/indicators.md"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{name}: a mapping of a survey is a YAML mapping", hint="see docs/methods/indicators.md")
    base = content.pop("extends", None)
    if base is not None:
        content = _merged(_ready_content(base, name), content)
    try:
        return HouseholdMapping.model_validate(_loose(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{name}: {place}: {first['msg']}", hint="see docs/methods/indicators.md") from error


def ready_mapping(name: str) -> HouseholdMapping:
    """Return one of the mappings that come with the product.

    Raises
    ------
    UsageError
        If there is none of that name.

    Examples
    --------
    >>> dhs, mics = ready_mapping("dhs7"), ready_mapping("mics6")
    >>> [mapping.variables["toilet"][0].codes["31"] for mapping in (dhs, mics)]
    ['none', 'composting']
    """
    if name not in READY:
        raise UsageError(f"there is no mapping '{name}'", hint=f"ready are {', '.join(READY)}")
    return _ready(name)


@cache
def _ready(name: str) -> HouseholdMapping:
    return parse_mapping(_ready_text(name), name=f"{name}.yaml")


def _ready_text(name: str) -> str:
    return resources.files(__package__).joinpath("mappings", f"{name}.yaml").read_text(encoding="utf-8")


def _ready_content(base: object, name: str) -> dict[str, Any]:
    if base not in READY:
        raise InputError(f"{name}: extends '{base}', which is not there", hint=f"ready are {', '.join(READY)}")
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(_ready_text(str(base)))
    return content


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another: variables by name, the codes of the same column one by one."""
    merged = {**base, **own}
    variables = dict(base["variables"])
    for name, rules in (own.get("variables") or {}).items():
        before = {rule["column"]: rule for rule in _listed(variables.get(name, []))}
        variables[name] = [
            {
                **before[rule["column"]],
                **rule,
                "codes": {**(before[rule["column"]].get("codes") or {}), **rule["codes"]},
            }
            if isinstance(rule, Mapping) and rule.get("column") in before and rule.get("codes")
            else rule
            for rule in _listed(rules)
        ]
    merged["variables"] = variables
    return merged


def _loose(value: Any) -> Any:
    """Turn whole numbers into decimals where a mapping of codes has them, as strict models want them."""
    if isinstance(value, Mapping):
        return {
            key: {code: float(item) if isinstance(item, int) else item for code, item in inner.items()}
            if key == "codes" and isinstance(inner, Mapping)
            else float(inner)
            if key in ("scale", "otherwise") and isinstance(inner, int)
            else _loose(inner)
            for key, inner in value.items()
        }
    return [_loose(item) for item in value] if isinstance(value, list) else value
