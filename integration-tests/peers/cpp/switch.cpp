// boost.context: a coroutine without a scheduler, by the library's lowest operation.
#include "rows.hpp"
#include "timing.hpp"
#include <boost/context/detail/fcontext.hpp>
#include <vector>

namespace fc = boost::context::detail;

// Whom the coroutine suspends to.
static fc::fcontext_t resumer;

// The real frame between the coroutine's loop and its suspension.
__attribute__((noinline)) static uint64_t frame(uint64_t x) {
    fc::transfer_t t = fc::jump_fcontext(resumer, reinterpret_cast<void*>(x + 1));
    resumer = t.fctx;
    asm volatile("" ::: "memory"); // no tail call
    return reinterpret_cast<uint64_t>(t.data);
}

static void body(fc::transfer_t t) {
    resumer = t.fctx;
    uint64_t x = reinterpret_cast<uint64_t>(t.data);
    for (;;) x = frame(x);
}

double switches() {
    std::vector<char> stack(64 << 10);
    fc::fcontext_t coroutine = fc::make_fcontext(stack.data() + stack.size(), stack.size(), body);
    uint64_t v = 0, trips = 0;
    double ns = sample(2'000'000, [&](uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
            fc::transfer_t t = fc::jump_fcontext(coroutine, reinterpret_cast<void*>(v));
            coroutine = t.fctx;
            v = reinterpret_cast<uint64_t>(t.data);
        }
        trips += n;
    });
    check(v == trips, "switch: each trip adds one");
    return ns;
}
