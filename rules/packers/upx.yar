// UPX, plain and tampered with. UPX itself is an honest tool, so plain use is information only.

import "pe"

rule Packer_UPX_PE : packer upx pe {
    meta:
        description = "Windows program packed with UPX"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 20
    strings:
        $mark = "UPX!"
    condition:
        uint16(0) == 0x5A4D and
        $mark in (0..4096) and
        for 2 section in pe.sections : (
            section.name == "UPX0" or section.name == "UPX1" or section.name == "UPX2"
        )
}

rule Packer_UPX_ELF : packer upx elf {
    meta:
        description = "Linux program packed with UPX: its mark after the headers and again in the trailer"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 25
    strings:
        $mark = "UPX!"
    condition:
        uint32be(0) == 0x7F454C46 and
        filesize > 256 and
        $mark in (0..1024) and
        $mark in (filesize - 64..filesize)
}

rule Packer_UPX_Tampered_PE : packer upx pe evasion {
    meta:
        description = "UPX unpacking code at the entry point, but the marks that let UPX unpack it are gone"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        // pushad; mov esi, packed; lea edi, [esi + distance]; push edi
        $stub32 = { 60 BE ?? ?? ?? 00 8D BE ?? ?? ?? FF 57 }
        // push rbx, rsi, rdi, rbp; lea rsi, packed; lea rdi, [rsi + distance]
        $stub64 = { 53 56 57 55 48 8D 35 ?? ?? ?? FF 48 8D BE ?? ?? ?? FF }
        $mark = "UPX!"
    condition:
        uint16(0) == 0x5A4D and
        not $mark and
        any of ($stub*) at pe.entry_point
}
