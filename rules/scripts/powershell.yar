// PowerShell as attackers write it. Plain one-line installers are common and honest, so a download alone is
// never enough: each rule asks for something that hides.

rule Script_PowerShell_Encoded_Command : script powershell obfuscated {
    meta:
        description = "PowerShell started with a long base64 command"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $command = /powershell(\.exe)?["']?\s[^\r\n]{0,160}-e(c|nc|ncodedcommand)?\s{1,4}["']?[A-Za-z0-9+\/]{64}/ ascii wide nocase
    condition:
        filesize < 5MB and $command
}

rule Script_PowerShell_Hidden_Download : script powershell downloader {
    meta:
        description = "PowerShell with a hidden window that downloads and runs code"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $hidden = /powershell(\.exe)?["']?\s[^\r\n]{0,120}-w(in|indowstyle)?\s{1,4}["']?(hidden|1)\b[^\r\n]{0,200}(downloadstring|downloadfile|downloaddata|invoke-webrequest|invoke-restmethod|\biwr\b|\birm\b|start-bitstransfer)/ ascii wide nocase
    condition:
        filesize < 5MB and $hidden
}

rule Script_PowerShell_Encoded_Download_Words : script powershell obfuscated downloader {
    meta:
        description = "Base64 text that decodes to the UTF-16 words of a PowerShell download cradle"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 70
    strings:
        $client = "Net.WebClient" wide base64
        $string = "DownloadString(" wide base64
        $file = "DownloadFile(" wide base64
        $data = "DownloadData(" wide base64
        $decode = "FromBase64String(" wide base64
        $invoke = "Invoke-Expression" wide base64
        $stream = "IO.MemoryStream" wide base64
    condition:
        filesize < 10MB and 2 of them
}

rule Script_PowerShell_Reflective_Load : script powershell loader {
    meta:
        description = "PowerShell that loads a .NET assembly from encoded bytes and calls into it"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $load = /\[(System\.)?Reflection\.Assembly\]::Load\s{0,4}\(\s{0,4}(\$|\[|\()/ ascii wide nocase
        $decode = /FromBase64String\s{0,4}\(|GzipStream|DeflateStream/ ascii wide nocase
        $call = /\.EntryPoint\.Invoke\s{0,4}\(|\.GetMethod\s{0,4}\(\s{0,4}["'][^"']{1,60}["'][^)]{0,80}\)\.Invoke\s{0,4}\(/ ascii wide nocase
    condition:
        filesize < 20MB and uint16(0) != 0x5A4D and all of them
}

rule Script_PowerShell_AMSI_Bypass : script powershell evasion {
    meta:
        description = "Script that switches off the Antimalware Scan Interface by reflection or by patching"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $field = /[a]msi(InitFailed|Context|Session)["'\)+,\s]/ ascii wide nocase
        $class = /System\.Management\.Automation\.[A]msiUtils\b/ ascii wide nocase
        $set = /\.SetValue\s{0,4}\(\s{0,4}\$null\s{0,4},/ ascii wide nocase
        $scan = /["'][A]msi(ScanBuffer|OpenSession)["']/ ascii wide nocase
        $protect = "VirtualProtect" ascii wide
        $copy = /Marshal\]::Copy\s{0,4}\(|WriteByte\s{0,4}\(/ ascii wide nocase
    condition:
        filesize < 5MB and
        uint16(0) != 0x5A4D and
        (all of ($field, $class, $set) or all of ($scan, $protect, $copy))
}

rule Script_PowerShell_Character_Building : script powershell obfuscated {
    meta:
        description = "PowerShell that builds its text out of dozens of single characters and evaluates it"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $char = /\[char\]\s{0,2}\(?\s{0,2}(0x[0-9a-f]{2}|\d{2,3})/ nocase
        $run = /\biex\b|invoke-expression|\$(pshome|verbosepreference|env:comspec)\s{0,2}\[/ nocase
    condition:
        filesize < 2MB and #char > 30 and $run
}

rule Script_PowerShell_Defender_Off : script powershell evasion {
    meta:
        description = "Script that turns Microsoft Defender off or excludes whole drives from it"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $realtime = /(Set|Add)-MpPreference\s[^\r\n]{0,160}-Disable(RealtimeMonitoring|BehaviorMonitoring|IOAVProtection|ScriptScanning)\s{1,4}["']?(\$true|1)\b/ ascii wide nocase
        $exclude = /Add-MpPreference\s{1,4}-ExclusionPath\s{1,4}["']?([a-z]:\\?["'\s;]|\$env:(systemdrive|appdata|temp|programdata)["'\s;])/ ascii wide nocase
        $policy = /reg(\.exe)?\s{1,4}add\s[^\r\n]{0,120}Windows Defender[^\r\n]{0,60}\/v\s{1,4}["']?Disable(AntiSpyware|AntiVirus|RealtimeMonitoring)["']?\s[^\r\n]{0,60}\/d\s{1,4}["']?(0x)?1\b/ ascii wide nocase
    condition:
        filesize < 5MB and any of them
}
