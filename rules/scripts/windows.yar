// VBScript, JScript, HTA, batch and HTML files as first stages on Windows.

rule Script_VBS_Download_And_Run : script vbs downloader {
    meta:
        description = "VBScript that downloads into a stream, saves it to disk and starts it"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $http = /CreateObject\s{0,4}\(\s{0,4}"(MSXML2\.(Server)?XMLHTTP|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest)[.\d]{0,4}"/ ascii wide nocase
        $stream = /CreateObject\s{0,4}\(\s{0,4}"ADODB\.Stream"/ ascii wide nocase
        $save = /\.SaveToFile\b/ ascii wide nocase
        $run = /CreateObject\s{0,4}\(\s{0,4}"(WScript\.Shell|Shell\.Application)"/ ascii wide nocase
        $start = /\.(Run|Exec|ShellExecute)\s{0,4}\(?\s{0,4}["\w]/ ascii wide nocase
    condition:
        filesize < 1MB and all of them
}

rule Script_JS_Windows_Dropper : script javascript downloader {
    meta:
        description = "JScript for the Windows script host that writes a downloaded file and starts it"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $shell = /(ActiveXObject|WScript\.CreateObject)\s{0,4}\(\s{0,4}["'](WScript\.Shell|Shell\.Application)["']/ ascii wide nocase
        $http = /(ActiveXObject|WScript\.CreateObject)\s{0,4}\(\s{0,4}["'](MSXML2\.(Server)?XMLHTTP|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest)[.\d]{0,4}["']/ ascii wide nocase
        $stream = /(ActiveXObject|WScript\.CreateObject)\s{0,4}\(\s{0,4}["']ADODB\.Stream["']/ ascii wide nocase
        $save = /\.SaveToFile\s{0,4}\(/ ascii wide nocase
    condition:
        filesize < 2MB and all of them
}

rule Script_JS_Obfuscated_Host_Script : script javascript obfuscated {
    meta:
        description = "Machine-obfuscated JavaScript that reaches for ActiveX or a child process"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $name = /\b_0x[0-9a-f]{4,6}\b/
        $reach = /ActiveXObject|WScript\s{0,2}[.\[]|\bchild_process\b/
    condition:
        filesize < 5MB and #name > 40 and $reach
}

rule Script_HTA_Shell : script hta {
    meta:
        description = "HTML application that starts a script interpreter"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $hta = "<hta:application" nocase
        $script = /<script[^>]{0,80}>/ nocase
        $shell = /(CreateObject|ActiveXObject)\s{0,4}\(\s{0,4}["']WScript\.Shell["']/ nocase
        $program = /\b(powershell|mshta|cmd|regsvr32|rundll32|certutil|bitsadmin)(\.exe)?\s{1,4}["'\/\-\w]/ nocase
    condition:
        filesize < 1MB and all of them
}

rule Script_Windows_System_Tool_Download : script downloader lolbin {
    meta:
        description = "System program of Windows used to fetch or run code from the network"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $certutil = /certutil(\.exe)?["']?\s[^\r\n]{0,60}[-\/]urlcache\s[^\r\n]{0,60}[-\/]f\s{1,4}["']?https?:\/\/[\w.%-]{4,}/ ascii wide nocase
        $bitsadmin = /bitsadmin(\.exe)?["']?\s[^\r\n]{0,60}\/transfer\s[^\r\n]{0,100}https?:\/\/[^\s"']{6,200}["']?\s{1,4}["']?(%|[a-z]:\\)/ ascii wide nocase
        $mshta = /mshta(\.exe)?["']?\s{1,4}["']?(https?:\/\/\d{1,3}\.\d{1,3}\.|(vb|java)script:[^\r\n]{0,60}(createobject|getobject|activexobject))/ ascii wide nocase
        $regsvr32 = /regsvr32(\.exe)?["']?\s[^\r\n]{0,60}\/i:["']?https?:\/\/[^\r\n]{4,200}scrobj/ ascii wide nocase
        $rundll32 = /rundll32(\.exe)?["']?\s{1,4}javascript:["']?\\?\.\.[^\r\n]{0,20}mshtml/ ascii wide nocase
    condition:
        filesize < 5MB and any of them
}

rule Script_HTML_Smuggling : script html smuggling {
    meta:
        description = "Web page that builds a program, archive or disk image out of base64 and saves it unasked"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 70
    strings:
        $html = /<(html|script|body)\b/ nocase private
        $decode = /\batob\s{0,4}\(/
        $blob = /new\s{1,4}Blob\s{0,4}\(/
        $save1 = /\.createObjectURL\s{0,4}\(/
        $save2 = /msSaveOrOpenBlob\s{0,4}\(/
        $click = /\.click\s{0,4}\(\s{0,4}\)/
        // Starts of a PE file (TVqQ, TVpQ), a ZIP archive (UEsDB) and a RAR archive (UmFyIR) in base64
        $payload = /["'`](TVqQ|TVpQ|UEsDB|UmFyIR)[A-Za-z0-9+\/]{120}/
    condition:
        filesize < 20MB and $html and $decode and $blob and any of ($save*) and $click and $payload
}
