package main

import (
	"runtime"
	"sync"
)

//go:noinline
func pass() {}

//go:noinline
func deferLine(count *int) {
	defer func() { *count++ }()
	pass()
}

//go:noinline
func plainLine(count *int) {
	pass()
	*count++
}

//go:noinline
func deferLock(c *counter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

//go:noinline
func plainLock(c *counter) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
}

//go:noinline
func deferLoop(many int, sum *int) {
	for i := 0; i < many; i++ {
		defer func() { *sum += i }()
	}
}

// over gives what an operation costs over another, and what it costs.
func over(n int, with, without func(n int)) []float64 {
	type pair struct{ over, with float64 }
	var rounds [3]pair
	for i := range rounds {
		w := sample(n, with)
		rounds[i] = pair{w - sample(n, without), w}
	}
	if rounds[0].over > rounds[1].over {
		rounds[0], rounds[1] = rounds[1], rounds[0]
	}
	if rounds[1].over > rounds[2].over {
		rounds[1], rounds[2] = rounds[2], rounds[1]
	}
	if rounds[0].over > rounds[1].over {
		rounds[0], rounds[1] = rounds[1], rounds[0]
	}
	return []float64{max(rounds[1].over, 0.001), rounds[1].with}
}

func deferLines() []float64 {
	calls := func(f func(*int)) func(n int) {
		return func(n int) {
			count := 0
			for i := 0; i < n; i++ {
				f(&count)
			}
			check(count == n, "defer-line: calls were lost")
		}
	}
	return over(20_000_000, calls(deferLine), calls(plainLine))
}

func deferLocks() []float64 {
	adds := func(f func(*counter)) func(n int) {
		return func(n int) {
			var c counter
			for i := 0; i < n; i++ {
				f(&c)
			}
			check(c.n == n, "defer-lock: additions were lost")
		}
	}
	return over(5_000_000, adds(deferLock), adds(plainLock))
}

func deferMany(many int) func() float64 {
	return func() float64 {
		return sample(10_000_000, func(n int) {
			sum := 0
			for i := 0; i < n/many; i++ {
				deferLoop(many, &sum)
			}
			check(sum == n/many*(many*(many-1)/2), "defer-loop: calls were lost")
		})
	}
}

//go:noinline
func panicOne(i int) {
	panic(i)
}

//go:noinline
func recoverOne(i int) (got any) {
	defer func() { got = recover() }()
	panicOne(i)
	return
}

func panics() float64 {
	return sample(200_000, func(n int) {
		for i := 0; i < n; i++ {
			check(recoverOne(i) == i, "panic: another value")
		}
	})
}

func exits() []float64 {
	ends := func(body func()) func(n int) {
		return func(n int) {
			var wg sync.WaitGroup
			for i := 0; i < n; i++ {
				wg.Add(1)
				go func() {
					defer wg.Done()
					body()
				}()
				wg.Wait()
			}
		}
	}
	return over(100_000, ends(runtime.Goexit), ends(pass))
}
