package main

import "sync"

// channel is so many round trips through two channels.
func channel(trips int) func() float64 {
	return func() float64 {
		to, from := make(chan int), make(chan int)
		go func() {
			for v := range to {
				from <- v
			}
			close(from)
		}()
		ns := sample(trips, func(n int) {
			for i := 0; i < n; i++ {
				to <- i
				check(<-from == i, "channel: another value came back")
			}
		})
		close(to)
		<-from
		return ns
	}
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

func selects() float64 {
	to, from, quit := make(chan int), make(chan int), make(chan struct{})
	go func() {
		for {
			select {
			case v := <-to:
				from <- v
			case <-quit:
				close(from)
				return
			}
		}
	}()
	ns := sample(500_000, func(n int) {
		for i := 0; i < n; i++ {
			to <- i
			select {
			case v := <-from:
				check(v == i, "select: another value came back")
			case <-quit:
				check(false, "select: nobody closed this")
			}
		}
	})
	close(quit)
	<-from
	return ns
}

func ring() float64 {
	const members, end = 1000, -1
	links := make([]chan int, members)
	for i := range links {
		links[i] = make(chan int)
	}
	done := make(chan struct{})
	for i := range links {
		from, to, last := links[i], links[(i+1)%members], i == members-1
		go func() {
			for v := range from {
				switch {
				case v == end:
					if last {
						close(done)
					} else {
						to <- end
					}
					return
				case v == 0:
					done <- struct{}{}
				default:
					to <- v - 1
				}
			}
		}()
	}
	ns := sample(1_000_000, func(n int) {
		links[0] <- n
		<-done
	})
	links[0] <- end
	<-done
	return ns
}
