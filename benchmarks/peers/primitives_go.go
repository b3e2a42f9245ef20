// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What Go's channels cost for what benchmarks/primitives_bench.cpp measures; the rows have its names. CPU time of the whole
// process; each row is run once to warm up, then measured once.
//
//	primitives_go [-quick] [-filter REGEX]
package main

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

type row struct {
	What string  `json:"what"`
	Who  string  `json:"who"`
	Ns   float64 `json:"ns"`
}

var (
	rows   = []row{}
	filter *regexp.Regexp
	rounds = 200_000
)

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return float64(used.Utime.Nano() + used.Stime.Nano())
}

func measure(what, who string, operations int, body func()) {
	if !filter.MatchString(what + "/" + who) {
		return
	}
	body()
	begin := cpu()
	body()
	rows = append(rows, row{what, who, (cpu() - begin) / float64(operations)})
}

// A channel with room for one is a semaphore with one permit.
func tryAcquire(s chan struct{}, n int) {
	for i := 0; i < n; i++ {
		select {
		case s <- struct{}{}:
			<-s
		default:
			panic("nobody else has it")
		}
	}
}

func acquire(s chan struct{}, n int) {
	for i := 0; i < n; i++ {
		s <- struct{}{}
		<-s
	}
}

func contend(goroutines, n int) {
	s := make(chan struct{}, 1)
	var all sync.WaitGroup
	for g := 0; g < goroutines; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < n/goroutines; i++ {
				s <- struct{}{}
				runtime.Gosched()
				<-s
			}
		}()
	}
	all.Wait()
}

func yield(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func tryQueue(c chan int, n int) {
	for i := 0; i < n; i++ {
		select {
		case c <- i:
		default:
			panic("there is room")
		}
		select {
		case <-c:
		default:
			panic("there is something")
		}
	}
}

func queue(c chan int, n int) {
	for i := 0; i < n; i++ {
		c <- i
		<-c
	}
}

func pingPong(n int) {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for i := 0; i < n; i++ {
			back <- <-there
		}
	}()
	for i := 0; i < n; i++ {
		there <- i
		<-back
	}
}

// Each reader has a channel; after `batch` events the sender yields.
func deliver(readers, batch, n int) {
	channels := make([]chan int, readers)
	var all sync.WaitGroup
	for i := range channels {
		channels[i] = make(chan int, 64)
		all.Add(1)
		go func(c chan int) {
			defer all.Done()
			for i := 0; i < n/readers; i++ {
				<-c
			}
		}(channels[i])
	}
	for i := 1; i <= n/readers; i++ {
		for _, c := range channels {
			c <- i
		}
		if i%batch == 0 {
			runtime.Gosched()
		}
	}
	all.Wait()
}

func main() {
	pattern := flag.String("filter", ".", "which rows, as what/who: a regular expression")
	quick := flag.Bool("quick", false, "a tenth of the rounds")
	flag.Parse()
	filter = regexp.MustCompile(*pattern)
	if *quick {
		rounds /= 10
	}

	runtime.GOMAXPROCS(1)
	s := make(chan struct{}, 1)
	measure("try_acquire and release", "Go", rounds, func() { tryAcquire(s, rounds) })
	measure("co_await acquire and release, coroutines: 1", "Go", rounds, func() { acquire(s, rounds) })
	measure("contend, each yields, coroutines: 8", "Go", rounds, func() { contend(8, rounds) })
	measure("contend, each yields, coroutines: 8", "Go, the yield alone", rounds, func() { yield(rounds) })
	measure("try_push and try_pop", "Go", rounds, func() { tryQueue(make(chan int, 64), rounds) })
	measure("co_await push and pop, none waits", "Go", rounds, func() { queue(make(chan int, 1), rounds) })
	for _, readers := range []int{1, 10, 100} {
		to := strconv.Itoa(readers)
		measure("delivery, one by one, to "+to, "Go", rounds, func() { deliver(readers, 1, rounds) })
		if readers != 10 {
			measure("delivery, in batches of 64, to "+to, "Go", rounds, func() { deliver(readers, 64, rounds) })
		}
	}
	for _, threads := range []int{1, 2} {
		runtime.GOMAXPROCS(threads)
		on := strconv.Itoa(threads)
		measure("ping-pong, round trip, threads: "+on, "Go", rounds, func() { pingPong(rounds) })
	}
	if err := json.NewEncoder(os.Stdout).Encode(rows); err != nil {
		panic(err)
	}
}
