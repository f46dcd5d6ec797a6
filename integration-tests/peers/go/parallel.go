package main

import "time"

// compute computes until so much time has passed.
func compute(length time.Duration) {
	for start := time.Now(); time.Since(start) < length; {
	}
}

// forkJoin starts a goroutine, computes as long as that one does, and waits for it: the median of how long all takes.
func forkJoin(length, unit time.Duration) func() float64 {
	return func() float64 {
		var took []float64
		done := make(chan struct{})
		for begin := time.Now(); len(took) < 1000 && time.Since(begin) < time.Second; {
			start := time.Now()
			go func() {
				compute(length)
				done <- struct{}{}
			}()
			compute(length)
			<-done
			took = append(took, float64(time.Since(start))/float64(unit))
		}
		return median(took)
	}
}
