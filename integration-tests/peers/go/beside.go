package main

/*
#include "c.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// worstGap is the longest time from one wake-up to the next of a goroutine that sleeps for a millisecond again and
// again, beside a loop of this operation, in milliseconds.
func worstGap(operation func()) float64 {
	var over atomic.Bool
	worst := make(chan time.Duration)
	go func() {
		last, longest := time.Now(), time.Duration(0)
		for !over.Load() {
			time.Sleep(time.Millisecond)
			longest = max(longest, time.Since(last))
			last = time.Now()
		}
		worst <- longest
	}()
	runtime.Gosched()
	go func() {
		for begin := time.Now(); time.Since(begin) < 600*time.Millisecond; {
			for i := 0; i < 100; i++ {
				operation()
			}
		}
		over.Store(true)
	}()
	return float64(<-worst) / 1e6
}

// besideLoops is beside a send and a receive by which a buffer is full and empty, a select with a default, a mutex that
// nothing else wants.
func besideLoops() []float64 {
	full, empty := make(chan int, 1), make(chan int, 1)
	var c counter
	return []float64{
		worstGap(func() {
			full <- 1
			check(<-full == 1, "beside: another value came back")
		}),
		worstGap(func() {
			select {
			case <-empty:
				check(false, "beside: nothing was sent")
			default:
			}
		}),
		worstGap(func() { c.add(1) }),
	}
}

// tickers is how late the ticks of a ticker come, the median, in microseconds: of two hundred tickers the median, and
// the 99th percentile, beside eight goroutines that sleep in C.
func tickers() []float64 {
	const tick, length = 5 * time.Millisecond, 1500 * time.Millisecond
	late := make([]float64, 200)
	var all sync.WaitGroup
	begin := time.Now()
	all.Add(8 + len(late))
	for range 8 {
		go func() {
			for time.Since(begin) < length {
				C.c_sleep(50_000)
			}
			all.Done()
		}()
	}
	for i := range late {
		go func() {
			var own []float64
			for time.Since(begin) < length {
				start := time.Now()
				time.Sleep(tick)
				own = append(own, float64(time.Since(start)-tick)/1e3)
			}
			// It was not let run before the end.
			if len(own) == 0 {
				own = append(own, float64(time.Since(begin))/1e3)
			}
			late[i] = median(own)
			all.Done()
		}()
	}
	all.Wait()
	return medianAndP99(late)
}
