package main

import (
	"sync"
	"time"
)

// Trees of goroutines: every node starts its children and waits for them.

func skynetNode(to chan<- int, first, size int) {
	if size == 1 {
		to <- first
		return
	}
	from, sum := make(chan int), 0
	for i := 0; i < 10; i++ {
		go skynetNode(from, first+i*(size/10), size/10)
	}
	for i := 0; i < 10; i++ {
		sum += <-from
	}
	to <- sum
}

func skynet() float64 {
	grow := func(leaves int) {
		root := make(chan int)
		go skynetNode(root, 0, leaves)
		check(<-root == leaves*(leaves-1)/2, "skynet: the sum is wrong")
	}
	const leaves = 1_000_000
	grow(leaves)
	start := time.Now()
	grow(leaves)
	return float64(time.Since(start)) / leaves
}

func fibNode(n int, result *int) {
	if n < 2 {
		*result = n
		return
	}
	var a, b int
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		fibNode(n-1, &a)
		wg.Done()
	}()
	fibNode(n-2, &b)
	wg.Wait()
	*result = a + b
}

func fib() float64 {
	var result int
	fibNode(30, &result)
	start := time.Now()
	fibNode(30, &result)
	ms := float64(time.Since(start)) / 1e6
	check(result == 832_040, "fib: the number is wrong")
	return ms
}
