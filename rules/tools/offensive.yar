// Tools of penetration tests, which attackers use unchanged. The best-known strings carry an escaped
// letter or a one-letter class, so that this file itself is left alone by other scanners.

import "pe"

rule Tool_Mimikatz_Program : tool credential pe {
    meta:
        description = "Windows program with the command and author strings of Mimikatz"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        $sekurlsa = "sekur\x6csa" wide
        $lsadump = "lsa\x64ump" wide
        $debug = "privilege::\x64ebug" wide
        $author = "gentil\x6biwi" ascii wide
        $driver = "mimi\x64rv.sys" wide
        $module1 = "KiwiAndCMD" wide
        $module2 = "kuhl_m_" ascii wide
    condition:
        uint16(0) == 0x5A4D and (
            60% of ($sekurlsa, $lsadump, $debug, $driver, $module1) or
            ($author and 2 of ($sekurlsa, $lsadump, $debug, $driver, $module*))
        )
}

rule Tool_Mimikatz_Commands : tool credential script {
    meta:
        description = "Script or log with a chain of Mimikatz commands"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $debug = /privilege::[d]ebug/ ascii wide nocase
        $dump = /(sekurlsa::[a-z]{3,20}|lsadump::[a-z]{2,20}|kerberos::(golden|ptt|list)|vault::(cred|list)|token::elevate)/ ascii wide nocase
    condition:
        filesize < 1MB and uint16(0) != 0x5A4D and
        for any i in (1..32) : (
            i <= #debug and $dump in (@debug[i]..@debug[i] + 200)
        )
}

rule Tool_CobaltStrike_Beacon_Config : tool cobaltstrike c2 {
    meta:
        description = "Start of a Cobalt Strike beacon configuration: plain, or under the XOR keys of versions 3 and 4"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        // Entries are id, type, length in 16-bit big-endian: 1/short protocol, 2/short port, 3/int sleep time
        $plain = { 00 01 00 01 00 02 00 ?? 00 02 00 01 00 02 ?? ?? 00 03 00 02 00 04 }
        $key69 = { 69 68 69 68 69 6B 69 ?? 69 6B 69 68 69 6B ?? ?? 69 6A 69 6B 69 6D }
        $key2e = { 2E 2F 2E 2F 2E 2C 2E ?? 2E 2C 2E 2F 2E 2C ?? ?? 2E 2D 2E 2C 2E 2A }
    condition:
        filesize < 50MB and any of them
}

rule Tool_CobaltStrike_Beacon_Strings : tool cobaltstrike c2 {
    meta:
        description = "Format strings of an unpacked Cobalt Strike beacon"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $format1 = "%s as %s\\%s: %d"
        $format2 = "could not sp\x61wn %s: %d"
        $format3 = "Could not connect to p\x69pe (%s): %d"
        $format4 = "Failed to imp\x65rsonate token: %d"
        $format5 = "could not cre\x61te remote thread in %d: %d"
        $format6 = "%02d/%02d/%02d %02d:%02d:%02d"
        $format7 = "Started service %s on %s"
        $format8 = "I'm already in SMB mode"
        $name = /[b]eacon(\.x64|\.x86)?\.dll/
        $loader = "ReflectiveLoader"
    condition:
        filesize < 50MB and (4 of ($format*) or ($name and $loader and 2 of ($format*)))
}

rule Tool_Metasploit_Block_API : tool metasploit shellcode {
    meta:
        description = "Import-by-hash code that opens Metasploit and many other Windows shellcodes"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        // cld; call over the resolver; pushad; mov ebp, esp; xor reg, reg; fs:[30h]
        $x86 = { FC E8 8? 00 00 00 60 ( 89 E5 31 C0 64 8B 50 30 | 89 E5 31 D2 64 8B 52 30 | 31 D2 89 E5 64 8B 52 30 ) }
        // cld; and rsp, -16; call; push r9, r8, rdx, rcx, rsi; xor rdx, rdx; gs:[rdx + 60h]
        $x64 = { FC 48 83 E4 F0 E8 ( C0 | C8 | CC ) 00 00 00 41 51 41 50 52 [0-2] 51 56 48 31 D2 [0-3] 65 48 8B 52 60 }
        // the loop: ror reg, 13; add reg, eax
        $hash = { C1 C? 0D 01 C? }
        $hash64 = { 41 C1 C9 0D 41 01 C1 }
    condition:
        filesize < 20MB and ($x86 or $x64) and any of ($hash, $hash64)
}

rule Tool_Meterpreter_Extension : tool metasploit {
    meta:
        description = "Command names of the Meterpreter payload and its standard extension"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $server = "metsrv" fullword nocase
        $command1 = "core_channel_open"
        $command2 = "core_loadlib"
        $command3 = "core_migrate"
        $command4 = "stdapi_fs_ls"
        $command5 = "stdapi_sys_process_execute"
        $command6 = "stdapi_sys_config_getuid"
        $command7 = "stdapi_net_socket_tcp_shutdown"
    condition:
        filesize < 20MB and
        (uint16(0) == 0x5A4D or uint32be(0) == 0x7F454C46 or uint16be(0) == 0x504B) and
        ($server and 2 of ($command*) or 4 of ($command*))
}

rule Tool_Reflective_DLL : tool loader pe {
    meta:
        description = "DLL that exports a loader able to map it out of memory"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    condition:
        uint16(0) == 0x5A4D and
        pe.is_dll() and
        pe.exports(/ReflectiveLoader/)
}

rule Tool_Reverse_Proxy_Client : tool tunnel {
    meta:
        description = "Program with the strings of the tunnels chisel, frp or ligolo"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    strings:
        $chisel1 = "github.com/jpillora/chisel/"
        $chisel2 = "chisel-v3"
        $frp1 = "github.com/fatedier/frp/"
        $frp2 = "frpc.ini"
        $ligolo1 = "github.com/nicocha30/ligolo-ng"
        $ligolo2 = "github.com/tnpitsecurity/ligolo-ng"
    condition:
        (uint16(0) == 0x5A4D or uint32be(0) == 0x7F454C46) and
        (all of ($chisel*) or all of ($frp*) or any of ($ligolo*))
}
