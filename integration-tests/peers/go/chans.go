package main

import "sync"

func channel() float64 {
	to, from := make(chan int), make(chan int)
	go func() {
		for v := range to {
			from <- v
		}
		close(from)
	}()
	ns := sample(500_000, func(n int) {
		for i := 0; i < n; i++ {
			to <- i
			check(<-from == i, "channel: another value came back")
		}
	})
	close(to)
	<-from
	return ns
}

func buffered() float64 {
	return sample(2_000_000, func(n int) {
		c := make(chan int, 128)
		received := 0
		var wg sync.WaitGroup
		wg.Add(2)
		go func() {
			for range c {
				received++
			}
			wg.Done()
		}()
		go func() {
			for i := 0; i < n; i++ {
				c <- i
			}
			close(c)
			wg.Done()
		}()
		wg.Wait()
		check(received == n, "buffered: items were lost")
	})
}
