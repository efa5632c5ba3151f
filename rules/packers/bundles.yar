// Script interpreters bundled with their script into one program. Common in honest software and in
// malware alike: information for whoever looks further.

rule Packer_PyInstaller_Bundle : packer python {
    meta:
        description = "Program made by PyInstaller: archive cookie and names of its bootloader"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 20
    strings:
        $cookie = { 4D 45 49 0C 0B 0A 0B 0E }
        $boot1 = "_MEIPASS"
        $boot2 = "pyi-runtime-tmpdir"
        $boot3 = "PYZ-00.pyz"
        $boot4 = "pyiboot01_bootstrap"
    condition:
        (uint16(0) == 0x5A4D or uint32be(0) == 0x7F454C46) and
        $cookie and
        2 of ($boot*)
}

rule Packer_AutoIt_Compiled_Script : packer autoit pe {
    meta:
        description = "Windows program that carries a compiled AutoIt script"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 30
    strings:
        // 16-byte script mark, then the version tag AU3!EA05 or AU3!EA06
        $script = {
            A3 48 4B BE 98 6C 4A A9 99 4C 53 0A 86 D6 48 7D
            41 55 33 21 45 41 30 ( 35 | 36 )
        }
    condition:
        uint16(0) == 0x5A4D and $script
}

rule Packer_Nuitka_Onefile : packer python {
    meta:
        description = "Program made by Nuitka in one-file mode: compressed payload"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 20
    strings:
        $name1 = "NUITKA_ONEFILE_PARENT" ascii wide
        $name2 = "NUITKA_ONEFILE_DIRECTORY" ascii wide
        $name3 = "NUITKA_ONEFILE_BINARY" ascii wide
        // The payload starts with KA, then Y for compressed data, and a Zstandard frame follows
        $payload = { 4B 41 59 28 B5 2F FD }
    condition:
        (uint16(0) == 0x5A4D or uint32be(0) == 0x7F454C46) and
        any of ($name*) and
        $payload
}
