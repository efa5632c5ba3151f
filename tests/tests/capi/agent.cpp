// What C++ needs beyond C: the header compiles, and handles fit smart pointers.
#include <hallmark.h>
#include <cstdio>
#include <memory>
#include <string>

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    hmk_database *opened = nullptr;
    if (hmk_database_open(argv[1], nullptr, HMK_ALLOW_UNSIGNED, &opened) != HMK_OK) {
        std::fprintf(stderr, "%s\n", hmk_last_error());
        return 2;
    }
    std::unique_ptr<hmk_database, decltype(&hmk_database_free)> database(opened, hmk_database_free);
    hmk_scanner *made = nullptr;
    if (hmk_scanner_new(database.get(), &made) != HMK_OK) {
        return 2;
    }
    std::unique_ptr<hmk_scanner, decltype(&hmk_scanner_free)> scanner(made, hmk_scanner_free);
    const std::string owner = "root";
    hmk_scanner_define_string(scanner.get(), "owner", owner.data(), owner.size());
    const hmk_report *report = nullptr;
    if (hmk_scan_file(scanner.get(), argv[2], &report) != HMK_OK) {
        return 2;
    }
    for (std::size_t i = 0; i < report->rules_len; i++) {
        const hmk_str name = report->rules[i].name;
        std::printf("%s\n", std::string(name.data, name.len).c_str());
    }
    return 0;
}
