// Keys and tokens of cloud services in files. The sample values of the vendors' own manuals are left out.

rule Credential_AWS_Secret_Key : credential cloud aws {
    meta:
        description = "AWS access key together with its secret"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    strings:
        $id = /\b(AKIA|ASIA)[A-Z2-7]{16}\b/
        $secret = /aws_?secret_?(access_?)?key["']?\s{0,4}[=:]\s{0,4}["']?[A-Za-z0-9\/+]{40}\b/ nocase
        $sample = "EXAMPLE"
    condition:
        filesize < 1MB and $id and
        for any i in (1..64) : (
            i <= #secret and not $sample in (@secret[i]..@secret[i] + !secret[i])
        )
}

rule Credential_GCP_Service_Account : credential cloud gcp {
    meta:
        description = "Key file of a Google Cloud service account"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    strings:
        $type = /"type"\s{0,4}:\s{0,4}"service_account"/
        $key = /"private_key"\s{0,4}:\s{0,4}"-----BEGIN (RSA )?PRIVATE KEY-----\\n[A-Za-z0-9+\/]{40}/
        $mail = /"client_email"\s{0,4}:\s{0,4}"[\w.@-]{3,120}\.gserviceaccount\.com"/
    condition:
        filesize < 64KB and all of them
}

rule Credential_Azure_Storage_Key : credential cloud azure {
    meta:
        description = "Connection string of an Azure storage account with its key"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 50
    strings:
        $connection = /AccountName=[a-z0-9]{3,24};AccountKey=[A-Za-z0-9+\/]{86}==/ ascii wide
        // The account of the storage emulator: a published key
        $emulator = /AccountName=devstoreaccount1;AccountKey=/ ascii wide
    condition:
        filesize < 5MB and #connection > #emulator
}

rule Credential_Service_Token : credential token {
    meta:
        description = "Access token of GitHub, GitLab, Slack, npm, PyPI, Stripe or SendGrid, told by prefix and length"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 45
    strings:
        $ = /\bgh[pousr]_[A-Za-z0-9]{36}\b/
        $ = /\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b/
        $ = /\bglpat-[\w-]{20}\b/
        $ = /\bxox[baprs]-\d{10,13}-\d{10,13}-[\w-]{20,40}\b/
        $ = /\bnpm_[A-Za-z0-9]{36}\b/
        $ = /\bpypi-AgEIcHlwaS5vcmc[\w-]{50}/
        $ = /\bsk_live_[A-Za-z0-9]{24,99}\b/
        $ = /\bSG\.[\w-]{22}\.[\w-]{43}\b/
    condition:
        filesize < 1MB and any of them
}

rule Credential_Browser_Stealer_Script : credential stealer script {
    meta:
        description = "Script that opens the password stores of browsers, decrypts them and sends them off"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $store1 = /["'\\\/]Login Data["']/
        $store2 = /["'\\\/]Local State["']/
        $store3 = /["'\\\/]Web Data["']/
        $store4 = /["'\\\/](key4\.db|logins\.json)["']/
        $decrypt1 = "CryptUnprotectData"
        $decrypt2 = "encrypted_key"
        $decrypt3 = /AES\.new\s{0,4}\(|password_value/
        $send1 = /https:\/\/(discord|discordapp|ptb\.discord)\.com\/api\/webhooks\/\d{6}/
        $send2 = /https:\/\/api\.telegram\.org\/bot["'\d{+]/
        $send3 = /\b(smtplib\.SMTP|ftplib\.FTP)\s{0,4}\(/
    condition:
        filesize < 5MB and uint16(0) != 0x5A4D and uint32be(0) != 0x7F454C46 and
        2 of ($store*) and 2 of ($decrypt*) and any of ($send*)
}
