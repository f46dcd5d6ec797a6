package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pair is two goroutines, of which one runs when the other has handed it something, and answers.
type pair struct {
	hops atomic.Int64
	over atomic.Bool
	both sync.WaitGroup
}

// startPair has each do work before each hop. It ends after eight seconds at the latest.
func startPair(work func()) *pair {
	p := &pair{}
	to, back := make(chan struct{}), make(chan struct{})
	p.both.Add(2)
	go func() {
		for !p.over.Load() {
			work()
			p.hops.Add(1)
			to <- struct{}{}
			<-back
		}
		close(to)
		p.both.Done()
	}()
	go func() {
		for range to {
			work()
			p.hops.Add(1)
			back <- struct{}{}
		}
		p.both.Done()
	}()
	time.AfterFunc(8*time.Second, func() { p.over.Store(true) })
	return p
}

func (p *pair) end() {
	p.over.Store(true)
	p.both.Wait()
}

var kept uint64

// heavy is a few tens of microseconds.
func heavy() {
	x := uint64(1)
	for i := 0; i < 40_000; i++ {
		x = step(x)
	}
	kept = x
}

// hogPair is how many times the share of the processor that a pair with nothing to do between its hops has, a pair has
// that computes between them: shares are hops beside the other pair, of those alone.
func hogPair() float64 {
	alone := func(work func()) float64 {
		p := startPair(work)
		defer p.end()
		return rates(300*time.Millisecond, &p.hops)[0]
	}
	heavyAlone, lightAlone := alone(heavy), alone(func() {})
	hog, light := startPair(heavy), startPair(func() {})
	beside := rates(2*time.Second, &hog.hops, &light.hops)
	hog.end()
	light.end()
	return beside[0] / heavyAlone / (beside[1] / lightAlone)
}

// besidePair is how long a yield takes beside a pair with two milliseconds to compute before each hop: the median, in
// milliseconds.
func besidePair() float64 {
	p := startPair(func() { compute(2 * time.Millisecond) })
	time.Sleep(20 * time.Millisecond)
	var took []float64
	for begin := time.Now(); len(took) < 100 && time.Since(begin) < 2*time.Second; {
		compute(3 * time.Millisecond)
		start := time.Now()
		runtime.Gosched()
		took = append(took, float64(time.Since(start))/1e6)
	}
	p.end()
	return median(took)
}
