"""Which containers are opened, and how a container is told from something that was never audio."""

from __future__ import annotations


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


LOSSLESS_SUFFIXES = _suffixes("wav flac aif aiff caf w64 wv ape tta")
AUDIO_SUFFIXES = LOSSLESS_SUFFIXES | _suffixes(
    "wave rf64 bwf aifc mp3 mp2 mpga m4a m4b aac ogg oga opus spx wma tak mpc alac amr ac3 dts mka au snd dsf"
)
"""Names under which sound is kept: a library, an upload and the form take the same."""
VIDEO_SUFFIXES = _suffixes("mp4 m4v mov mkv webm avi mpg mpeg 3gp ogv")
MEDIA_SUFFIXES = AUDIO_SUFFIXES | VIDEO_SUFFIXES
OTHER_SUFFIXES = _suffixes(
    "jpg jpeg png gif webp bmp tif tiff svg txt md pdf rtf doc docx csv json xml html ini nfo cue m3u m3u8 pls xspf "
    "log db zip rar 7z gz als asd alp flp logic logicx band ptx cpr rpp mid midi lnk url exe dll py"
)
"""Names of what lies about beside sounds and is none, though some of it begins like it (WebP is RIFF) or is called
`audio/…` (MIDI, playlists)."""

_ALLOWED = """
    3dostr 4xm aa aac aax ac3 ac4 ace act adp ads adx aea afc aiff aix alp amr amrnb amrwb apac apc ape apm aptx
    aptx_hd argo_asf argo_brp asf asf_o ast au avi avr bfi bfstm bink binka bonk boa brstm c93 caf cdxl daud dcstr derf
    dfpwm dhav dsf dsicin dss dts dtshd dv dxa ea eac3 epaf film_cpk flac flv fsb fwse g722 g723_1 g726 g728 g729 genh
    gsm gxf hca hcom iamf iff ilbc ircam iss ivf kux kvag laf lc3 live_flv lmlm4 loas luodat lvf lxf matroska mca mlp mm
    mmf mods moflex mov mp3 mpc mpc8 mpeg mpegts mpegvideo msf mtaf mtv musx mvi mxf mxg nistsphere nsp nsv nut nuv ogg
    oma osq paf pp_bnk pva pvf qcp qoa r3d redspark rka rl2 rm roq rpl rsd rso sbc scd sdns sdr2 sds sdx shn siff sln
    smjpeg smk smush sol sox spdif svag svs swf tak thp tiertexseq tmv truehd tta txd ty usm vag vividas vivo voc vpk
    vqf w64 wady wav wavarc wc3movie webm wsaud wsd wsvqa wtv wve wv xa xmd xmv xvag xwma yop
"""
ALLOWED_DEMUXERS = ",".join(_ALLOWED.split())
"""Demuxers of containers that hold their audio themselves. Left out are those that open what a file names (hls, dash,
concat, sdp, rtsp, image2, imf, the playlists), pictures, subtitles, devices, and raw formats that match any bytes."""

_MAGIC = (
    *(b"RIFF", b"RIFX", b"RF64", b"OggS", b"fLaC", b"ID3", b"FORM", b"FRM8", b"caff", b"FLV", b"wvpk", b"MAC "),
    *(b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"#!AMR", b".snd", b"\xff\xf1", b"\xff\xf9", b"\xff\xfb"),
)
"""How media files begin: RIFF and its kin, Ogg, FLAC, MP3, AIFF, DSDIFF, CAF, FLV, WavPack, Monkey's Audio, Matroska,
ASF, AMR, AU, ADTS, MPEG audio."""


def looks_like_media(head: bytes) -> bool:
    """Say whether a file whose first 16 bytes these are means to be audio or video."""
    return head.startswith(_MAGIC) or head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free"}
