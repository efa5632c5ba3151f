// Office documents: macros, remote templates, embedded programs.

private rule Document_OOXML_Package {
    strings:
        $types = "[Content_Types].xml"
        $part1 = "word/document.xml"
        $part2 = "xl/workbook."
        $part3 = "ppt/presentation.xml"
    condition:
        uint32be(0) == 0x504B0304 and $types and any of ($part*)
}

rule Document_OOXML_Macro_Project : document office macro {
    meta:
        description = "Office document in the ZIP format that holds a macro project"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 30
    strings:
        $project = "/vbaProject.bin"
    condition:
        Document_OOXML_Package and $project
}

rule Document_OOXML_Macro_With_Objects : document office macro {
    meta:
        description = "Office document with macros and also ActiveX controls or embedded objects to trigger or carry them"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    strings:
        $control = /\/activeX\/activeX\d{1,3}\.bin/
        $object = /\/embeddings\/oleObject\d{1,3}\.bin/
    condition:
        Document_OOXML_Macro_Project and any of them
}

rule Document_OLE_Macro_Dropper : document office macro {
    meta:
        description = "Old-format Office document whose macros start by themselves and reach for a shell or the network"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $project = "_VBA_PROJECT" wide
        $auto = /\b(Auto_?(Open|Exec|Close)|Document_?(Open|Close|New)|Workbook_?(Open|Activate|BeforeClose))\b/ nocase
        $run1 = "WScript.Shell" ascii wide nocase
        $run2 = "powershell" ascii wide nocase
        $run3 = "ShellExecute" ascii wide nocase
        $run4 = "Win32_Process" ascii wide nocase
        $net1 = "URLDownloadToFile" ascii wide nocase
        $net2 = "XMLHTTP" ascii wide nocase
        $net3 = "WinHttpRequest" ascii wide nocase
        $mem1 = "VirtualAlloc" ascii wide
        $mem2 = "RtlMoveMemory" ascii wide
        $mem3 = "CreateThread" ascii wide
    condition:
        uint32be(0) == 0xD0CF11E0 and uint32be(4) == 0xA1B11AE1 and
        filesize < 20MB and
        $project and $auto and
        ((any of ($run*) and any of ($net*)) or $run2 or 2 of ($mem*))
}

rule Document_Remote_Template : document office {
    meta:
        description = "Relationship part of an Office document that loads its template from the network"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $xmlns = "http://schemas.openxmlformats.org/package/2006/relationships"
        $template = /<Relationship\s[^>]{0,200}relationships\/attachedTemplate["'][^>]{0,300}>/
        $address = /Target\s?=\s?["'](https?:|\\\\|file:\/\/\/?\\\\)/
        $external = /TargetMode\s?=\s?["']External["']/
    condition:
        filesize < 256KB and $xmlns and
        for any of ($template) : (
            $address in (@..@ + !) and $external in (@..@ + !)
        )
}

rule Document_RTF_Exploit_Object : document rtf exploit {
    meta:
        description = "RTF file with an embedded object that updates itself or is the Equation Editor"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $head = "{\\rt"
        $data = /\\\*?\\?objdata\b/ nocase
        $update = /\\objupdate\b/ nocase
        $link = /\\objautlink\b/ nocase
        // In hex digits: "Equation.3", its class id 0002CE02-0000-0000-C000-000000000046, and the OLE2 signature
        $equation1 = /45\s?71\s?75\s?61\s?74\s?69\s?6f\s?6e\s?2e\s?33/ nocase
        $equation2 = /02\s?ce\s?02\s?00\s?00\s?00\s?00\s?00\s?c0\s?00\s?00\s?00\s?00\s?00\s?00\s?46/ nocase
        $ole2 = /d0\s?cf\s?11\s?e0\s?a1\s?b1\s?1a\s?e1/ nocase
    condition:
        $head at 0 and filesize < 20MB and $data and
        (any of ($equation*) or ($update and any of ($ole2, $link)))
}

rule Document_OneNote_Embedded_Program : document onenote {
    meta:
        description = "OneNote section with an embedded program, script or HTML application"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        // FileDataStoreObject: 16-byte id, 8-byte length, 12 unused bytes, then the file itself
        $object = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC }
        $script1 = "<hta:application" nocase
        $script2 = "<script" nocase
        $script3 = "@echo off" nocase
        $script4 = "WScript.Shell" nocase
        $script5 = "powershell" nocase
    condition:
        uint32be(0) == 0xE4525C7B and uint32be(4) == 0x8CD8A74D and
        for any i in (1..64) : (
            i <= #object and (
                uint16(@object[i] + 36) == 0x5A4D or
                uint32(@object[i] + 36) == 0x0000004C or
                any of ($script*) in (@object[i] + 36..@object[i] + 8192)
            )
        )
}
