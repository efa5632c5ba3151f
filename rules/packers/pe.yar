// Packers and protectors of Windows programs, told by section names, entry code and entropy.

import "math"
import "pe"

// Shared first test of this file: a DOS header whose e_lfanew leads to a PE signature.
private rule Packer_PE_Image {
    condition:
        uint16(0) == 0x5A4D and uint32(uint32(0x3C)) == 0x00004550
}

rule Packer_ASPack_PE : packer pe {
    meta:
        description = "Windows program packed with ASPack"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 35
    strings:
        // pushad; call +3; jmp ...; pop ebp; inc ebp; push ebp; ret
        $entry = { 60 E8 03 00 00 00 E9 EB 04 5D 45 55 C3 E8 01 00 00 00 EB 5D }
    condition:
        Packer_PE_Image and (
            $entry at pe.entry_point or
            (
                for any section in pe.sections : (section.name == ".aspack") and
                for any section in pe.sections : (section.name == ".adata")
            )
        )
}

rule Packer_MPRESS_PE : packer pe {
    meta:
        description = "Windows program packed with MPRESS"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 35
    condition:
        Packer_PE_Image and
        for any section in pe.sections : (section.name == ".MPRESS1") and
        for any section in pe.sections : (section.name == ".MPRESS2")
}

rule Packer_Themida_PE : packer protector pe {
    meta:
        description = "Windows program protected with Themida or WinLicense"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 45
    condition:
        Packer_PE_Image and
        for any section in pe.sections : (
            section.name iequals ".themida" or section.name iequals ".winlice"
        )
}

rule Packer_VMProtect_PE : packer protector pe {
    meta:
        description = "Windows program protected with VMProtect: numbered .vmp sections, one of them executable"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 45
    condition:
        Packer_PE_Image and
        for any section in pe.sections : (
            section.name matches /^\.vmp[0-9]$/ and
            (section.characteristics & pe.SECTION_MEM_EXECUTE) != 0
        )
}

rule Packer_Uncommon_Section_Name_PE : packer pe {
    meta:
        description = "Section named by an uncommon packer: Petite, NsPack, FSG, MEW, PECompact, RLPack, Enigma, yP"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    condition:
        Packer_PE_Image and
        for any name in (
            ".petite", ".nsp0", ".nsp1", "FSG!", "MEW", "PEC2", "pec1", "RLPack", ".RLPack", ".enigma1", ".yP"
        ) : (
            for any section in pe.sections : (section.name == name)
        )
}

rule Packer_High_Entropy_Code_PE : packer entropy pe {
    meta:
        description = "Executable section of near-random bytes in a program that imports next to nothing"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    condition:
        Packer_PE_Image and
        filesize < 20MB and
        pe.number_of_imports <= 2 and
        for any section in pe.sections : (
            (section.characteristics & pe.SECTION_MEM_EXECUTE) != 0 and
            section.raw_data_size >= 1024 and
            math.entropy(section.raw_data_offset, section.raw_data_size) >= 7.4
        )
}

rule Packer_Writable_Entry_Section_PE : packer pe {
    meta:
        description = "Entry point in a section that is both writable and executable: code that rewrites itself"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 35
    condition:
        Packer_PE_Image and
        not pe.is_dll() and
        pe.subsystem != pe.SUBSYSTEM_NATIVE and
        for any section in pe.sections : (
            pe.entry_point >= section.raw_data_offset and
            pe.entry_point < section.raw_data_offset + section.raw_data_size and
            (section.characteristics & pe.SECTION_MEM_EXECUTE) != 0 and
            (section.characteristics & pe.SECTION_MEM_WRITE) != 0
        )
}
