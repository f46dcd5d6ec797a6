package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// resident is what smaps_rollup says: bytes, page tables not among them.
func resident() int {
	text, _ := os.ReadFile("/proc/self/smaps_rollup")
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Rss:" {
			kib, _ := strconv.Atoi(fields[1])
			return kib * 1024
		}
	}
	check(false, "smaps_rollup has no Rss")
	return 0
}

// park starts goroutines that wait for ever, and returns when all do.
func park(count int) {
	gate := make(chan struct{})
	var arrived atomic.Int64
	for i := 0; i < count; i++ {
		go func() {
			arrived.Add(1)
			<-gate
		}()
	}
	for arrived.Load() < int64(count) {
		runtime.Gosched()
	}
}

func parked() float64 {
	const count = 100_000
	runtime.GC()
	before := resident()
	park(count)
	return float64(resident()-before) / count
}

func create() float64 {
	const count = 1_000_000
	start := time.Now()
	park(count)
	return float64(time.Since(start)) / count
}
