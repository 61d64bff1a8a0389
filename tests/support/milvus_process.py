"""`python -m tests.support.milvus_process FOLDER DESCRIPTOR`: Milvus in a network of its own.

Milvus 2.3 listens on every interface. So it runs in a namespace whose only one is its loopback, and connections that
come to a socket from outside, which was handed down, are carried to it.
"""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

PORT = 19530
QUICKER = {
    "queryCoord.checkInterval": 100,
    "queryCoord.distPullInterval": 100,
    "queryCoord.checkHandoffInterval": 200,
    "proxy.timeTickInterval": 50,
}
"""Waits that are shorter than they would be: what is pushed in tests is small."""
_SIOCSIFFLAGS, _UP, _RUNNING = 0x8914, 0x1, 0x40


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP | _RUNNING))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner = await asyncio.open_connection("127.0.0.1", PORT)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_carry(reader, inner[1]), _carry(inner[0], writer))


async def _run(folder: Path, listener: socket.socket) -> None:
    from milvus import MilvusServer, MilvusServerConfig

    server = MilvusServer(MilvusServerConfig(), wait_for_started=False, data_dir=str(folder))
    for name, value in QUICKER.items():
        server.config.set(name, value)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server.start()
    try:
        async with await asyncio.start_server(_accept, sock=listener):
            await stop.wait()
    finally:
        server.stop()


if __name__ == "__main__":
    _loopback_up()
    asyncio.run(_run(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))))
