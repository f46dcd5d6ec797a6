package main

import (
	"runtime"
	"slices"
	"syscall"
	"time"
)

// cpuTime is what all threads of this process have computed so far, in the kernel too.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "getrusage")
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// withCPUTime is sample; the second figure is the processor time of an operation.
func withCPUTime(n int, body func(n int)) []float64 {
	var cpu []float64
	wall := sample(n, func(n int) {
		before := cpuTime()
		body(n)
		cpu = append(cpu, float64(cpuTime()-before)/float64(n))
	})
	// The first is the warm-up's.
	slices.Sort(cpu[1:])
	return []float64{wall, cpu[3]}
}

// oneCPU ends the program unless whoever has started it sees to that.
func oneCPU() {
	check(runtime.NumCPU() == 1, "to be started on one CPU: taskset -c 0 go-peer ROW")
}

// echo is a goroutine on a thread of its own that sends back what it receives, and the main goroutine's ends.
type echo struct{ to, from chan int }

func startEcho(both bool) echo {
	e := echo{make(chan int), make(chan int)}
	go func() {
		runtime.LockOSThread()
		for v := range e.to {
			e.from <- v
		}
		close(e.from)
	}()
	if both {
		runtime.LockOSThread()
	}
	return e
}

func (e echo) roundTrip(i int) {
	e.to <- i
	check(<-e.from == i, "locked: another value came back")
}

func (e echo) end() {
	close(e.to)
	<-e.from
}

// lockedTrips measures round trips; on one CPU where pinned.
func lockedTrips(pinned, both bool) func() []float64 {
	return func() []float64 {
		if pinned {
			oneCPU()
		}
		e := startEcho(both)
		figures := withCPUTime(10_000, func(n int) {
			for i := 0; i < n; i++ {
				e.roundTrip(i)
			}
		})
		e.end()
		return figures
	}
}

func lockedIdle() []float64 {
	const trips = 300
	e := startEcho(false)
	e.roundTrip(0)
	var took []float64
	before := cpuTime()
	for i := 0; i < trips; i++ {
		time.Sleep(time.Millisecond)
		start := time.Now()
		e.roundTrip(i)
		took = append(took, float64(time.Since(start))/1e3)
	}
	cpu := float64(cpuTime()-before) / 1e3 / trips
	e.end()
	slices.Sort(took)
	return []float64{took[len(took)/2], cpu}
}

func lockedYield() float64 {
	runtime.LockOSThread()
	return sample(20_000, func(n int) {
		for i := 0; i < n; i++ {
			runtime.Gosched()
		}
	})
}

func lockedExit() float64 {
	threads := make(chan int)
	return sample(2000, func(n int) {
		seen := make(map[int]bool)
		for i := 0; i < n; i++ {
			go func() {
				runtime.LockOSThread()
				threads <- syscall.Gettid()
			}()
			seen[<-threads] = true
		}
		check(len(seen) == n, "locked-exit: a thread has outlived its goroutine")
	})
}
