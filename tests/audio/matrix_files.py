"""The files of the matrix: what each is called, how it is made, and what must come of it.

A file is made by the ffmpeg program (several at a time), SoX, libsndfile (make_sndfile.c), by
matrix_writers.py, or from another file of the matrix. Every channel has a tone of its own, which
grows louder, and a little noise: a permutation of channels and a shift in time both show.
"""
import array
import collections
import functools
import math
import random
import re

import matrix_writers as write

# Odd lengths of about half a second: no multiple of any codec's frame.
FRAMES = {8000: 4567, 11025: 5679, 12000: 6007, 16000: 8191, 22050: 11357, 24000: 12345,
          32000: 16381}
FRAMES_ELSE = 22711
# By channel; the fourth is the LFE's where there is one, which hears nothing higher.
TONES = (300.0, 500.0, 700.0, 60.0, 900.0, 1100.0, 1300.0, 1500.0)

# ---- What must come of a file ----

# How many frames: as many as went in (PCM, and where a container says it exactly); as many as
# FFmpeg decodes (where whole packets come out); either of them, where some versions of its muxer
# write the exact length and its decoder leaves the rest of the last packet on; or what went in to a
# millisecond, which is how ffmpeg counts in an edit list.
SOURCE, FFMPEG, EITHER, EDITED = "the source's", "FFmpeg's", "either's", "the edit list's"
# An edit list of AC-3 from which FFmpeg 7's muxer takes the 256 samples of priming twice.
EDITED_TWICE = "the edit list's, less a priming"
PRIMING = 256

# How far two right decoders may be apart, by coding. Codings that are not here are lossless, or
# defined to the bit: nothing.
#   MPEG: ISO/IEC 11172-4 and 13818-4 allow a decoder of full accuracy 2^-14 from the reference.
#   Vorbis: float arithmetic; decoders agree to a few 2^-24 of the loudest.
#   Opus: music (CELT) comes within a few 2^-24 from libopus and from FFmpeg; speech (SILK) is
#         resampled, which RFC 6716 leaves free: FFmpeg's own decoder is the reference there.
#   Speex: its output is specified in 16 bits.
#   IMA ADPCM: the standard adds shifted steps; FFmpeg multiplies. What differs by the rounding
#         adds up until the next block, to 2^-8 here.
#   MS ADPCM: the predictor is divided by 256, by some towards zero and by some downwards. One of
#         its filters is a double integrator, so that a block of 1,000 samples can drift by 2^-5.
#   Others: FFmpeg's own decoder, in another build or on another processor.
MPEG = 2.0 ** -14
VORBIS = 1e-5
OPUS = 1e-5
SILK = 2.0 ** -15
SPEEX = 2.0 ** -15
IMA = 2.0 ** -7
MS = 2.0 ** -4
OTHER = 1e-5

Source = collections.namedtuple("Source", "channels rate bits")
STEREO = Source(2, 44100, 16)


class File:
    """One file: how it is made, and what must come of it."""

    def __init__(self, name, make, source=STEREO, tolerance=0.0, lossless=False, frames=None,
                 rate=None, against_ffmpeg=True, decoding="", pipe=True, may_warn=None,
                 may_refuse=None, seconds=3.0, judged=True):
        self.name = name              # with its extension; also the file's own name
        self.make = make              # one of the makers below
        self.source = source
        self.tolerance = tolerance
        self.lossless = lossless      # the samples must be the source's
        self.frames = frames          # how many are right: one of these three, or a tuple
        if frames is None:
            self.frames = SOURCE if lossless or not against_ffmpeg else FFMPEG
        self.rate = rate or source.rate       # at which it must come
        self.against_ffmpeg = against_ffmpeg  # False: FFmpeg cannot read it or does so wrongly;
        #                                       then it is compared with the source
        self.decoding = decoding      # options with which FFmpeg decodes it rightly
        self.pipe = pipe              # also read from a pipe
        self.may_warn = may_warn      # the one warning that is right, as a pattern
        self.may_refuse = may_refuse  # the one error that is right, as a pattern
        self.seconds = seconds        # the longest length that may be announced
        self.judged = judged          # False: others are made from it, and that is all


# Makers. Arguments of the ffmpeg program for one output; `extra` asks for the inputs of
# EXTRA, `alone` for a process of its own, `base` for another input than the source.
Ffmpeg = collections.namedtuple("Ffmpeg", "arguments extra alone base")
Sox = collections.namedtuple("Sox", "arguments")
Sndfile = collections.namedtuple("Sndfile", "format")
Bytes = collections.namedtuple("Bytes", "function")             # function(samples) -> bytes
Derived = collections.namedtuple("Derived", "bases function")   # function(*bytes) -> bytes
Missing = collections.namedtuple("Missing", "reason")

# The inputs of those with extra=True, after the source: a longer video, longer subtitles, and a
# shorter video.
PICTURE = "testsrc=size=64x64:rate=25:duration="
EXTRA = (("-f", "lavfi", "-i", PICTURE + "1.4"), ("-f", "srt", "-i", "subtitles.srt"),
         ("-f", "lavfi", "-i", PICTURE + "0.2"))
SUBTITLES = "1\n00:00:00,100 --> 00:00:04,500\nwords\n"


def frames_of(source):
    return FRAMES.get(source.rate, FRAMES_ELSE)


_random = random.Random(1)
NOISE = [_random.uniform(-0.01, 0.01) for _ in range(30000)]


@functools.lru_cache(maxsize=None)
def samples_of(source):
    """The source's interleaved samples, multiples of 2^(1-bits)."""
    frames = frames_of(source)
    scale = 2.0 ** (source.bits - 1)
    samples = array.array("f", bytes(4 * frames * source.channels))
    for c in range(source.channels):
        step = 2 * math.pi * TONES[c] / source.rate
        noise = NOISE[701 * c:]
        samples[c::source.channels] = array.array("f", [
            round(((0.1 + 0.3 * i / frames) * math.sin(step * i) + noise[i]) * scale) / scale
            for i in range(frames)])
    return samples


# ---- The list ----

FILES = []


def add(name, make, **judgement):
    FILES.append(File(name, make, **judgement))


def ffmpeg(name, arguments, source=STEREO, extra=False, alone=False, base=None, **judgement):
    add(name, Ffmpeg(arguments.split(), extra, alone, base), source=source, **judgement)


def derived(name, bases, function, **judgement):
    add(name, Derived(bases if isinstance(bases, tuple) else (bases,), function), **judgement)


def stereo(bits=16, rate=44100):
    return Source(2, rate, bits)


def mono(rate, bits=16):
    return Source(1, rate, bits)


def with_layout(channels, rate=44100, bits=16):
    return Source(channels, rate, bits)


def add_pcm(container, extension, codings, channels, options="", **judgement):
    """Lossless PCM codings in a container: (coding, bits of the source) for each channel count."""
    for coding, bits in codings:
        for count in channels:
            ffmpeg("%s-%s-%dch.%s" % (container, coding, count, extension),
                   "-c:a pcm_%s %s" % (coding, options), with_layout(count, bits=bits),
                   lossless=True, **judgement)


INTEGERS_LE = (("u8", 8), ("s16le", 16), ("s24le", 24), ("s32le", 24))
FLOATS_LE = (("f32le", 24), ("f64le", 24))


def add_wav():
    add_pcm("wav", "wav", INTEGERS_LE + FLOATS_LE, (1, 2, 6))
    add_pcm("wav", "wav", (("s16le", 16), ("s24le", 24)), (3, 4, 5, 7, 8))
    add_pcm("wav", "wav", (("f32le", 24),), (3, 4, 8))
    for law in ("alaw", "mulaw"):
        for count in (1, 2, 6):
            ffmpeg("wav-%s-%dch.wav" % (law, count), "-c:a pcm_" + law, with_layout(count))
    for coding, tolerance in (("adpcm_ima_wav", IMA), ("adpcm_ms", MS), ("adpcm_yamaha", 0.0)):
        for source in (mono(44100), STEREO, mono(22050)):
            ffmpeg("wav-%s-%dch-%d.wav" % (coding, source.channels, source.rate), "-c:a " + coding,
                   source, tolerance=tolerance)
    ffmpeg("wav-gsm.wav", "-c:a libgsm_ms", mono(8000))
    ffmpeg("wav-g726.wav", "-c:a g726", mono(8000))
    ffmpeg("wav-g722.wav", "-c:a g722", mono(16000))
    for rate in (8000, 11025, 22050, 32000, 48000, 96000, 192000):
        ffmpeg("wav-s16-%d.wav" % rate, "-c:a pcm_s16le", stereo(rate=rate), lossless=True)
    ffmpeg("wav-rf64.wav", "-c:a pcm_s16le -rf64 always", lossless=True)
    ffmpeg("wav-rf64-f32-6ch.wav", "-c:a pcm_f32le -rf64 always", with_layout(6), lossless=True)
    ffmpeg("wav-bext-peak.wav", "-c:a pcm_s16le -write_bext 1 -write_peak on", lossless=True)
    ffmpeg("wav-mp3-stereo.wav", "-c:a libmp3lame -b:a 128k", tolerance=MPEG)
    ffmpeg("wav-mp3-mono.wav", "-c:a libmp3lame -b:a 64k", mono(22050), tolerance=MPEG)
    ffmpeg("wav-mp2.wav", "-c:a mp2 -b:a 192k", tolerance=MPEG)
    for count in (2, 6):
        ffmpeg("wav-ac3-%dch.wav" % count, "-c:a ac3", with_layout(count, 48000), tolerance=OTHER)
        ffmpeg("wav-dts-%dch.wav" % count, "-strict -2 -c:a dca", with_layout(count, 48000),
               tolerance=OTHER)
    ffmpeg("wav-wmav2.wav", "-c:a wmav2", tolerance=OTHER)
    ffmpeg("wav-flac.wav", "-c:a flac", lossless=True)
    ffmpeg("wav-pipe.wav", "-c:a pcm_s16le -f wav pipe:1", alone=True, lossless=True,
           may_warn="header does not tell the length")
    ffmpeg("wav-pipe-f32.wav", "-c:a pcm_f32le -f wav pipe:1", alone=True, lossless=True,
           may_warn="header does not tell the length")
    # What a sound card's digital output plays: IEC 61937 bursts, or a bare bit stream, as PCM. To
    # refuse it by name is right, too; noise never is.
    bits = {"source": stereo(rate=48000), "may_refuse": "Dolby|AC-3|DTS"}
    derived("wav-dts-as-pcm.wav", "dts-2ch.dts", bytes_as_pcm, tolerance=OTHER, **bits)
    for name in ("ac3", "eac3", "dts"):
        ffmpeg("helper-%s.spdif" % name, "-c:a copy -f spdif", stereo(rate=48000),
               base="%s-2ch.%s" % (name, name), judged=False)
    for name in ("ac3", "dts"):
        derived("wav-%s-bursts.wav" % name, "helper-%s.spdif" % name, bytes_as_pcm,
                tolerance=OTHER, **bits)
    # FFmpeg takes these for PCM.
    derived("wav-eac3-bursts.wav", "helper-eac3.spdif", bytes_as_pcm, against_ffmpeg=False,
            tolerance=0.2, **bits)


def bytes_as_pcm(data):
    """A bit stream as the samples of a 16-bit stereo WAV."""
    return write.chunk(b"RIFF", b"WAVE" +
                       write.chunk(b"fmt ", write.wav_format(2, 48000, "s16")) +
                       write.chunk(b"data", data))


UNKNOWN_LENGTH = "header does not tell the length"


def add_wav_headers():
    def wav(name, source=STEREO, **header):
        judgement = {key: header.pop(key) for key in ("may_warn", "against_ffmpeg", "frames")
                     if key in header}
        add("wav-" + name + ".wav",
            Bytes(lambda samples: write.wav(samples, source.channels, source.rate, **header)),
            source=source, lossless=True, **judgement)

    wav("plain-fmt18", extra=b"\0\0")
    wav("plain-6ch", with_layout(6))
    wav("plain-8ch-f32", with_layout(8, bits=24), coding="f32", extra=b"\0\0")
    wav("extensible", extensible=True)
    wav("extensible-20-in-24", stereo(20), coding="s24", extensible=True, valid_bits=20)
    # FFmpeg takes it for floats of Cool Edit.
    wav("extensible-24-in-32", stereo(24), coding="s32", extensible=True, valid_bits=24,
        against_ffmpeg=False)
    wav("extensible-f32", stereo(24), coding="f32", extensible=True)
    wav("extensible-f64", stereo(24), coding="f64", extensible=True)
    wav("extensible-no-mask-6ch", with_layout(6), extensible=True, mask=0)
    wav("extensible-side-6ch", with_layout(6), extensible=True, mask=0x60F)
    wav("extensible-mono-left", mono(44100), extensible=True, mask=1)
    # FFmpeg takes the samples of RIFX for little-endian ones.
    wav("rifx", magic=b"RIFX", against_ffmpeg=False)
    wav("rifx-s24", stereo(24), coding="s24", magic=b"RIFX", against_ffmpeg=False)
    wav("rifx-f32", stereo(24), coding="f32", magic=b"RIFX", against_ffmpeg=False)
    wav("bw64", magic=b"BW64")
    wav("bw64-s24-6ch", with_layout(6, bits=24), coding="s24", magic=b"BW64", extensible=True)
    wav("rf64-list-behind", magic=b"RF64", after=write.LIST_CHUNK)
    wav("list-before", before=write.LIST_CHUNK)
    wav("list-behind", after=write.LIST_CHUNK)
    wav("junk-before", before=write.chunk(b"JUNK", b"\0" * 28) + write.chunk(b"bext", b"\0" * 603))
    wav("id3-behind", after=write.chunk(b"id3 ", write.id3v2(2000)))
    wav("large-chunk-before", before=write.chunk(b"LIST", b"\1" * 300000))
    wav("fact-and-cue", before=write.chunk(b"fact", (FRAMES_ELSE).to_bytes(4, "little")),
        after=write.chunk(b"cue ", b"\0" * 4))
    wav("odd-bytes", mono(44100, 8), coding="u8", after=write.LIST_CHUNK)
    wav("odd-bytes-unpadded", mono(44100, 8), coding="u8", pad=False)
    wav("odd-bytes-unpadded-list", mono(44100, 8), coding="u8", pad=False, after=write.LIST_CHUNK)
    wav("odd-bytes-s24", mono(44100, 24), coding="s24", after=write.LIST_CHUNK)
    wav("part-of-a-frame", data_extra=b"\1\2\3", after=write.LIST_CHUNK)
    wav("riff-size-zero", riff_size=0)
    wav("riff-size-wrong", riff_size=1000)
    wav("riff-size-without-list", riff_size=36 + 4 * FRAMES_ELSE, after=write.LIST_CHUNK)
    for name, size in (("0", 0), ("ffffffff", 0xFFFFFFFF), ("7fffffff", 0x7FFFFFFF),
                       ("fffff000", 0xFFFFF000), ("7ffff000", 0x7FFFF000)):
        wav("open-length-" + name, data_size=size, riff_size=size and 0xFFFFFFFF,
            may_warn=UNKNOWN_LENGTH)
    wav("open-length-ffffffff-s24-6ch", with_layout(6, bits=24), coding="s24", extensible=True,
        data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF, may_warn=UNKNOWN_LENGTH)
    add("wav-text-behind.wav",
        Bytes(lambda samples: write.wav(samples, 2, 44100) + b"\0" * 100 + write.id3v1()),
        lossless=True)


def add_w64():
    # ffmpeg counts its padding as samples, in the file's own header.
    add_pcm("w64", "w64", (("u8", 8), ("s16le", 16), ("s24le", 24), ("f32le", 24)), (1, 2, 6),
            frames=FFMPEG)
    for name, options in (("s16", {}), ("f32", {"coding": "f32"}), ("s24", {"coding": "s24"})):
        bits = 16 if name == "s16" else 24
        for extensible in (False, True):
            add("w64-written-%s%s.w64" % (name, "-extensible" if extensible else ""),
                Bytes(lambda samples, options=options, extensible=extensible:
                      write.w64(samples, 2, 44100, extensible=extensible, **options)),
                source=stereo(bits), lossless=True)
    add("w64-sox-s16.w64", Sox("-b 16".split()), lossless=True)
    add("w64-sox-s24.w64", Sox("-b 24".split()), source=stereo(24), lossless=True)
    add("w64-sox-f32.w64", Sox("-e float -b 32".split()), source=stereo(24), lossless=True)
    ffmpeg("w64-pipe.w64", "-c:a pcm_s16le -f w64 pipe:1", alone=True, lossless=True,
           may_warn=UNKNOWN_LENGTH)


def add_aiff():
    add_pcm("aiff", "aiff", (("s8", 8), ("s16be", 16), ("s24be", 24), ("s32be", 24)), (1, 2, 6))
    add_pcm("aifc", "aifc", (("s16le", 16), ("f32be", 24), ("f64be", 24)), (1, 2, 6), "-f aiff")
    for law in ("alaw", "mulaw"):
        ffmpeg("aifc-%s.aifc" % law, "-f aiff -c:a pcm_" + law)
    for source in (mono(44100), STEREO):
        ffmpeg("aifc-ima4-%dch.aifc" % source.channels, "-f aiff -c:a adpcm_ima_qt", source,
               tolerance=IMA)
    ffmpeg("aiff-id3.aiff", "-write_id3v2 1 -metadata title=A -c:a pcm_s16be", lossless=True)
    for name, options in (
            ("aiff-offset.aiff", {"offset": 16}),
            ("aiff-comment-before.aiff", {"before": write.chunk(b"ANNO", b"words", True)}),
            ("aiff-comment-behind.aiff", {"after": write.chunk(b"NAME", b"words", True)}),
            ("aifc-none.aifc", {"compression": b"NONE"}),
            ("aifc-twos.aifc", {"compression": b"twos"}),
            ("aifc-sowt.aifc", {"compression": b"sowt", "little": True})):
        add(name, Bytes(lambda samples, options=options:
                        write.aiff(samples, 2, 44100, **options)), lossless=True)
    for name, options in (("aifc-in24", {"coding": "s24", "compression": b"in24"}),
                          ("aifc-fl32-lower", {"coding": "f32", "compression": b"fl32"}),
                          ("aifc-FL32-upper", {"coding": "f32", "compression": b"FL32"}),
                          ("aifc-fl64", {"coding": "f64", "compression": b"fl64"})):
        add(name + ".aifc", Bytes(lambda samples, options=options:
                                  write.aiff(samples, 2, 44100, **options)),
            source=stereo(24), lossless=True)
    add("aiff-odd-bytes.aiff", Bytes(lambda samples: write.aiff(
        samples, 1, 44100, "s8", after=write.chunk(b"NAME", b"words", True))),
        source=mono(44100, 8), lossless=True)
    add("aiff-sox.aiff", Sox("-b 16".split()), lossless=True)
    add("aifc-sox.aifc", Sox("-b 24".split()), source=stereo(24), lossless=True)


def add_au():
    add_pcm("au", "au", (("s8", 8), ("s16be", 16), ("s24be", 24), ("s32be", 24), ("f32be", 24),
                         ("f64be", 24)), (1, 2))
    add_pcm("au", "au", (("s16be", 16), ("f32be", 24)), (6,))
    for law in ("alaw", "mulaw"):
        ffmpeg("au-%s.au" % law, "-c:a pcm_" + law)
    add("au-open-length.au", Bytes(lambda samples: write.au(samples, 2, 44100, size=0xFFFFFFFF)),
        lossless=True)
    add("au-annotation.au", Bytes(lambda samples: write.au(samples, 2, 44100,
                                                           annotation=b"words\0\0\0")),
        lossless=True)
    ffmpeg("au-pipe.au", "-c:a pcm_s16be -f au pipe:1", alone=True, lossless=True)


# The only layout of eight channels that ALAC has.
ALAC_8 = "-af channelmap=0|1|2|3|4|5|6|7:7.1(wide) -c:a alac"


def add_caf():
    add_pcm("caf", "caf", (("s16le", 16), ("s16be", 16), ("s24le", 24), ("s24be", 24),
                           ("s32le", 24), ("f32le", 24), ("f32be", 24), ("f64be", 24)), (1, 2))
    add_pcm("caf", "caf", (("s16le", 16), ("f32le", 24)), (3, 4, 6, 8))
    for law in ("alaw", "mulaw"):
        ffmpeg("caf-%s.caf" % law, "-c:a pcm_" + law)
    for source in (mono(44100), STEREO):
        ffmpeg("caf-ima4-%dch.caf" % source.channels, "-c:a adpcm_ima_qt", source, tolerance=IMA)
    for count in (1, 2, 6):
        ffmpeg("caf-alac-%dch.caf" % count, "-c:a alac", with_layout(count), lossless=True)
    ffmpeg("caf-alac-8ch.caf", ALAC_8, with_layout(8), lossless=True)
    ffmpeg("caf-alac-s24.caf", "-c:a alac -sample_fmt s32p", stereo(24), lossless=True)
    for count in (1, 2, 6):
        ffmpeg("caf-flac-%dch.caf" % count, "-c:a flac", with_layout(count), lossless=True)
    ffmpeg("caf-opus.caf", "-c:a libopus", stereo(rate=48000), tolerance=OPUS)
    ffmpeg("caf-mp3.caf", "-c:a libmp3lame", tolerance=MPEG)
    ffmpeg("caf-ac3.caf", "-c:a ac3", stereo(rate=48000), tolerance=OTHER)
    for name, options in (("open-length", {"size": -1}),
                          ("open-length-be", {"size": -1, "big": True}),
                          ("free-before", {"before": b"free" + (64).to_bytes(8, "big") +
                                           b"\0" * 64})):
        add("caf-%s.caf" % name, Bytes(lambda samples, options=options:
                                       write.caf(samples, 2, 44100, **options)), lossless=True)
    add("caf-open-length-f32-6ch.caf", Bytes(lambda samples: write.caf(samples, 6, 44100, "f32",
                                                                       size=-1)),
        source=with_layout(6, bits=24), lossless=True)
    ffmpeg("caf-pipe.caf", "-c:a pcm_s16be -f caf pipe:1", alone=True, lossless=True)


def add_flac():
    for count in range(1, 9):
        ffmpeg("flac-16-%dch.flac" % count, "-c:a flac", with_layout(count), lossless=True)
    for count in (1, 2, 6):
        ffmpeg("flac-24-%dch.flac" % count, "-c:a flac -sample_fmt s32 -bits_per_raw_sample 24",
               with_layout(count, bits=24), lossless=True)
    for rate in (8000, 22050, 48000, 96000, 192000):
        ffmpeg("flac-%d.flac" % rate, "-c:a flac", stereo(rate=rate), lossless=True)
    for level in (0, 12):
        ffmpeg("flac-level-%d.flac" % level, "-c:a flac -compression_level %d" % level,
               lossless=True)
    ffmpeg("flac-blocks-of-500.flac", "-c:a flac -frame_size 500", lossless=True)
    add("flac-8.flac", Sndfile(SF_FLAC | PCM_S8), source=stereo(8), lossless=True)
    add("flac-sndfile-24.flac", Sndfile(SF_FLAC | PCM_24), source=stereo(24), lossless=True)
    add("flac-sox-8.flac", Sox("-b 8".split()), source=stereo(8), lossless=True)
    ffmpeg("flac-pipe.flac", "-c:a flac -f flac pipe:1", alone=True, lossless=True)
    derived("flac-id3v2.flac", "flac-16-2ch.flac", lambda data: write.id3v2(4000) + data,
            lossless=True)
    derived("flac-id3v1.flac", "flac-16-2ch.flac", lambda data: data + write.id3v1(),
            lossless=True)


def chain(*links):
    return b"".join(links)


# Where the last page's granule position ends within a packet, FFmpeg leaves up to a block too much,
# or takes too much away, differently from version to version. What went in is right.
VORBIS_IN_OGG = {"tolerance": VORBIS, "frames": SOURCE}


def vorbis(name, arguments, source=STEREO, **judgement):
    ffmpeg(name, arguments, source, **VORBIS_IN_OGG, **judgement)


def add_ogg():
    for count in range(1, 9):
        source = with_layout(count, 48000)
        vorbis("ogg-vorbis-%dch.ogg" % count, "-c:a libvorbis -q:a 5", source)
        family = 0 if count <= 2 else 1
        ffmpeg("ogg-opus-%dch.opus" % count,
               "-c:a libopus -mapping_family %d -b:a %dk" % (family, 64 * count), source,
               tolerance=OPUS)
        ffmpeg("ogg-flac-%dch.oga" % count, "-c:a flac -f ogg", source, lossless=True)
    for source in (STEREO, mono(8000), mono(22050), stereo(rate=96000)):
        vorbis("ogg-vorbis-%d.ogg" % source.rate, "-c:a libvorbis", source)
    # Opus comes at 48 kHz, whatever went in (RFC 7845, section 5.1).
    for rate in (8000, 16000, 24000):
        ffmpeg("ogg-opus-%d.opus" % rate, "-c:a libopus -b:a 24k", mono(rate), rate=48000, tolerance=SILK)
    ffmpeg("ogg-opus-voip.opus", "-c:a libopus -application voip -b:a 16k", mono(48000), tolerance=SILK)
    ffmpeg("ogg-opus-frames-of-60ms.opus", "-c:a libopus -frame_duration 60",
           stereo(rate=48000), tolerance=OPUS)
    ffmpeg("ogg-flac-24.oga", "-c:a flac -sample_fmt s32 -f ogg", stereo(24), lossless=True)
    for source in (mono(8000), mono(16000), mono(32000), stereo(rate=16000)):
        ffmpeg("ogg-speex-%d-%dch.spx" % (source.rate, source.channels), "-c:a libspeex -f ogg",
               source, tolerance=SPEEX)
    vorbis("ogv-theora-vorbis.ogv", "-map 0:a -map 1:v -c:v libtheora -c:a libvorbis", extra=True)
    vorbis("ogg-pipe.ogg", "-c:a libvorbis -f ogg pipe:1", alone=True)
    wide = stereo(rate=48000)
    vorbis("ogg-vorbis-low.ogg", "-c:a libvorbis -q:a 0 -f ogg", wide)
    ffmpeg("ogg-opus-96k.opus", "-c:a libopus -b:a 96k", wide, tolerance=OPUS)
    ffmpeg("ogg-flac-small.oga", "-c:a flac -frame_size 1000 -f ogg", wide, lossless=True)
    for name, links, tolerance in (
            ("vorbis.ogg", ("ogg-vorbis-2ch.ogg", "ogg-vorbis-low.ogg"), VORBIS),
            ("vorbis-of-3.ogg", ("ogg-vorbis-low.ogg", "ogg-vorbis-2ch.ogg", "ogg-vorbis-low.ogg"),
             VORBIS),
            ("opus.opus", ("ogg-opus-2ch.opus", "ogg-opus-96k.opus"), OPUS),
            ("flac.oga", ("ogg-flac-2ch.oga", "ogg-flac-small.oga"), 0.0)):
        derived("ogg-chained-" + name, links, chain, source=wide, tolerance=tolerance)
    for count in (1, 2):
        source = with_layout(count, 48000)
        add("ogg-sndfile-vorbis-%dch.ogg" % count, Sndfile(SF_OGG | SF_VORBIS), source=source,
            **VORBIS_IN_OGG)
        add("ogg-sndfile-opus-%dch.opus" % count, Sndfile(SF_OGG | SF_OPUS), source=source,
            frames=SOURCE, tolerance=OPUS)
    add("ogg-sox-vorbis.ogg", Sox([]), **VORBIS_IN_OGG)


def add_mpeg():
    for source in (mono(44100), STEREO):
        for name, options in (("cbr128", "-b:a 128k"), ("cbr320", "-b:a 320k"),
                              ("vbr2", "-q:a 2"), ("vbr9", "-q:a 9"),
                              ("abr", "-abr 1 -b:a 160k"),
                              ("cbr-no-xing", "-b:a 128k -write_xing 0"),
                              ("vbr-no-xing", "-q:a 4 -write_xing 0")):
            ffmpeg("mp3-%s-%dch.mp3" % (name, source.channels), "-c:a libmp3lame " + options,
                   source, tolerance=MPEG)
    for rate in (8000, 11025, 12000, 16000, 22050, 24000, 32000, 48000):
        ffmpeg("mp3-%d.mp3" % rate, "-c:a libmp3lame -b:a 64k", stereo(rate=rate), tolerance=MPEG)
    ffmpeg("mp3-plain-stereo.mp3", "-c:a libmp3lame -joint_stereo 0 -b:a 192k", tolerance=MPEG)
    ffmpeg("mp3-no-reservoir.mp3", "-c:a libmp3lame -reservoir 0 -b:a 128k", tolerance=MPEG)
    ffmpeg("mp3-id3v1.mp3", "-c:a libmp3lame -write_id3v1 1 -metadata title=A", tolerance=MPEG)
    ffmpeg("mp3-id3v24.mp3", "-c:a libmp3lame -id3v2_version 4 -metadata title=A", tolerance=MPEG)
    ffmpeg("mp3-no-id3.mp3", "-c:a libmp3lame -id3v2_version 0 -b:a 128k", tolerance=MPEG)
    ffmpeg("mp3-pipe.mp3", "-c:a libmp3lame -f mp3 pipe:1", alone=True, tolerance=MPEG)
    ffmpeg("mp3-shine.mp3", "-c:a libshine -b:a 128k", tolerance=MPEG)
    add("mp3-sox.mp3", Sox([]), tolerance=MPEG)
    add("mp3-sndfile.mp3", Sndfile(SF_MPEG | SF_MP3), tolerance=MPEG)
    base = "mp3-no-id3.mp3"
    bare = "mp3-cbr-no-xing-2ch.mp3"
    tags = {"id3v2-picture": lambda data: write.id3v2(70000) + data,
            "id3v2-twice": lambda data: write.id3v2(2000) + write.id3v2(3000, 4) + data,
            "ape-behind": lambda data: data + write.apev2(),
            "ape-and-id3v1": lambda data: data + write.apev2() + write.id3v1(),
            "ape-without-header": lambda data: data + write.apev2(False),
            "lyrics3-and-id3v1": lambda data: data + write.lyrics3() + write.id3v1(),
            "id3v1-twice": lambda data: data + write.id3v1() + write.id3v1(),
            "ape-before": lambda data: write.apev2() + data,
            "zeros-behind": lambda data: data + b"\0" * 5000,
            "zeros-before": lambda data: b"\0" * 1000 + data}
    for name, function in tags.items():
        derived("mp3-%s.mp3" % name, base, function, tolerance=MPEG)
    for name in ("ape-behind", "ape-and-id3v1", "lyrics3-and-id3v1"):
        derived("mp3-bare-%s.mp3" % name, bare, tags[name], tolerance=MPEG)
    derived("mp3-joined.mp3", (base, bare), chain, tolerance=MPEG)
    for source in (mono(44100), STEREO, stereo(rate=48000), stereo(rate=22050),
                   stereo(rate=24000)):
        ffmpeg("mp2-%d-%dch.mp2" % (source.rate, source.channels), "-c:a mp2 -b:a 128k", source,
               tolerance=MPEG)
    derived("mp2-id3v1.mp2", "mp2-44100-2ch.mp2", lambda data: data + write.id3v1(),
            tolerance=MPEG)


def add_aac():
    for count in (1, 2, 3, 4, 5, 6, 8):
        ffmpeg("aac-adts-%dch.aac" % count, "-c:a aac -b:a %dk" % (64 * count),
               with_layout(count), tolerance=OTHER)
        ffmpeg("m4a-aac-%dch.m4a" % count, "-c:a aac -b:a %dk" % (64 * count),
               with_layout(count), tolerance=OTHER, frames=EDITED)
    for rate in (8000, 16000, 22050, 32000, 48000, 96000):
        ffmpeg("aac-adts-%d.aac" % rate, "-c:a aac", stereo(rate=rate), tolerance=OTHER)
        ffmpeg("m4a-aac-%d.m4a" % rate, "-c:a aac", stereo(rate=rate), tolerance=OTHER,
               frames=EDITED)
    derived("aac-id3v2.aac", "aac-adts-2ch.aac", lambda data: write.id3v2(4000) + data,
            tolerance=OTHER)
    derived("aac-id3v1.aac", "aac-adts-2ch.aac", lambda data: data + write.id3v1(),
            tolerance=OTHER)
    ffmpeg("aac-latm.latm", "-c:a aac -f latm", tolerance=OTHER)


def add_mp4():
    for count in (1, 2, 6):
        ffmpeg("m4a-alac-%dch.m4a" % count, "-c:a alac", with_layout(count), lossless=True)
    ffmpeg("m4a-alac-8ch.m4a", ALAC_8, with_layout(8), lossless=True)
    ffmpeg("m4a-alac-s24.m4a", "-c:a alac -sample_fmt s32p", stereo(24), lossless=True)
    for name, options in (("faststart", "-movflags +faststart"),
                          ("fragmented", "-movflags +frag_keyframe+empty_moov"),
                          ("fragments-of-100ms", "-movflags +empty_moov -frag_duration 100000"),
                          ("dash", "-movflags +dash+delay_moov -frag_duration 200000"),
                          ("brand", "-brand M4A")):
        for codec in ("aac", "alac"):
            edit = {"frames": EDITED} if codec == "aac" and name in ("faststart", "brand") else {}
            ffmpeg("m4a-%s-%s.m4a" % (codec, name), "-c:a %s %s" % (codec, options),
                   tolerance=OTHER if codec == "aac" else 0.0, lossless=codec == "alac", **edit)
    # With its first packet, which is padding. The last one's duration leaves padding out, too;
    # FFmpeg heeds it or not, by version.
    ffmpeg("m4a-aac-without-edit-list.m4a", "-c:a aac -use_editlist 0", tolerance=OTHER,
           frames=(1024 + FRAMES_ELSE, 1024 * 24))
    ffmpeg("m4a-aac-cut-copy.m4a", "-ss 0.2 -c:a copy", base="m4a-aac-2ch.m4a", tolerance=OTHER)
    ffmpeg("m4a-alac-cut-copy.m4a", "-ss 0.2 -c:a copy", base="m4a-alac-2ch.m4a")
    ffmpeg("m4a-aac-pipe.m4a", "-c:a aac -f mp4 -movflags +frag_keyframe+empty_moov pipe:1",
           alone=True, tolerance=OTHER)
    for name, options, tolerance in (("mp3", "libmp3lame", MPEG), ("ac3", "ac3", OTHER),
                                     ("eac3", "eac3", OTHER), ("opus", "libopus", OPUS)):
        ffmpeg("mp4-%s.mp4" % name, "-c:a " + options, stereo(rate=48000), tolerance=tolerance,
               frames=EDITED_TWICE if "ac3" in name else EDITED)
    ffmpeg("mp4-dts.mp4", "-c:a dca -strict -2", stereo(rate=48000), tolerance=OTHER,
           frames=EITHER)
    for count in (1, 2, 6):
        ffmpeg("mp4-flac-%dch.mp4" % count, "-c:a flac -strict -2", with_layout(count),
               lossless=True)
    add_pcm("mov", "mov", (("u8", 8), ("s16le", 16), ("s16be", 16), ("s24le", 24), ("s24be", 24),
                           ("s32le", 24), ("f32le", 24), ("f64be", 24)), (1, 2))
    add_pcm("mov", "mov", (("s16le", 16), ("s24le", 24)), (6,))
    for coding in ("pcm_alaw", "pcm_mulaw", "adpcm_ima_qt"):
        ffmpeg("mov-%s.mov" % coding, "-c:a " + coding, frames=EITHER)
    video = "-map 0:a -map 1:v -c:v mpeg4 "
    ffmpeg("mp4-aac-longer-video.mp4", video + "-c:a aac", extra=True, tolerance=OTHER,
           frames=EDITED)
    ffmpeg("mp4-aac-6ch-longer-video.mp4", video + "-c:a aac", with_layout(6), extra=True,
           tolerance=OTHER, frames=EDITED)
    ffmpeg("mp4-aac-shorter-video.mp4", "-map 0:a -map 3:v -c:v mpeg4 -c:a aac", extra=True,
           tolerance=OTHER, frames=EDITED)
    ffmpeg("mp4-aac-subtitles.mp4", video + "-map 2:s -c:s mov_text -c:a aac", extra=True,
           tolerance=OTHER, frames=EDITED)
    ffmpeg("mov-pcm-longer-video.mov", "-map 0:a -map 1:v -c:v mjpeg -c:a pcm_s16le", extra=True,
           lossless=True)
    ffmpeg("mp4-two-tracks.mp4", "-map 0:a -map 0:a -c:a alac", lossless=True)


MATROSKA = (("vorbis", "libvorbis", VORBIS), ("opus", "libopus", OPUS), ("aac", "aac", OTHER),
            ("mp3", "libmp3lame", MPEG), ("mp2", "mp2", MPEG), ("ac3", "ac3", OTHER),
            ("eac3", "eac3", OTHER), ("dts", "dca -strict -2", OTHER))


def add_matroska():
    for name, coding, tolerance in MATROSKA:
        ffmpeg("mka-%s-2ch.mka" % name, "-c:a " + coding, stereo(rate=48000), tolerance=tolerance)
    for name, coding, tolerance in MATROSKA:
        if name not in ("mp3", "mp2"):
            family = " -mapping_family 1" if name == "opus" else ""
            ffmpeg("mka-%s-6ch.mka" % name, "-c:a " + coding + family, with_layout(6, 48000),
                   tolerance=tolerance)
    for count in (1, 2, 6):
        ffmpeg("mka-flac-%dch.mka" % count, "-c:a flac", with_layout(count), lossless=True)
    for name, coding in (("alac", "alac"), ("wavpack", "wavpack")):
        ffmpeg("mka-%s.mka" % name, "-c:a " + coding, lossless=True)
    add_pcm("mka", "mka", (("u8", 8), ("s16le", 16), ("s24le", 24), ("f32le", 24), ("f64le", 24)),
            (2,))
    add_pcm("mka", "mka", (("s16be", 16), ("s16le", 16)), (6,))
    for name, coding, tolerance in MATROSKA[:2]:
        ffmpeg("webm-%s.webm" % name, "-c:a " + coding, stereo(rate=48000), tolerance=tolerance)
        ffmpeg("webm-%s-mono.webm" % name, "-c:a " + coding, mono(48000), tolerance=tolerance)
        ffmpeg("webm-%s-pipe.webm" % name, "-c:a %s -f webm pipe:1" % coding, stereo(rate=48000),
               alone=True, tolerance=tolerance)
        ffmpeg("webm-%s-longer-video.webm" % name,
               "-map 0:a -map 1:v -c:v libvpx -deadline realtime -c:a " + coding,
               stereo(rate=48000), extra=True, tolerance=tolerance)
    for name, coding, tolerance in (("aac", "aac", OTHER), ("flac", "flac", 0.0),
                                    ("opus", "libopus", OPUS), ("ac3", "ac3", OTHER)):
        ffmpeg("mkv-%s-longer-video.mkv" % name, "-map 0:a -map 1:v -c:v mpeg4 -c:a " + coding,
               stereo(rate=48000), extra=True, tolerance=tolerance, lossless=name == "flac")
        ffmpeg("mkv-%s-longer-subtitles.mkv" % name, "-map 0:a -map 2:s -c:s srt -c:a " + coding,
               stereo(rate=48000), extra=True, tolerance=tolerance, lossless=name == "flac",
               seconds=6.0)
    ffmpeg("mkv-pipe.mkv", "-c:a flac -f matroska pipe:1", alone=True, lossless=True)
    ffmpeg("mkv-two-tracks.mkv", "-map 0:a -map 0:a -c:a flac", lossless=True)


def add_broadcast():
    broadcast = (("mp2", "mp2", MPEG), ("mp3", "libmp3lame", MPEG), ("aac", "aac", OTHER),
                 ("ac3", "ac3", OTHER), ("eac3", "eac3", OTHER), ("dts", "dca -strict -2", OTHER),
                 ("opus", "libopus", OPUS))
    for name, coding, tolerance in broadcast:
        ffmpeg("ts-%s.ts" % name, "-f mpegts -c:a " + coding, stereo(rate=48000),
               tolerance=tolerance)
    for name, coding in (("ac3", "ac3"), ("aac", "aac"), ("dts", "dca -strict -2")):
        ffmpeg("ts-%s-6ch.ts" % name, "-f mpegts -c:a " + coding, with_layout(6, 48000),
               tolerance=OTHER)
    ffmpeg("ts-latm.ts", "-f mpegts -mpegts_flags latm -c:a aac", tolerance=OTHER)
    ffmpeg("ts-s302m.ts", "-f mpegts -c:a s302m -strict -2", stereo(rate=48000), lossless=True)
    ffmpeg("m2ts-ac3.m2ts", "-f mpegts -mpegts_m2ts_mode 1 -c:a ac3", stereo(rate=48000),
           tolerance=OTHER)
    ffmpeg("m2ts-pcm.m2ts", "-f mpegts -mpegts_m2ts_mode 1 -c:a pcm_bluray", stereo(rate=48000),
           lossless=True, frames=FFMPEG)
    ffmpeg("ts-longer-video.ts", "-map 0:a -map 1:v -c:v mpeg2video -r 25 -c:a mp2 -f mpegts",
           stereo(rate=48000), extra=True, tolerance=MPEG)
    for name, coding, tolerance in (("mp2", "mp2", MPEG), ("ac3", "ac3", OTHER),
                                    ("dts", "dca -strict -2", OTHER)):
        ffmpeg("vob-%s.vob" % name, "-f vob -c:a " + coding, stereo(rate=48000),
               tolerance=tolerance)
    ffmpeg("vob-pcm.vob", "-f vob -c:a pcm_dvd", stereo(rate=48000), lossless=True, frames=FFMPEG)
    ffmpeg("vob-ac3-6ch.vob", "-f vob -c:a ac3", with_layout(6, 48000), tolerance=OTHER)
    ffmpeg("mpg-mp2.mpg", "-f mpeg -c:a mp2", stereo(rate=48000), tolerance=MPEG)
    ffmpeg("mpg-longer-video.mpg", "-map 0:a -map 1:v -c:v mpeg1video -r 25 -c:a mp2 -f mpeg",
           stereo(rate=48000), extra=True, tolerance=MPEG)


def add_other_video():
    for name, coding, tolerance in (("mp3", "libmp3lame", MPEG), ("mp2", "mp2", MPEG),
                                    ("ac3", "ac3", OTHER), ("adpcm_ms", "adpcm_ms", MS),
                                    ("adpcm_ima", "adpcm_ima_wav", IMA), ("alaw", "pcm_alaw", 0.0),
                                    ("mulaw", "pcm_mulaw", 0.0)):
        ffmpeg("avi-%s.avi" % name, "-c:a " + coding, stereo(rate=48000), tolerance=tolerance)
    add_pcm("avi", "avi", (("u8", 8), ("s16le", 16), ("s24le", 24), ("f32le", 24)), (2,))
    add_pcm("avi", "avi", (("s16le", 16),), (1, 6))
    for name, coding, tolerance in (("mp3", "libmp3lame", MPEG), ("pcm", "pcm_s16le", 0.0)):
        ffmpeg("avi-%s-longer-video.avi" % name, "-map 0:a -map 1:v -c:v mpeg4 -c:a " + coding,
               extra=True, tolerance=tolerance, lossless=name == "pcm")
    for name, coding, tolerance in (("mp3", "libmp3lame", MPEG), ("aac", "aac", OTHER),
                                    ("adpcm_swf", "adpcm_swf", 0.0)):
        ffmpeg("flv-%s.flv" % name, "-c:a " + coding, tolerance=tolerance)
    ffmpeg("flv-pcm.flv", "-c:a pcm_s16le", lossless=True)
    ffmpeg("flv-nellymoser.flv", "-c:a nellymoser", mono(22050), tolerance=OTHER)
    ffmpeg("flv-aac-longer-video.flv", "-map 0:a -map 1:v -c:v flv -c:a aac", extra=True,
           tolerance=OTHER)
    for coding in ("wmav1", "wmav2"):
        for source in (mono(44100), STEREO, mono(22050)):
            ffmpeg("wma-%s-%d-%dch.wma" % (coding, source.rate, source.channels),
                   "-f asf -c:a " + coding, source, tolerance=OTHER)
    ffmpeg("asf-mp3.asf", "-c:a libmp3lame", tolerance=MPEG)
    ffmpeg("asf-pcm.asf", "-c:a pcm_s16le", lossless=True)
    ffmpeg("wmv-longer-video.wmv", "-map 0:a -map 1:v -c:v wmv2 -c:a wmav2 -f asf", extra=True,
           tolerance=OTHER)
    ffmpeg("3gp-aac.3gp", "-c:a aac", tolerance=OTHER, frames=EDITED)
    ffmpeg("nut-flac.nut", "-c:a flac", lossless=True)
    ffmpeg("nut-vorbis.nut", "-c:a libvorbis", tolerance=VORBIS)
    ffmpeg("rm-ac3.rm", "-c:a ac3", tolerance=OTHER)
    ffmpeg("mxf-pcm.mxf", "-map 1:v -map 0:a -c:v mpeg2video -r 25 -c:a pcm_s16le -shortest",
           stereo(rate=48000), extra=True)
    ffmpeg("wtv-mp2.wtv", "-c:a mp2", stereo(rate=48000), tolerance=MPEG)


def add_lossless_codecs():
    for count in (1, 2, 6, 8):
        ffmpeg("wavpack-16-%dch.wv" % count, "-c:a wavpack", with_layout(count), lossless=True)
    for name, sample_format, bits in (("8", "u8p", 8), ("24", "s32p", 24), ("f32", "fltp", 24)):
        ffmpeg("wavpack-%s.wv" % name, "-c:a wavpack -sample_fmt " + sample_format, stereo(bits),
               lossless=True)
    for name, tag in (("id3v1", write.id3v1), ("ape", write.apev2),
                      ("ape-and-id3v1", lambda: write.apev2() + write.id3v1()),
                      ("zeros", lambda: b"\0" * 300)):
        derived("wavpack-%s.wv" % name, "wavpack-16-2ch.wv",
                lambda data, tag=tag: data + tag(), lossless=True)
    add("wavpack-hybrid.wv", Missing("ffmpeg's WavPack encoder is lossless only"))
    for count in (1, 2, 6):
        ffmpeg("tta-16-%dch.tta" % count, "-c:a tta", with_layout(count), lossless=True)
    ffmpeg("tta-24.tta", "-c:a tta -sample_fmt s32", stereo(24), lossless=True)
    ffmpeg("tta-8.tta", "-c:a tta -sample_fmt u8", stereo(8), lossless=True)
    for name, tag in (("id3v1", write.id3v1), ("ape", write.apev2)):
        derived("tta-%s.tta" % name, "tta-16-2ch.tta", lambda data, tag=tag: data + tag(),
                lossless=True)
    derived("tta-id3v2.tta", "tta-16-2ch.tta", lambda data: write.id3v2(2000) + data,
            lossless=True)
    # So short a bare stream of these is known by its name alone, which a pipe has not.
    for count in (2, 6):
        ffmpeg("truehd-%dch.thd" % count, "-c:a truehd -strict -2 -f truehd",
               with_layout(count, 48000), pipe=False)
    ffmpeg("mlp.mlp", "-c:a mlp -strict -2", stereo(rate=48000), pipe=False)


def add_surround_codecs():
    for count in (1, 2, 3, 4, 5, 6):
        source = with_layout(count, 48000)
        ffmpeg("ac3-%dch.ac3" % count, "-c:a ac3", source, tolerance=OTHER)
        if count != 3:
            ffmpeg("eac3-%dch.eac3" % count, "-c:a eac3", source, tolerance=OTHER)
    for rate in (32000, 44100):
        ffmpeg("ac3-%d.ac3" % rate, "-c:a ac3", stereo(rate=rate), tolerance=OTHER)
    for count in (1, 2, 6):
        ffmpeg("dts-%dch.dts" % count, "-c:a dca -strict -2", with_layout(count, 48000),
               tolerance=OTHER)
    ffmpeg("dts-44100.dts", "-c:a dca -strict -2", tolerance=OTHER)


def add_dsd():
    rate = 44100 * 64
    frames = rate // 20

    def bits(channels):
        return [write.modulate([0.4 * math.sin(2 * math.pi * TONES[c] * i / rate)
                                for i in range(frames)]) for c in range(channels)]

    for name, function, channels in (("dsf-1ch.dsf", write.dsf, 1), ("dsf-2ch.dsf", write.dsf, 2),
                                     ("dff-2ch.dff", write.dff, 2)):
        add(name, Bytes(lambda samples, function=function, channels=channels:
                        function(bits(channels), rate)),
            source=mono(44100) if channels == 1 else STEREO, rate=rate // 8, tolerance=OTHER)


# Numbers of libsndfile's interface, as sndfile.h has them: containers and codings.
SF_PAF, SF_SVX, SF_NIST, SF_VOC, SF_IRCAM = 0x050000, 0x060000, 0x070000, 0x080000, 0x0A0000
SF_WAV, SF_AIFF, SF_AU, SF_W64, SF_MAT4 = 0x010000, 0x020000, 0x030000, 0x0B0000, 0x0C0000
SF_MAT5, SF_PVF, SF_XI, SF_HTK = 0x0D0000, 0x0E0000, 0x0F0000, 0x100000
SF_AVR, SF_WAVEX, SF_FLAC, SF_CAF, SF_WVE = 0x120000, 0x130000, 0x170000, 0x180000, 0x190000
SF_OGG, SF_MPC2K, SF_RF64, SF_MPEG = 0x200000, 0x210000, 0x220000, 0x230000
PCM_S8, PCM_16, PCM_24, PCM_32, PCM_U8, SF_FLOAT, SF_DOUBLE = 1, 2, 3, 4, 5, 6, 7
SF_ULAW, SF_ALAW, SF_IMA, SF_MS, SF_GSM, SF_G721, SF_G723_24 = (0x10, 0x11, 0x12, 0x13, 0x20, 0x30,
                                                               0x31)
SF_DWVW_16, SF_DWVW_24, SF_DPCM_8, SF_DPCM_16 = 0x41, 0x42, 0x50, 0x51
SF_VORBIS, SF_OPUS, SF_ALAC_16, SF_ALAC_24, SF_MP3 = 0x60, 0x64, 0x70, 0x72, 0x82
LITTLE = 0x10000000


def whole_blocks(frames, block):
    """The only right length where a file has nothing shorter than a block."""
    return (-(-frames // block) * block,)


def add_sndfile():
    def sndfile(name, number, source=STEREO, **judgement):
        add(name, Sndfile(number), source=source, **judgement)

    for name, container, codings in (
            ("wavex.wav", SF_WAVEX, (PCM_16, PCM_24, SF_FLOAT)),
            ("rf64.wav", SF_RF64, (PCM_16, PCM_24, SF_FLOAT)),
            ("aiff-sndfile.aiff", SF_AIFF, (PCM_S8, PCM_16, PCM_24, SF_FLOAT)),
            ("au-little.au", SF_AU | LITTLE, (PCM_16, SF_FLOAT)),
            ("w64-sndfile.w64", SF_W64, (PCM_U8, PCM_16, PCM_24, SF_FLOAT, SF_DOUBLE)),
            ("caf-sndfile.caf", SF_CAF, (PCM_S8, PCM_16, PCM_24, SF_FLOAT, SF_ALAC_16,
                                         SF_ALAC_24)),
            ("nist.sph", SF_NIST, (PCM_S8, PCM_16, PCM_24, PCM_32)),
            ("nist-little.sph", SF_NIST | LITTLE, (PCM_16,)),
            ("ircam.sf", SF_IRCAM, (PCM_16, PCM_32, SF_FLOAT)),
            ("pvf.pvf", SF_PVF, (PCM_S8, PCM_16, PCM_32)),
            ("paf.paf", SF_PAF, (PCM_S8, PCM_16, PCM_24)),
            ("paf-little.paf", SF_PAF | LITTLE, (PCM_16, PCM_24)),
            ("avr.avr", SF_AVR, (PCM_S8, PCM_16)),
            ("mat4.mat", SF_MAT4, (PCM_16, PCM_32, SF_FLOAT, SF_DOUBLE)),
            ("mat5.mat", SF_MAT5, (PCM_U8, PCM_16, PCM_32, SF_FLOAT, SF_DOUBLE)),
            ("voc-sndfile.voc", SF_VOC, (PCM_U8, PCM_16)),
            ("mpc2k.snd", SF_MPC2K, (PCM_16,))):
        # What FFmpeg has no demuxer for, or (AVR, PAF, PVF of 8 bits, CAF of 8) reads otherwise.
        unknown = container & 0xFF0000 in (SF_MAT4, SF_MAT5, SF_MPC2K)
        for coding in codings:
            stem, extension = name.split(".")
            bits = {PCM_S8: 8, PCM_U8: 8, PCM_16: 16, SF_ALAC_16: 16}.get(coding, 24)
            # A VOC of 8 bits has a divisor for its rate, which 8,000 Hz fits.
            rate = 8000 if (container, coding) == (SF_VOC, PCM_U8) else 44100
            # PAF of 24 bits comes in tens of frames.
            tens = container & 0xFF0000 == SF_PAF and coding == PCM_24
            sndfile("%s-%s.%s" % (stem, SUFFIX[coding], extension), container | coding,
                    stereo(bits, rate), lossless=True, against_ffmpeg=not unknown,
                    frames=whole_blocks(FRAMES_ELSE, 10) if tens else None)
    # Its header has the duration of a sample for the rate, which 8,000 Hz fits.
    sndfile("htk.htk", SF_HTK | PCM_16, mono(8000), lossless=True, against_ffmpeg=False)
    for coding in (PCM_S8, PCM_16):
        sndfile("svx-%s.iff" % SUFFIX[coding], SF_SVX | coding,
                mono(22050, 8 if coding == PCM_S8 else 16), lossless=True,
                against_ffmpeg=coding == PCM_S8)
    sndfile("xi-dpcm16.xi", SF_XI | SF_DPCM_16, mono(44100), lossless=True, against_ffmpeg=False)
    sndfile("wve-alaw.wve", SF_WVE | SF_ALAW, mono(8000), against_ffmpeg=False, tolerance=0.02)
    for container, name in ((SF_NIST, "nist.sph"), (SF_IRCAM, "ircam.sf"), (SF_VOC, "voc.voc"),
                            (SF_W64, "w64.w64"), (SF_AIFF, "aiff.aiff"), (SF_CAF, "caf.caf")):
        for coding in (SF_ULAW, SF_ALAW):
            stem, extension = name.split(".")
            sndfile("%s-sndfile-%s.%s" % (stem, SUFFIX[coding], extension), container | coding)
    for source in (mono(44100), STEREO):
        for coding, tolerance in ((SF_IMA, IMA), (SF_MS, MS)):
            for container, name in ((SF_WAV, "wav"), (SF_W64, "w64")):
                sndfile("%s-sndfile-%s-%dch.%s" % (name, SUFFIX[coding], source.channels, name),
                        container | coding, source, tolerance=tolerance)
    sndfile("aiff-sndfile-ima-1ch.aiff", SF_AIFF | SF_IMA, mono(44100), tolerance=IMA)
    sndfile("wav-sndfile-gsm.wav", SF_WAV | SF_GSM, mono(8000))
    sndfile("w64-sndfile-gsm.w64", SF_W64 | SF_GSM, mono(8000))
    # The header counts the frames; FFmpeg decodes whole blocks.
    sndfile("aiff-sndfile-gsm.aiff", SF_AIFF | SF_GSM, mono(8000), frames=SOURCE)
    # FFmpeg takes the codes of these out of their bytes in another order, and gives noise. The
    # coder follows a tone within 20 samples; until then it is 0.09 off. Its blocks have 120.
    for name, number in (("wav-sndfile-g721.wav", SF_WAV | SF_G721),
                         ("au-sndfile-g721.au", SF_AU | SF_G721),
                         ("au-sndfile-g723-24.au", SF_AU | SF_G723_24)):
        sndfile(name, number, mono(8000), against_ffmpeg=False, tolerance=0.1,
                frames=whole_blocks(FRAMES[8000], 120))
    for coding in (SF_DWVW_16, SF_DWVW_24):
        sndfile("aiff-sndfile-%s.aiff" % SUFFIX[coding], SF_AIFF | coding,
                mono(44100, 16 if coding == SF_DWVW_16 else 24), lossless=True,
                against_ffmpeg=False)
    add("sd2.sd2", Missing("it lies in two files, and the second cannot be read through a stream"))


SUFFIX = {PCM_S8: "s8", PCM_16: "s16", PCM_24: "s24", PCM_32: "s32", PCM_U8: "u8", SF_FLOAT: "f32",
          SF_DOUBLE: "f64", SF_ULAW: "mulaw", SF_ALAW: "alaw", SF_IMA: "ima", SF_MS: "ms",
          SF_ALAC_16: "alac16", SF_ALAC_24: "alac24", SF_DWVW_16: "dwvw16",
          SF_DWVW_24: "dwvw24"}


def add_voc():
    ffmpeg("voc-ffmpeg-u8.voc", "-c:a pcm_u8", stereo(8, 8000), lossless=True)
    ffmpeg("voc-ffmpeg-s16.voc", "-c:a pcm_s16le", lossless=True)
    add("voc-sox-u8.voc", Sox("-b 8".split()), source=stereo(8, 8000), lossless=True)
    # SoX's length of the block leaves out two frames that are there.
    add("voc-sox-s16.voc", Sox("-b 16".split()), lossless=True, against_ffmpeg=False,
        frames=(FRAMES_ELSE - 2, FRAMES_ELSE))

    def halves(samples):
        middle = len(samples) // 4 * 2
        return samples[:middle], samples[middle:]

    def go_on(samples):
        first, second = halves(samples)
        return write.voc(write.voc_sound(first, 2, 44100) + write.voc_more(second))

    def two_sounds(samples):
        first, second = halves(samples)
        return write.voc(write.voc_sound(first, 2, 44100) + write.voc_sound(second, 2, 44100))

    def with_text(samples):
        first, second = halves(samples)
        return write.voc(write.voc_block(5, b"words\0") + write.voc_sound(first, 2, 44100) +
                         write.voc_block(4, b"\1\0") + write.voc_more(second))

    def old_blocks(samples):
        first, second = halves(samples)
        head = bytes([256 - 1000000 // 8000, 0])
        return write.voc(write.voc_block(1, head + write.pcm(first, "u8")) +
                         write.voc_block(2, write.pcm(second, "u8")))

    add("voc-two-blocks.voc", Bytes(go_on), lossless=True)
    add("voc-two-sounds.voc", Bytes(two_sounds), lossless=True)
    add("voc-text-and-marker.voc", Bytes(with_text), lossless=True)
    add("voc-old-blocks.voc", Bytes(old_blocks), source=mono(8000, 8), lossless=True)


def add_sox():
    for name, options, bits in (("sox-nist.sph", "-b 16", 16), ("sox-ircam.sf", "-b 16", 16),
                                ("sox-native.sox", "", 24), ("sox-avr.avr", "-b 16", 16),
                                ("sox-pvf.pvf", "-b 16", 16), ("sox-paf.paf", "-b 16", 16),
                                ("sox-au.au", "-b 16", 16), ("sox-caf.caf", "-b 24", 24),
                                ("sox-wav-24.wav", "-b 24", 24),
                                ("sox-wav-f32.wav", "-e float -b 32", 24)):
        add(name, Sox(options.split()), source=stereo(bits), lossless=True)
    for name, options, tolerance in (("sox-wav-gsm.wav", "-e gsm", 0.0),
                                     ("sox-wav-ms.wav", "-e ms-adpcm", MS),
                                     ("sox-wav-ima.wav", "-e ima-adpcm", IMA),
                                     ("sox-wav-alaw.wav", "-e a-law", 0.0),
                                     ("sox-au-mulaw.au", "-e mu-law", 0.0)):
        add(name, Sox(options.split()), source=mono(8000), tolerance=tolerance)
    add("sox-8svx.8svx", Sox("-b 8".split()), source=mono(22050, 8), lossless=True)
    add("sox-amr.amr-nb", Sox([]), source=mono(8000), tolerance=OTHER)
    ffmpeg("amr-nb.amr", "-c:a libopencore_amrnb", mono(8000), tolerance=OTHER)
    ffmpeg("amr-wb.amr", "-c:a libvo_amrwbenc", mono(16000), tolerance=OTHER)


for _add in (add_wav, add_wav_headers, add_w64, add_aiff, add_au, add_caf, add_flac, add_ogg,
             add_mpeg, add_aac, add_mp4, add_matroska, add_broadcast, add_other_video,
             add_lossless_codecs, add_surround_codecs, add_dsd, add_sndfile, add_voc, add_sox):
    _add()

BY_NAME = {file.name: file for file in FILES}
assert len(BY_NAME) == len(FILES), [f.name for f in FILES if BY_NAME[f.name] is not f]
assert all(re.fullmatch(r"[\w.-]+", name) for name in BY_NAME)
