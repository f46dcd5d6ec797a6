package main

/*
#cgo CFLAGS: -O2
#include "c.h"
*/
import "C"

var entered int

//export goEmpty
func goEmpty() { entered++ }

func call() float64 {
	return sample(5_000_000, func(n int) {
		for i := 0; i < n; i++ {
			C.c_empty()
		}
	})
}

func callback() float64 {
	return sample(2_000_000, func(n int) {
		before := entered
		for i := 0; i < n; i++ {
			C.c_callback()
		}
		check(entered-before == n, "callback: calls were lost")
	})
}
