"""Damages files where it tells: in headers and tables, found as far as the format says where they are.

Mutation number *n* of a file is a function of the file, its name, the seed and *n*. Each cuts the file, flips bits, writes
numbers that matter (0, the largest, places in the file), or copies one table's beginning over another's.
"""

import random
import struct

# Bytes of a header or table that are damaged.
HEAD = 256
# Changes of one mutation at most.
MAX_CHANGES = 4


def mutation(data: bytes, name: str, seed: int, n: int) -> bytes:
    """The file, damaged; never the file itself."""
    rng = random.Random(f"{seed}:{n}:{name}")
    places = landmarks(data)
    changed = bytearray(data)
    while changed == data:
        for _ in range(rng.randint(1, MAX_CHANGES)):
            change(rng, changed, places)
    return bytes(changed)


def change(rng: random.Random, data: bytearray, places: list[int]) -> None:
    at = min(rng.choice(places) + min(rng.randrange(HEAD), rng.randrange(HEAD)), len(data))
    size = rng.choice((1, 2, 4, 4, 8))
    match rng.randrange(12):
        case 0:
            del data[rng.choice((at, rng.randrange(len(data) + 1))):]
        case 1 | 2 | 3:
            if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
        case 4 | 5:
            if at < len(data):
                data[at] = rng.randrange(256)
        case 6:
            source = rng.choice(places)
            data[at : at + 4 * size] = data[source : source + 4 * size]
        case _:
            at -= at % min(size, 4)
            old = int.from_bytes(data[at : at + size], "little")
            values = (0, 1, (1 << 8 * size) - 1, 1 << (8 * size - 1), len(data), len(data) - size,
                      rng.choice(places), rng.randrange(len(data) + 1), old + rng.choice((-8, -1, 1, 8)))
            order = "big" if data.startswith(b"\x7fELF") and data[5:6] == b"\x02" else "little"
            value = (rng.choice(values) % (1 << 8 * size)).to_bytes(size, order)
            data[at : at + size] = value[: max(0, len(data) - at)]


def landmarks(data: bytes) -> list[int]:
    """Where headers and tables begin, in the file; always at least its start."""
    found = [0]
    for magic, places in ((b"MZ", portable_executable), (b"\x7fELF", elf), (b"dex\n", dalvik)):
        if data.startswith(magic):
            try:
                found.extend(places(data))
            except (struct.error, IndexError):
                # A file that is damaged already.
                pass
    return [place for place in found if place < len(data)]


def portable_executable(data: bytes) -> list[int]:
    (header,) = struct.unpack_from("<I", data, 0x3C)
    count, size = struct.unpack_from("<H12xH", data, header + 6)
    (magic,) = struct.unpack_from("<H", data, header + 24)
    sections = [struct.unpack_from("<4I", data, header + 24 + size + 40 * i + 8) for i in range(count)]
    first = header + 24 + (112 if magic == 0x20B else 96)
    places = [header, header + 24, first, header + 24 + size]

    def offset(rva: int) -> int:
        inside = (raw + rva - start for virtual, start, length, raw in sections if start <= rva < start + length)
        return next(inside, rva)

    for index in range(16):
        rva, _ = struct.unpack_from("<II", data, first + 8 * index)
        if rva:
            # The table of certificates is given by its place in the file.
            places.append(rva if index == 4 else offset(rva))
            if index in (0, 1, 2, 6, 13):
                inner = struct.unpack_from("<10I", data, places[-1])
                places.extend(offset(inside) for inside in inner if 0x1000 <= inside < 1 << 26)
            if index == 2:
                places.extend(range(places[-1], places[-1] + 4 * HEAD, HEAD))
            if index == 4:
                places.extend(range(rva, min(rva + 32 * HEAD, len(data)), HEAD))
            if index == 14:
                (metadata,) = struct.unpack_from("<I", data, places[-1] + 8)
                root = offset(metadata)
                places.append(root)
                (version,) = struct.unpack_from("<I", data, root + 12)
                streams = root + 16 + version
                places.append(streams)
                places.append(root + struct.unpack_from("<I", data, streams + 4)[0])
                places.extend(range(places[-1], places[-1] + 16 * HEAD, HEAD))
    return places


def elf(data: bytes) -> list[int]:
    order = ">" if data[5] == 2 else "<"
    if data[4] == 2:
        segments, sections = struct.unpack_from(order + "QQ", data, 0x20)
        counts, layout, size = 0x36, order + "24xQ32x", 64
    else:
        segments, sections = struct.unpack_from(order + "II", data, 0x1C)
        counts, layout, size = 0x2A, order + "16xI20x", 40
    (count,) = struct.unpack_from(order + "H", data, counts + 6)
    places = [segments, sections]
    for i in range(count):
        places.append(sections + size * i)
        places.append(struct.unpack_from(layout, data, sections + size * i)[0])
    return places


def dalvik(data: bytes) -> list[int]:
    header = struct.unpack_from("<18I", data, 0x28)
    return [header[3], *header[5::2]]
