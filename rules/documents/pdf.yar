// PDF files that act on being opened.

private rule Document_PDF_File {
    strings:
        $head = "%PDF-"
    condition:
        $head in (0..1023)
}

rule Document_PDF_Launch_Program : document pdf {
    meta:
        description = "PDF with a launch action that names a command interpreter or program"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $launch = /\/S\s{0,4}\/Launch\b[^\x00]{0,240}(cmd|powershell|mshta|wscript|cscript|rundll32)(\.exe)?\b/ nocase
        $file = /\/F\s{0,4}(<<[^>]{0,80})?\(/
    condition:
        Document_PDF_File and filesize < 50MB and all of them
}

rule Document_PDF_Obfuscated_JavaScript : document pdf javascript {
    meta:
        description = "PDF that runs JavaScript on opening, and that script decodes and evaluates text or sprays memory"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $open = /\/(OpenAction|AA)\b/
        $script = /\/(JavaScript|JS)\b/
        $decode1 = /\bunescape\s{0,4}\(/
        $decode2 = /String\.fromCharCode\s{0,4}\(/
        $decode3 = /%u9090%u9090|%u0c0c%u0c0c/ nocase
        $run = /\beval\s{0,4}\(|\bapp\.(launchURL|setTimeOut)\s{0,4}\(|\bmedia\.newPlayer\b|Collab\.(getIcon|collectEmailInfo)\s{0,4}\(/
    condition:
        Document_PDF_File and filesize < 50MB and
        $open and $script and any of ($decode*) and $run
}
