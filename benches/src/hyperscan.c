/* Searches files for a set of literals with Hyperscan, for comparison with the literal lane of rule engines.
 *
 *   hyperscan compile LITERALS DATABASE   LITERALS has a line for each: "c" (case matters) or "i", a space, hexadecimal
 *   hyperscan scan DATABASE LIST          LIST has the path of a file on each line
 *
 * `scan` reads a file, then scans it as one block, and prints one line: bytes, seconds spent in hs_scan, and how many
 * literals were found, each counted once a file. `compile` prints the size of the database in bytes.
 * Exit code: 0, or 1 with a message on standard error.
 */

#define _POSIX_C_SOURCE 200809L

#include <hs/hs.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char *what, const char *why) {
    fprintf(stderr, "hyperscan: %s: %s\n", what, why);
    exit(1);
}

static void *grown(void *memory, size_t size) {
    void *result = realloc(memory, size ? size : 1);
    if (!result) die("memory", "out of it");
    return result;
}

static char *contents(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path, strerror(errno));
    if (fseek(file, 0, SEEK_END) != 0) die(path, strerror(errno));
    long end = ftell(file);
    if (end < 0) die(path, strerror(errno));
    rewind(file);
    char *bytes = grown(NULL, (size_t)end + 1);
    if (fread(bytes, 1, (size_t)end, file) != (size_t)end) die(path, "cannot read all of it");
    fclose(file);
    bytes[end] = 0;
    *size = (size_t)end;
    return bytes;
}

static unsigned nibble(char digit) {
    if (digit >= '0' && digit <= '9') return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f') return (unsigned)(digit - 'a' + 10);
    die("literals", "a digit that is not hexadecimal");
    return 0;
}

static int compile(const char *from, const char *to) {
    size_t size, count = 0, capacity = 0;
    char *text = contents(from, &size);
    const char **literals = NULL;
    size_t *lengths = NULL;
    unsigned *flags = NULL, *ids = NULL;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            literals = grown(literals, capacity * sizeof *literals);
            lengths = grown(lengths, capacity * sizeof *lengths);
            flags = grown(flags, capacity * sizeof *flags);
            ids = grown(ids, capacity * sizeof *ids);
        }
        size_t length = (strlen(line) - 2) / 2;
        char *bytes = grown(NULL, length);
        for (size_t at = 0; at < length; at++)
            bytes[at] = (char)(nibble(line[2 + 2 * at]) << 4 | nibble(line[3 + 2 * at]));
        literals[count] = bytes;
        lengths[count] = length;
        flags[count] = HS_FLAG_SINGLEMATCH | (line[0] == 'i' ? HS_FLAG_CASELESS : 0);
        ids[count] = (unsigned)count;
        count++;
    }
    hs_database_t *database;
    hs_compile_error_t *error;
    if (hs_compile_lit_multi(literals, flags, ids, lengths, (unsigned)count, HS_MODE_BLOCK, NULL, &database,
                             &error) != HS_SUCCESS)
        die("compiling", error->message);
    char *bytes;
    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) die("database", "cannot be serialised");
    FILE *file = fopen(to, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) die(to, strerror(errno));
    printf("%zu\n", size);
    return 0;
}

static int found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
    (void)id, (void)from, (void)to, (void)flags;
    ++*(unsigned long long *)context;
    return 0;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int scan(const char *from, const char *list) {
    size_t size;
    char *bytes = contents(from, &size);
    hs_database_t *database;
    if (hs_deserialize_database(bytes, size, &database) != HS_SUCCESS) die(from, "is no database of this version");
    hs_scratch_t *scratch = NULL;
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) die("scratch", "cannot be allocated");
    char *paths = contents(list, &size);
    unsigned long long matches = 0, total = 0;
    double seconds = 0;
    for (char *path = strtok(paths, "\n"); path; path = strtok(NULL, "\n")) {
        char *data = contents(path, &size);
        if (size > 0xffffffffu) die(path, "is too large for one block");
        double started = now();
        if (hs_scan(database, data, (unsigned)size, 0, scratch, found, &matches) != HS_SUCCESS)
            die(path, "cannot be scanned");
        seconds += now() - started;
        total += size;
        free(data);
    }
    printf("%llu %.6f %llu\n", total, seconds, matches);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "compile") == 0) return compile(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "scan") == 0) return scan(argv[2], argv[3]);
    fprintf(stderr, "usage: hyperscan compile LITERALS DATABASE | hyperscan scan DATABASE LIST\n");
    return 1;
}
