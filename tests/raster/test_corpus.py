"""Every kind of bad raster: one clear error that names file, place, cause and remedy; and nothing reached."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from geo_profiling.errors import InputError
from geo_profiling.raster.preflight import check_header
from geo_profiling.raster.read import open_raster

REPOSITORY = Path(__file__).resolve().parents[2]
NORTH_UP = Affine(1000, 0, 200_000, 0, -1000, 6_000_000)
VALUES = np.arange(64 * 80, dtype="float32").reshape(64, 80)


def write(path: Path, values: np.ndarray = VALUES, **profile: Any) -> Path:
    bands = values if values.ndim == 3 else values[np.newaxis]
    options = {"crs": "ESRI:54009", "transform": NORTH_UP, "dtype": bands.dtype.name} | profile
    with rasterio.open(
        path, "w", driver="GTiff", count=bands.shape[0], height=bands.shape[1], width=bands.shape[2], **options
    ) as dataset:
        dataset.write(bands)
    return path


def tiff(path: Path, tags: list[tuple[int, int, list[int]]], *, order: str = "<", tail: bytes = b"") -> Path:
    """Write a TIFF directory by hand: (tag, type 3 short / 4 long / 12 double, values)."""
    sizes = {3: "H", 4: "I", 12: "d"}
    placed = sorted(tags)
    data_at = 8 + 2 + 12 * len(placed) + 4
    entries, data = b"", b""
    for tag, kind, values in placed:
        body = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        if len(body) <= 4:
            inline = body.ljust(4, b"\0")
        else:
            inline, data = struct.pack(f"{order}I", data_at + len(data)), data + body
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + inline
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    path.write_bytes(head + struct.pack(f"{order}H", len(placed)) + entries + struct.pack(f"{order}I", 0) + data + tail)
    return path


def claimed(width: int, height: int, block: int, *, bands: int = 1, blocks: int | None = None) -> list[Any]:
    """Tags of a sparse tiled GeoTIFF that claims much and stores nothing."""
    tiles = (-(-width // block)) * (-(-height // block)) if blocks is None else blocks
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [32]), (259, 3, [8]), (262, 3, [1]), (277, 3, [bands])]
    tags += [(339, 3, [3]), (284, 3, [1]), (322, 4, [block]), (323, 4, [block])]
    tags += [(324, 4, [0] * tiles), (325, 4, [0] * tiles)]
    return [*tags, (33550, 12, [1000.0, 1000.0, 0.0]), (33922, 12, [0.0, 0.0, 0.0, 2e5, 6e6, 0.0])]


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def truncated(path: Path, share: float, **profile: Any) -> Path:
    write(path, np.random.default_rng(1).random((64, 80), dtype="float32"), **profile)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def vrt(path: Path) -> Path:
    inner = write(path.with_name("inner.tif"))
    return text(
        path,
        f'<VRTDataset rasterXSize="80" rasterYSize="64"><SRS>ESRI:54009</SRS><GeoTransform>0,1,0,0,0,-1</GeoTransform>'
        f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename>{inner}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>",
    )


def no_crs(path: Path) -> Path:
    return write(path, crs=None)


def damaged_block(path: Path) -> Path:
    """Overwrite the start of a stored block, not the directory."""
    write(path, np.random.default_rng(2).random((512, 512), dtype="float32"), compress="deflate", tiled=True)
    data = bytearray(path.read_bytes())
    at = int(check_header(path, name="").offsets[2])
    data[at : at + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))
    return path


def with_cell(value: float, **profile: Any) -> Callable[[Path], Path]:
    values = VALUES.copy()
    values[5, 7] = value
    return lambda path: write(path, values, **profile)


def looping_directory(path: Path) -> Path:
    tiff(path, claimed(64, 64, 64))
    data = bytearray(path.read_bytes())
    at = 10 + 12 * 14
    data[at : at + 4] = struct.pack("<I", 8)
    path.write_bytes(bytes(data))
    return path


# Each: what makes the file, the keywords open_raster gets, words of the message, words of the hint.
REFUSED: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str, str]] = {
    "a VRT in disguise": (vrt, {}, "is XML by its content", "gdal_translate"),
    "HTML of a failed download": (lambda p: text(p, "<html>404</html>"), {}, "is XML by its content", "GeoTIFF"),
    "JSON": (lambda p: text(p, '{"type": "FeatureCollection"}'), {}, "is JSON by its content", "GeoTIFF"),
    "text": (lambda p: text(p, "ncols 80"), {}, "is text by its content", "GeoTIFF"),
    "an empty file": (lambda p: text(p, ""), {}, "the file is empty", "again"),
    "truncated to 99 %": (lambda p: truncated(p, 0.99), {}, "truncated: has", "download it again"),
    "truncated to 50 %": (lambda p: truncated(p, 0.5, compress="deflate"), {}, "truncated: has", "download it again"),
    "truncated to 2 %": (lambda p: truncated(p, 0.02), {}, "truncated", "download it again"),
    "truncated BigTIFF": (lambda p: truncated(p, 0.9, BIGTIFF="YES"), {}, "truncated", "download it again"),
    "truncated, tiled": (lambda p: truncated(p, 0.9, tiled=True, compress="zstd"), {}, "truncated", "again"),
    "a head and nothing else": (lambda p: p.write_bytes(b"II*\0\x08\0\0\0") and p, {}, "truncated", "again"),
    "a loop of directories": (looping_directory, {}, "chain of directories has no end", "damaged"),
    "no CRS": (no_crs, {}, "no coordinate reference system", "declare the CRS"),
    "CRS against the declared one": (write, {"crs": "EPSG:32631"}, "the file says .* the declaration", "correct"),
    "no geotransform": (lambda p: write(p, transform=None), {}, "no geotransform", "georeference"),
    "control points only": (
        lambda p: write(
            p,
            transform=None,
            gcps=[rasterio.control.GroundControlPoint(r, c, c * 1e3, -r * 1e3) for r in (0, 64) for c in (0, 80)],
        ),
        {},
        "no geotransform",
        "gdalwarp",
    ),
    "rotated": (
        lambda p: write(p, transform=Affine(985, 174, 2e5, 174, -985, 6e6)),
        {},
        "rotated",
        "gdalwarp",
    ),
    "longitudes 0 to 360": (
        lambda p: write(p, crs="EPSG:4326", transform=Affine(4.5, 0, 0, 0, -2, 64)),
        {},
        "longitudes run to 360",
        "-180..180",
    ),
    "metres called degrees": (lambda p: write(p, crs="EPSG:4326"), {}, "are not degrees", "assign the CRS"),
    "degrees called metres": (
        lambda p: write(p, transform=Affine(0.008, 0, 4.0, 0, -0.008, 51.0)),
        {},
        "look like degrees",
        "assign the CRS",
    ),
    "a CRS made for elsewhere": (
        lambda p: write(p, crs="EPSG:31370", transform=Affine(1000, 0, 7_900_000, 0, -1000, 6_000_000)),
        {},
        "lie outside",
        "assign the CRS",
    ),
    "outside the projection": (
        lambda p: write(p, transform=Affine(1000, 0, 30e6, 0, -1000, 6_000_000)),
        {},
        "outside the domain",
        "assign the CRS",
    ),
    "several bands, none named": (lambda p: write(p, np.stack([VALUES, VALUES])), {}, "has 2 bands", "band: 1"),
    "a band that is not there": (write, {"band": 2}, "has no band 2", "name one"),
    "complex numbers": (lambda p: write(p, VALUES.astype("complex64")), {}, "complex64 values", "real number"),
    "scale 0": (lambda p: scaled(p, 0.0, 1.0), {}, "scale 0", "correct"),
    "a sparse giant": (lambda p: tiff(p, claimed(10**6, 10**6, 4096)), {}, "at most 1e\\+11 are read", "gdalwarp -te"),
    "a smaller sparse giant": (
        lambda p: tiff(p, claimed(200_000, 200_000, 4096)),
        {},
        "almost all of it is not stored",
        "gdalwarp -te",
    ),
    "5000 bands": (lambda p: tiff(p, claimed(512, 512, 512, bands=5000)), {}, "5000 bands", "extract"),
    "blocks of 1 GiB": (lambda p: tiff(p, claimed(16384, 16384, 16384)), {}, "1024 MiB each", "small blocks"),
    "a short table of blocks": (lambda p: tiff(p, claimed(5000, 5000, 512, blocks=3)), {}, "lists 3 blocks", "damaged"),
    "no cells": (lambda p: tiff(p, claimed(0, 64, 64, blocks=1)), {}, "claims 64 x 0 cells", "damaged"),
}

REFUSED_WHILE_READING: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str, str]] = {
    "damaged blocks": (damaged_block, {}, "cannot be read at stored rows", "checksum"),
    "negative people": (with_cell(-3.0), {"quantity": "count"}, r"row 5, column 7 \(x 207500, y 5994500\) is -3", ""),
    "undeclared -9999": (with_cell(-9999.0), {"quantity": "count"}, "is -9999", "nodata: -9999"),
    "undeclared -9999, any numbers": (with_cell(-9999.0), {}, "is -9999", "nodata: -9999"),
    "the wrong nodata declared": (with_cell(-9999.0, nodata=-99999.0), {}, "is -9999", "nodata: -9999"),
    "undeclared least float": (with_cell(float(np.finfo("float32").min)), {}, "is -3.40282e", "nodata"),
    "infinite": (with_cell(np.inf), {}, "is inf", "correct the file"),
    "more people than there are": (with_cell(1e12), {"quantity": "count"}, r"is 1e\+12", "correct the file"),
    "land greater than its cell": (with_cell(4294967295.0), {"quantity": "area"}, r"is 4.29497e\+09", "nodata"),
    "a share of 12": (with_cell(12.0), {"quantity": "share"}, "row 0, column 2 .* is 2", "correct the file"),
    "depth below 0": (with_cell(-1.0), {"quantity": "depth"}, "is -1", "nodata"),
}


def scaled(path: Path, scale: float, offset: float) -> Path:
    write(path, VALUES.astype("uint16"))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (scale,), (offset,)
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_bad_raster_is_refused_when_opened(case: str, tmp_path: Path) -> None:
    build, keywords, message, hint = REFUSED[case]
    path = build(tmp_path / "population.tif")
    with pytest.raises(InputError, match=f"population.tif.*{message}") as caught:
        open_raster(path, **keywords)
    assert "\n" not in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize("case", REFUSED_WHILE_READING)
def test_bad_values_are_refused_when_read(case: str, tmp_path: Path) -> None:
    build, keywords, message, hint = REFUSED_WHILE_READING[case]
    raster = open_raster(build(tmp_path / "population.tif"), **keywords)
    with pytest.raises(InputError, match=f"^population.tif: .*{message}") as caught:
        raster.read(raster.grid.window)
    assert hint in caught.value.hint


HOSTILE = ["a sparse giant", "a smaller sparse giant", "5000 bands", "blocks of 1 GiB", "a loop of directories"]


def test_refusal_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    """Under a hard limit of 5 s of processor time and 512 MB beyond what the imports hold."""
    paths = [REFUSED[case][0](tmp_path / f"{number}.tif") for number, case in enumerate(HOSTILE)]
    code = (
        "import resource, sys\n"
        "from geo_profiling.errors import InputError\n"
        "from geo_profiling.raster.read import open_raster\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 512 * 1024**2,) * 2)\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 6,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        open_raster(path)\n"
        "    except InputError:\n"
        "        print('refused')\n"
    )
    run = [sys.executable, "-c", code, *map(str, paths)]
    done = subprocess.run(run, check=True, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.split() == ["refused"] * len(paths)


def test_world_grids_are_not_refused_for_their_size(tmp_path: Path) -> None:
    for number, (rows, cols) in enumerate([(18_000, 36_000), (21_600, 43_200)]):
        size = 360 / cols
        path = tmp_path / f"world{number}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", count=1, height=rows, width=cols, dtype="float32", crs="EPSG:4326",
            tiled=True, blockxsize=512, blockysize=512, compress="zstd", SPARSE_OK="TRUE",
            transform=Affine(size, 0, -180, 0, -size, 90),
        ):  # fmt: skip
            pass
        assert open_raster(path).grid.shape == (rows, cols)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine that records whoever asks."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        running = threading.Event()

        def listen() -> None:
            while not running.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    asked.append(b"asked")

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], asked
        running.set()
        thread.join()


def test_disguised_files_and_sidecars_reach_no_network(tmp_path: Path, listener: tuple[int, list[bytes]]) -> None:
    port, asked = listener
    url = f"/vsicurl/http://127.0.0.1:{port}/x.tif"
    good = write(tmp_path / "good.tif")
    (tmp_path / "good.tif.aux.xml").write_text(
        f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{url}</MDI></Metadata></PAMDataset>'
    )
    disguised = text(
        tmp_path / "pop.tif",
        '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{url}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
    )
    raster = open_raster(good)
    assert np.array_equal(raster.read(raster.grid.window), VALUES)
    for bad in (disguised, url, f"http://127.0.0.1:{port}/x.tif", disguised.read_text()):
        with pytest.raises(InputError):
            open_raster(bad)
    time.sleep(0.1)
    assert asked == []


def test_sidecars_are_not_obeyed(tmp_path: Path) -> None:
    path = write(tmp_path / "pop.tif", nodata=-1.0)
    expected = open_raster(path)
    (tmp_path / "pop.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:3857</SRS><GeoTransform>1,2,0,3,0,-2</GeoTransform>"
        '<PAMRasterBand band="1"><NoDataValue>5</NoDataValue><Scale>3</Scale></PAMRasterBand></PAMDataset>'
    )
    (tmp_path / "pop.tfw").write_text("2\n0\n0\n-2\n1\n3\n")
    write(tmp_path / "pop.tif.msk", np.zeros((64, 80), "uint8"))
    write(tmp_path / "pop.tif.ovr", np.zeros((32, 40), "float32"))
    raster = open_raster(path)
    assert (raster.grid, raster.nodata, raster.scale, raster.masked) == (expected.grid, -1.0, 1.0, False)
    assert np.array_equal(raster.read(raster.grid.window), VALUES)


def test_protection_stands_in_a_new_process(tmp_path: Path) -> None:
    """Nothing but importing the package is needed for GDAL to know no virtual drivers."""
    code = (
        "import geo_profiling.raster.read, rasterio, pyogrio;"
        "from rasterio.drivers import raster_driver_extensions;"
        "import rasterio.env as env;"
        "\nwith rasterio.Env() as e: names = e.drivers()\n"
        "assert 'GTiff' in names and not {'VRT', 'WMS', 'HTTP', 'DERIVED'} & set(names), names;"
        "assert not {'OGR_VRT', 'CSV', 'WFS'} & set(pyogrio.list_drivers())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
