// Bots for routers, cameras and servers.

import "math"

rule Linux_Mirai_Like_Bot : botnet linux elf mirai {
    meta:
        description = "ELF program whose strings, plain or under a one-byte XOR key, are those of Mirai and its heirs"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $watchdog = "/dev/watchdog" xor
        $misc = "/dev/misc/watchdog" xor
        $tcp = "/proc/net/tcp" xor
        $engine = "TSource Engine Query" xor
        $applet = "applet not found" xor
        $shell = "enable\x00system\x00shell" xor
        $busybox = "/bin/busybox " xor(0x01-0xff)
    condition:
        uint32be(0) == 0x7F454C46 and filesize < 2MB and 3 of them
}

rule Linux_Headless_High_Entropy_ELF : packer linux elf entropy {
    meta:
        description = "Static ELF program without any section table whose bytes look random: packed or encrypted"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 45
    condition:
        uint32be(0) == 0x7F454C46 and
        filesize > 1024 and filesize < 20MB and
        (
            (uint8(4) == 1 and uint32(32) == 0 and uint16(48) == 0) or
            (uint8(4) == 2 and uint32(40) == 0 and uint16(60) == 0)
        ) and
        math.entropy(0, filesize) > 7.2
}
