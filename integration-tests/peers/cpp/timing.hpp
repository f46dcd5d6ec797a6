// A warm-up and five timed batches; the median of the batches.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

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

// How much later than asked for sleeps end: the median and the 99th percentile in microseconds.
template <class Sleep> std::vector<double> late(std::chrono::microseconds length, Sleep sleep) {
    using clock = std::chrono::steady_clock;
    using micros = std::chrono::duration<double, std::micro>;
    std::vector<double> late;
    for (auto begin = clock::now();
         late.size() < 2000 && clock::now() - begin < std::chrono::milliseconds(400);) {
        auto start = clock::now();
        sleep(length);
        late.push_back(micros(clock::now() - start - length).count());
    }
    std::sort(late.begin(), late.end());
    return {late[late.size() / 2], late[late.size() * 99 / 100]};
}

// Ends the program when a result is wrong.
inline void check(bool ok, const char* what) {
    if (!ok) {
        std::cerr << "wrong result: " << what << std::endl;
        std::exit(1);
    }
}
