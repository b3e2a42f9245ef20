// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Trivial jobs as goroutines on one thread, for benchmarks/jobs.cpp. Once to warm up, each waiting for its turn at a channel, to
// see what one takes meanwhile; then measured, without the channel.
//
//	jobs_go N
package main

import (
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return float64(used.Utime.Nano() + used.Stime.Nano())
}

func memory() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		panic(err)
	}
	return float64(pages * os.Getpagesize())
}

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(1)

	empty := memory()
	turn := make(chan struct{})
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			<-turn
			all.Done()
		}()
	}
	runtime.Gosched()
	bytes := (memory() - empty) / float64(n)
	close(turn)
	all.Wait()

	begin := cpu()
	for i := 0; i < n; i++ {
		all.Add(1)
		go all.Done()
	}
	all.Wait()
	us := (cpu() - begin) / 1e3 / float64(n)
	if err := json.NewEncoder(os.Stdout).Encode(map[string]float64{"jobs": float64(n), "cpu_us": us, "bytes": bytes}); err != nil {
		panic(err)
	}
}
