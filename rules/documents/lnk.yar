// Windows shortcuts.

private rule Document_LNK_File {
    strings:
        // Header size 0x4C, then the class id of shell links
        $head = { 4C 00 00 00 01 14 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
    condition:
        $head at 0
}

rule Document_LNK_Script_Command : document lnk {
    meta:
        description = "Windows shortcut that starts an interpreter with hidden, encoded or remote code"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $program1 = "powershell" ascii wide nocase
        $program2 = "mshta" ascii wide nocase
        $program3 = "cmd.exe" ascii wide nocase
        $program4 = "wscript" ascii wide nocase
        $program5 = "rundll32" ascii wide nocase
        $argument1 = /-w(in|indowstyle)?\s{1,4}(hidden|1)\b/ ascii wide nocase
        $argument2 = /-e(c|nc|ncodedcommand)?\s{1,4}[A-Za-z0-9+\/]{32}/ ascii wide nocase
        $argument3 = /https?:\/\/[\w.-]{4}/ ascii wide nocase
        $argument4 = /\\\\[\w.-]{3,60}@(ssl@)?\d{2,5}\\/ ascii wide nocase
        $argument5 = /\/v:on[^\x00]{0,12}\/[cr]\b/ ascii wide nocase
    condition:
        Document_LNK_File and filesize < 10MB and any of ($program*) and any of ($argument*)
}

rule Document_LNK_Oversized : document lnk {
    meta:
        description = "Windows shortcut far larger than a shortcut needs to be: room for a payload"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    condition:
        Document_LNK_File and filesize > 200KB
}
