// JSP web shells.

private rule Webshell_JSP_Page {
    strings:
        $open = "<%"
        $root = "<jsp:root" nocase
    condition:
        filesize < 512KB and any of them
}

rule Webshell_JSP_Command_From_Request : webshell jsp {
    meta:
        description = "JSP page that starts a program named by a request parameter"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 85
    strings:
        $direct = /getRuntime\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}exec\s{0,4}\([^;]{0,120}request\s{0,4}\.\s{0,4}getParameter\s{0,4}\(/
        $exec = /(getRuntime\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}exec|new\s{1,4}(java\.lang\.)?ProcessBuilder)\s{0,4}\(/
        $parameter = /request\s{0,4}\.\s{0,4}get(Parameter|Header)\s{0,4}\(/
        $output = /\.\s{0,4}getInputStream\s{0,4}\(\s{0,4}\)/
        $shell = /"(cmd\.exe|\/bin\/(ba)?sh|cmd)"|"cmd(\.exe)? \/c/ nocase
    condition:
        Webshell_JSP_Page and (
            $direct or
            all of ($exec, $parameter, $output, $shell)
        )
}

rule Webshell_JSP_Encrypted_Class_Loader : webshell jsp behinder godzilla {
    meta:
        description = "JSP page that decrypts a class out of the request and runs it, as Behinder and Godzilla do"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        $loader = /extends\s{1,4}(java\.lang\.)?ClassLoader\b/
        $define = /(super|this|\))?\s{0,4}\.?\s{0,4}defineClass\s{0,4}\(/
        $cipher = /Cipher\s{0,4}\.\s{0,4}getInstance\s{0,4}\(\s{0,4}"AES/
        $input1 = /getReader\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}readLine\s{0,4}\(/
        $input2 = /request\s{0,4}\.\s{0,4}getParameter\s{0,4}\(\s{0,4}pass\s{0,4}\)/
        $input3 = /Byte(Array)?OutputStream|request\s{0,4}\.\s{0,4}getInputStream\s{0,4}\(/
        $run = /\.\s{0,4}newInstance\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}equals\s{0,4}\(|\.\s{0,4}setAttribute\s{0,4}\(\s{0,4}"payload"/
    condition:
        Webshell_JSP_Page and all of ($loader, $define, $cipher) and any of ($input*) and $run
}
