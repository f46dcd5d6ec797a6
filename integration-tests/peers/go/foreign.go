package main

/*
#cgo CFLAGS: -O2
#include "c.h"
*/
import "C"

import "slices"

var entered int

//export goEmpty
func goEmpty() { entered++ }

//export goNest
func goNest(depth C.long) { nest(depth - 1) }

// nest goes so many times to C and back, each inside the one before.
func nest(depth C.long) {
	if depth > 0 {
		C.c_nest(depth)
	}
}

func call() float64 {
	return sample(5_000_000, func(n int) {
		for i := 0; i < n; i++ {
			C.c_empty()
		}
	})
}

func callback() float64 {
	return sample(2_000_000, func(n int) {
		before := entered
		for i := 0; i < n; i++ {
			C.c_callback()
		}
		check(entered-before == n, "callback: calls were lost")
	})
}

// callTwo is the time of one call of each of two goroutines that call.
func callTwo() float64 {
	return sample(5_000_000, func(n int) {
		calls := func() {
			for i := 0; i < n; i++ {
				C.c_empty()
			}
		}
		done := make(chan bool)
		go func() { calls(); done <- true }()
		calls()
		<-done
	})
}

// noop is the call, and the call with something deferred until it has returned.
func noop() []float64 {
	ended := 0
	deferred := sample(5_000_000, func(n int) {
		before := ended
		for i := 0; i < n; i++ {
			func() {
				defer func() { ended++ }()
				C.c_empty()
			}()
		}
		check(ended-before == n, "cgo-noop: deferred calls were lost")
	})
	return []float64{call(), deferred}
}

func callbackOnly() float64 {
	return sample(5_000_000, func(n int) {
		before := entered
		for i := 0; i < n/1000; i++ {
			C.c_callback_n(1000)
		}
		check(entered-before == n/1000*1000, "callback-only: calls were lost")
	})
}

// nested is the time of one level of so many.
func nested(depth C.long) func() float64 {
	return func() float64 {
		return sample(2_000_000, func(n int) {
			for i := 0; i < n/int(depth); i++ {
				nest(depth)
			}
		})
	}
}

// foreignCallback gives the median of five threads of C's own that call so many times.
func foreignCallback() float64 {
	return middle(func() float64 { return float64(C.c_foreign_n(10_000_000)) })
}

func foreignFirst() float64 {
	return middle(func() float64 { return float64(C.c_foreign_first(1000)) })
}

// foreignThread is of five thousand pairs.
func foreignThread() []figure {
	const pairs = 1000
	var differences []float64
	for range 5 {
		var round [pairs]C.double
		C.c_foreign_pairs(pairs, &round[0])
		for _, difference := range round {
			differences = append(differences, float64(difference))
		}
	}
	return []figure{difference(differences)}
}

//export goEntered
func goEntered(sent C.int64_t) C.int64_t { return C.c_now() - sent }

// foreignRested is how long a callback takes to be entered, of threads of C's own that rest for a millisecond between
// two: the median, in microseconds.
func foreignRested() float64 {
	const threads, calls = 32, 300
	late := make([]C.int64_t, threads*calls)
	for i := range late {
		late[i] = -1
	}
	C.c_rest_and_call(threads, calls, 1000, &late[0])
	var all []float64
	for _, l := range late {
		// After some seconds the threads stop calling.
		if l >= 0 {
			all = append(all, float64(l)/1e3)
		}
	}
	return median(all)
}

func middle(measure func() float64) float64 {
	var all [5]float64
	for i := range all {
		all[i] = measure()
	}
	slices.Sort(all[:])
	return all[2]
}
