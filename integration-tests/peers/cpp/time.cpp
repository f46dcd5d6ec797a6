// boost.fiber: fibers that sleep.
#include "rows.hpp"
#include "timing.hpp"
#include <atomic>
#include <limits>
#include <thread>

namespace bf = boost::fibers;
namespace bc = boost::context;

// A row of two processors: as many of these on each of two threads, for a fiber stays on its thread.
static constexpr int sleepers = 50'000;

struct alignas(64) Tally {
    std::atomic<uint64_t> wakes{0};
};

double timers() {
    using namespace std::chrono_literals;
    std::vector<Tally> wakes(2 * sleepers);
    auto count = [&] {
        uint64_t sum = 0;
        for (Tally& tally : wakes) sum += tally.wakes.load(std::memory_order_relaxed);
        return sum;
    };
    std::atomic<bool> stop{false};
    std::atomic<int> started{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; t++) {
        threads.emplace_back([&, t] {
            bc::pooled_fixedsize_stack pool(16 << 10);
            std::vector<bf::fiber> all;
            for (int i = t * sleepers; i < (t + 1) * sleepers; i++) {
                all.push_back(go(pool, [&stop, &started, &tally = wakes[i]] {
                    started++;
                    while (!stop.load(std::memory_order_relaxed)) {
                        boost::this_fiber::sleep_for(1ms);
                        tally.wakes.fetch_add(1, std::memory_order_relaxed);
                    }
                }));
            }
            for (bf::fiber& fiber : all) fiber.join();
        });
    }
    while (started < 2 * sleepers) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(200ms);
    auto start = std::chrono::steady_clock::now();
    uint64_t before = count();
    std::this_thread::sleep_for(500ms);
    std::chrono::duration<double, std::nano> ns = std::chrono::steady_clock::now() - start;
    uint64_t in_window = count() - before;
    check(in_window > 0, "timers: nobody wakes");
    stop = true;
    for (std::thread& thread : threads) thread.join();
    return ns.count() / in_window;
}

std::vector<double> sleeps(int micros) {
    return late(std::chrono::microseconds(micros),
                [](std::chrono::microseconds length) { boost::this_fiber::sleep_for(length); });
}

// Two threads, on each a fiber that loops for ever and, on the first, one that sleeps. Whoever looks from outside sees
// whether a sleep ends in the time in which others end a thousand.
std::vector<double> sleep_busy() {
    using namespace std::chrono_literals;
    std::atomic<int> looping{0};
    std::atomic<bool> woken{false};
    for (int t = 0; t < 2; t++) {
        std::thread([&, t] {
            bf::fiber loop([&looping] {
                looping++;
                for (;;) asm volatile("");
            });
            if (t == 0) {
                boost::this_fiber::sleep_for(1ms);
                woken = true;
            }
            loop.join();
        }).detach();
    }
    while (looping < 2) std::this_thread::yield();
    std::this_thread::sleep_for(1500ms);
    check(!woken, "sleep-busy: it ends, and should be measured");
    double never = std::numeric_limits<double>::infinity();
    return {never, never};
}
