"""Puts the sample city into built packages, for ``geo-profiling init``; all else stands in pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SAMPLE = ("configs/sample.yaml", "sample_data/*.tif", "sample_data/*.gpkg", "sample_data/*.csv", "sample_data/*.md")


class BuildWithSample(build_py):
    """Copies the sample beside the modules; an editable install finds it in the repository."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        for pattern in SAMPLE:
            for file in sorted(Path().glob(pattern)):
                target = Path(self.build_lib, "geo_profiling", "starter", file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithSample})
