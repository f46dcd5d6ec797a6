// The Go peer of the comparison: `go-peer --list`, `go-peer ROW`.
//
// README.md one folder up has the protocol and the loop of each row. GOMAXPROCS=1 is set by who starts it.
package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

type row struct {
	name    string
	measure func() float64
}

var rows = []row{
	{"yield", yields},
	{"spawn-join", spawnJoin},
	{"spawn-1000", spawn1000},
	{"channel", channel},
	{"buffered", buffered},
	{"call", call},
	{"callback", callback},
	{"lock", lock},
	{"parked", parked},
	{"create-1m", create},
}

// sample gives the median of five batches of n operations, after a warm-up of a quarter of one.
func sample(n int, body func(n int)) float64 {
	body(n / 4)
	var batches [5]float64
	for i := range batches {
		start := time.Now()
		body(n)
		batches[i] = float64(time.Since(start)) / float64(n)
	}
	slices.Sort(batches[:])
	return batches[2]
}

// check ends the program when a result is wrong.
func check(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "wrong result:", what)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) == 2 {
		for _, r := range rows {
			switch os.Args[1] {
			case "--list":
				fmt.Println(r.name)
			case r.name:
				fmt.Printf("%s %.3f\n", r.name, r.measure())
				return
			}
		}
		if os.Args[1] == "--list" {
			return
		}
	}
	fmt.Fprintln(os.Stderr, "go-peer --list | ROW")
	os.Exit(2)
}
