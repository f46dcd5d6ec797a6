// A warm-up and five timed batches; the median of the batches.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>

// Nanoseconds an operation of `body`, which does as many of them as it is told.
template <class Body> double sample(uint64_t count, Body body) {
    using clock = std::chrono::steady_clock;
    body(count / 4);
    std::array<double, 5> batches;
    for (double& batch : batches) {
        auto start = clock::now();
        body(count);
        batch = std::chrono::duration<double, std::nano>(clock::now() - start).count() / count;
    }
    std::sort(batches.begin(), batches.end());
    return batches[2];
}

// Ends the program when a result is wrong.
inline void check(bool ok, const char* what) {
    if (!ok) {
        std::cerr << "wrong result: " << what << std::endl;
        std::exit(1);
    }
}
