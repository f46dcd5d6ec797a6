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

// How long a parked goroutine takes to wake: somebody sends the time, by C's clock, to one that waits for it.
const (
	mostWakes = 1000
	pause     = time.Millisecond
)

type wakes struct {
	times       chan int64
	noted, sent atomic.Int64
	begin       time.Time
	budget      time.Duration
}

// now is wakes that are under way, sent by whoever.
var now *wakes

// more tells whether there is still somebody to be woken.
func (w *wakes) more() bool {
	return w.sent.Load() < mostWakes && time.Since(w.begin) < w.budget
}

// wake sends the time, unless the one sent before has not been noted yet.
func (w *wakes) wake(time int64) {
	if w.noted.Load() == w.sent.Load() {
		w.sent.Add(1)
		w.times <- time
	}
}

//export goWake
func goWake(time int64) C.int {
	if !now.more() {
		return 0
	}
	now.wake(time)
	return 1
}

// measureWakes gives median and 99th percentile.
func measureWakes(budget time.Duration, waker func(w *wakes)) []float64 {
	return medianAndP99(ages(budget, waker))
}

// ages is how old the times are when they are noted, in microseconds.
func ages(budget time.Duration, waker func(w *wakes)) []float64 {
	w := &wakes{times: make(chan int64, 1), begin: time.Now(), budget: budget}
	var late []float64
	done := make(chan struct{})
	go func() {
		for time := range w.times {
			late = append(late, float64(int64(C.c_now())-time)/1e3)
			w.noted.Add(1)
		}
		close(done)
	}()
	waker(w)
	close(w.times)
	<-done
	check(len(late) == int(w.sent.Load()) && len(late) > 0, "latency: wakes were lost")
	return late
}

// wakeComputing is how old a wake is whose waker computes on for five milliseconds, the median.
func wakeComputing() float64 {
	return median(ages(time.Second, wakeAndCompute(5*time.Millisecond)))
}

// wakeByGoroutine wakes, and computes for busy before it sleeps again.
func wakeByGoroutine(busy time.Duration) func() []float64 {
	return func() []float64 { return measureWakes(800*time.Millisecond, wakeAndCompute(busy)) }
}

func wakeAndCompute(busy time.Duration) func(w *wakes) {
	return func(w *wakes) {
		for w.more() {
			time.Sleep(pause)
			woken := time.Now()
			w.wake(int64(C.c_now()))
			for time.Since(woken) < busy {
			}
		}
	}
}

// wakeByThread has a thread of C call in.
func wakeByThread(budget time.Duration) []float64 {
	return measureWakes(budget, func(w *wakes) {
		now = w
		C.c_start_waker()
		for w.more() {
			time.Sleep(100 * time.Millisecond)
		}
		C.c_join_waker()
	})
}

func latencyThread() []float64 { return wakeByThread(1600 * time.Millisecond) }

func latencyBusy() []float64 {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() {
			for !stop.Load() {
			}
			wg.Done()
		}()
	}
	figures := wakeByThread(2500 * time.Millisecond)
	stop.Store(true)
	wg.Wait()
	return figures
}
