// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BENCHMARKS_PEERS_PROCESS_HPP
#define TELLTALE_BENCHMARKS_PEERS_PROCESS_HPP

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

// What a process has used, from the clocks and files of Linux.

namespace process {

inline std::uint64_t nanoseconds(const timespec& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

inline std::uint64_t read_clock(clockid_t clock) {
    timespec t{};
    return clock_gettime(clock, &t) == 0 ? nanoseconds(t) : 0;
}

inline std::uint64_t now() { return read_clock(CLOCK_MONOTONIC); }

/// User and system time of all threads of this process, in ns.
inline std::uint64_t cpu() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

/// The same of another process.
inline std::uint64_t cpu_of(pid_t pid) {
    clockid_t clock = 0;
    return clock_getcpuclockid(pid, &clock) == 0 ? read_clock(clock) : 0;
}

/// A line of /proc/<pid>/status, in KB: "VmRSS:" is the memory now, "VmHWM:" was the most. 0: unknown.
inline long memory_kb(const char* pid, const char* line_name) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%s/status", pid);
    std::FILE* const file = std::fopen(path, "r");
    if (!file) return 0;
    char line[256];
    long result = 0;
    while (std::fgets(line, sizeof line, file))
        if (std::strncmp(line, line_name, std::strlen(line_name)) == 0) {
            result = std::strtol(line + std::strlen(line_name), nullptr, 10);
            break;
        }
    std::fclose(file);
    return result;
}

inline long memory_kb(pid_t pid) {
    char name[16];
    std::snprintf(name, sizeof name, "%d", static_cast<int>(pid));
    return memory_kb(name, "VmRSS:");
}

/// What a poller under test prints at its end. Begin it after the warm-up.
class poller_report {
public:
    void print(long polls) const {
        const double cpu_us = static_cast<double>(cpu() - cpu_) / 1e3;
        const double seconds = static_cast<double>(now() - now_) / 1e9;
        std::printf("{\"polls\":%ld,\"cpu_us\":%.3f,\"polls_s\":%.1f,\"rss_kb\":%ld}\n", polls,
                    cpu_us / static_cast<double>(polls), static_cast<double>(polls) / seconds,
                    memory_kb("self", "VmHWM:"));
    }

private:
    std::uint64_t cpu_ = cpu();
    std::uint64_t now_ = now();
};

/// What a program prints that runs jobs: user and system time per job, from the first begin to the last end, and the memory
/// that one took while all waited for their turn (what the process has grown by, in all).
class jobs_report {
public:
    explicit jobs_report(long jobs) : jobs_(jobs) {}

    void begin() {
        memory_kb_ = process::memory_kb("self", "VmRSS:");
        cpu_ = cpu();
    }
    void all_queued() { grown_kb_ = process::memory_kb("self", "VmRSS:") - memory_kb_; }
    void end() { cpu_us_ = static_cast<double>(cpu() - cpu_) / 1e3; }

    /// Of the last run between begin() and end().
    void print() const {
        const auto jobs = static_cast<double>(jobs_);
        std::printf("{\"jobs\":%ld,\"cpu_us\":%.4f,\"bytes\":%.0f}\n", jobs_, cpu_us_ / jobs,
                    static_cast<double>(grown_kb_) * 1024 / jobs);
    }

private:
    long jobs_;
    long memory_kb_ = 0;
    long grown_kb_ = 0; ///< 0: they were never all queued at once
    std::uint64_t cpu_ = 0;
    double cpu_us_ = 0;
};

} // namespace process

#endif // TELLTALE_BENCHMARKS_PEERS_PROCESS_HPP
