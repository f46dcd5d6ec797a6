// The Boost peer of the comparison: `boost-peer --list`, `boost-peer ROW`.
// README.md one folder up has the protocol.
#include "rows.hpp"
#include <cmath>
#include <cstdio>
#include <cstring>
#include <unistd.h>

struct Row {
    const char* name;
    std::vector<double> (*measure)();
};

// Makes a row of a measurement that gives one figure.
template <double (*measure)()> std::vector<double> one() { return {measure()}; }

template <int micros> std::vector<double> sleep() { return sleeps(micros); }

static const Row rows[] = {
    {"switch", one<switches>},         {"yield", one<yields>},
    {"spawn-join", one<spawn_join>},   {"spawn-1000", one<spawn_1000>},
    {"channel", one<channel>},         {"buffered", one<buffered>},
    {"ring", one<ring>},               {"mutex", one<mutex>},
    {"wake-exit", one<wake_exit>},     {"guarded", one<guarded>},
    {"timers", one<timers>},           {"sleep-10us", sleep<10>},
    {"sleep-100us", sleep<100>},       {"sleep-1ms", sleep<1000>},
    {"sleep-10ms", sleep<10000>},      {"sleep-busy", sleep_busy},
};

int main(int argc, char** argv) {
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (const Row& row : rows) puts(row.name);
        return 0;
    }
    for (const Row& row : rows) {
        if (argc == 2 && !strcmp(argv[1], row.name)) {
            printf("%s", row.name);
            for (double figure : row.measure()) {
                if (std::isinf(figure)) printf(" never");
                else printf(" %.3f", figure);
            }
            puts("");
            fflush(stdout);
            // Fibers that loop for ever do not end; the process does.
            _exit(0);
        }
    }
    fputs("boost-peer --list | ROW\n", stderr);
    return 2;
}
