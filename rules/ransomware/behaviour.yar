// What ransomware does before and while it encrypts, in scripts and in programs.

import "pe"

rule Ransomware_Recovery_Sabotage : ransomware script {
    meta:
        description = "Two or more commands that destroy the means of recovery: shadow copies, catalogs, boot repair"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $vssadmin = /vssadmin(\.exe)?["']?\s{1,4}(delete\s{1,4}shadows\s[^\r\n\x00]{0,40}\/all|resize\s{1,4}shadowstorage\s)/ ascii wide nocase
        $wmic = /wmic(\.exe)?["']?\s{1,4}shadowcopy\s{1,4}delete/ ascii wide nocase
        $wbadmin = /wbadmin(\.exe)?["']?\s{1,4}delete\s{1,4}(catalog|systemstatebackup|backup)\b/ ascii wide nocase
        $bcdedit1 = /bcdedit(\.exe)?["']?\s{1,4}\/set\s[^\r\n\x00]{0,40}recoveryenabled\s{1,4}["']?no\b/ ascii wide nocase
        $bcdedit2 = /bcdedit(\.exe)?["']?\s{1,4}\/set\s[^\r\n\x00]{0,40}bootstatuspolicy\s{1,4}["']?ignoreallfailures/ ascii wide nocase
        $powershell = /Win32_Shadowcopy["']?[^\r\n\x00]{0,60}(Delete\(\)|Remove-(Wmi|Cim)(Object|Instance))/ ascii wide nocase
    condition:
        filesize < 20MB and 2 of them
}

rule Ransomware_PE_Encryptor_Imports : ransomware pe {
    meta:
        description = "Windows program that imports file search and encryption and names the commands that remove backups"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 70
    strings:
        $backup1 = /(vssadmin|wmic)(\.exe)?\s[^\x00]{0,24}(shadows|shadowcopy)/ ascii wide nocase
        $backup2 = /(wbadmin|bcdedit)(\.exe)?\s{1,4}[^\x00]{0,24}(delete|recoveryenabled|bootstatuspolicy)/ ascii wide nocase
    condition:
        uint16(0) == 0x5A4D and
        filesize < 20MB and
        (pe.imports("kernel32.dll", "FindFirstFileW") or pe.imports("kernel32.dll", "FindFirstFileExW")) and
        (
            pe.imports("advapi32.dll", "CryptEncrypt") or
            pe.imports("advapi32.dll", "CryptGenRandom") or
            pe.imports("bcrypt.dll", "BCryptEncrypt") or
            pe.imports("bcrypt.dll", "BCryptGenRandom")
        ) and
        any of them
}

rule Ransomware_ESXi_Locker_Commands : ransomware linux elf {
    meta:
        description = "Linux program that stops virtual machines of an ESXi host and looks for their disks"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $stop1 = /esxcli\s[^\n\x00]{0,40}vm\s{1,4}process\s{1,4}(kill|list)/
        $stop2 = /vim-cmd\s{1,4}vmsvc\/(power\.off|snapshot\.removeall|getallvms)/
        $disk1 = ".vmdk"
        $disk2 = ".vmsn"
        $disk3 = ".vswp"
        $disk4 = "/vmfs/volumes"
        $lock = /encrypt(ed|ing|or)?\b/ nocase
    condition:
        uint32be(0) == 0x7F454C46 and
        filesize < 20MB and
        any of ($stop*) and 2 of ($disk*) and #lock >= 2
}
