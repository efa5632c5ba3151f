// Shell, Python, Perl and PHP one-liners on Unix: reverse shells, droppers, persistence.

rule Script_Bash_Dev_TCP_Shell : script shell reverse_shell {
    meta:
        description = "Interactive shell tied to a network connection through /dev/tcp"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $interactive = /\b(ba|z|da|k)?sh\s{1,4}-i\s{0,4}(>&|&>|[012]?>|<)\s{0,4}\/dev\/(tcp|udp)\/[\w.$\{\}-]{1,64}\/[\d$]/
        $descriptor = /exec\s{1,4}\d{1,3}<>\s{0,2}\/dev\/tcp\/[\w.$\{\}-]{1,64}\/[\d$][^\n]{0,80}[;\n][^\n]{0,40}(cat|while\s{1,4}read|(ba)?sh)\b[^\n]{0,80}(<&\s{0,2}\d|>&\s{0,2}\d)/
    condition:
        filesize < 5MB and any of them
}

rule Script_Netcat_Shell : script shell reverse_shell {
    meta:
        description = "Netcat, or a named pipe to it, serving a shell to an address"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 75
    strings:
        $exec = /\b(nc|ncat|netcat)(\.traditional)?\s{1,4}(-[a-z]{1,5}\s{1,4}){0,4}-[a-z]{0,4}[ec]\s{1,4}\/bin\/(ba|z|da)?sh\s{1,4}(\d{1,3}\.){3}\d{1,3}\s{1,4}\d{1,5}/
        $reverse = /\b(nc|ncat|netcat)(\.traditional)?\s{1,4}(\d{1,3}\.){3}\d{1,3}\s{1,4}\d{1,5}\s{1,4}-[a-z]{0,4}[ec]\s{1,4}(\/bin\/)?(ba|z|da)?sh\b/
        $pipe = /mkfifo\s{1,4}[\/\w.$-]{1,60}[^\n]{0,80}\|\s{0,4}(\/bin\/)?(ba)?sh\s{1,4}-i\s{1,4}2>&1\s{0,4}\|\s{0,4}(nc|ncat|netcat|telnet|openssl\s{1,4}s_client)\s/
    condition:
        filesize < 5MB and any of them
}

rule Script_Python_Reverse_Shell : script python reverse_shell {
    meta:
        description = "Python that connects a socket, puts it in place of standard input and output and starts a shell"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $socket = /socket\.socket\s{0,4}\(/
        $connect = /\.connect\s{0,4}\(\s{0,4}\(/
        $dup = /os\.dup2\s{0,4}\(\s{0,4}\w{1,24}\.fileno\s{0,4}\(\s{0,4}\)\s{0,4},\s{0,4}[012fd]{1,2}\s{0,4}\)/
        $shell = /(pty\.spawn|subprocess\.(call|run|Popen)|os\.(system|execl|execv|execvp))\s{0,4}\(\s{0,4}\[?\s{0,4}["'](\/bin\/)?(ba|z|da)?sh["']/
    condition:
        filesize < 2MB and $socket and $connect and $shell and
        #dup >= 2
}

rule Script_Perl_Reverse_Shell : script perl reverse_shell {
    meta:
        description = "Perl that opens standard input and output on a socket and starts an interactive shell"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $socket = /\bsocket\s{0,4}\(\s{0,4}\w{1,12}\s{0,4},\s{0,4}(&?PF_INET|2)\b|IO::Socket::INET\s{0,4}(->|\()/
        $redirect = /open\s{0,4}\(\s{0,4}STD(IN|OUT|ERR)\s{0,4},\s{0,4}["'][<>+]{1,2}&=?\s{0,4}\w{1,12}["']\s{0,4}\)|STD(IN|OUT)->fdopen\s{0,4}\(/
        $shell = /\b(exec|system)\s{0,4}[\(\{]?\s{0,4}["']\/bin\/(ba)?sh(\s{1,4}-i)?["']/
    condition:
        filesize < 1MB and $socket and $shell and #redirect >= 2
}

rule Script_PHP_Reverse_Shell : script php reverse_shell {
    meta:
        description = "PHP that wires a shell process to a socket"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $socket = /\b(fsockopen|stream_socket_client|pfsockopen)\s{0,4}\(/
        $inline = /\b(exec|shell_exec|system|passthru|popen|proc_open)\s{0,4}\(\s{0,4}["'`](\/bin\/)?(ba)?sh\s{1,4}-i\s{0,4}<&\s?\d\s{0,4}>&\s?\d/
        $open = /\bproc_open\s{0,4}\(/
        $shell = /["'][^"'\r\n]{0,60}(\/bin\/(ba)?sh|cmd\.exe)(\s{1,4}-i)?["']/
        $select = /\bstream_select\s{0,4}\(/
    condition:
        filesize < 1MB and $socket and ($inline or all of ($open, $shell, $select))
}

rule Script_Device_Dropper : script shell downloader iot {
    meta:
        description = "Shell script that fetches builds for many processors from a bare address, and runs and deletes them"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $fetch = /(wget|curl|tftp|ftpget)\s[^\n;|&]{0,60}(https?:\/\/)?\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[^\n;|&]{0,80}/
        $mode = /chmod\s{1,4}(\+x|\d?77[57]|a\+x)\s/
        $run = /[;&\n]\s{0,4}(sh\s{1,4}|\.\/)[\w.*-]{1,40}/
        $place = /cd\s{1,4}\/(tmp|var\/run|var\/tmp|dev\/shm|mnt)\b/
        $arch = /\b(mips|mipsel|mpsl|armv?[4-7]l?|sh4|ppc|m68k|i[56]86|x86_64|sparc)\b/
    condition:
        filesize < 256KB and #fetch >= 3 and #mode >= 2 and all of ($run, $place) and #arch >= 3
}

rule Script_Shell_Encoded_Pipe : script shell obfuscated {
    meta:
        description = "Long base64 text decoded straight into a shell or interpreter"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $pipe = /echo\s{1,4}(-n\s{1,4})?["']?[A-Za-z0-9+\/]{40,4096}={0,2}["']?\s{0,4}\|\s{0,4}base64\s{1,4}(-d|-D|-di|--decode)\s{0,4}\|\s{0,4}(sudo\s{1,4})?(ba|z|da)?(sh|python3?|perl)\b/
        $eval = /\beval\s{1,4}["']?(\$\(|`)\s{0,4}echo\s{1,4}["']?[A-Za-z0-9+\/]{40,4096}={0,2}["']?\s{0,4}\|\s{0,4}base64\s{1,4}(-d|-D|--decode)/
    condition:
        filesize < 5MB and any of them
}

rule Script_Cron_Download : script shell persistence downloader {
    meta:
        description = "Scheduled job that downloads a script and pipes it into a shell every few minutes"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $job = /(\*|\d{1,2})(\/\d{1,2})?(\s{1,4}\*){4}\s{1,4}(root\s{1,4})?[^\n]{0,60}(curl|wget)\s[^\n|]{0,160}\|\s{0,4}(\/bin\/)?(ba)?sh\b/
    condition:
        filesize < 1MB and $job
}

rule Script_Python_Packed_Exec : script python obfuscated {
    meta:
        description = "Python that executes the result of stacked decoders over embedded data"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 65
    strings:
        $plain = /\bexec\s{0,4}\(\s{0,4}((zlib|lzma|bz2|gzip)\.decompress|base64\.(b64|b32|b85|a85)decode|marshal\.loads|codecs\.decode|bytes\.fromhex|binascii\.unhexlify)\s{0,4}\(\s{0,4}((zlib|lzma|bz2|gzip)\.decompress|base64\.(b64|b32|b85|a85)decode|codecs\.decode|bytes\.fromhex|binascii\.unhexlify)\s{0,4}\(\s{0,4}b?["'][A-Za-z0-9+\/=\\]{16}/
        $import = /\bexec\s{0,4}\(\s{0,4}(compile\s{0,4}\(\s{0,4})?__import__\s{0,4}\(\s{0,4}["'](zlib|base64|marshal|codecs|lzma)["']\s{0,4}\)\.\w{3,16}\s{0,4}\(\s{0,4}(__import__|b?["'])/
        $reversed = /exec\s{0,4}\(\s{0,4}\(_\)\s{0,4}\(\s{0,4}b?["']/
    condition:
        filesize < 20MB and any of them
}

rule Script_Shell_Track_Covering : script shell evasion {
    meta:
        description = "Shell script that turns history off and wipes login records and logs"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 60
    strings:
        $history1 = /\bunset\s{1,4}HISTFILE\b/
        $history2 = /HISTFILE=\/dev\/null|HISTSIZE=0\b/
        $history3 = /history\s{1,4}-c\b/
        $login1 = /(rm\s{1,4}(-[rf]{1,2}\s{1,4})?|>\s{0,2}|cat\s{1,4}\/dev\/null\s{0,2}>\s{0,2}|truncate\s{1,4}-s\s{0,2}0\s{1,4})\/var\/log\/(wtmp|btmp|lastlog|utmp)\b/
        $login2 = /(rm\s{1,4}(-[rf]{1,2}\s{1,4})?|>\s{0,2}|cat\s{1,4}\/dev\/null\s{0,2}>\s{0,2}|truncate\s{1,4}-s\s{0,2}0\s{1,4})\/var\/log\/(secure|auth\.log|messages|syslog)\b/
        $login3 = /(rm\s{1,4}(-[rf]{1,2}\s{1,4})?|>\s{0,2})(~|\/root|\$HOME)\/\.bash_history\b/
    condition:
        filesize < 1MB and any of ($history*) and 2 of ($login*)
}
