package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// figure is what is printed of a measurement; a difference of two says by how much chance may have moved it.
type figure struct{ value, noise float64 }

func (f figure) String() string {
	switch {
	case math.IsInf(f.value, 1):
		return "never"
	case f.noise > 0:
		return fmt.Sprintf("%.3f±%.3f", f.value, f.noise)
	}
	return fmt.Sprintf("%.6f", f.value)
}

// difference is the median of the differences of measurements that were made in pairs. The noise is half of the interval
// in which the true median lies with 95 % confidence, which the ranks tell whatever the distribution is.
func difference(pairs []float64) figure {
	slices.Sort(pairs)
	n := len(pairs)
	ranks := int(math.Ceil(0.98 * math.Sqrt(float64(n))))
	low, high := max(n/2-ranks, 0), min(n/2+ranks, n-1)
	// There is some noise, however little the clock shows of it.
	return figure{pairs[n/2], max((pairs[high]-pairs[low])/2, 0.001)}
}

// timed gives nanoseconds an operation.
func timed(n int, body func(n int)) float64 {
	start := time.Now()
	body(n)
	return float64(time.Since(start)) / float64(n)
}

// sample gives the median of five batches of n operations, after a warm-up of a quarter of one.
func sample(n int, body func(n int)) float64 {
	body(n / 4)
	batches := make([]float64, 5)
	for i := range batches {
		batches[i] = timed(n, body)
	}
	return median(batches)
}

func median(samples []float64) float64 {
	slices.Sort(samples)
	return samples[len(samples)/2]
}

func medianAndP99(samples []float64) []float64 {
	slices.Sort(samples)
	return []float64{samples[len(samples)/2], samples[len(samples)*99/100]}
}
