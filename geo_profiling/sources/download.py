"""Files from the web: resumed where they broke off, checked, and with their origin written beside them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from geo_profiling.atomic import atomic_file, write_error
from geo_profiling.compute import Progress
from geo_profiling.errors import InputError

_log = logging.getLogger(__name__)

#: Seconds without an answer, or without a byte, after which a connection is given up.
TIMEOUT_SECONDS = 30.0
_TRIES = 4
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 20
_RECORD_SUFFIX = ".source.json"


@dataclass(frozen=True)
class Origin:
    """Where a file came from; stands beside it as ``<file>.source.json``.

    Parameters
    ----------
    address, title, licence, citation : str
    sha256 : str
        Of the file as it was fetched.
    size_bytes : int
    fetched : str
        ISO 8601, UTC.
    version : str
        What the server called this content (its ETag, or the time it changed); empty where it did not say.
    """

    address: str
    title: str
    licence: str
    citation: str
    sha256: str
    size_bytes: int
    fetched: str
    version: str = ""


def read_origin(path: Path) -> Origin | None:
    """Return what stands beside a fetched file; None where nothing that can be read does.

    Examples
    --------
    >>> read_origin(Path("missing.tif")) is None
    True
    """
    try:
        return Origin(**json.loads(_record(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_origin(path: Path, *, address: str, title: str, licence: str, citation: str, version: str = "") -> Origin:
    """Write down, beside a file, where it came from.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    origin = Origin(address, title, licence, citation, digest, path.stat().st_size, now, version)
    with atomic_file(_record(path)) as temporary:
        temporary.write_text(json.dumps(asdict(origin), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return origin


def _record(path: Path) -> Path:
    return path.with_name(path.name + _RECORD_SUFFIX)


def any_https(address: str) -> bool:
    """Tell whether an address is of the web's safe kind, or of this machine.

    Examples
    --------
    >>> any_https("https://example.org/a"), any_https("http://example.org/a")
    (True, False)
    """
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"})


class Downloader:
    """Fetches one file over HTTP, as :mod:`pooch` calls it.

    What arrived of a file that breaks off stays beside its place as ``<name>.part`` and is resumed,
    now or at the next call, if the server still has the same content.

    Parameters
    ----------
    part : Path
        Where the unfinished file lies.
    allowed : callable
        Tells whether an address may be asked; redirects are asked about too.
    progress : Progress, optional
        Told about megabytes.

    Attributes
    ----------
    version : str
        What the server called the content.
    """

    def __init__(self, part: Path, *, allowed: Callable[[str], bool] = any_https, progress: Progress | None = None):
        self.part = part
        self.allowed = allowed
        self.progress = progress
        self.version = ""

    def __call__(self, url: str, output_file: str, _pooch: object = None, check_only: bool = False) -> bool | None:
        """Fetch ``url`` into ``output_file``; pooch checks its digest and moves it into place.

        Raises
        ------
        InputError
            If it cannot be had.
        OutputError
            If it cannot be written.
        """
        import requests

        if check_only:
            return self.remote_version(url) is not None
        reason: Exception | None = None
        for attempt in range(_TRIES):
            try:
                self._fetch(url)
                os.replace(self.part, output_file)
                self._stamp.unlink(missing_ok=True)
                return None
            except (requests.RequestException, _BrokenOffError) as error:
                reason = error
                _log.info("resuming %s", url, extra={"fields": {"after": str(error)[:120]}})
                time.sleep(0.2 * 2**attempt)
            except OSError as error:
                raise write_error(self.part, error) from error
        raise InputError(
            f"{url}: cannot be fetched: {reason}", hint="try again later: what arrived is kept and resumed"
        ) from reason

    def remote_version(self, url: str) -> str:
        """Return what the server calls the content of an address, without fetching it.

        Raises
        ------
        InputError
            If the server does not answer, or has no such file.
        """
        import requests

        try:
            with self._answer("HEAD", url, {}) as answer:
                return _version(answer)
        except requests.RequestException as error:
            raise InputError(f"{url}: cannot be reached: {error}", hint="check the address and the network") from error

    @property
    def _stamp(self) -> Path:
        return self.part.with_name(f"{self.part.name}.version")

    def _fetch(self, url: str) -> None:
        have = self.part.stat().st_size if self.part.exists() and self._stamp.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": self._stamp.read_text(encoding="utf-8")}
        with self._answer("GET", url, headers) as answer:
            self.version = _version(answer)
            resumed = answer.status_code == 206
            self._stamp.write_text(_validator(answer), encoding="utf-8")
            wanted = int(answer.headers.get("Content-Length") or -1)
            start = have if resumed else 0
            total = start + wanted if wanted >= 0 else None
            got = self._store(answer, "ab" if resumed else "wb", url, total, start)
            if wanted >= 0 and got != wanted:
                raise _BrokenOffError(f"{got} of {wanted} bytes arrived")

    def _store(self, answer: Any, mode: str, url: str, total: int | None, start: int) -> int:
        label = f"fetching {Path(urlsplit(url).path).name}"
        got, told = 0, start // 1_000_000
        if self.progress is not None:
            self.progress.start(label, None if total is None else total // 1_000_000 - told)
        try:
            with self.part.open(mode) as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    got += len(chunk)
                    while self.progress is not None and (start + got) // 1_000_000 > told:
                        told += 1
                        self.progress.advance()
        finally:
            if self.progress is not None:
                self.progress.finish()
        return got

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> Any:
        """Ask, follow redirects to where they may lead, and refuse anything but a file."""
        import requests

        for _ in range(_MAX_REDIRECTS):
            if not self.allowed(url):
                raise InputError(
                    f"{url}: leads where files may not be fetched from", hint="allow that host, or use https"
                )
            answer = requests.request(
                method, url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
            if answer.status_code in {301, 302, 303, 307, 308}:
                url = urljoin(url, answer.headers.get("Location", ""))
                answer.close()
                continue
            if answer.status_code == 416:
                # What is there is not the beginning of what the server has now.
                answer.close()
                self.part.unlink(missing_ok=True)
                raise _BrokenOffError("the file changed")
            if 400 <= answer.status_code < 500 and answer.status_code not in {408, 429}:
                answer.close()
                raise InputError(
                    f"{url}: the server answers {answer.status_code} {answer.reason}", hint="check the address"
                )
            answer.raise_for_status()
            return answer
        raise InputError(f"{url}: redirected more than {_MAX_REDIRECTS} times")


class _BrokenOffError(Exception):
    """A transfer ended before the file did."""


def _validator(answer: Any) -> str:
    """Return what a server accepts to resume; weak tags do not promise equal bytes."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _version(answer: Any) -> str:
    return answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")


def fetch_file(
    address: str,
    target: Path,
    *,
    sha256: str | None = None,
    allowed: Callable[[str], bool] = any_https,
    progress: Progress | None = None,
) -> str:
    """Fetch a file unless it is there already, by :mod:`pooch`; return what the server called its content.

    Parameters
    ----------
    address : str
        Of the web.
    target : Path
        Where it will stand; the folder is created.
    sha256 : str, optional
        Digest that it must have; a file in its place with another one is fetched again.
    allowed : callable
        Tells whether an address may be asked.
    progress : Progress, optional

    Raises
    ------
    InputError
        If it cannot be had, or is not what its digest says.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    target.parent.mkdir(parents=True, exist_ok=True)
    downloader = Downloader(target.with_name(f".{target.name}.part"), allowed=allowed, progress=progress)
    known = None if sha256 is None else f"sha256:{sha256}"
    try:
        pooch.retrieve(address, known, fname=target.name, path=target.parent, downloader=downloader)
    except ValueError as error:
        raise InputError(
            f"{address}: is not the file that was expected: {str(error).splitlines()[0]}",
            hint=f"the source may have published it anew: remove {_record(target).name} to take it",
        ) from error
    return downloader.version
