// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_ASYMMETRIC_FENCE_HPP
#define TELLTALE_PROGRESS_DETAIL_ASYMMETRIC_FENCE_HPP

#include <telltale/version.hpp>

#include <atomic>

#if defined(__linux__) && __has_include(<linux/membarrier.h>)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__NR_membarrier) && (defined(__x86_64__) || defined(__aarch64__))
#define TELLTALE_HAS_MEMBARRIER 1
#endif
#endif

namespace telltale::inline TELLTALE_ABI::detail {

// A fence in two halves (as in P1202): the light one, on a path that is taken always, costs nothing; the heavy one, on
// a path that is taken rarely, makes the system run a full fence on every core on which this process is running just
// then. Between a light and a heavy one it is as if both were seq_cst fences.

#if defined(TELLTALE_HAS_MEMBARRIER)

/// Whether the heavy half works here. Asks the system at the first call only, which may take some ten milliseconds,
/// asleep, in a process that has threads already.
inline bool has_asymmetric_fence() noexcept {
    static const bool registered = syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    return registered;
}

/// Only where has_asymmetric_fence().
inline void heavy_fence() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    static_cast<void>(syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Tells the threads that are alive apart. Not the address of a thread_local: a compiler may keep that over a call in
/// which a stackful coroutine goes to another thread.
inline const void* this_thread_token() noexcept {
    const void* result;
#if defined(__x86_64__)
    asm volatile("mov %%fs:0, %0" : "=r"(result));
#else
    asm volatile("mrs %0, tpidr_el0" : "=r"(result));
#endif
    return result;
}

#else

inline bool has_asymmetric_fence() noexcept { return false; }
inline void heavy_fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline const void* this_thread_token() noexcept { return ""; }

#endif

/// Keeps the compiler, not the processor, from changing the order.
inline void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_ASYMMETRIC_FENCE_HPP
