"""Small files that modules read: a PE file with what a condition asks for, and an ELF header.

Offsets in a PE file are its addresses, so that what is at a place is also loaded there.
"""

import datetime
import struct
from dataclasses import dataclass, field

ENTRY_POINT = 0x400
HEADERS = 0x400
SECTION = 0x2000
# Beyond 0x80, where conditions look for other things.
LFANEW = 0x110
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
INDIRECT_DATA = bytes.fromhex("2b060104018237020104")
SHA_256 = bytes.fromhex("608648016503040201")
RSA_SHA_256 = bytes.fromhex("2a864886f70d01010b")
CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
COMMON_NAME = bytes.fromhex("550403")


@dataclass
class Signature:
    """A certificate that signs, and who issued it. Times are seconds since 1970."""

    subject: bytes = b"Somebody"
    issuer: bytes = b"Authority"
    serial: bytes = b"\1"
    not_before: int = 946684800
    not_after: int = 4102444800


@dataclass
class Pe:
    """What a PE file has."""

    machine: int = 0x14C
    wide: bool = False
    timestamp: int = 0x5F000000
    characteristics: int = 0x0102
    subsystem: int = 3
    sections: list = field(default_factory=lambda: [[b".text", SECTION - HEADERS]])
    exports: list = field(default_factory=list)
    dll_name: bytes = b"a.dll"
    imports: dict = field(default_factory=dict)
    version: dict = field(default_factory=dict)
    signatures: list = field(default_factory=list)

    def head(self) -> bytearray:
        """Headers, and room up to where the section begins; directories are filled in by `finish`."""
        size = 0xF0 if self.wide else 0xE0
        dos = bytearray(LFANEW)
        dos[0:2] = b"MZ"
        struct.pack_into("<I", dos, 0x3C, LFANEW)
        machine = 0x8664 if self.wide and self.machine == 0x14C else self.machine
        coff = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, len(self.sections), self.timestamp, 0, 0, size,
                           self.characteristics)
        optional = struct.pack("<HBBIIIII", 0x20B if self.wide else 0x10B, 14, 0, SECTION - HEADERS, 0, 0, ENTRY_POINT, HEADERS)
        optional += struct.pack("<Q", 0x400000) if self.wide else struct.pack("<II", 0, 0x400000)
        optional += struct.pack("<IIHHHHHHIIIIHH", 0x200, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x100000, HEADERS, 0,
                                self.subsystem, 0)
        optional += struct.pack("<QQQQ" if self.wide else "<IIII", 0x100000, 0x1000, 0x100000, 0x1000)
        optional += struct.pack("<II", 0, 16) + bytes(16 * 8)
        table = b"".join(
            struct.pack("<8sIIIIIIHHI", name[:8], raw, HEADERS, raw, HEADERS, 0, 0, 0, 0, 0x60000020)
            for name, raw in self.sections
        )
        return bytearray((bytes(dos) + coff + optional + table).ljust(HEADERS, b"\0"))

    def section_table(self) -> int:
        return LFANEW + 24 + (0xF0 if self.wide else 0xE0)

    def end_of_headers(self) -> int:
        return self.section_table() + 40 * len(self.sections)

    def finish(self, data: bytearray) -> list[tuple[int, int]]:
        """Appends what the directories point to; gives the places that hold answers.

        Names, values and serial numbers are such places. What is around them is not: how far a damaged structure can be
        read is another question than what it says.
        """
        start = len(data)
        for index, build in ((0, self.export_table), (1, self.import_table), (2, self.resource_table)):
            table = build(len(data) + -len(data) % 16)
            if table:
                self.directory(data, index, table, 16)
        if len(data) > start:
            # The section has to reach what was appended.
            first = self.section_table()
            struct.pack_into("<IIII", data, first + 8, len(data) - HEADERS, HEADERS, len(data) - HEADERS, HEADERS)
        if self.signatures:
            self.directory(data, 4, b"".join(map(certificate_entry, self.signatures)), 8)
        values = self.exports + [name for names in self.imports.values() for name in names]
        values += [value.decode("latin-1").encode("utf-16-le") for value in self.version.values()]
        values += [part for signature in self.signatures for part in (signature.subject, signature.serial)]
        found = [(data.find(value, start), len(value)) for value in values]
        return [spot for spot in found if spot[0] >= 0]

    def directory(self, data: bytearray, index: int, table: bytes, align: int) -> None:
        data.extend(bytes(-len(data) % align))
        start = len(data)
        data.extend(table)
        entry = LFANEW + 24 + (112 if self.wide else 96) + index * 8
        struct.pack_into("<II", data, entry, start, len(table))

    def export_table(self, base: int) -> bytes:
        if not self.exports:
            return b""
        names = sorted(self.exports)
        count = len(names)
        functions = base + 40
        pointers, ordinals = functions + 4 * count, functions + 8 * count
        texts = ordinals + 2 * count
        blob, places = self.dll_name + b"\0", []
        for name in names:
            places.append(texts + len(blob))
            blob += name + b"\0"
        head = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, texts, 1, count, count, functions, pointers, ordinals)
        return (head + struct.pack(f"<{count}I", *[ENTRY_POINT] * count) + struct.pack(f"<{count}I", *places)
                + struct.pack(f"<{count}H", *range(count)) + blob)

    def import_table(self, base: int) -> bytes:
        if not self.imports:
            return b""
        step, kind = (8, "Q") if self.wide else (4, "I")
        thunks = base + 20 * (len(self.imports) + 1)
        sizes = [(len(names) + 1) * step for names in self.imports.values()]
        texts = thunks + sum(sizes)
        heads, lists, blob = b"", b"", b""
        for (dll, names), size in zip(self.imports.items(), sizes):
            heads += struct.pack("<IIIII", thunks, 0, 0, texts + len(blob), thunks)
            blob += dll + b"\0"
            entries = []
            for name in names:
                entries.append(texts + len(blob))
                blob += b"\0\0" + name + b"\0"
            lists += struct.pack(f"<{len(entries) + 1}{kind}", *entries, 0)
            thunks += size
        return heads + bytes(20) + lists + blob

    def resource_table(self, base: int) -> bytes:
        """One resource: the version information."""
        if not self.version:
            return b""
        texts = b"".join(version_block(key, value.decode("latin-1").encode("utf-16-le") + b"\0\0", len(value) + 1, 1)
                         for key, value in self.version.items())
        table = version_block(b"040904b0", b"", 0, 1, texts)
        fixed = struct.pack("<II", 0xFEEF04BD, 0x10000) + bytes(44)
        info = version_block(b"VS_VERSION_INFO", fixed, 52, 0, version_block(b"StringFileInfo", b"", 0, 1, table))
        levels = b""
        for level, number in enumerate((16, 1, 1033)):
            below = (24 * (level + 1)) | (0x80000000 if level < 2 else 0)
            levels += struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, number, below)
        return levels + struct.pack("<IIII", base + 88, len(info), 0, 0) + info


def version_block(key: bytes, value: bytes, length: int, text: int, children: bytes = b"") -> bytes:
    """A block of version information, padded to the next one."""
    head = key.decode("latin-1").encode("utf-16-le") + b"\0\0"
    head += bytes(-(len(head) + 6) % 4)
    body = head + value
    body += bytes(-(len(body) + 6) % 4) + children
    block = struct.pack("<HHH", len(body) + 6, length, text) + body
    return block + bytes(-len(block) % 4)


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, 0x82]) + struct.pack(">H", len(content)) + content


def algorithm(identifier: bytes) -> bytes:
    return element(0x30, element(6, identifier), element(5))


def attribute(kind: bytes, value: bytes) -> bytes:
    return element(0x30, element(6, kind), element(0x31, value))


def common_name(text: bytes) -> bytes:
    return element(0x30, element(0x31, element(0x30, element(6, COMMON_NAME), element(0x0C, text))))


def generalized_time(seconds: int) -> bytes:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return element(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def certificate_entry(signature: Signature) -> bytes:
    """An entry of the certificate table: a signature that says who signed, and signs nothing."""
    serial, issuer = element(2, signature.serial), common_name(signature.issuer)
    validity = element(0x30, generalized_time(signature.not_before), generalized_time(signature.not_after))
    key = element(0x30, algorithm(RSA_SHA_256), element(3, b"\0", b"\x30\x06\x02\x01\x03\x02\x01\x03"))
    signed = element(0x30, element(0xA0, element(2, b"\2")), serial, algorithm(RSA_SHA_256), issuer, validity,
                     common_name(signature.subject), key)
    certificate = element(0x30, signed, algorithm(RSA_SHA_256), element(3, b"\0", bytes(8)))
    digest = element(0x30, algorithm(SHA_256), element(4, bytes(32)))
    data = element(0x30, element(0x30, element(6, bytes.fromhex("2b06010401823702010f")), element(0x30)), digest)
    content = element(0x30, element(6, INDIRECT_DATA), element(0xA0, data))
    attributes = attribute(CONTENT_TYPE, element(6, INDIRECT_DATA)) + attribute(MESSAGE_DIGEST, element(4, bytes(32)))
    signer = element(0x30, element(2, b"\1"), element(0x30, issuer, serial), algorithm(SHA_256),
                     element(0xA0, attributes), algorithm(RSA_SHA_256), element(4, bytes(8)))
    inner = element(0x30, element(2, b"\1"), element(0x31, algorithm(SHA_256)), content, element(0xA0, certificate),
                    element(0x31, signer))
    pkcs7 = element(0x30, element(6, SIGNED_DATA), element(0xA0, inner))
    entry = struct.pack("<IHH", len(pkcs7) + 8, 0x200, 2) + pkcs7
    return entry + bytes(-len(entry) % 8)


def elf_header() -> bytes:
    """A 64-bit little-endian ELF file with one loaded segment and its entry point at `ENTRY_POINT`."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    base = 0x400000
    rest = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + ENTRY_POINT, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, 0x2000, 0x2000, 0x1000)
    return (ident + rest + segment).ljust(0x400, b"\0")
