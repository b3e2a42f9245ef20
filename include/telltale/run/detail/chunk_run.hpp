// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP

#include <telltale/asio.hpp>
#include <telltale/core/estimator.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/run/hooks.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <ranges>
#include <span>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct chunk_options {
    std::size_t size = 0; ///< items in a chunk; the last may be smaller. 0: so that each worker gets about eight
    std::size_t workers =
        0; ///< chunks that run at once. 0: as many as the pool has threads, or the machine if it does not say
};

/// What for_each_chunk did.
struct chunk_result {
    std::size_t chunks = 0;
    std::size_t items = 0;
    std::chrono::duration<double> elapsed{};
    std::size_t hook_errors = 0;           ///< how often a hook threw
    std::exception_ptr first_hook_error{}; ///< what it threw first
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

namespace detail {

/// The items of a range, and a part of them: a span where they lie side by side.
template <class View>
class ranged_items {
public:
    explicit ranged_items(View view) : view_(std::move(view)) {}

    std::size_t size() { return static_cast<std::size_t>(std::ranges::size(view_)); }

    auto part(std::size_t first, std::size_t n) {
        using difference = std::ranges::range_difference_t<View>;
        const auto begin = std::ranges::begin(view_) + static_cast<difference>(first);
        if constexpr (std::ranges::contiguous_range<View>)
            return std::span(begin, n);
        else
            return std::ranges::subrange(begin, begin + static_cast<difference>(n));
    }

private:
    View view_;
};

/// The numbers from 0 to n - 1.
class counted_items {
public:
    explicit counted_items(std::size_t n) : n_(n) {}
    std::size_t size() const noexcept { return n_; }
    auto part(std::size_t first, std::size_t n) const { return std::views::iota(first, first + n); }

private:
    std::size_t n_;
};

template <class Pool>
std::size_t threads_of(const Pool& pool) {
    std::size_t n = 0;
    if constexpr (net::can_query_v<const Pool&, net::execution::occupancy_t>)
        n = static_cast<std::size_t>(net::query(pool, net::execution::occupancy));
    if (n == 0) n = std::thread::hardware_concurrency();
    return n == 0 ? 1 : n;
}

struct chunk_outcome {
    chunk_result result{};
    std::exception_ptr error{};
};

/// One run of for_each_chunk. Workers take the next chunk from a common counter, and go back to the end of the pool's
/// queue between two chunks. The last to leave ends the run; what the hooks have still to be told comes before that,
/// because both go through one strand.
template <class Pool, class Items, class Fn, class Hooks>
class chunk_run final : public wait_state {
    using clock = std::chrono::steady_clock;
    static constexpr bool has_chunk_hook = is_set<decltype(Hooks::chunk_completed)>;
    static constexpr bool has_progress_hook = is_set<decltype(Hooks::progress)>;
    static constexpr bool has_hooks = has_chunk_hook || has_progress_hook;

public:
    chunk_run(const net::any_io_executor& home, Pool pool, Items items, chunk_options options, Fn fn, Hooks hooks)
        : wait_state(context_of(home)),
          home_(net::make_strand(home)),
          pool_(std::move(pool)),
          items_(std::move(items)),
          fn_(std::move(fn)),
          hooks_(std::move(hooks)),
          time_(time_source_of(home)),
          total_(items_.size()) {
        const std::size_t workers = options.workers == 0 ? threads_of(pool_) : options.workers;
        size_ = options.size == 0 ? std::max<std::size_t>(1, total_ / (workers * 8)) : options.size;
        chunks_ = total_ / size_ + (total_ % size_ == 0 ? 0 : 1);
        workers_ = std::min(workers, chunks_);
        unfinished_ = workers_;
    }

    wait_list& waiters() noexcept { return waiters_; }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    /// Once, with the waiter in its list.
    void start() {
        started_ = time_.now();
        if constexpr (has_progress_hook) speed_.sample(0, started_);
        if (workers_ == 0) return finish(self());
        self_ = self();
        const auto pool = pool_;
        for (std::size_t n = workers_; n != 0; --n) net::post(pool, worker(*this));
    }

    /// No more chunks are begun. From any thread.
    void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }

private:
    /// Counts as working as long as it exists: a pool that is destroyed with it in its queue does not leave anybody
    /// waiting. Does not own the run: that is to be gone, with all that it holds, when the last worker has said that it
    /// is.
    class worker {
    public:
        explicit worker(chunk_run& run) noexcept : run_(&run) {}
        worker(worker&& other) noexcept : run_(std::exchange(other.run_, nullptr)) {}
        worker& operator=(worker&&) = delete;
        ~worker() {
            if (run_) run_->leave();
        }

        void operator()() {
            if (run_->step()) {
                const auto pool = run_->pool_;
                net::post(pool, std::move(*this));
            }
        }

    private:
        chunk_run* run_;
    };

    std::shared_ptr<chunk_run> self() { return std::static_pointer_cast<chunk_run>(this->shared_from_this()); }

    // Whether there may be more to do for this worker.
    bool step() {
        const std::size_t id = next_.fetch_add(1, std::memory_order_relaxed);
        if (id >= chunks_ || stop_.load(std::memory_order_relaxed)) return false;
        const std::size_t first = id * size_;
        const std::size_t n = std::min(size_, total_ - first);
        [[maybe_unused]] clock::time_point begun;
        if constexpr (has_chunk_hook) begun = time_.now();
        try {
            if constexpr (std::is_invocable_v<Fn&, decltype(items_.part(first, n)), chunk_stop>)
                fn_(items_.part(first, n), chunk_stop(stop_));
            else
                fn_(items_.part(first, n));
        } catch (...) {
            fail(std::current_exception());
            return false;
        }
        completed_.fetch_add(1, std::memory_order_relaxed);
        if constexpr (has_hooks) note(id, n, begun);
        return next_.load(std::memory_order_relaxed) < chunks_;
    }

    void fail(std::exception_ptr e) {
        stop();
        const std::lock_guard lock(mutex());
        if (!error_) error_ = std::move(e);
    }

    void note(std::size_t id, std::size_t n, [[maybe_unused]] clock::time_point begun) {
        bool post = false;
        {
            const std::lock_guard lock(mutex());
            done_ += n;
            if constexpr (has_chunk_hook) {
                const auto now = time_.now();
                news_.push_back({id, n, now - begun, done_, total_,
                                 100.0 * static_cast<double>(done_) / static_cast<double>(total_), now - started_});
            }
            post = !std::exchange(posted_, true);
        }
        if (post) net::post(home_, [run = self()] { run->tell(); });
    }

    // On the strand.
    void tell() {
        std::vector<chunk_info> news;
        std::size_t done = 0;
        {
            const std::lock_guard lock(mutex());
            news.swap(news_);
            done = done_;
            posted_ = false;
        }
        if constexpr (has_chunk_hook)
            for (const auto& n : news) call(hooks_.chunk_completed, n);
        if constexpr (has_progress_hook) {
            const auto now = time_.now();
            telltale::progress p;
            p.done = static_cast<double>(done);
            p.total = static_cast<double>(total_);
            speed_.sample(p.done, now);
            p.rate = speed_.rate(now);
            p.remaining = speed_.remaining(*p.total, now);
            call(hooks_.progress, p);
        }
    }

    template <class Hook, class News>
    void call(Hook& hook, const News& news) {
        try {
            hook(news);
        } catch (...) {
            if (hook_errors_++ == 0) first_hook_error_ = std::current_exception();
        }
    }

    void leave() {
        if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        auto last = std::move(self_);
        if constexpr (has_hooks) {
            const auto home = home_;
            net::post(home, [last = std::move(last)]() mutable { last->finish(std::move(last)); });
        } else {
            finish(std::move(last));
        }
    }

    void finish(std::shared_ptr<chunk_run> last) {
        chunk_outcome outcome{{completed_.load(std::memory_order_relaxed), total_, time_.now() - started_, hook_errors_,
                               std::move(first_hook_error_)},
                              nullptr};
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            outcome.error = std::move(error_);
            take_all(all);
        }
        error_code ec;
        if (outcome.result.chunks < chunks_) ec = net::error::operation_aborted;
        last.reset(); // this is gone, but for who awaits
        if (wait_node* const n = all.pop_front())
            static_cast<waiter<chunk_outcome>*>(n)->complete(ec, std::move(outcome));
    }

    net::strand<net::any_io_executor> home_;
    Pool pool_;
    Items items_;
    Fn fn_;
    [[no_unique_address]] Hooks hooks_;
    time_source& time_;
    clock::time_point started_{};
    std::size_t total_;
    std::size_t size_ = 1;
    std::size_t chunks_ = 0;
    std::size_t workers_ = 0;

    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> completed_{0};
    std::atomic<std::size_t> unfinished_{0};
    std::atomic<bool> stop_{false};
    std::shared_ptr<chunk_run> self_; // as long as there are workers

    // Protected by the mutex.
    wait_list waiters_;
    std::exception_ptr error_;
    std::vector<chunk_info> news_;
    std::size_t done_ = 0;
    bool posted_ = false;

    // On the strand.
    estimator speed_;
    std::size_t hook_errors_ = 0;
    std::exception_ptr first_hook_error_;
};

/// Completes with `void(error_code, chunk_outcome)` when no worker is left. Cancelling stops handing out.
template <class Run, class Token>
auto async_run_chunks(std::shared_ptr<Run> run, const net::any_io_executor& home, Token&& token) {
    return async_start<void(error_code, chunk_outcome)>(
        home,
        [run = std::move(run)](auto&& handler, const net::any_io_executor& executor) {
            using handler_type = std::decay_t<decltype(handler)>;
            auto& op = waiter_of<handler_type, net::any_io_executor, chunk_outcome>::create(
                std::forward<decltype(handler)>(handler), executor);
            if (auto slot = op.cancellation_slot(); slot.is_connected())
                slot.assign([weak = std::weak_ptr(run)](net::cancellation_type type) {
                    if (type == net::cancellation_type::none) return;
                    if (const auto r = weak.lock()) r->stop();
                });
            {
                const std::lock_guard lock(run->mutex());
                run->waiters().push_back(op);
            }
            run->start();
        },
        std::forward<Token>(token));
}

template <class Pool, class Items, class Fn, class Hooks>
net::awaitable<chunk_result> run_chunks(Pool pool, Items items, chunk_options options, Fn fn, Hooks hooks) {
    const net::any_io_executor home = co_await net::this_coro::executor;
    auto run = std::make_shared<chunk_run<Pool, Items, Fn, Hooks>>(home, std::move(pool), std::move(items), options,
                                                                   std::move(fn), std::move(hooks));
    auto [ec, outcome] = co_await async_run_chunks(std::move(run), home, as_result);
    if (outcome.error) std::rethrow_exception(outcome.error);
    if (ec) throw system_error(ec);
    co_return std::move(outcome.result);
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
