// Windows programs that are built or stored oddly.

import "pe"

rule Windows_Remote_Thread_Injection : injection pe {
    meta:
        description = "Small program that imports what it takes to write code into another process and run it there"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    condition:
        uint16(0) == 0x5A4D and
        filesize < 1MB and
        pe.data_directories[pe.IMAGE_DIRECTORY_ENTRY_SECURITY].size == 0 and
        pe.imports("kernel32.dll", "OpenProcess") and
        pe.imports("kernel32.dll", "VirtualAllocEx") and
        pe.imports("kernel32.dll", "WriteProcessMemory") and
        pe.imports("kernel32.dll", "CreateRemoteThread")
}

rule Windows_Process_Hollowing : injection pe {
    meta:
        description = "Program that imports what it takes to replace the image of a process it started suspended"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 55
    strings:
        $unmap1 = "NtUnmapViewOfSection" fullword
        $unmap2 = "ZwUnmapViewOfSection" fullword
    condition:
        uint16(0) == 0x5A4D and
        filesize < 5MB and
        pe.data_directories[pe.IMAGE_DIRECTORY_ENTRY_SECURITY].size == 0 and
        any of them and
        for 3 function in ("WriteProcessMemory", "SetThreadContext", "Wow64SetThreadContext", "ResumeThread", "VirtualAllocEx") : (
            pe.imports("kernel32.dll", function)
        )
}

rule Windows_Program_In_Base64 : encoded pe {
    meta:
        description = "Windows program in base64: its header at the start of the text, its DOS message further on"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        // base64 of a DOS header; the letters depend on the bytes that follow MZ
        $header = /TV(qQ|pQ|oA|pB|qA|ro|o8)[A-Za-z0-9+\/]{40}/ ascii wide
        $message1 = "This program cannot be run in DOS mode" base64 base64wide
        $message2 = "This program must be run under Win32" base64 base64wide
    condition:
        filesize < 50MB and uint16(0) != 0x5A4D and
        any of ($message*) and
        for any i in (1..32) : (
            i <= #header and any of ($message*) in (@header[i]..@header[i] + 800)
        )
}

rule Windows_Program_Under_Xor : encoded pe {
    meta:
        description = "DOS message of a Windows program hidden by a one-byte XOR key"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $message = "This program cannot be run in DOS mode" xor(0x01-0xff)
    condition:
        filesize < 50MB and $message
}

rule Windows_Program_Reversed : encoded pe {
    meta:
        description = "Windows program stored back to front: its last two bytes are ZM and its DOS message reads backwards"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $message = "edom SOD ni nur eb tonnac margorp sihT"
    condition:
        filesize > 128 and filesize < 50MB and
        uint16be(filesize - 2) == 0x5A4D and
        $message in (filesize - 512..filesize)
}

rule Windows_Dynamic_Code_Only : anomaly pe {
    meta:
        description = "Program that imports two functions or fewer, among them those that find all others at run time"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 45
    condition:
        uint16(0) == 0x5A4D and
        filesize < 5MB and
        pe.number_of_imports == 1 and
        pe.imports("kernel32.dll", "GetProcAddress") and
        (pe.imports("kernel32.dll", "LoadLibraryA") or pe.imports("kernel32.dll", "LoadLibraryW")) and
        pe.imports(/./, /./) <= 2
}
