"""Which containers are opened, and how a container is told from something that was never audio."""

from __future__ import annotations

import re


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


LOSSLESS_SUFFIXES = _suffixes("wav flac aif aiff caf w64 wv ape tta")
AUDIO_SUFFIXES = LOSSLESS_SUFFIXES | _suffixes(
    "wave rf64 bwf aifc mp3 mp2 mpga m4a m4b aac ogg oga opus spx wma tak mpc alac amr ac3 dts mka au snd dsf "
    "mpa m2a m4r voc ra gsm adx eac3 ec3 thd mlp dtshd dff w64 oma aa3 shn qoa osq bonk rka iff 8svx avr paf pvf nist "
    "sph ircam sds hca fsb brstm bfstm bcstm ast vag wve xa sox"
)
"""Names under which sound is kept: a library, an upload and the form take the same."""
VIDEO_SUFFIXES = _suffixes(
    "mp4 m4v mov mkv webm avi mpg mpeg 3gp 3g2 ogv ogm mxf rm rmvb asf wmv flv f4v mts m2ts vob nut gxf"
)
MEDIA_SUFFIXES = AUDIO_SUFFIXES | VIDEO_SUFFIXES
AUDIO_NAME = re.compile(
    rf"\.(?:{'|'.join(sorted(suffix.lstrip('.') for suffix in MEDIA_SUFFIXES))})\s*$", re.IGNORECASE
)
"""The end of a file's name."""
OTHER_SUFFIXES = _suffixes(
    "jpg jpeg png gif webp bmp tif tiff svg txt md pdf rtf doc docx csv json xml html ini nfo cue m3u m3u8 pls "
    "xspf heic heif avif psd sf2 sf3 sfz gig dls nki log db zip rar 7z gz als asd alp flp logic logicx band ptx "
    "cpr rpp mid midi lnk url exe dll py"
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
    *(b"OggS", b"fLaC", b"ID3", b"FRM8", b"caff", b"FLV", b"wvpk", b"MAC ", b"TTA1", b"tBaK", b"MPCK", b"MP+", b"ajkg"),
    *(b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"#!AMR", b".snd", b"\xff\xf1", b"\xff\xf9", b"\xff\xfb"),
    *(b"Creative Voice File", b".RMF", b".ra\xfd", b"\x06\x0e+4\x02\x05\x01\x01", b"\x0bw", b"\x7f\xfe\x80\x01"),
    *(b"\x00\x00\x01\xba", b"riff\x2e\x91\xcf\x11", b"NIST_1A", b"DSD ", b"qoaf"),
)
"""How media files begin: Ogg, FLAC, MP3, DSDIFF, CAF, FLV, WavPack, Monkey's Audio, TTA, TAK, Musepack, Shorten;
Matroska, ASF, AMR, AU, ADTS, MPEG audio; VOC, RealMedia, RealAudio, MXF, AC-3, DTS; MPEG, Wave64, SPHERE, DSF, QOA."""
_CHUNKED = {
    b"RIFF": {b"WAVE", b"AVI ", b"CDXA", b"RMP3"},
    b"RIFX": {b"WAVE"},
    b"RF64": {b"WAVE"},
    b"FORM": {b"AIFF", b"AIFC", b"8SVX", b"16SV", b"MAUD"},
}
"""Kinds of chunked files that hold sound; others hold pictures (WebP), instruments (sf2), projects (cpr), scores."""
_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free"}
_PICTURES = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx "}
"""Brands of MP4's kin that are pictures."""
_TS_PACKET = 188


def looks_like_media(head: bytes) -> bool:
    """Say whether a file that begins so, with 16 bytes or more, means to be audio or video."""
    if head[:4] in _CHUNKED and len(head) >= 12:
        return head[8:12] in _CHUNKED[head[:4]]
    if head[4:8] in _BOXES:
        return head[4:8] != b"ftyp" or head[8:12] not in _PICTURES
    packets = head[::_TS_PACKET]
    transport = len(packets) > 2 and set(packets) == set(b"G")
    return head.startswith((*_MAGIC, *_CHUNKED)) or transport
