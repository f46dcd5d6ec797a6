package main

/*
#include "c.h"
*/
import "C"

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// threads is how many this process has.
func threads() int {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if count, is := strings.CutPrefix(line, "Threads:"); is {
			n, err := strconv.Atoi(strings.TrimSpace(count))
			check(err == nil, "threads: no number")
			return n
		}
	}
	check(false, "status has no Threads")
	return 0
}

// threadsLeft is how many threads there are half a minute after three thousand calls were in C at once, or as soon as
// there are no more than are needed.
func threadsLeft() float64 {
	const calls, few = 3000, 16
	var all sync.WaitGroup
	all.Add(calls)
	for range calls {
		go func() {
			C.c_sleep(500_000)
			all.Done()
		}()
	}
	all.Wait()
	for begin := time.Now(); time.Since(begin) < 30*time.Second && threads() > few; {
		time.Sleep(250 * time.Millisecond)
	}
	return float64(threads())
}
