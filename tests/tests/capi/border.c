/* Every function, with good arguments and bad ones; the first line that is not as it should be ends the program.
 * Arguments: a raw image, and a file that it matches. The image is that of the rule in programs.rs. */
#include <hallmark.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s (last error: %s)\n", __LINE__, #condition, hmk_last_error());                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static bool is(hmk_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static unsigned char *read_all(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    *len = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*len);
    CHECK(bytes != NULL && fread(bytes, 1, *len, file) == *len);
    fclose(file);
    return bytes;
}

static void bad_arguments(hmk_database *database, hmk_scanner *scanner, const char *image) {
    hmk_database *no_database = database;
    hmk_scanner *no_scanner = scanner;
    const hmk_report *report = (const hmk_report *)scanner;
    CHECK(hmk_database_open(NULL, NULL, 0, &no_database) == HMK_INVALID_ARGUMENT && no_database == NULL);
    CHECK(strstr(hmk_last_error(), "null") != NULL);
    CHECK(hmk_database_open(image, NULL, 0, NULL) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_database_open(image, NULL, 8, &no_database) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_database_open(image, NULL, 0, &no_database) == HMK_REFUSED && no_database == NULL);
    CHECK(hmk_database_open(image, "/nowhere", HMK_ALLOW_UNSIGNED, &no_database) == HMK_REFUSED);
    CHECK(strstr(hmk_last_error(), "/nowhere") != NULL);
    CHECK(hmk_database_from_image((const unsigned char *)"no image", 8, &no_database) == HMK_REFUSED);
    CHECK(hmk_database_from_image(NULL, 8, &no_database) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_database_digest(NULL) == NULL && hmk_database_fallback(NULL) == NULL);
    CHECK(hmk_scanner_new(NULL, &no_scanner) == HMK_INVALID_ARGUMENT && no_scanner == NULL);
    CHECK(hmk_scanner_new(database, NULL) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scanner_timeout(NULL, 1) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scanner_cancel(scanner, NULL) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scan_bytes(scanner, NULL, 1, &report) == HMK_INVALID_ARGUMENT && report == NULL);
    CHECK(hmk_scan_bytes(NULL, NULL, 0, &report) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scan_bytes(scanner, NULL, 0, NULL) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scan_file(scanner, "/nowhere", &report) == HMK_IO && report == NULL);
    CHECK(hmk_scan_file(scanner, "/", &report) == HMK_IO);
    CHECK(hmk_scanner_define_integer(scanner, "nothing", 1) == HMK_NO_SUCH_VARIABLE);
    CHECK(hmk_scanner_define_integer(scanner, "owner", 1) == HMK_NO_SUCH_VARIABLE);
    CHECK(hmk_scanner_define_integer(scanner, "\xff", 1) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scanner_define_string(scanner, "owner", NULL, 3) == HMK_INVALID_ARGUMENT);
    hmk_database_free(NULL);
    hmk_scanner_free(NULL);
    hmk_cancel_free(NULL);
}

static void check_match(const hmk_report *report) {
    CHECK(report->rules_len == 1 && report->incomplete_len == 0);
    const hmk_rule *rule = &report->rules[0];
    CHECK(is(rule->name, "border") && is(rule->rule_namespace, "default"));
    CHECK(rule->tags_len == 2 && is(rule->tags[0], "one") && is(rule->tags[1], "two"));
    CHECK(rule->metas_len == 3 && is(rule->metas[0].name, "text") && is(rule->metas[0].string, "words"));
    CHECK(rule->metas[1].kind == HMK_META_INTEGER && rule->metas[1].integer == -7);
    CHECK(rule->metas[2].kind == HMK_META_BOOLEAN && rule->metas[2].boolean);
    CHECK(rule->patterns_len == 2 && is(rule->patterns[0].id, "$a") && is(rule->patterns[1].id, "$x"));
    CHECK(rule->patterns[0].matches_len == 2 && rule->patterns[1].matches_len == 1);
    const hmk_match *second = &rule->patterns[0].matches[1];
    CHECK(second->offset == 13 && second->length == 8 && second->xor_key == -1 && is(second->data, "Hallmark"));
    CHECK(rule->patterns[1].matches[0].xor_key == 2);
    CHECK(report->messages_len == 1 && is(report->messages[0], "seen"));
}

struct stream {
    const unsigned char *data;
    size_t len, total, at;
    long fails_after;
};

/* The data, then zeros, a few bytes at a time. */
static ptrdiff_t read_stream(void *context, uint8_t *into, size_t len) {
    struct stream *stream = context;
    if (stream->fails_after-- == 0) return -1;
    size_t count = stream->total - stream->at < 4093 ? stream->total - stream->at : 4093;
    if (count > len) count = len;
    for (size_t i = 0; i < count; i++, stream->at++) into[i] = stream->at < stream->len ? stream->data[stream->at] : 0;
    return (ptrdiff_t)count;
}

static ptrdiff_t read_too_much(void *context, uint8_t *into, size_t len) {
    (void)context, (void)into;
    return (ptrdiff_t)len + 1;
}

static void streams(hmk_scanner *scanner, const unsigned char *data, size_t len) {
    const hmk_report *report;
    struct stream once = {data, len, len, 0, -1};
    CHECK(hmk_scan_stream(scanner, read_stream, &once, &report) == HMK_OK && report->bytes == len);
    check_match(report);
    CHECK(hmk_scanner_window(scanner, 0) == HMK_OK);
    struct stream more = {data, len, 2000000, 0, -1};
    CHECK(hmk_scan_stream(scanner, read_stream, &more, &report) == HMK_OK && report->bytes == 2000000);
    check_match(report);
    struct stream failing = {data, len, 2000000, 0, 3};
    CHECK(hmk_scan_stream(scanner, read_stream, &failing, &report) == HMK_IO && report == NULL);
    CHECK(strstr(hmk_last_error(), "stream") != NULL);
    CHECK(hmk_scan_stream(scanner, read_too_much, NULL, &report) == HMK_IO);
    CHECK(hmk_scan_stream(scanner, NULL, NULL, &report) == HMK_INVALID_ARGUMENT);
    CHECK(hmk_scan_process(scanner, 0x7ffffff0, &report) == HMK_IO && report == NULL);
}

static void *turn_on(void *cancel) {
    CHECK(hmk_cancel_set(cancel, true) == HMK_OK);
    return NULL;
}

static void limits(hmk_scanner *scanner, const unsigned char *data, size_t len) {
    const hmk_report *report;
    CHECK(hmk_scanner_max_steps(scanner, 0) == HMK_OK);
    CHECK(hmk_scan_bytes(scanner, data, len, &report) == HMK_OK);
    CHECK(report->incomplete_len == 1 && report->incomplete[0].why == HMK_WHY_STEPS);
    CHECK(report->incomplete[0].reason.len > 0 && hmk_scanner_max_steps(scanner, UINT64_MAX) == HMK_OK);
    CHECK(hmk_scanner_max_bytes(scanner, len - 1) == HMK_OK);
    CHECK(hmk_scan_bytes(scanner, data, len, &report) == HMK_OK && report->rules_len == 0);
    CHECK(report->incomplete[0].why == HMK_WHY_TOO_LONG && is(report->incomplete[0].what, "data"));
    CHECK(hmk_scanner_max_bytes(scanner, UINT64_MAX) == HMK_OK);
    CHECK(hmk_scanner_timeout(scanner, 60000) == HMK_OK && hmk_scanner_fast(scanner, true) == HMK_OK);

    hmk_cancel *cancel;
    CHECK(hmk_cancel_new(NULL) == HMK_INVALID_ARGUMENT && hmk_cancel_new(&cancel) == HMK_OK);
    CHECK(hmk_scanner_cancel(scanner, cancel) == HMK_OK);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, turn_on, cancel) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(hmk_scan_bytes(scanner, data, len, &report) == HMK_OK);
    CHECK(report->incomplete_len == 1 && report->incomplete[0].why == HMK_WHY_CANCELLED);
    CHECK(hmk_cancel_set(cancel, false) == HMK_OK);
    /* The scanner keeps what it needs of it. */
    hmk_cancel_free(cancel);
    CHECK(hmk_scan_bytes(scanner, data, len, &report) == HMK_OK);
    check_match(report);
}

int main(int argc, char **argv) {
    CHECK(argc == 3 && strcmp(hmk_last_error(), "") == 0 && strlen(hmk_version()) >= 5);
    size_t image_len, data_len;
    unsigned char *image = read_all(argv[1], &image_len), *data = read_all(argv[2], &data_len);

    hmk_database *database, *copy;
    hmk_scanner *scanner, *other;
    CHECK(hmk_database_open(argv[1], NULL, HMK_ALLOW_UNSIGNED, &database) == HMK_OK);
    CHECK(hmk_database_from_image(image, image_len, &copy) == HMK_OK);
    CHECK(strncmp(hmk_database_digest(database), "sha256:", 7) == 0 && strlen(hmk_database_digest(database)) == 71);
    CHECK(strcmp(hmk_database_digest(database), hmk_database_digest(copy)) == 0);
    CHECK(hmk_database_fallback(database) == NULL);
    CHECK(hmk_scanner_new(database, &scanner) == HMK_OK && hmk_scanner_new(copy, &other) == HMK_OK);
    bad_arguments(database, scanner, argv[1]);

    const hmk_report *report;
    /* The condition asks for the owner. */
    CHECK(hmk_scan_bytes(scanner, data, data_len, &report) == HMK_OK && report->rules_len == 0);
    CHECK(report->bytes == data_len && report->rules_evaluated == 1);
    CHECK(hmk_scanner_define_string(scanner, "owner", "root and more", 4) == HMK_OK);
    CHECK(hmk_scanner_define_float(scanner, "weight", 2.5) == HMK_OK);
    CHECK(hmk_scanner_define_integer(scanner, "number", 4) == HMK_OK);
    CHECK(hmk_scanner_define_boolean(scanner, "yes", true) == HMK_OK);
    CHECK(hmk_scanner_strings(scanner, true) == HMK_OK);
    for (int round = 0; round < 3; round++) {
        CHECK(hmk_scan_bytes(scanner, data, data_len, &report) == HMK_OK);
        check_match(report);
        CHECK(hmk_scan_file(scanner, argv[2], &report) == HMK_OK);
        check_match(report);
        CHECK(hmk_scan_bytes(scanner, NULL, 0, &report) == HMK_OK && report->rules_len == 0 && report->bytes == 0);
    }
    /* Handles may be freed in any order. */
    hmk_database_free(database);
    hmk_database_free(copy);
    hmk_scanner_free(other);
    streams(scanner, data, data_len);
    limits(scanner, data, data_len);
    hmk_scanner_free(scanner);
    free(image);
    free(data);
    puts("all as it should be");
    return 0;
}
