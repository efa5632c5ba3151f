// Linux rootkits: shared objects for the preloader, kernel modules.

rule Linux_Preload_Rootkit : rootkit linux elf {
    meta:
        description = "Shared object that names the preloader's list and hooks directory, socket or login calls to hide something"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $preload = "ld.so.preload"
        $next = "dlsym"
        $hook1 = "readdir64" fullword
        $hook2 = "__xstat64" fullword
        $hook3 = "__lxstat" fullword
        $hook4 = "fopen64" fullword
        $hook5 = "pam_authenticate" fullword
        $hook6 = "pcap_loop" fullword
        $hook7 = "pam_get_item" fullword
        $hide1 = /\/proc\/(self\/fd\/%d|%s\/(stat|cmdline|comm)|net\/tcp6?)\b/
        $hide2 = /\b(hide|magic|backdoor)_?(gid|string|port|proc|file|user|pass)/ nocase
    condition:
        uint32be(0) == 0x7F454C46 and
        uint16(0x10) == 3 and
        filesize < 2MB and
        $preload and $next and 3 of ($hook*) and any of ($hide*)
}

rule Linux_Kernel_Module_Rootkit : rootkit linux elf kernel {
    meta:
        description = "Kernel module that looks up the system call table and takes over calls or credentials"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $module = /vermagic=\d{1,2}\.\d{1,3}\.\d/
        $table1 = "sys_call_table" fullword
        $table2 = "kallsyms_lookup_name"
        $table3 = "register_kprobe"
        $cred1 = "prepare_creds"
        $cred2 = "commit_creds"
        $hook1 = /\b(hook|hacked|hooked|fake|orig|real)_?(sys_)?(getdents64|getdents|kill|tcp4_seq_show|openat?|read)\b/
        $hook2 = /\b(hide|unhide|is_invisible|give_root|module_hide|hide_(pid|file|module|tcp))\b/
    condition:
        uint32be(0) == 0x7F454C46 and
        uint16(0x10) == 1 and
        filesize < 5MB and
        $module and any of ($table*) and
        (any of ($cred*) and any of ($hook*) or all of ($hook*))
}
