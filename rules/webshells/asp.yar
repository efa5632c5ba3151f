// Classic ASP and ASP.NET web shells.

private rule Webshell_ASP_Page {
    strings:
        $open = "<%"
        $script = /<script[^>]{0,60}runat\s?=\s?["']?server/ nocase
    condition:
        filesize < 512KB and any of them
}

rule Webshell_ASP_Eval_Request : webshell asp aspx {
    meta:
        description = "ASP or ASP.NET page that evaluates a request parameter (China Chopper and its heirs)"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 90
    strings:
        $eval = /\b(eval|execute|executeglobal)\s{0,4}\(?\s{0,4}(unescape\s{0,4}\(|chr\s{0,4}\(|System\.Text\.Encoding\.[\w.]{1,40}\(\s{0,4}(System\.)?Convert\.FromBase64String\s{0,4}\()?\s{0,4}Request(\.(Item|Form|QueryString|Cookies))?\s{0,4}[\[(]/ nocase
    condition:
        Webshell_ASP_Page and $eval
}

rule Webshell_ASPX_Command_Form : webshell aspx {
    meta:
        description = "ASP.NET page that starts cmd.exe or PowerShell with request data and prints the output"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $start = /new\s{1,4}(System\.Diagnostics\.)?Process(StartInfo)?\s{0,4}\(/ nocase
        $program = /"[^"\r\n]{0,40}(cmd|powershell)(\.exe)?"/ nocase
        $output = /RedirectStandardOutput\s{0,4}=\s{0,4}true/ nocase
        $input = /Request(\.(Item|Form|QueryString|Params))?\s{0,4}[\[(]\s{0,4}"|\w{1,20}\.Text\b/ nocase
    condition:
        Webshell_ASP_Page and all of them
}

rule Webshell_ASP_Shell_Object : webshell asp {
    meta:
        description = "Classic ASP page that gives a request parameter to WScript.Shell"
        author = "Hallmark"
        date = "2026-11-23"
        severity = "malicious"
        score = 80
    strings:
        $object = /CreateObject\s{0,4}\(\s{0,4}"WScript\.Shell"\s{0,4}\)/ nocase
        $direct = /\.(exec|run)\s{0,4}\(?\s{0,4}[^\r\n:]{0,80}request(\.(item|form|querystring))?\s{0,4}\(/ nocase
        $run = /\.exec\s{0,4}\(/ nocase
        $parameter = /=\s{0,4}request(\.(item|form|querystring))?\s{0,4}\(\s{0,4}"(cmd|command|c|exec)"/ nocase
        $output = /\.StdOut\.ReadAll/ nocase
    condition:
        Webshell_ASP_Page and $object and ($direct or all of ($run, $parameter, $output))
}
