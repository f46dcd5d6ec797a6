// boost.fiber: fibers under its round robin, on one thread, stacks from a pool.
#include "rows.hpp"
#include "timing.hpp"
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/fiber/all.hpp>
#include <vector>

namespace bf = boost::fibers;

static boost::context::pooled_fixedsize_stack pool(64 << 10);

template <class F> static bf::fiber go(F f) {
    return bf::fiber(bf::launch::post, std::allocator_arg, pool, std::move(f));
}

double yields() {
    return sample(2'000'000, [](uint64_t n) {
        auto half = [n] {
            for (uint64_t i = 0; i < n / 2; i++) boost::this_fiber::yield();
        };
        bf::fiber a = go(half), b = go(half);
        a.join();
        b.join();
    });
}

double spawn_join() {
    return sample(200'000, [](uint64_t n) {
        for (uint64_t i = 0; i < n; i++) go([] {}).join();
    });
}

double spawn_1000() {
    return sample(200'000, [](uint64_t n) {
        std::vector<bf::fiber> all;
        all.reserve(1000);
        for (uint64_t i = 0; i < n / 1000; i++) {
            all.clear();
            for (int k = 0; k < 1000; k++) all.push_back(go([] {}));
            for (bf::fiber& fiber : all) fiber.join();
        }
    });
}

double channel() {
    bf::unbuffered_channel<uint64_t> to, from;
    bf::fiber echo = go([&] {
        uint64_t v;
        while (to.pop(v) == bf::channel_op_status::success) from.push(v);
    });
    double ns = sample(500'000, [&](uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
            uint64_t v = 0;
            to.push(i);
            from.pop(v);
            check(v == i, "channel: another value came back");
        }
    });
    to.close();
    echo.join();
    return ns;
}

double buffered() {
    return sample(2'000'000, [](uint64_t n) {
        bf::buffered_channel<uint64_t> items(128);
        uint64_t received = 0;
        bf::fiber consumer = go([&] {
            uint64_t v;
            while (items.pop(v) == bf::channel_op_status::success) received++;
        });
        bf::fiber producer = go([&] {
            for (uint64_t i = 0; i < n; i++) items.push(i);
            items.close();
        });
        producer.join();
        consumer.join();
        check(received == n, "buffered: items were lost");
    });
}
