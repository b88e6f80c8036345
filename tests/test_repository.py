"""What holds for the repository as a whole: pinned versions, names, sizes, links."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML
from typer.main import get_command

from geo_profiling.cli.main import app
from geo_profiling.outputs.layers import LAYERS

PYTHONS = ("3.11", "3.12", "3.13")
#: The same software under conda-forge's name.
CONDA_NAMES = {"dask": "dask-core", "matplotlib": "matplotlib-base"}
#: Stubs that the extra ``dev`` brings by pip.
PIP_ONLY = {"types-shapely", "scipy-stubs"}
MAX_FILE_BYTES = 1_000_000
MAX_SAMPLE_BYTES = 5_000_000


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, list[Requirement]]:
    """Requirements of pyproject.toml: ``core`` and each extra."""
    table = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    groups = {"core": table["dependencies"], **table["optional-dependencies"]}
    return {group: [r for r in map(Requirement, lines) if r.name != table["name"]] for group, lines in groups.items()}


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[Path]:
    """Files under version control, deleted ones left out."""
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=repository, check=True, capture_output=True, text=True)
    return [repository / name for name in listing.stdout.split("\0") if name and (repository / name).is_file()]


def test_environment_names_what_pyproject_names(repository: Path, project: dict[str, list[Requirement]]) -> None:
    environment = YAML(typ="safe").load((repository / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert pip == {"pip": ["-e .[dev]"]}
    listed = {requirement.name: str(requirement.specifier) for requirement in map(Requirement, conda)}
    wanted = {
        CONDA_NAMES.get(requirement.name, requirement.name): str(requirement.specifier)
        for group in ("core", "test", "dev")
        for requirement in project[group]
        if requirement.name not in PIP_ONLY
    }
    assert listed.items() >= wanted.items()
    assert set(listed) - set(wanted) == {"python", "pip", "imagecodecs", "tifffile"}
    assert not re.search("[<=]", "".join(listed.values()).replace(">=", "")), "an upper pin"


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_pin_every_dependency_once(
    repository: Path, project: dict[str, list[Requirement]], python: str
) -> None:
    pinned: dict[str, str] = {}
    for line in (repository / "constraints.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        requirement = Requirement(line)
        assert requirement.url is None
        (pin,) = requirement.specifier
        assert pin.operator == "==", line
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            assert canonicalize_name(requirement.name) not in pinned, f"{requirement.name} twice on Python {python}"
            pinned[canonicalize_name(requirement.name)] = pin.version
    for requirement in (r for group in project.values() for r in group):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} has no pin on Python {python}"
        assert requirement.specifier.contains(pinned[name]), f"{name}=={pinned[name]} against {requirement.specifier}"


def test_pre_commit_checks_with_the_pinned_tools(repository: Path) -> None:
    hooks = YAML(typ="safe").load((repository / ".pre-commit-config.yaml").read_text())["repos"]
    revisions = {Path(hook["repo"]).name: hook["rev"].removeprefix("v") for hook in hooks}
    pins = (repository / "constraints.txt").read_text().splitlines()
    assert f"ruff=={revisions['ruff-pre-commit']}" in pins
    assert f"codespell=={revisions['codespell']}" in pins


def test_no_file_names_a_machine_or_a_package_index(tracked: list[Path]) -> None:
    # assembled here, so that this file does not hold what it forbids
    paths = "|".join(("/wo" + "rk/", "/opt" + "/venv", "/tmp" + "/notes", r"/home/\w+/", r"/roo" + r"t/"))
    tools = r"\bfa" + r"rm-\w+"
    indexes = "|".join(
        ("pypi.o" + "rg/simple", "files.python" + "hosted", "--(extra-)?index" + "-url", "/opt" + "/pypi")
    )
    forbidden = re.compile(rf"(?<![\w.$/}}])({paths})|{tools}|{indexes}".encode())
    found = [f"{path}: {match.group().decode()}" for path in tracked if (match := forbidden.search(path.read_bytes()))]
    assert found == []


def test_files_are_small(repository: Path, tracked: list[Path]) -> None:
    sizes = {path: path.stat().st_size for path in tracked}
    assert [path for path, size in sizes.items() if size > MAX_FILE_BYTES] == []
    assert sum(size for path, size in sizes.items() if (repository / "sample_data") in path.parents) < MAX_SAMPLE_BYTES


def test_links_lead_somewhere(tracked: list[Path]) -> None:
    pages = [path for path in tracked if path.suffix == ".md"]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_readme_and_ci_run_the_same_tests(repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    last_step = (repository / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert last_step == "python -m pytest -n auto --dist loadfile"
    assert f"&& .venv/bin/{last_step}\n" in readme
    assert "geo-profiling run configs/sample.yaml -o out/sample\n" in readme
    assert (repository / "configs" / "sample.yaml").is_file()


def test_every_page_is_in_the_navigation_and_every_room_in_the_readme(repository: Path, tracked: list[Path]) -> None:
    docs = repository / "docs"
    pages = {str(path.relative_to(docs)) for path in tracked if path.suffix == ".md" and docs in path.parents}
    navigation = re.findall(r": ([\w/]+\.md)$", (repository / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(navigation) == sorted(pages)
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 200
    rooms = {path.parent.name for path in (repository / "geo_profiling").glob("*/__init__.py")}
    assert {room for room in rooms if f"`geo_profiling/{room}/`" not in readme} == set()
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert {name for name in commands if not re.search(rf"geo-profiling {name}\b", readme)} == set()


def test_index_tells_every_layer_and_only_fields_that_it_has(repository: Path) -> None:
    declared = {spec.name: {field.name for field in spec.fields} for spec in LAYERS.values()}
    told: set[str] = set()
    for line in (repository / "docs" / "index.md").read_text(encoding="utf-8").split("| layer |")[1].splitlines():
        cells = line.split("|")
        if len(cells) < 5 or "`" not in cells[1]:
            continue
        names = {name for name in re.findall(r"`([\w*]+)`", cells[1]) if "*" not in name}
        assert names <= set(declared)
        told |= names
        fields = set().union(*(declared[name] for name in names)) if names else set()
        assert {field for field in re.findall(r"`([\w*]+)`", cells[3]) if "*" not in field} <= fields, line
    assert {name for name in declared if name not in told and not name.startswith("indicators_by_")} == set()


def test_promises_name_tests_that_exist(repository: Path, tracked: list[Path]) -> None:
    page = (repository / "docs" / "reliability.md").read_text(encoding="utf-8")
    tests = "\n".join(path.read_text() for path in tracked if path.name.startswith("test_") and path.suffix == ".py")
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", page))
    assert len(named) > 15
    assert {name for name in named if f"def {name}(" not in tests} == set()
