"""Tables keep NULL, order and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from geo_profiling.errors import OutputError
from geo_profiling.outputs.tables import write_csv, write_parquet


def test_layer_becomes_geoparquet_with_its_crs(province: Any, tmp_path: Path) -> None:
    path = tmp_path / "units.parquet"
    write_parquet(path, province.units)
    back = gpd.read_parquet(path)
    assert back.crs == province.units.crs
    assert back.degurba_l2.tolist()[:2] == [30, 21]
    assert back.degurba_l2.isna().tolist() == [False, False, True]
    assert back.population.tolist() == province.units.population.tolist()


def test_same_bytes_for_the_same_rows_whatever_the_index(province: Any, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", province.units)
    write_parquet(tmp_path / "b.parquet", province.units.set_index(pd.Index([7, 8, 9])))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_plain_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"key": ["007", None], "value": [0.1, float("nan")]})
    write_parquet(tmp_path / "a.parquet", table)
    assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), table, check_dtype=False)


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_parquet(tmp_path / "nowhere" / "a.parquet", pd.DataFrame({"a": [1]}))


def test_csv_is_exact_and_runs_no_formula(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "id": ["007", "-5", "@cmd", "=1+1"],
            "text": ["a,b", 'say "x"', "+1e5", "-1+2"],
            "value": [0.1 + 0.2, float("nan"), -3.5, 1e21],
            "count": pd.array([1, None, -3, 4], "Int64"),
        }
    )
    write_csv(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == (
        "id,text,value,count\n"
        '007,"a,b",0.30000000000000004,1\n'
        '-5,"say ""x""",,\n'
        "'@cmd,+1e5,-3.5,-3\n"
        "'=1+1,'-1+2,1e+21,4\n"
    )
    assert table.id[3] == "=1+1", "the caller's table is left alone"
