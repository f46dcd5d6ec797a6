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

// over gives what an operation costs over another, of batches that take turns, and what it costs.
func over(n int, with, without func(n int)) []figure {
	with(n / 4)
	without(n / 4)
	var all, differences []float64
	for range 15 {
		w := timed(n, with)
		all = append(all, w)
		differences = append(differences, w-timed(n, without))
	}
	return []figure{difference(differences), {value: median(all)}}
}

func deferLines() []figure {
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

func deferLocks() []figure {
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

func exits() []figure {
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
