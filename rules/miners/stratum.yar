// Miners of crypto-currency: configuration, command lines, programs, pages and the scripts that spread them.
// Mining is legal; on a machine that is not meant to mine, all of this is worth a look.

rule Miner_XMRig_Configuration : miner config {
    meta:
        description = "JSON configuration of XMRig or one of its descendants"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 55
    strings:
        $pools = /"pools"\s{0,4}:\s{0,4}\[/
        $url = /"url"\s{0,4}:\s{0,4}"[\w.:\/+-]{4,120}:\d{2,5}"/
        $user = /"user"\s{0,4}:\s{0,4}"/
        $key1 = /"donate-level"\s{0,4}:/
        $key2 = /"rig-id"\s{0,4}:/
        $key3 = /"randomx"\s{0,4}:\s{0,4}\{/
        $key4 = /"nicehash"\s{0,4}:/
        $key5 = /"algo"\s{0,4}:\s{0,4}"(rx\/|cn\/|cn-|argon2\/|kawpow|ghostrider|randomx)/
        $key6 = /"huge-pages"\s{0,4}:/
    condition:
        filesize < 256KB and all of ($pools, $url, $user) and 2 of ($key*)
}

rule Miner_Stratum_Wallet_Command : miner script {
    meta:
        description = "Command line or script that mines to a Monero wallet at a named pool"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $pool = /(-o|--url|"url"\s{0,4}:)\s{0,4}=?\s{0,4}["']?(stratum\+(tcp|ssl):\/\/)?[\w.-]{4,80}:\d{2,5}/
        // A Monero address: 95 characters of base58, the first a 4 or an 8
        $wallet = /(-u|--user|"user"\s{0,4}:)\s{0,4}=?\s{0,4}["']?[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b/
    condition:
        filesize < 1MB and all of them
}

rule Miner_Program : miner elf pe {
    meta:
        description = "Program with the option names, protocol words and algorithm names of a pool miner"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $protocol1 = "stratum+tcp://"
        $protocol2 = "stratum+ssl://"
        $protocol3 = "mining.subscribe"
        $protocol4 = "mining.authorize"
        $option1 = "donate-level"
        $option2 = "randomx-mode"
        $option3 = "cpu-max-threads-hint"
        $option4 = "nicehash"
        $option5 = "rig-id"
        $algorithm1 = "cn-heavy/xhv" nocase
        $algorithm2 = "rx/wow" nocase
        $algorithm3 = "argon2/chukwa" nocase
        $algorithm4 = "cryptonight" nocase
        $algorithm5 = "randomx" nocase
    condition:
        (uint16(0) == 0x5A4D or uint32be(0) == 0x7F454C46) and
        filesize < 50MB and
        any of ($protocol*) and 2 of ($option*) and 2 of ($algorithm*)
}

rule Miner_Browser_Script : miner javascript {
    meta:
        description = "Page or script that mines in the visitor's browser"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $start = /new\s{1,4}(CoinHive|CoinImp|Client|CryptoLoot|deepMiner|JSECoin)\.(Anonymous|User|Token)\s{0,4}\(\s{0,4}['"][\w-]{16,80}['"]/ nocase
        $library = /<script[^>]{1,200}src\s?=\s?["'][^"']{0,160}\/(coinhive|cryptoloot|deepminer|webminepool|coinimp)(\.min)?\.js/ nocase
        $core1 = "cryptonight" nocase
        $core2 = "WebAssembly"
        $core3 = /\bjob_id\b/
        $core4 = /\bnew\s{1,4}WebSocket\s{0,4}\(\s{0,4}["']wss?:/
    condition:
        filesize < 5MB and uint32be(0) != 0x7F454C46 and uint16(0) != 0x5A4D and
        ($start or $library or all of ($core*))
}

rule Miner_Rival_Killer_Script : miner script shell {
    meta:
        description = "Shell script that kills the miners of others before it starts its own"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $kill = /\b(pkill|killall|kill)\s{1,4}(-9\s{1,4}|-f\s{1,4}|-KILL\s{1,4}){0,2}["']?\$?[\w.\/(-]{2,40}/
        $rival1 = /\bxmrig\b|\bxmr-stak\b/
        $rival2 = /\bkinsing\b|\bkdevtmpfsi\b/
        $rival3 = /\bminerd\b|\bcpuminer\b|\bcnrig\b/
        $rival4 = /\bkthreaddi\b|\bsysrv\d{0,3}\b|\bwatchbog\b/
        $rival5 = /\b(xmr|monero|minexmr|supportxmr|nanopool|moneroocean)[\w.-]{0,20}\.(com|org|stream|net)\b|:(3333|5555|7777|14444)\b/
        $rival6 = /\bkworkerds\b|\bddgs?\b|\bqW3xT\b|\bsustes\b/
    condition:
        filesize < 512KB and #kill >= 4 and 3 of ($rival*)
}
