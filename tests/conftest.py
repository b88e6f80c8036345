"""Fixtures and settings that every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

# Random deadlines fail on busy machines; in CI a failure must be the same failure on the next run.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def _folder(variable: str, default: Path) -> Path:
    """Return the folder that ``variable`` names, else ``default``; skip the test where neither exists."""
    folder = Path(os.environ[variable]) if os.environ.get(variable) else default
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: set {variable} to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real inputs: ``$GEO_PROFILING_DATA``, else ``../shared/data`` beside the repository."""
    return _folder("GEO_PROFILING_DATA", REPOSITORY.parent / "shared" / "data")


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """Folder of the known answers: ``$GEO_PROFILING_GOLDEN``, else ``../shared/golden`` beside the repository."""
    return _folder("GEO_PROFILING_GOLDEN", REPOSITORY.parent / "shared" / "golden")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample_data(repository: Path) -> Path:
    """Folder of the sample city's files, as committed."""
    return repository / "sample_data"
