// boost.fiber: fibers under its round robin, on one thread, stacks from a pool.
#include "rows.hpp"
#include "timing.hpp"

namespace bf = boost::fibers;

static boost::context::pooled_fixedsize_stack pool(64 << 10);

template <class F> static bf::fiber go(F f) { return go(pool, std::move(f)); }

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

double ring() {
    constexpr int members = 1000;
    using Link = bf::unbuffered_channel<uint64_t>;
    std::vector<Link> links(members);
    Link done;
    std::vector<bf::fiber> all;
    for (int i = 0; i < members; i++) {
        all.push_back(go([&from = links[i], &to = links[(i + 1) % members], &done] {
            uint64_t v;
            while (from.pop(v) == bf::channel_op_status::success) {
                if (v == 0) done.push(0);
                else to.push(v - 1);
            }
        }));
    }
    double ns = sample(1'000'000, [&](uint64_t n) {
        links[0].push(n);
        done.value_pop();
    });
    for (Link& link : links) link.close();
    for (bf::fiber& fiber : all) fiber.join();
    return ns;
}

double mutex() {
    return sample(10'000'000, [](uint64_t n) {
        bf::mutex mutex;
        uint64_t count = 0;
        for (uint64_t i = 0; i < n; i++) {
            mutex.lock();
            count++;
            asm volatile("" ::: "memory");
            mutex.unlock();
        }
        check(count == n, "mutex: additions were lost");
    });
}
