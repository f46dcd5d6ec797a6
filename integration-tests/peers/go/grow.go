package main

//go:noinline
//go:nosplit
func addOne(sum *int) {
	*sum++
}

// addOneAsking is the same with the look at the stack that every function begins with.
//
//go:noinline
func addOneAsking(sum *int) {
	call := addOne
	call(sum)
}

//go:noinline
//go:nosplit
func addOneUnasked(sum *int) {
	call := addOne
	call(sum)
}

// addOneDeep needs more stack than a new goroutine has.
//
//go:noinline
func addOneDeep(sum *int) {
	var frame [32 << 10]byte
	touch(&frame, *sum)
	*sum++
}

//go:noinline
//go:nosplit
func touch(frame *[32 << 10]byte, at int) {
	frame[at&(len(frame)-1)] = 1
}

func adds(n int, add func(*int)) {
	sum := 0
	for i := 0; i < n; i++ {
		add(&sum)
	}
	check(sum == n, "grow: additions were lost")
}

func growFits() []figure {
	return over(50_000_000, func(n int) { adds(n, addOneAsking) }, func(n int) { adds(n, addOneUnasked) })
}

// growKept calls on a stack that has grown before.
func growKept() float64 {
	return sample(2_000_000, func(n int) { adds(n, addOneDeep) })
}

// growCached has the stack of a new goroutine grow each time: Go gives it back at the end of the goroutine, if at all.
func growCached() float64 {
	return sample(100_000, func(n int) {
		done := make(chan struct{})
		adds(n, func(sum *int) {
			go func() {
				addOneDeep(sum)
				done <- struct{}{}
			}()
			<-done
		})
	})
}
