"""PgBouncer before a PostgreSQL of the tests: over TCP with TLS, and in transaction mode, so that each statement may be
run in another session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

START_SECONDS = 30.0
CONFIGURATION = """
[databases]
postgres = host={host} dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
client_tls_sslmode = require
client_tls_key_file = {folder}/key.pem
client_tls_cert_file = {folder}/cert.pem
"""


@contextmanager
def started(postgres_url: str, *settings: str, sessions: int = 4) -> Iterator[str]:
    """Start it, and return the address by which it is reached. settings: lines of its configuration, beside those
    above; sessions: that it opens at most. Skips where there is none."""
    programs = {name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("pgbouncer", "openssl")}
    if None in programs.values():
        pytest.skip("there is no PgBouncer or no openssl: install Debian's pgbouncer and openssl")
    host = str(conninfo_to_dict(postgres_url)["host"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    folder.chmod(0o755)
    key = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([str(programs["openssl"]), *key, *files], check=True, capture_output=True)
    (folder / "key.pem").chmod(0o644)
    text = CONFIGURATION.format(host=host, port=port, folder=folder, sessions=sessions)
    (folder / "pgbouncer.ini").write_text("\n".join([text, *settings, ""]))
    command = [str(programs["pgbouncer"]), "-q", str(folder / "pgbouncer.ini")]
    if os.getuid() == 0:  # it refuses to run as root: the user of the server may read its socket
        command[1:1] = ["-u", Path(host).owner()]
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=verify-ca&sslrootcert={folder}/cert.pem"
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(url, connect_timeout=2).close()
                break
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > until:
                    pytest.skip(f"PgBouncer does not start here: {(folder / 'output.log').read_text()[-300:]}{error}")
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)
