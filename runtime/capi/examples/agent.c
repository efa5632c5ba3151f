/* An agent in C: opens a database, scans files, and prints what matches.
 *
 *     cc agent.c -o agent $(pkg-config --cflags --libs hallmark)
 *     ./agent /var/lib/hallmark FILE...
 *
 * With --allow-unsigned before the database it takes one that nobody signed. Exits with 0 if nothing matched, 1 if
 * something did, and 2 if something could not be scanned completely.
 */
#include <hallmark.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, hmk_last_error());
    return 2;
}

static void print_rule(const char *path, const hmk_rule *rule) {
    printf("%.*s:%.*s %s\n", (int)rule->rule_namespace.len, rule->rule_namespace.data, (int)rule->name.len,
           rule->name.data, path);
    for (size_t m = 0; m < rule->metas_len; m++) {
        const hmk_meta *meta = &rule->metas[m];
        printf("  %.*s = ", (int)meta->name.len, meta->name.data);
        switch (meta->kind) {
        case HMK_META_INTEGER: printf("%lld\n", (long long)meta->integer); break;
        case HMK_META_FLOAT: printf("%g\n", meta->floating); break;
        case HMK_META_BOOLEAN: printf("%s\n", meta->boolean ? "true" : "false"); break;
        case HMK_META_STRING: printf("%.*s\n", (int)meta->string.len, meta->string.data); break;
        }
    }
    for (size_t p = 0; p < rule->patterns_len; p++) {
        const hmk_pattern *pattern = &rule->patterns[p];
        for (size_t i = 0; i < pattern->matches_len; i++) {
            const hmk_match *match = &pattern->matches[i];
            printf("  0x%llx:%.*s: %llu bytes\n", (unsigned long long)match->offset, (int)pattern->id.len,
                   pattern->id.data, (unsigned long long)match->length);
        }
    }
}

/* 0, 1 or 2, as the program's exit code. */
static int scan(hmk_scanner *scanner, const char *path) {
    const hmk_report *report;
    if (hmk_scan_file(scanner, path, &report) != HMK_OK) {
        return failed(path);
    }
    for (size_t r = 0; r < report->rules_len; r++) {
        print_rule(path, &report->rules[r]);
    }
    for (size_t i = 0; i < report->incomplete_len; i++) {
        const hmk_incomplete *missing = &report->incomplete[i];
        fprintf(stderr, "%s: %.*s: %.*s\n", path, (int)missing->what.len, missing->what.data,
                (int)missing->reason.len, missing->reason.data);
    }
    return report->incomplete_len > 0 ? 2 : report->rules_len > 0 ? 1 : 0;
}

int main(int argc, char **argv) {
    uint32_t flags = 0;
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "--allow-unsigned") == 0) {
        flags = HMK_ALLOW_UNSIGNED;
        first = 2;
    }
    if (argc <= first) {
        fprintf(stderr, "usage: %s [--allow-unsigned] DATABASE FILE...\n", argv[0]);
        return 2;
    }
    hmk_database *database;
    if (hmk_database_open(argv[first], NULL, flags, &database) != HMK_OK) {
        return failed("cannot open the database");
    }
    if (hmk_database_fallback(database) != NULL) {
        fprintf(stderr, "warning: scanning with the database before: %s\n", hmk_database_fallback(database));
    }
    int worst = 0;
    hmk_scanner *scanner;
    if (hmk_scanner_new(database, &scanner) != HMK_OK) {
        worst = failed("cannot make a scanner");
    } else {
        hmk_scanner_strings(scanner, true);
        hmk_scanner_timeout(scanner, 10000);
        for (int i = first + 1; i < argc; i++) {
            int code = scan(scanner, argv[i]);
            worst = code > worst ? code : worst;
        }
    }
    hmk_scanner_free(scanner);
    hmk_database_free(database);
    return worst;
}
