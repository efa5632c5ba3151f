// PHP web shells. Every rule wants a PHP tag as well, so that logs and articles stay quiet.

rule Webshell_PHP_Eval_Request : webshell php {
    meta:
        description = "PHP that evaluates a request parameter, directly or through a few decoding calls"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        $tag = /<\?(php|=|\s)/ nocase private
        $eval = /\b(eval|assert|create_function)\s{0,8}\(\s{0,8}(@?\w{1,32}\s{0,8}\(\s{0,8}){0,4}@?\$_(GET|POST|REQUEST|COOKIE|FILES)\s{0,8}[\[{]/ nocase
    condition:
        filesize < 1MB and $tag and $eval
}

rule Webshell_PHP_Command_From_Request : webshell php {
    meta:
        description = "PHP that hands a request parameter to a program-starting function"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $tag = /<\?(php|=|\s)/ nocase private
        $exec = /\b(system|passthru|shell_exec|popen|proc_open|pcntl_exec)\s{0,8}\(\s{0,8}((base64_decode|trim|stripslashes|urldecode|hex2bin|strrev)\s{0,8}\(\s{0,8}){0,3}@?\$_(GET|POST|REQUEST|COOKIE)\s{0,8}[\[{]/ nocase
        $backtick = /=\s{0,8}`\s{0,8}\{?\$_(GET|POST|REQUEST|COOKIE)\s{0,8}\[[^`\r\n]{1,60}`/
    condition:
        filesize < 1MB and $tag and any of ($exec, $backtick)
}

rule Webshell_PHP_Function_From_Request : webshell php {
    meta:
        description = "PHP that takes both the function to call and its argument from the request"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        $tag = /<\?(php|=|\s)/ nocase private
        $call = /\$_(GET|POST|REQUEST|COOKIE)\s{0,8}\[[^\]\r\n]{1,40}\]\s{0,8}\(\s{0,8}@?\$_(GET|POST|REQUEST|COOKIE)\s{0,8}\[/
        $callback = /\b(call_user_func|call_user_func_array|array_map|array_filter|usort|register_shutdown_function)\s{0,8}\(\s{0,8}@?\$_(GET|POST|REQUEST|COOKIE)\s{0,8}\[/ nocase
    condition:
        filesize < 1MB and $tag and any of ($call, $callback)
}

rule Webshell_PHP_Obfuscated_Eval : webshell php obfuscated {
    meta:
        description = "PHP that evaluates the output of two or more stacked decoders"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "suspicious"
        score = 70
    strings:
        $tag = /<\?(php|=|\s)/ nocase private
        $chain = /\b(eval|assert)\s{0,8}\(\s{0,8}["'?>.\s]{0,12}((gzinflate|gzuncompress|gzdecode|base64_decode|str_rot13|strrev|convert_uudecode|hex2bin|rawurldecode)\s{0,8}\(\s{0,8}){2,8}/ nocase
    condition:
        filesize < 5MB and $tag and $chain
}

rule Webshell_PHP_Preg_Replace_Eval : webshell php {
    meta:
        description = "PHP that abuses the evaluating modifier of preg_replace on request data"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $tag = /<\?(php|=|\s)/ nocase private
        $replace = /\bpreg_replace\s{0,8}\(\s{0,8}["'][\/#~|@][^"'\r\n]{0,60}[\/#~|@][imsux]{0,6}e[imsux]{0,6}["']\s{0,8},[^;\r\n]{0,80}\$_(GET|POST|REQUEST|COOKIE)\b/ nocase
    condition:
        filesize < 1MB and $tag and $replace
}

rule Webshell_PHP_In_Image : webshell php polyglot {
    meta:
        description = "Image file that carries executable PHP code"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $tag = "<?php" nocase
        $code1 = /\b(eval|assert|system|passthru|shell_exec|popen)\s{0,8}\(/ nocase
        $code2 = /\$_(GET|POST|REQUEST|COOKIE)\s{0,8}\[/
    condition:
        filesize < 10MB and
        (
            uint32be(0) == 0x89504E47 or // PNG
            uint32be(0) == 0x47494638 or // GIF
            (uint32be(0) & 0xFFFFFF00) == 0xFFD8FF00 // JPEG
        ) and
        $tag and
        any of ($code*) in (@tag..@tag + 4096)
}

rule Webshell_PHP_Known_Family : webshell php {
    meta:
        description = "Marks of widespread PHP shells: WSO/FilesMan, c99, r57, b374k, Weevely, p0wny"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        $tag = /<\?(php|=|\s)/ nocase private
        $wso1 = /\$default_action\s{0,4}=\s{0,4}['"]FilesMan['"]/
        $wso2 = /function\s{1,4}wso(Login|Header|Footer|Ex|ViewSize)\s{0,4}\(/ nocase
        $c99 = /\$(c99sh|sh_mainurl|c99shver)\w{0,16}\s{0,4}=/ nocase
        $r57 = /\$(r57shell|language_r57)\s{0,4}=|[r]57shell\.php/ nocase
        $b37 = /\$(GLOBALS\[['"])?[b]374k(ver|pass)?['"]?\]?\s{0,4}=|b374k\s(shell|mini)\s?v?\d/ nocase
        $p0wny = /function\s{1,4}feature(Shell|Pwd|Upload|Hint|Download)\s{0,4}\([^)]{0,60}\)\s{0,8}\{/ nocase
    condition:
        filesize < 2MB and $tag and (any of ($wso*, $c99, $r57, $b37) or #p0wny >= 3)
}
