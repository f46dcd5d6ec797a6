package main

import (
	"runtime"
	"sync"
)

func yields() float64 {
	return sample(2_000_000, func(n int) {
		var wg sync.WaitGroup
		wg.Add(2)
		for g := 0; g < 2; g++ {
			go func() {
				for i := 0; i < n/2; i++ {
					runtime.Gosched()
				}
				wg.Done()
			}()
		}
		wg.Wait()
	})
}

func spawnJoin() float64 {
	done := make(chan struct{})
	return sample(200_000, func(n int) {
		for i := 0; i < n; i++ {
			go func() { done <- struct{}{} }()
			<-done
		}
	})
}

func spawn1000() float64 {
	return sample(200_000, func(n int) {
		for i := 0; i < n/1000; i++ {
			var wg sync.WaitGroup
			wg.Add(1000)
			for j := 0; j < 1000; j++ {
				go func() { wg.Done() }()
			}
			wg.Wait()
		}
	})
}

func lock() float64 {
	return sample(10_000_000, func(n int) {
		for i := 0; i < n; i++ {
			runtime.LockOSThread()
			runtime.UnlockOSThread()
		}
	})
}
