// boost.fiber: many fibers that wait at a time.
#include "rows.hpp"
#include "timing.hpp"
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cerrno>
#include <unistd.h>

namespace bf = boost::fibers;
namespace bc = boost::context;

double wake_exit() {
    constexpr int count = 100'000;
    bc::pooled_fixedsize_stack pool(16 << 10);
    std::vector<bf::fiber> all;
    all.reserve(count);
    std::array<double, 6> batches;
    for (double& batch : batches) {
        bf::mutex mutex;
        bf::condition_variable gate;
        bool open = false;
        int arrived = 0;
        for (int i = 0; i < count; i++) {
            all.push_back(go(pool, [&] {
                std::unique_lock<bf::mutex> lock(mutex);
                arrived++;
                gate.wait(lock, [&] { return open; });
            }));
        }
        while (arrived < count) boost::this_fiber::yield();
        auto start = std::chrono::steady_clock::now();
        open = true;
        gate.notify_all();
        for (bf::fiber& fiber : all) fiber.join();
        std::chrono::duration<double, std::nano> ns = std::chrono::steady_clock::now() - start;
        batch = ns.count() / count;
        all.clear();
    }
    // The first one is the warm-up.
    std::sort(batches.begin() + 1, batches.end());
    return batches[3];
}

// Whether reading at this address is a fault: the kernel would read a path there.
static bool faults(const void* address) {
    return access(static_cast<const char*>(address), F_OK) != 0 && errno == EFAULT;
}

// How many guarded stacks there are when the kernel refuses the next one: its mapping, or that of its guard, which the
// library lets pass.
double guarded() {
    constexpr size_t wanted = 1'000'000;
    bc::protected_fixedsize_stack source(64 << 10);
    size_t count = 0;
    try {
        for (; count < wanted; count++) {
            bc::stack_context stack = source.allocate();
            if (!faults(static_cast<char*>(stack.sp) - stack.size)) break;
        }
    } catch (const std::bad_alloc&) {
    }
    return count;
}
