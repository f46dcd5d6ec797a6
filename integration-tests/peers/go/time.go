package main

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

func timers() float64 {
	const sleepers = 100_000
	var stop atomic.Bool
	var started atomic.Int64
	var wg sync.WaitGroup
	// A line of the cache each.
	type tally struct {
		wakes atomic.Int64
		_     [56]byte
	}
	wakes := make([]tally, sleepers)
	wg.Add(sleepers)
	for i := range wakes {
		go func() {
			started.Add(1)
			for !stop.Load() {
				time.Sleep(time.Millisecond)
				wakes[i].wakes.Add(1)
			}
			wg.Done()
		}()
	}
	count := func() (sum int64) {
		for i := range wakes {
			sum += wakes[i].wakes.Load()
		}
		return
	}
	for started.Load() < sleepers {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	start, before := time.Now(), count()
	time.Sleep(500 * time.Millisecond)
	inWindow := count() - before
	ns := float64(time.Since(start)) / float64(inWindow)
	check(inWindow > 0, "timers: nobody wakes")
	stop.Store(true)
	wg.Wait()
	return ns
}

// sleep gives median and 99th percentile of how late sleeps of this length end, in microseconds, beside endless loops.
func sleep(length time.Duration, loops int) func() []float64 {
	return func() []float64 {
		var stop atomic.Bool
		var wg sync.WaitGroup
		for i := 0; i < loops; i++ {
			wg.Add(1)
			go func() {
				for !stop.Load() {
				}
				wg.Done()
			}()
		}
		budget := 400 * time.Millisecond
		if loops > 0 {
			budget = 1500 * time.Millisecond
		}
		var late []float64
		for begin := time.Now(); len(late) < 2000 && time.Since(begin) < budget; {
			start := time.Now()
			time.Sleep(length)
			late = append(late, float64(time.Since(start)-length)/1e3)
		}
		stop.Store(true)
		wg.Wait()
		check(slices.Min(late) >= 0, "sleep: it ended early")
		return medianAndP99(late)
	}
}
