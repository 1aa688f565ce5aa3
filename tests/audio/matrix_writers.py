"""Audio files written byte by byte, with the headers that programs really write and encoders at
hand do not: for the matrix of files. Samples are interleaved floats within ±1 that the coding
holds exactly."""
import array
import struct

# Coding: bytes a sample, WAV's format tag (1 integers, 3 floats).
CODINGS = {"u8": (1, 1), "s16": (2, 1), "s24": (3, 1), "s32": (4, 1), "f32": (4, 3), "f64": (8, 3)}
MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def pcm(samples, coding, big=False):
    """The samples as bytes."""
    order = ">" if big else "<"
    if coding == "u8":
        return bytes(int(x * 128) + 128 for x in samples)
    if coding == "s8":
        return struct.pack("%db" % len(samples), *(int(x * 128) for x in samples))
    if coding == "s24":
        whole = pcm(samples, "s32", big)
        drop = 3 if big else 0
        return bytes(byte for i, byte in enumerate(whole) if i % 4 != drop)
    if coding in ("s16", "s32"):
        scale = 2.0 ** (8 * CODINGS[coding][0] - 1)
        values = [int(x * scale) for x in samples]
        return struct.pack("%s%d%s" % (order, len(values), "h" if coding == "s16" else "i"),
                           *values)
    values = array.array("f" if coding == "f32" else "d", samples)
    if struct.pack("=H", 1) != struct.pack(order + "H", 1):
        values.byteswap()
    return values.tobytes()


def chunk(name, body, big=False, size=None, pad=True):
    """A chunk as RIFF and AIFF have it; `size` writes another length than the true one."""
    field = struct.pack((">" if big else "<") + "I", len(body) if size is None else size)
    return name + field + body + (b"\0" if pad and len(body) % 2 else b"")


LIST_CHUNK = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"a title of odd length\0"[:21]))


def wav_format(channels, rate, coding, big=False, extensible=False, mask=None, valid_bits=None,
               extra=b""):
    """The body of a "fmt " chunk; `extra` is what follows its 16 bytes."""
    size, tag = CODINGS[coding]
    order = ">" if big else "<"
    body = struct.pack(order + "HHIIHH", 0xFFFE if extensible else tag, channels, rate,
                       rate * channels * size, channels * size, 8 * size)
    if not extensible:
        return body + extra
    mask = MASKS.get(channels, 0) if mask is None else mask
    return body + struct.pack(order + "HHIH", 22, valid_bits or 8 * size, mask, tag) + GUID_TAIL


def wav(samples, channels, rate, coding="s16", magic=b"RIFF", before=b"", after=b"",
        data_size=None, riff_size=None, pad=True, data_extra=b"", **fmt):
    """A WAV file; `before` and `after` are whole chunks around the data."""
    big = magic == b"RIFX"
    data = pcm(samples, coding, big) + data_extra
    long_sizes = magic in (b"RF64", b"BW64")
    parts = chunk(b"fmt ", wav_format(channels, rate, coding, big, **fmt), big) + before
    body = b"WAVE" + parts + chunk(b"data", data, big,
                                   0xFFFFFFFF if long_sizes else data_size, pad) + after
    if long_sizes:
        frames = len(data) // (channels * CODINGS[coding][0])
        sizes = struct.pack("<QQQI", len(body) + 36, len(data), frames, 0)
        body = b"WAVE" + chunk(b"ds64", sizes) + body[4:]
        riff_size = 0xFFFFFFFF
    return chunk(magic, body, big, riff_size, pad=False)


def extended(value):
    """A positive whole number as the 80-bit float of AIFF."""
    bits = value.bit_length()
    return struct.pack(">HQ", 16383 + bits - 1, value << (64 - bits))


def aiff(samples, channels, rate, coding="s16", compression=None, little=False, offset=0,
         before=b"", after=b""):
    """An AIFF file, or AIFC with a compression such as b"twos"."""
    data = pcm(samples, coding, not little)
    size = 1 if coding == "s8" else CODINGS[coding][0]
    common = struct.pack(">hIh", channels, len(samples) // channels, 8 * size) + extended(rate)
    if compression:
        common += compression + b"\x0enot compressed\0"
    form = b"AIFC" if compression else b"AIFF"
    version = chunk(b"FVER", struct.pack(">I", 0xA2805140), True) if compression else b""
    sound = struct.pack(">II", offset, 0) + b"\xAA" * offset + data
    body = (form + version + chunk(b"COMM", common, True) + before + chunk(b"SSND", sound, True) +
            after)
    return chunk(b"FORM", body, True)


def au(samples, channels, rate, coding="s16", size=None, annotation=b""):
    """An AU file; `size` 0xFFFFFFFF is what writes into a pipe."""
    number = {"s8": 2, "s16": 3, "s24": 4, "s32": 5, "f32": 6, "f64": 7}[coding]
    data = pcm(samples, coding, True)
    return struct.pack(">4sIIIII", b".snd", 24 + len(annotation),
                       len(data) if size is None else size, number, rate,
                       channels) + annotation + data


def caf(samples, channels, rate, coding="s16", big=False, size=None, before=b""):
    """A CAF file of PCM; size -1: open length."""
    width, tag = CODINGS[coding]
    flags = (0 if big else 2) | (1 if tag == 3 else 0)
    data = struct.pack(">I", 0) + pcm(samples, coding, big)
    desc = struct.pack(">d4sIIIII", float(rate), b"lpcm", flags, width * channels, 1, channels,
                       8 * width)
    return (b"caff" + struct.pack(">HH", 1, 0) + b"desc" + struct.pack(">q", len(desc)) + desc +
            before + b"data" + struct.pack(">q", len(data) if size is None else size) + data)


def w64(samples, channels, rate, coding="s16", before=b"", after=b"", **fmt):
    """A Sony Wave64 file."""
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")

    def part(name, body):
        whole = name + tail + struct.pack("<Q", 24 + len(body)) + body
        return whole + b"\0" * (-len(whole) % 8)

    body = (part(b"fmt ", wav_format(channels, rate, coding, **fmt)) + before +
            part(b"data", pcm(samples, coding)) + after)
    return (b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") +
            struct.pack("<Q", 40 + len(body)) + b"wave" + tail + body)


def voc_block(kind, body):
    """One block of a Creative Voice file."""
    return bytes([kind]) + struct.pack("<I", len(body))[:3] + body


def voc(blocks):
    """A Creative Voice file of version 1.20."""
    return b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x0114, 0x111F) + blocks + b"\0"


def voc_sound(samples, channels, rate):
    """A block of 16-bit samples (type 9)."""
    return voc_block(9, struct.pack("<IBBHI", rate, 16, channels, 4, 0) + pcm(samples, "s16"))


def voc_more(samples):
    """A block that goes on where the one before ends (type 2)."""
    return voc_block(2, pcm(samples, "s16"))


# ---- DSD ----

def modulate(samples):
    """One channel at the rate of DSD as bits, by a sigma-delta modulator of second order."""
    first = second = 0.0
    bits = []
    for sample in samples:
        out = 1.0 if second >= 0 else -1.0
        first += sample - out
        second += first - 2.0 * out
        bits.append(1 if out > 0 else 0)
    return bits


def pack_bits(bits, first_is_high):
    packed = bytearray()
    for at in range(0, len(bits) - 7, 8):
        group = bits[at:at + 8] if first_is_high else bits[at:at + 8][::-1]
        packed.append(int("".join(map(str, group)), 2))
    return bytes(packed)


def dsf(channels, rate):
    """A DSF file of lists of bits: blocks of 4,096 bytes for each channel in turn."""
    planes = [pack_bits(bits, False) for bits in channels]
    data = b"".join(plane[at:at + 4096].ljust(4096, b"\x69")
                    for at in range(0, len(planes[0]), 4096) for plane in planes)
    fmt = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, len(channels), len(channels), rate, 1,
                      len(planes[0]) * 8, 4096, 0)
    total = 28 + len(fmt) + 12 + len(data)
    return (struct.pack("<4sQQQ", b"DSD ", 28, total, 0) + fmt +
            struct.pack("<4sQ", b"data", 12 + len(data)) + data)


def dff(channels, rate):
    """A DSDIFF file of lists of bits."""
    def part(name, body):
        return name + struct.pack(">Q", len(body)) + body + b"\0" * (len(body) % 2)

    planes = [pack_bits(bits, True) for bits in channels]
    names = [b"SLFT", b"SRGT"][:len(channels)]
    properties = (b"SND " + part(b"FS  ", struct.pack(">I", rate)) +
                  part(b"CHNL", struct.pack(">H", len(channels)) + b"".join(names)) +
                  part(b"CMPR", b"DSD \x0enot compressed\0"))
    data = bytes(byte for frame in zip(*planes) for byte in frame)
    body = (b"DSD " + part(b"FVER", struct.pack(">I", 0x01050000)) + part(b"PROP", properties) +
            part(b"DSD ", data))
    return b"FRM8" + struct.pack(">Q", len(body)) + body


# ---- Tags ----

def id3v1():
    return b"TAG" + b"A title".ljust(30, b"\0") + b"A singer".ljust(30, b"\0") + b"\0" * 65


def apev2(with_header=True):
    """An APE tag: header, one item, footer."""
    item = struct.pack("<II", 7, 0) + b"Title\0" + b"A title"

    def edge(flags):
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + b"\0" * 8

    if not with_header:
        return item + edge(0)
    return edge(0xA0000000) + item + edge(0x80000000)


def lyrics3():
    body = b"LYRICSBEGININD0000200LYR00011some words."[:39]
    return body + b"%06dLYRICS200" % len(body)


def id3v2(size, version=3):
    """A tag of `size` bytes, with a picture in it that looks like frames of MP3 now and then."""
    title = b"TIT2" + struct.pack(">I", 8) + b"\0\0" + b"\0A title"
    picture = b"\0image/jpeg\0\3\0" + b"\xff\xd8" + b"\xff\xfb\x90\x64 not a frame " * 20
    frame = b"APIC" + struct.pack(">I", len(picture) & 0x7F | (len(picture) & 0x3F80) << 1
                                  if version == 4 else len(picture)) + b"\0\0" + picture
    body = (title + frame).ljust(size - 10, b"\0")
    length = len(body)
    field = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + field + body
