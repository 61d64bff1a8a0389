"""Files that are encrypted against copying: their audio is there, and nobody without the key can decode it."""

from __future__ import annotations

import struct
from typing import Any

_MP4_ENTRIES = frozenset({"drms", "enca", "aavd", "p608"})
"""Sample entries: FairPlay's, Common Encryption's (Widevine, PlayReady), Audible's."""
_HEAD_BYTES = 1 << 16
_LARGEST_MOOV = 1 << 24
_ASF_OBJECTS = tuple(
    bytes.fromhex(each)
    for each in (
        "fbb3112223bdd211b4b700a0c955fc6e",
        "14e68a292226174cb935dae07ee9289c",
        "338505438169e6499b74ad12cb86d58c",
    )
)
"""Content Encryption, Extended and Advanced Content Encryption Object, of "Advanced Systems Format Specification"."""
_MKV_ENCRYPTION, _MKV_ALGORITHM, _MKV_CLUSTER = b"\x50\x35", b"\x47\xe1", b"\x1f\x43\xb6\x75"
_TS_PACKET, _TS_SCRAMBLED = 188, 0xC0


def is_protected(file: Any) -> bool:
    """Say whether the headers of a file tell of encryption; leaves the file at its place, for ffmpeg to read on."""
    place = file.tell()
    try:
        return _tells_of_encryption(file)
    finally:
        file.seek(place)


def _tells_of_encryption(file: Any) -> bool:
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return head[8:12] in {b"aax ", b"aaxc", b"odcf"} or bool(_entries(file) & _MP4_ENTRIES)
    if head.startswith(b"0&\xb2u\x8ef\xcf\x11"):
        return any(each in head for each in _ASF_OBJECTS)
    if head.startswith(b"\x1aE\xdf\xa3"):
        tracks = head.partition(_MKV_CLUSTER)[0]
        return _MKV_ALGORITHM in tracks.partition(_MKV_ENCRYPTION)[2]
    if head[:1] == b"G" and head[_TS_PACKET : _TS_PACKET + 1] == b"G":
        packets = range(0, len(head) - _TS_PACKET, _TS_PACKET)
        return any(head[at] == 0x47 and head[at + 3] & _TS_SCRAMBLED for at in packets)
    return False


def protected_entry(tag: str) -> bool:
    """Say whether a stream's codec tag is that of an encrypted one."""
    return tag in _MP4_ENTRIES


def _entries(file: Any) -> set[str]:
    """Return the kinds of sample entries of an MP4 file's tracks, the first of each track."""
    found: set[str] = set()
    position = 0
    while True:
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            return found
        size, name = struct.unpack(">I4s", header[:8])
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack(">Q", header[8:])
        if name in {b"moov", b"moof"}:
            file.seek(position)
            moov = file.read(min(size or _LARGEST_MOOV, _LARGEST_MOOV))
            at = moov.find(b"stsd")
            while at >= 0:
                found.add(moov[at + 16 : at + 20].decode("latin-1"))
                at = moov.find(b"stsd", at + 4)
        if size < 8:
            return found
        position += size
