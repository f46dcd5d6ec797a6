// The rows of this program; README.md one folder up has the loop of each.
#pragma once
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/fiber/all.hpp>
#include <vector>

// A fiber on a stack from a pool, without a guard.
template <class F> boost::fibers::fiber go(boost::context::pooled_fixedsize_stack& pool, F f) {
    return {boost::fibers::launch::post, std::allocator_arg, pool, std::move(f)};
}

double switches();
double yields();
double spawn_join();
double spawn_1000();
double channel();
double buffered();
double ring();
double mutex();
double wake_exit();
double guarded();
double timers();
std::vector<double> sleeps(int micros);
std::vector<double> sleep_busy();
