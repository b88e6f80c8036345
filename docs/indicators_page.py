"""Write ``indicators.md`` from the catalogue: ``python docs/indicators_page.py``; a test holds it in step."""

from __future__ import annotations

from pathlib import Path

from geo_profiling.indicators.catalogue import CATALOGUE, described

PAGE = Path(__file__).with_name("indicators.md")
INTRODUCTION = """# Catalogue of indicators

What each indicator is, whose share it is and where its definition stands.
`geo-profiling info indicators` prints the same. How they are estimated is told in [Indicators](methods/indicators.md).

| id | SDG | series | what it is |
|---|---|---|---|
"""


def page() -> str:
    """Return the page as it should be."""
    lines = [INTRODUCTION.rstrip("\n")]
    lines += [
        f"| [`{item.id}`](#{item.id}) | {item.sdg} | {item.series} | {item.title} |" for item in CATALOGUE.values()
    ]
    for item in CATALOGUE.values():
        lines += ["", f"## {item.id}", "", f"**{item.title}.** {item.meaning}", ""]
        lines += [f"- {key}: {value}" for key, value in described(item).items() if key != "meaning"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
