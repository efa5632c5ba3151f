/* Hallmark: scanning with signed databases of detection rules. */

#ifndef HALLMARK_H
#define HALLMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 Flag of hmk_database_open: take a database whose policy is not satisfied, and raw images. Signatures that are there
 must still verify. For tests, and for a rule author's own machine.
 */
#define HMK_ALLOW_UNSIGNED 1

/*
 Flag of hmk_database_open: copy the database of a store into sealed memory instead of mapping its file.
 */
#define HMK_SEALED 2

/*
 How a call ended.
 */
typedef enum hmk_status {
  /*
   It did what it says.
   */
  HMK_OK = 0,
  /*
   An argument is null, no UTF-8 or out of range.
   */
  HMK_INVALID_ARGUMENT = 1,
  /*
   The database or policy can't be read, is damaged, or is not trusted.
   */
  HMK_REFUSED = 2,
  /*
   The file, stream or process to scan can't be read.
   */
  HMK_IO = 3,
  /*
   The database has no such external variable, or it has another type.
   */
  HMK_NO_SUCH_VARIABLE = 4,
  /*
   A bug in this library. Free the handle that was used and report it.
   */
  HMK_INTERNAL = 5,
} hmk_status;

/*
 Which value a metadata entry has.
 */
typedef enum hmk_meta_kind {
  /*
   It is in integer.
   */
  HMK_META_INTEGER = 0,
  /*
   It is in floating.
   */
  HMK_META_FLOAT = 1,
  /*
   It is in boolean.
   */
  HMK_META_BOOLEAN = 2,
  /*
   It is in string.
   */
  HMK_META_STRING = 3,
} hmk_meta_kind;

/*
 Why something was not evaluated.
 */
typedef enum hmk_why {
  /*
   Another reason, see the text.
   */
  HMK_WHY_OTHER = 0,
  /*
   The time of hmk_scanner_timeout was up.
   */
  HMK_WHY_TIMEOUT = 1,
  /*
   It was cancelled.
   */
  HMK_WHY_CANCELLED = 2,
  /*
   The steps of hmk_scanner_max_steps were used up.
   */
  HMK_WHY_STEPS = 3,
  /*
   The data are longer than hmk_scanner_max_bytes.
   */
  HMK_WHY_TOO_LONG = 4,
  /*
   There are more matches than are kept.
   */
  HMK_WHY_TOO_MANY_MATCHES = 5,
  /*
   It took more steps than the length of the data allows.
   */
  HMK_WHY_TOO_COSTLY = 6,
  /*
   In a stream: a match may be longer than what is kept of it.
   */
  HMK_WHY_LONG_MATCH = 7,
  /*
   In a stream: the rule asks for more of the file than is kept.
   */
  HMK_WHY_NOT_KEPT = 8,
  /*
   Bytes could not be read.
   */
  HMK_WHY_UNREADABLE = 9,
} hmk_why;

/*
 A switch that ends scans, which any thread may turn.
 */
typedef struct hmk_cancel hmk_cancel;

/*
 A database that is verified, mapped and proved. Any number of threads may use it.
 */
typedef struct hmk_database hmk_database;

/*
 Scans with a database, one thread at a time; another thread needs another scanner.
 */
typedef struct hmk_scanner hmk_scanner;

/*
 Text of known length, not terminated by a zero. UTF-8 unless it comes out of a scanned file.
 */
typedef struct hmk_str {
  /*
   First byte; not null, even if there is none.
   */
  const char *data;
  /*
   Number of bytes.
   */
  size_t len;
} hmk_str;

/*
 An entry of a rule's metadata. The values that its kind doesn't name are zero or empty.
 */
typedef struct hmk_meta {
  /*
   Its name.
   */
  struct hmk_str name;
  /*
   Which value it has.
   */
  enum hmk_meta_kind kind;
  /*
   An integer.
   */
  int64_t integer;
  /*
   A float.
   */
  double floating;
  /*
   A boolean.
   */
  bool boolean;
  /*
   A string.
   */
  struct hmk_str string;
} hmk_meta;

/*
 A match of a pattern.
 */
typedef struct hmk_match {
  /*
   Offset of its first byte in the scanned data.
   */
  uint64_t offset;
  /*
   Number of bytes.
   */
  uint64_t length;
  /*
   The key of an xor pattern, or -1.
   */
  int32_t xor_key;
  /*
   The bytes.
   */
  struct hmk_str data;
} hmk_match;

/*
 A pattern of a rule that matches.
 */
typedef struct hmk_pattern {
  /*
   `$a`, or `$`.
   */
  struct hmk_str id;
  /*
   Its matches, by offset, at most one an offset. Without hmk_scanner_strings, those of a pattern that the condition
   did not need may be missing.
   */
  const struct hmk_match *matches;
  /*
   How many.
   */
  size_t matches_len;
} hmk_pattern;

/*
 A rule that matches.
 */
typedef struct hmk_rule {
  /*
   Its name.
   */
  struct hmk_str name;
  /*
   Its namespace.
   */
  struct hmk_str rule_namespace;
  /*
   Its tags, in source order.
   */
  const struct hmk_str *tags;
  /*
   How many.
   */
  size_t tags_len;
  /*
   Its metadata, in source order.
   */
  const struct hmk_meta *metas;
  /*
   How many.
   */
  size_t metas_len;
  /*
   Its patterns that are not private, in source order, those without a match too.
   */
  const struct hmk_pattern *patterns;
  /*
   How many.
   */
  size_t patterns_len;
} hmk_rule;

/*
 Something that was not evaluated.
 */
typedef struct hmk_incomplete {
  /*
   "data" (nothing was scanned), "patterns" (no condition was evaluated), "rules" (some conditions were not),
   "matches" (some matches are not listed), or a pattern as "namespace:rule:$id".
   */
  struct hmk_str what;
  /*
   Why.
   */
  enum hmk_why why;
  /*
   Why, for people.
   */
  struct hmk_str reason;
} hmk_incomplete;

/*
 What a scan found. It and everything it points to is valid until the next call with its scanner, and only as long as
 the scanned bytes are.
 */
typedef struct hmk_report {
  /*
   The rules that match, private ones apart, by namespace, then name.
   */
  const struct hmk_rule *rules;
  /*
   How many.
   */
  size_t rules_len;
  /*
   What was not evaluated. While this is not empty, a rule that is not listed may match nevertheless.
   */
  const struct hmk_incomplete *incomplete;
  /*
   How many.
   */
  size_t incomplete_len;
  /*
   What rules wrote with console.log, oldest first.
   */
  const struct hmk_str *messages;
  /*
   How many.
   */
  size_t messages_len;
  /*
   Bytes scanned.
   */
  uint64_t bytes;
  /*
   Rules whose condition was evaluated.
   */
  uint64_t rules_evaluated;
  /*
   Steps of verifiers and conditions, as hmk_scanner_max_steps counts them.
   */
  uint64_t steps;
} hmk_report;

/*
 Gives the next bytes of a stream: puts up to `len` of them, at least one, to `into` and answers how many; 0 at the end
 of the stream, or a negative number if it cannot be read. `context` is what hmk_scan_stream was given.
 */
typedef ptrdiff_t (*hmk_read)(void *context, uint8_t *into, size_t len);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a switch that is off.

 # Safety
 `out` may be written.
 */
enum hmk_status hmk_cancel_new(struct hmk_cancel **out);

/*
 Turns a switch on or off. On ends the running scans of all scanners that have it, within some milliseconds, and
 keeps them from scanning; their reports are incomplete. May be called while they scan, from any thread.

 # Safety
 `cancel` was made by hmk_cancel_new and is not freed yet.
 */
enum hmk_status hmk_cancel_set(const struct hmk_cancel *cancel,
                               bool on);

/*
 Frees a switch; scanners that have it keep its position. Null is allowed.

 # Safety
 `cancel` is null or was made by hmk_cancel_new, and is not used again.
 */
void hmk_cancel_free(struct hmk_cancel *cancel);

/*
 Opens a database: a store directory, a release directory, a .hmk file, or, with HMK_ALLOW_UNSIGNED, a raw image.
 `policy` is the path of a policy file; null stands for the policy that a store was installed with. The database has
 to be freed by hmk_database_free.

 # Safety
 `path` and `policy` end with a zero, or `policy` is null; `out` may be written.
 */
enum hmk_status hmk_database_open(const char *path,
                                  const char *policy,
                                  uint32_t flags,
                                  struct hmk_database **out);

/*
 Makes a database of a raw image in memory, which is copied: for tests, and for databases embedded in a program.
 Nobody's signature is asked for.

 # Safety
 `image` has `len` bytes; `out` may be written.
 */
enum hmk_status hmk_database_from_image(const uint8_t *image,
                                        size_t len,
                                        struct hmk_database **out);

/*
 The identity of the database: "sha256:" and 64 hexadecimal digits. Valid as long as the database; null for null.

 # Safety
 `database` is null or not freed yet.
 */
const char *hmk_database_digest(const struct hmk_database *database);

/*
 Why a store gave the database before the one in force, or null if it didn't. An agent should raise an alarm. Valid as
 long as the database.

 # Safety
 `database` is null or not freed yet.
 */
const char *hmk_database_fallback(const struct hmk_database *database);

/*
 Frees a database; scanners that were made of it keep what they need. Null is allowed.

 # Safety
 `database` is null or was given by this library, and is not used again.
 */
void hmk_database_free(struct hmk_database *database);

/*
 What went wrong in the last call of this thread that failed: what, where and what to do, in UTF-8. Empty if none
 failed yet. Valid until the next call of this thread that fails.
 */
const char *hmk_last_error(void);

/*
 The version of the library, such as "0.1.0".
 */
const char *hmk_version(void);

/*
 Makes a scanner. It has to be freed by hmk_scanner_free, before or after its database.

 # Safety
 `database` is not freed yet; `out` may be written.
 */
enum hmk_status hmk_scanner_new(const struct hmk_database *database, struct hmk_scanner **out);

/*
 Frees a scanner and its report. Null is allowed.

 # Safety
 `scanner` is null or was made by hmk_scanner_new, and is not used again.
 */
void hmk_scanner_free(struct hmk_scanner *scanner);

/*
 Gives up a scan after so many milliseconds.

 # Safety
 `scanner` is not freed yet, and no other thread uses it.
 */
enum hmk_status hmk_scanner_timeout(struct hmk_scanner *scanner, uint64_t milliseconds);

/*
 Gives up a scan after so many steps of verifiers and conditions, which unlike time are repeatable.

 # Safety
 `scanner` is not freed yet, and no other thread uses it.
 */
enum hmk_status hmk_scanner_max_steps(struct hmk_scanner *scanner, uint64_t steps);

/*
 Does not scan data longer than this; its report is incomplete.

 # Safety
 `scanner` is not freed yet, and no other thread uses it.
 */
enum hmk_status hmk_scanner_max_bytes(struct hmk_scanner *scanner, uint64_t max);

/*
 Leaves out further matches of a pattern where conditions only ask whether there is one. Off at first.

 # Safety
 `scanner` is not freed yet, and no other thread uses it.
 */
enum hmk_status hmk_scanner_fast(struct hmk_scanner *scanner,
                                 bool on);

/*
 Lists all matches of every pattern of the rules that match, even of those that the conditions did not need. Takes
 precedence over hmk_scanner_fast. Off at first.

 # Safety
 `scanner` is not freed yet, and no other thread uses it.
 */
enum hmk_status hmk_scanner_strings(struct hmk_scanner *scanner,
                                    bool on);

/*
 Gives a scanner a switch that ends its scans. It keeps the one it was given last.

 # Safety
 Neither is freed yet, and no other thread uses the scanner.
 */
enum hmk_status hmk_scanner_cancel(struct hmk_scanner *scanner, const struct hmk_cancel *cancel);

/*
 Gives an external variable an integer, in all scans from now on.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero.
 */
enum hmk_status hmk_scanner_define_integer(struct hmk_scanner *scanner,
                                           const char *name,
                                           int64_t value);

/*
 Gives an external variable a float, in all scans from now on.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero.
 */
enum hmk_status hmk_scanner_define_float(struct hmk_scanner *scanner,
                                         const char *name,
                                         double value);

/*
 Gives an external variable a boolean, in all scans from now on.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero.
 */
enum hmk_status hmk_scanner_define_boolean(struct hmk_scanner *scanner,
                                           const char *name,
                                           bool value);

/*
 Gives an external variable a string, which is copied, in all scans from now on.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero; `value` has `len` bytes.
 */
enum hmk_status hmk_scanner_define_string(struct hmk_scanner *scanner,
                                          const char *name,
                                          const char *value,
                                          size_t len);

/*
 Scans bytes. `report` gets what was found, see hmk_report for how long it is valid; on failure null.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `data` has `len` bytes, which nothing changes meanwhile;
 `report` may be written.
 */
enum hmk_status hmk_scan_bytes(struct hmk_scanner *scanner,
                               const uint8_t *data,
                               size_t len,
                               const struct hmk_report **report);

/*
 Scans a regular file, which is read, not mapped. `report` gets what was found, see hmk_report for how long it is
 valid; on failure null.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `path` ends with a zero; `report` may be written.
 */
enum hmk_status hmk_scan_file(struct hmk_scanner *scanner,
                              const char *path,
                              const struct hmk_report **report);

/*
 Keeps so many bytes of a stream, at least 1 MiB; 16 MiB if nothing else is said.

 # Safety
 `scanner` is not freed yet, and no other thread uses it.
 */
enum hmk_status hmk_scanner_window(struct hmk_scanner *scanner, size_t bytes);

/*
 Scans what `read` gives, in bounded memory. A stream that fits into the window is scanned as a file is; of a longer
 one the report says what could not be known. `report` gets what was found, see hmk_report for how long it is valid;
 on failure null.

 # Safety
 `scanner` is not freed yet, and no other thread uses it, nor does `read`; `read` may be called with `context` on this
 thread and does as it says; `report` may be written.
 */
enum hmk_status hmk_scan_stream(struct hmk_scanner *scanner,
                                hmk_read read,
                                void *context,
                                const struct hmk_report **report);

/*
 Scans the memory of a process; offsets are addresses. `report` gets what was found, see hmk_report for how long it is
 valid; on failure null. On Linux only.

 # Safety
 `scanner` is not freed yet, and no other thread uses it; `report` may be written.
 */
enum hmk_status hmk_scan_process(struct hmk_scanner *scanner,
                                 uint32_t pid,
                                 const struct hmk_report **report);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HALLMARK_H */
