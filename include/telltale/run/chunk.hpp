// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_CHUNK_HPP
#define TELLTALE_RUN_CHUNK_HPP

#include <telltale/core/chunk_sizer.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/slow_detector.hpp>
#include <telltale/sync/task_group.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <vector>

// What for_each_chunk and transform_chunks are given and what they tell.

namespace telltale::inline TELLTALE_ABI {

/// In place of a pool: one chunk after the other on the executor of the coroutine that awaits, which has its turn between
/// two chunks, as all that share it.
struct serial_t {
    explicit serial_t() = default;
};
inline constexpr serial_t serial{};

/// In place of a pool: coroutines on the executor of the one that awaits, as many at a time as `workers` says.
struct concurrent_t {
    explicit concurrent_t() = default;
};
inline constexpr concurrent_t concurrent{};

/// In place of a pool: in the thread that calls, which is blocked until all is done. No coroutine, no Asio.
struct blocking_t {
    explicit blocking_t() = default;
};
inline constexpr blocking_t blocking{};

/// Of transform_chunks: in what order results are handed over.
enum class chunk_order {
    items,    ///< that of the items
    completed ///< that in which they come
};

struct chunk_options {
    std::size_t size = 0; ///< items in a chunk; the last may be smaller. 0: so that each worker gets about eight
    /// Chunks that run at once. 0: as many as the pool has threads, or the machine if it does not say; 10 where they are
    /// coroutines. No more than there are chunks.
    std::size_t workers = 0;
    /// Greater than zero: chunks change in size so that each takes about as long (chunk_sizer); `size` is that of the
    /// first ones, 0 is 1 here.
    std::chrono::nanoseconds target{};
    std::size_t min_size = 1; ///< with a target
    std::size_t max_size = 0; ///< with a target; 0: no limit
    /// What an error does: no more chunks are begun and the first one is thrown, or all go into the result.
    error_policy errors = error_policy::cancel_others;
    slow_detector_options slow{}; ///< which chunks are slow, by their time per item
    /// Hooks are told of what a pool does as it happens, but, errors apart, not more often than this: of what happens
    /// meanwhile they are told together. For to wake the thread that tells costs microseconds. Zero or less: always as it
    /// happens.
    std::chrono::nanoseconds hook_interval = std::chrono::milliseconds{10};
    /// transform_chunks with a consumer only: results in this order, and at most so many chunks begun whose result is not
    /// consumed: those that run, those that wait to be consumed and the one that is. 0: twice the workers.
    chunk_order order = chunk_order::items;
    std::size_t ahead = 0;
};

/// Tells a chunk that is under way that nobody wants the rest: the run was cancelled, or another chunk has thrown.
class chunk_stop {
public:
    explicit chunk_stop(const std::atomic<bool>& flag) noexcept : flag_(&flag) {}

    /// A relaxed load; as often as you like. To give up, throw system_error(operation_aborted).
    bool requested() const noexcept { return flag_->load(std::memory_order_relaxed); }

private:
    const std::atomic<bool>* flag_;
};

/// What is about to begin.
struct chunk_plan {
    std::size_t total = 0;               ///< items
    std::size_t size = 0;                ///< items in a chunk, or in the first ones where there is a target
    std::optional<std::size_t> chunks{}; ///< absent where there is a target: nobody knows yet
    std::size_t workers = 0;             ///< 0: there are no items
};

/// A worker: one of as many as chunks run at once. It does one chunk after the other, on whichever thread.
struct worker_info {
    std::size_t id = 0;                      ///< from 0
    std::size_t chunks = 0;                  ///< that it has completed
    std::size_t items = 0;                   ///< in these
    std::chrono::duration<double> busy{};    ///< that its chunks took
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
};

/// One chunk, and how far the whole is.
struct chunk_info {
    std::size_t id = 0;                      ///< in the order of the items, from 0; chunks complete in any order
    std::size_t size = 0;                    ///< items in it
    std::chrono::duration<double> time{};    ///< that it took; of one that has only started: 0
    std::size_t done = 0;                    ///< items of all chunks completed so far, with this one if it is
    std::size_t total = 0;                   ///< items there are
    double percent = 0;                      ///< 0 to 100
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
    std::size_t first = 0;                   ///< the place of its first item
    std::size_t worker = 0;                  ///< who does it
};

/// A chunk that took much longer than others. Times are per item.
struct slow_chunk_info {
    chunk_info chunk{};
    std::chrono::duration<double> median{}; ///< of the chunks before
    std::chrono::duration<double> limit{};  ///< above which a chunk is slow
};

/// A chunk that threw.
struct chunk_error {
    chunk_info chunk{};
    std::exception_ptr error{};
};

/// How far the whole is: items, with percentage, rate (that is the throughput) and remaining time.
struct chunk_progress : telltale::progress {
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
};

/// What was done.
struct chunk_result {
    std::size_t chunks = 0; ///< completed
    std::size_t items = 0;  ///< in these
    std::chrono::duration<double> elapsed{};
    std::size_t hook_errors = 0;           ///< how often a hook threw
    std::exception_ptr first_hook_error{}; ///< what it threw first
    std::size_t total = 0;                 ///< items there were
    std::size_t workers = 0;
    std::size_t slow = 0;              ///< slow chunks; counted where chunks are timed: for a hook, or for a target
    std::vector<chunk_error> errors{}; ///< in the order in which they came
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_CHUNK_HPP
