// Private keys at rest. A key file is no crime: severity info, for finding keys where none should be.

rule Credential_Private_Key_PEM : credential key {
    meta:
        description = "Private key in PEM form at the start of a file"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 30
    strings:
        $key = /-----BEGIN ((RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----\r?\n([\w-]{3,20}: [^\n]{1,80}\n){0,3}\r?\n?[A-Za-z0-9+\/]{40}/
    condition:
        filesize < 64KB and $key in (0..2048)
}

rule Credential_PuTTY_Private_Key : credential key {
    meta:
        description = "Private key file of PuTTY, not protected by a passphrase"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 40
    strings:
        $head = /PuTTY-User-Key-File-[23]: (ssh|ecdsa)-/
        $none = /\nEncryption: none\r?\n/
        $body = /\nPrivate-Lines: \d/
    condition:
        filesize < 64KB and $head at 0 and $none and $body
}

rule Credential_Kubernetes_Client_Key : credential key kubernetes {
    meta:
        description = "Kubernetes client configuration with an embedded private key"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 40
    strings:
        $kind = /\bkind:\s{1,4}["']?Config\b/
        // base64 of "-----BEGIN" in its only alignment at the start of a value
        $key = /client-key-data:\s{1,4}["']?LS0tLS1CRUdJTi[A-Za-z0-9+\/]{100}/
    condition:
        filesize < 1MB and all of them
}

rule Credential_KeePass_Database : credential keepass {
    meta:
        description = "KeePass password database, version 1 or 2"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 20
    condition:
        filesize > 64 and
        uint32(0) == 0x9AA2D903 and
        (uint32(4) == 0xB54BFB65 or uint32(4) == 0xB54BFB66 or uint32(4) == 0xB54BFB67)
}

rule Credential_Unix_Shadow_File : credential password {
    meta:
        description = "Shadow file, or a copy of one, with a usable hash for root"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "info"
        score = 40
    strings:
        $root = /root:\$(1|2[abxy]|5|6|7|y|gy)\$[\w.\/$=,]{20,160}:\d{1,6}:/
        $other = /\n(daemon|nobody|bin|sys|mail):[*!x]{1,2}:\d/
    condition:
        filesize < 1MB and $root in (0..4096) and $other
}
