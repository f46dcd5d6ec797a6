// The Go peer of the comparison: `go-peer --list`, `go-peer ROW`.
//
// README.md one folder up has the protocol and the loop of each row. GOMAXPROCS is set by who starts it.
package main

import (
	"fmt"
	"os"
	"time"
)

type row struct {
	name    string
	measure func() []figure
}

// one makes a row of a measurement that gives one figure.
func one(measure func() float64) func() []figure {
	return func() []figure { return []figure{{value: measure()}} }
}

// many makes a row of a measurement that gives several.
func many(measure func() []float64) func() []figure {
	return func() (figures []figure) {
		for _, value := range measure() {
			figures = append(figures, figure{value: value})
		}
		return
	}
}

var rows = []row{
	{"yield", one(yields)},
	{"spawn-join", one(spawnJoin)},
	{"spawn-1000", one(spawn1000)},
	{"channel", one(channel(500_000))},
	{"main-worker", one(channel(50_000))},
	{"buffered", one(buffered)},
	{"select", one(selects)},
	{"ring", one(ring)},
	{"mutex", one(mutex)},
	{"mutex-contended", one(mutexContended)},
	{"skynet", one(skynet)},
	{"fib", one(fib)},
	{"timers", one(timers)},
	{"sleep-10us", many(sleep(10*time.Microsecond, 0))},
	{"sleep-100us", many(sleep(100*time.Microsecond, 0))},
	{"sleep-1ms", many(sleep(time.Millisecond, 0))},
	{"sleep-10ms", many(sleep(10*time.Millisecond, 0))},
	{"sleep-busy", many(sleep(time.Millisecond, 2))},
	{"call", one(call)},
	{"call-two", one(callTwo)},
	{"cgo-noop", many(noop)},
	{"callback", one(callback)},
	{"callback-only", one(callbackOnly)},
	{"foreign-callback", one(foreignCallback)},
	{"foreign-first", one(foreignFirst)},
	{"foreign-thread", foreignThread},
	{"foreign-rested", one(foreignRested)},
	{"nested-1", one(nested(1))},
	{"nested-4", one(nested(4))},
	{"nested-16", one(nested(16))},
	{"nested-64", one(nested(64))},
	{"lock", one(lock)},
	{"locked-one", many(lockedTrips(true, false))},
	{"locked-two", many(lockedTrips(false, false))},
	{"locked-both-one", many(lockedTrips(true, true))},
	{"locked-both-two", many(lockedTrips(false, true))},
	{"locked-idle", many(lockedIdle)},
	{"locked-yield", one(lockedYield)},
	{"locked-exit", one(lockedExit)},
	{"fork-join-9ms", one(forkJoin(9*time.Millisecond, time.Millisecond))},
	{"fork-join-200us", one(forkJoin(200*time.Microsecond, time.Microsecond))},
	{"wake-computing", one(wakeComputing)},
	{"hog-pair", one(hogPair)},
	{"beside-pair", one(besidePair)},
	{"beside", many(besideLoops)},
	{"tickers", many(tickers)},
	{"tickers-offload", many(tickers)},
	{"threads-left", one(threadsLeft)},
	{"latency-wake", many(wakeByGoroutine(0))},
	{"latency-wake-on", many(wakeByGoroutine(200 * time.Microsecond))},
	{"latency-thread", many(latencyThread)},
	{"latency-busy", many(latencyBusy)},
	{"share-10ms", many(share(10_000))},
	{"share-100us", many(share(100))},
	{"grow-fits", growFits},
	{"grow-kept", one(growKept)},
	{"grow-cached", one(growCached)},
	{"defer-line", deferLines},
	{"defer-lock", deferLocks},
	{"defer-ten", one(deferMany(10))},
	{"defer-loop", one(deferMany(1000))},
	{"panic-jump", one(panics)},
	{"panic-unwind", one(panics)},
	{"panic-goexit", exits},
	{"parked", one(parked)},
	{"given-back", one(givenBack)},
	{"wake-exit", one(wakeExit)},
	{"create-1m", many(create)},
	{"packed-1m", many(gather)},
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
				line := r.name
				for _, f := range r.measure() {
					line += " " + f.String()
				}
				fmt.Println(line)
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
