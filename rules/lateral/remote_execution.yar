// Moving from one Windows machine to the next.

rule Lateral_Impacket_Command : lateral impacket {
    meta:
        description = "Command line that Impacket's remote execution leaves in scripts and logs"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $wmi = /cmd(\.exe)? \/Q \/c [^\r\n]{1,300}1> ?\\\\127\.0\.0\.1\\(ADMIN\$|C\$)\\__\d{8,12}/ ascii wide nocase
        $service = /%COMSPEC% \/Q \/c echo [^\r\n]{1,300}\^> ?\\\\(127\.0\.0\.1|%COMPUTERNAME%)\\C\$\\__output/ ascii wide nocase
    condition:
        filesize < 50MB and any of them
}

rule Lateral_Remote_Execution_Script : lateral script {
    meta:
        description = "Script that uses three or more different ways to start programs on other Windows machines"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $wmic = /wmic(\.exe)?\s[^\r\n]{0,60}\/node:\s?\S{1,60}[^\r\n]{0,80}process\s{1,4}call\s{1,4}create/ nocase
        $psexec = /psexec(64)?(\.exe)?\s[^\r\n]{0,60}\\\\\S{1,60}\s[^\r\n]{0,60}-[sdh]\b/ nocase
        $service = /\bsc(\.exe)?\s{1,4}\\\\\S{1,60}\s{1,4}create\s[^\r\n]{0,120}binpath/ nocase
        $task = /schtasks(\.exe)?\s[^\r\n]{0,80}\/s\s{1,4}\S{1,60}\s[^\r\n]{0,80}\/create|schtasks(\.exe)?\s{1,4}\/create\s[^\r\n]{0,80}\/s\s/ nocase
        $share = /(copy|xcopy|robocopy|net(\.exe)?\s{1,4}use)\s[^\r\n]{0,160}\\\\\S{1,60}\\(admin|c|ipc)\$/ nocase
        $remoting = /(Invoke-Command|Enter-PSSession|New-PSSession)\s[^\r\n]{0,80}-ComputerName\b/ nocase
    condition:
        filesize < 1MB and 3 of them
}

rule Lateral_PsExec_Service_Program : lateral tool pe {
    meta:
        description = "Windows program that installs the PsExec service"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 35
    strings:
        $service = "PSEXESVC" ascii wide
        $vendor = "Sysinternals" ascii wide
        $pipe = /\\pipe\\(PSEXESVC|RemCom_|csexec|paexec)/ ascii wide nocase
        $share = "ADMIN$" ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 5MB and
        ($service and any of ($vendor, $share) or $pipe and $share)
}
