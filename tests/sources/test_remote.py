"""Remote inputs are staged once, checked, fetched again when they change, and never from elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo_profiling.errors import InputError
from geo_profiling.sources.remote import stage


def test_web_file_is_staged_once_and_again_when_it_changes(web, tmp_path: Path) -> None:
    web.files["/pop.tif"] = b"people"
    for _ in range(2):
        path = stage(f"{web.address}/pop.tif", tmp_path, origins=[web.address])
        assert (path.name, path.read_bytes()) == ("pop.tif", b"people")
    assert [method for method, _, _ in web.asked] == ["HEAD", "GET", "HEAD"]
    web.files["/pop.tif"] = b"more people"
    assert stage(f"{web.address}/pop.tif", tmp_path, origins=[web.address]).read_bytes() == b"more people"


def test_damaged_copy_is_fetched_again(web, tmp_path: Path) -> None:
    web.files["/pop.tif"] = b"people"
    path = stage(f"{web.address}/pop.tif", tmp_path, origins=[web.address])
    path.write_bytes(b"peoplf")
    assert stage(f"{web.address}/pop.tif", tmp_path, origins=[web.address]).read_bytes() == b"people"


def test_files_of_one_name_do_not_meet(web, tmp_path: Path) -> None:
    web.files |= {"/a/pop.tif": b"a", "/b/pop.tif": b"b"}
    staged = [stage(f"{web.address}/{name}/pop.tif", tmp_path, origins=[web.address]) for name in "ab"]
    assert [path.read_bytes() for path in staged] == [b"a", b"b"]


def test_no_other_origin_is_asked_not_even_by_redirect(web, tmp_path: Path) -> None:
    web.redirects["/pop.tif"] = "https://evil.example.org/pop.tif"
    with pytest.raises(InputError, match=r"https://evil\.example\.org/pop\.tif: leads where files may not"):
        stage(f"{web.address}/pop.tif", tmp_path, origins=[web.address])
    with pytest.raises(InputError, match="not among 'allowed_hosts'"):
        stage("https://evil.example.org/pop.tif", tmp_path, origins=[web.address])
    with pytest.raises(InputError, match="names no file"):
        stage(f"{web.address}/", tmp_path, origins=[web.address])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """A local server of the S3 protocol; returns its address."""
    pytest.importorskip("s3fs")
    server_module = pytest.importorskip("moto.server")
    serving = pytest.importorskip("werkzeug.serving")
    server = serving.make_server(
        "127.0.0.1", 0, server_module.DomainDispatcherApplication(server_module.create_backend_app)
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bucket(storage: str, monkeypatch: pytest.MonkeyPatch):
    import boto3
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": storage,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="open-data")
    return client


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_object_is_staged_once_and_again_when_it_changes(bucket, tmp_path: Path) -> None:
    import s3fs

    address = "s3://open-data/grids/pop.tif"
    bucket.put_object(Bucket="open-data", Key="grids/pop.tif", Body=b"people" * 1000)
    first = stage(address, tmp_path, origins=["s3://open-data"])
    assert (first.name, first.read_bytes()) == ("pop.tif", b"people" * 1000)
    inode = first.stat().st_ino
    assert stage(address, tmp_path, origins=["s3://open-data"]).stat().st_ino == inode
    bucket.put_object(Bucket="open-data", Key="grids/pop.tif", Body=b"more people")
    s3fs.S3FileSystem.clear_instance_cache()
    assert stage(address, tmp_path, origins=["s3://open-data"]).read_bytes() == b"more people"
    with pytest.raises(InputError, match="cannot be fetched"):
        stage("s3://open-data/gone.tif", tmp_path, origins=["s3://open-data"])
    with pytest.raises(InputError, match="not among 'allowed_hosts'"):
        stage("s3://closed-data/pop.tif", tmp_path, origins=["s3://open-data"])


def test_configuration_with_remote_inputs_is_planned_from_the_staged_files(web, tmp_path: Path, sample_data) -> None:
    from pipelines.project import open_project
    from pipelines.run import plan_project

    web.files["/grids/pop.tif"] = (sample_data / "population_2020_1km.tif").read_bytes()
    (tmp_path / "c.yaml").write_text(
        f"version: 1\nname: Far\nallowed_hosts: ['{web.address}']\n"
        f"inputs: {{population: {{path: '{web.address}/grids/pop.tif', year: 2020}}}}\n"
        "regions: [{name: all}]\noutput: {directory: out}\n"
    )
    lines = list(plan_project(open_project(tmp_path / "c.yaml")))
    assert lines[0] == "all: 3 of 3 steps to compute"
    (staged,) = (tmp_path / "out/.geo_profiling/remote").rglob("pop.tif")
    project = open_project(tmp_path / "c.yaml", directory=tmp_path / "elsewhere")
    assert project.regions[0].inputs.population.path.is_relative_to(tmp_path / "elsewhere/.geo_profiling/remote")
    assert staged.read_bytes() == web.files["/grids/pop.tif"]
