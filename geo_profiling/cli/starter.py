"""The starter project of ``init``: the sample city's configuration and data."""

from __future__ import annotations

import shutil
from pathlib import Path

from geo_profiling.errors import GeoProfilingError, OutputError

CONFIG = "configs/sample.yaml"
DATA = "sample_data"
DATA_SUFFIXES = frozenset({".tif", ".gpkg", ".parquet", ".csv", ".yaml", ".md"})


def create_starter(directory: Path) -> Path:
    """Create a folder with the sample configuration and its data, laid out as in the repository.

    Parameters
    ----------
    directory : Path
        A new or an empty folder.

    Returns
    -------
    Path
        The configuration to run.

    Raises
    ------
    OutputError
        If the folder holds anything, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     create_starter(Path(folder, "city")).name
    'sample.yaml'
    """
    source = _starter_source()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise OutputError(f"{directory}: exists and is not an empty folder", hint="choose a new folder")
    (directory / DATA).mkdir(parents=True)
    (directory / CONFIG).parent.mkdir()
    for file in sorted((source / DATA).iterdir()):
        if file.suffix in DATA_SUFFIXES:
            shutil.copyfile(file, directory / DATA / file.name)
    shutil.copyfile(source / CONFIG, directory / CONFIG)
    return directory / CONFIG


def _starter_source() -> Path:
    """Where the sample lies: inside an installed package, or in the repository of an editable one."""
    package = Path(__file__).parents[1]
    for source in (package / "starter", package.parent):
        if (source / CONFIG).is_file() and (source / DATA).is_dir():
            return source
    raise GeoProfilingError("the sample data are missing from this installation", hint="install geo-profiling again")
