package main

import "sync"

// counter is a number behind a mutex.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(n int) {
	for i := 0; i < n; i++ {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
}

func mutex() float64 {
	return sample(10_000_000, func(n int) {
		var c counter
		c.add(n)
		check(c.n == n, "mutex: additions were lost")
	})
}

func mutexContended() float64 {
	const members = 8
	return sample(2_000_000, func(n int) {
		var c counter
		var wg sync.WaitGroup
		wg.Add(members)
		for g := 0; g < members; g++ {
			go func() {
				c.add(n / members)
				wg.Done()
			}()
		}
		wg.Wait()
		check(c.n == n, "mutex-contended: additions were lost")
	})
}
