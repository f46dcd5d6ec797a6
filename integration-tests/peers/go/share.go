package main

/*
#include "c.h"
*/
import "C"

import (
	"sync"
	"sync/atomic"
	"time"
)

// rates is how much the counters grow, a second.
func rates(window time.Duration, counters ...*atomic.Int64) []float64 {
	start := time.Now()
	figures := make([]float64, len(counters))
	for i, counter := range counters {
		figures[i] = -float64(counter.Load())
	}
	time.Sleep(window)
	seconds := time.Since(start).Seconds()
	for i, counter := range counters {
		figures[i] = (figures[i] + float64(counter.Load())) / seconds
	}
	return figures
}

//go:noinline
func step(x uint64) uint64 { return x*0x5851_f42d_4c95_7f2d + 1 }

// share is the share of what it does alone that a computing goroutine does beside a hundred that sleep in C, and how
// many sleeps end a second.
func share(micros int) func() []float64 {
	return func() []float64 {
		const sleepers = 100
		oneCPU()
		var stop atomic.Bool
		var worked, slept atomic.Int64
		var wg sync.WaitGroup
		wg.Add(1 + sleepers)
		go func() {
			x := uint64(0)
			for !stop.Load() {
				for i := 0; i < 1000; i++ {
					x = step(x)
				}
				worked.Add(1)
			}
			wg.Done()
		}()
		time.Sleep(100 * time.Millisecond)
		alone := rates(500*time.Millisecond, &worked)[0]
		for i := 0; i < sleepers; i++ {
			go func() {
				for !stop.Load() {
					C.c_sleep(C.uint(micros))
					slept.Add(1)
				}
				wg.Done()
			}()
		}
		time.Sleep(300 * time.Millisecond)
		beside := rates(time.Second, &worked, &slept)
		stop.Store(true)
		wg.Wait()
		check(alone > 0 && beside[1] > 0, "share: nobody computes, or nobody sleeps")
		// A window may begin and end with a sleep of each.
		check(beside[1] <= sleepers*(1e6/float64(micros)+1), "share: sleeps end early")
		return []float64{beside[0] / alone, beside[1]}
	}
}
