// The Go peer of the comparison: `go-peer --list`, `go-peer ROW`.
//
// README.md one folder up has the protocol and the loop of each row. GOMAXPROCS is set by who starts it.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

type row struct {
	name    string
	measure func() []float64
}

// one makes a row of a measurement that gives one figure.
func one(measure func() float64) func() []float64 {
	return func() []float64 { return []float64{measure()} }
}

var rows = []row{
	{"yield", one(yields)},
	{"spawn-join", one(spawnJoin)},
	{"spawn-1000", one(spawn1000)},
	{"channel", one(channel)},
	{"buffered", one(buffered)},
	{"select", one(selects)},
	{"ring", one(ring)},
	{"mutex", one(mutex)},
	{"mutex-contended", one(mutexContended)},
	{"skynet", one(skynet)},
	{"fib", one(fib)},
	{"timers", one(timers)},
	{"sleep-10us", sleep(10*time.Microsecond, 0)},
	{"sleep-100us", sleep(100*time.Microsecond, 0)},
	{"sleep-1ms", sleep(time.Millisecond, 0)},
	{"sleep-10ms", sleep(10*time.Millisecond, 0)},
	{"sleep-busy", sleep(time.Millisecond, 2)},
	{"call", one(call)},
	{"call-two", one(callTwo)},
	{"cgo-noop", noop},
	{"callback", one(callback)},
	{"callback-only", one(callbackOnly)},
	{"foreign-callback", one(foreignCallback)},
	{"foreign-first", one(foreignFirst)},
	{"foreign-thread", one(foreignThread)},
	{"nested-1", one(nested(1))},
	{"nested-4", one(nested(4))},
	{"nested-16", one(nested(16))},
	{"nested-64", one(nested(64))},
	{"lock", one(lock)},
	{"locked-one", lockedTrips(true, false)},
	{"locked-two", lockedTrips(false, false)},
	{"locked-both-one", lockedTrips(true, true)},
	{"locked-both-two", lockedTrips(false, true)},
	{"locked-idle", lockedIdle},
	{"locked-yield", one(lockedYield)},
	{"locked-exit", one(lockedExit)},
	{"latency-wake", wakeByGoroutine(0)},
	{"latency-wake-on", wakeByGoroutine(200 * time.Microsecond)},
	{"latency-thread", latencyThread},
	{"latency-busy", latencyBusy},
	{"share-10ms", share(10_000)},
	{"share-100us", share(100)},
	{"defer-line", deferLines},
	{"defer-lock", deferLocks},
	{"defer-ten", one(deferMany(10))},
	{"defer-loop", one(deferMany(1000))},
	{"panic-jump", one(panics)},
	{"panic-unwind", one(panics)},
	{"panic-goexit", exits},
	{"parked", one(parked)},
	{"wake-exit", one(wakeExit)},
	{"create-1m", create},
}

// sample gives the median of five batches of n operations, after a warm-up of a quarter of one.
func sample(n int, body func(n int)) float64 {
	body(n / 4)
	var batches [5]float64
	for i := range batches {
		start := time.Now()
		body(n)
		batches[i] = float64(time.Since(start)) / float64(n)
	}
	slices.Sort(batches[:])
	return batches[2]
}

// check ends the program when a result is wrong.
func check(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "wrong result:", what)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) == 2 {
		for _, r := range rows {
			switch os.Args[1] {
			case "--list":
				fmt.Println(r.name)
			case r.name:
				figures := fmt.Sprintf("%.3f", r.measure())
				fmt.Println(r.name, strings.Trim(figures, "[]"))
				return
			}
		}
		if os.Args[1] == "--list" {
			return
		}
	}
	fmt.Fprintln(os.Stderr, "go-peer --list | ROW")
	os.Exit(2)
}
