package main

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// gathering is goroutines that wait at one gate.
type gathering struct {
	gate chan struct{}
	all  sync.WaitGroup
}

// park starts goroutines that wait until they are released, and returns when all do.
func park(count int) *gathering {
	g := &gathering{gate: make(chan struct{})}
	g.all.Add(count)
	var arrived atomic.Int64
	for i := 0; i < count; i++ {
		go func() {
			arrived.Add(1)
			<-g.gate
			g.all.Done()
		}()
	}
	for arrived.Load() < int64(count) {
		runtime.Gosched()
	}
	return g
}

// release returns when all goroutines have ended.
func (g *gathering) release() {
	close(g.gate)
	g.all.Wait()
}

func parked() float64 {
	const count = 100_000
	runtime.GC()
	before := resident()
	g := park(count)
	each := float64(resident()-before) / count
	g.release()
	return each
}

//go:noinline
func deepFrame() byte {
	var frame [216 << 10]byte
	for i := range frame {
		frame[i] = byte(i)
	}
	return frame[time.Now().Nanosecond()%len(frame)]
}

// givenBack is bytes of each of the goroutines that have used 216 KiB of stack and wait, five seconds after the last.
func givenBack() float64 {
	const count = 20_000
	runtime.GC()
	before := resident()
	g := &gathering{gate: make(chan struct{})}
	g.all.Add(count)
	var arrived, sum atomic.Int64
	for i := 0; i < count; i++ {
		go func() {
			sum.Add(int64(deepFrame()))
			arrived.Add(1)
			<-g.gate
			g.all.Done()
		}()
	}
	for arrived.Load() < count {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(5 * time.Second)
	each := float64(resident()-before) / count
	g.release()
	return each
}

func wakeExit() float64 {
	const count = 100_000
	park(count).release()
	var batches [5]float64
	for i := range batches {
		g := park(count)
		start := time.Now()
		g.release()
		batches[i] = float64(time.Since(start)) / count
	}
	slices.Sort(batches[:])
	return batches[2]
}

func create() []float64 {
	const count = 1_000_000
	figures := make([]float64, 2)
	for i := range figures {
		start := time.Now()
		g := park(count)
		figures[i] = float64(time.Since(start)) / count
		if i == 0 {
			g.release()
		}
	}
	return figures
}

// gather is bytes of each of a million parked goroutines, and what it takes to create and park one, to wake and end one.
func gather() []float64 {
	const count = 1_000_000
	runtime.GC()
	before := resident()
	start := time.Now()
	g := park(count)
	created := time.Since(start)
	bytes := resident() - before
	start = time.Now()
	g.release()
	ended := time.Since(start)
	return []float64{float64(bytes) / count, float64(created) / count, float64(ended) / count}
}
