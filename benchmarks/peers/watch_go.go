// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Watched jobs as goroutines that sleep, for benchmarks/watch_at_rest.cpp. Nothing is polled.
//
//	watch_go N INTERVAL SECONDS
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

type job struct{ id, state string }

var wakes int64

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e3
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

func watch(j *job, first, interval time.Duration) {
	time.Sleep(first)
	for j.state != "done" {
		atomic.AddInt64(&wakes, 1)
		time.Sleep(interval)
	}
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	seconds, _ := strconv.ParseFloat(os.Args[2], 64)
	run, _ := strconv.ParseFloat(os.Args[3], 64)
	interval := time.Duration(seconds * 1e9)
	runtime.GC()
	before, begun := memory(), cpu()
	for i := 0; i < n; i++ {
		go watch(&job{fmt.Sprintf("job-%032d", i), "running"}, interval*time.Duration(i+1)/time.Duration(n), interval)
	}
	time.Sleep(time.Duration(200) * time.Millisecond)
	begun = cpu() - begun
	bytes := (memory() - before) / float64(n)
	time.Sleep(interval)
	from, used := atomic.LoadInt64(&wakes), cpu()
	time.Sleep(time.Duration(run * 1e9))
	used = cpu() - used
	woken := atomic.LoadInt64(&wakes) - from
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"n": n, "bytes": bytes, "watch_us": begun / float64(n), "wakes": woken, "wake_us": used / float64(woken)})
}
