// Ransom notes: several independent marks in one short text, one of them a way to pay or to talk.
// One-letter classes keep this file from matching its own rules.

rule Ransomware_Note_Text : ransomware note {
    meta:
        description = "Short text that says files are encrypted, warns against touching them and names a hidden service or wallet"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $lock1 = /(files|documents|data|network|servers?|computers?|systems?)\s[^.\n]{0,60}(have been|has been|are|were|is)\s{1,4}(\w{1,12}\s{1,4}){0,3}(encrypted|locked|stolen)/ ascii wide nocase
        $lock2 = /encrypted\s{1,4}(with|by|using)\s{1,4}[^.\n]{0,40}(RSA|AES|military|strong)/ ascii wide nocase
        $warn1 = /(do not|don't|never)\s{1,4}(try to\s{1,4})?(rename|modify|delete|decrypt|move|edit|shut ?down|contact the police|use third[ -]party)/ ascii wide nocase
        $warn2 = /(permanent(ly)?|irreversib\w{2,3}|lose\s{1,4}(them|your (data|files))\s{1,4}forever|data loss|will be (published|leaked|sold))/ ascii wide nocase
        $offer1 = /(decrypt(ion|or)?\s{1,4}(tool|software|key|program|one|1|two|2|test)|(free|test)\s{1,4}decrypt(ion)?|restore your files|recover your files|private key)/ ascii wide nocase
        $offer2 = /(your|personal)\s{1,4}(personal\s{1,4})?(id|identifier|key|code|chat id)\s{0,4}[:=]/ ascii wide nocase
        $reach1 = /[a-z2-7]{16}([a-z2-7]{40})?\.onion\b/ ascii wide
        $reach2 = /\b([b]itcoins?|[b]tc|[m]onero|[x]mr)\b[^\n]{0,80}\b(wallet|address|pay|send|transfer)|\b(pay|send|transfer)\b[^\n]{0,60}\b([b]itcoins?|[b]tc|[m]onero|[x]mr)\b/ ascii wide nocase
        $reach3 = /(tox\s{0,4}(id|chat)?|session\s{1,4}id)\s{0,4}[:=]\s{0,4}[0-9a-f]{60}/ ascii wide nocase
    condition:
        filesize < 32KB and
        any of ($lock*) and any of ($warn*) and any of ($offer*) and any of ($reach*)
}

rule Ransomware_Note_Onion_Portal : ransomware note tor {
    meta:
        description = "Very short text that sends the reader through Tor Browser to a hidden service for decryption"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 70
    strings:
        $tor = /(download|install|use)\s[^\n]{0,40}Tor\s{0,2}Browser/ ascii wide nocase
        $onion = /https?:\/\/[a-z2-7]{16}([a-z2-7]{40})?\.onion\b/ ascii wide
        $locked = /\b(encrypted|decrypt(ion|or)?|ransom|stolen data|leaked)\b/ ascii wide nocase
        $urge = /\b(contact us|pay(ment)?|price|deadline|hours|days)\b/ ascii wide nocase
    condition:
        filesize < 16KB and all of them
}
