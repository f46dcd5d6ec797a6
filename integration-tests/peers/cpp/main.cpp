// The Boost peer of the comparison: `boost-peer --list`, `boost-peer ROW`.
// README.md one folder up has the protocol.
#include "rows.hpp"
#include <cstdio>
#include <cstring>

struct Row {
    const char* name;
    double (*measure)();
};

static const Row rows[] = {
    {"switch", switches},     {"yield", yields},   {"spawn-join", spawn_join},
    {"spawn-1000", spawn_1000}, {"channel", channel}, {"buffered", buffered},
};

int main(int argc, char** argv) {
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (const Row& row : rows) puts(row.name);
        return 0;
    }
    for (const Row& row : rows) {
        if (argc == 2 && !strcmp(argv[1], row.name)) {
            printf("%s %.3f\n", row.name, row.measure());
            return 0;
        }
    }
    fputs("boost-peer --list | ROW\n", stderr);
    return 2;
}
