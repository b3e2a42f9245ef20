// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/is_aborted.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/run/detail/chunk_figures.hpp>
#include <telltale/run/detail/chunk_news.hpp>
#include <telltale/run/detail/chunk_tell.hpp>
#include <telltale/sync/task_group.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

struct chunk_outcome {
    chunk_result result{};
    std::exception_ptr error{};
};

template <class T>
inline constexpr bool is_awaitable = false;
template <class T>
inline constexpr bool is_awaitable<net::awaitable<T, net::any_io_executor>> = true;

template <class T>
struct awaited {
    using type = T;
};
template <class T>
struct awaited<net::awaitable<T, net::any_io_executor>> {
    using type = T;
};

/// What a chunk's function returns is of no interest.
struct no_output {
    static constexpr bool is_bounded = false;
};

/// Who holds chunks back goes on, and ends, through this.
class chunk_control {
public:
    virtual void go_on() = 0;
    virtual void stop() noexcept = 0;

protected:
    ~chunk_control() = default;
};

/// One run of for_each_chunk or transform_chunks. Workers take the next chunk, and go back to the end of the pool's queue
/// between two chunks. The last to leave ends the run; what the hooks have still to be told comes before that, because
/// both go through one strand.
template <class Pool, class Items, class Fn, class Hooks, class Output = no_output>
class chunk_run final : public wait_state, public chunk_control {
    using clock = std::chrono::steady_clock;
    using call = chunk_call<Items, Fn>;
    using teller = chunk_teller<Hooks>;
    static constexpr bool are_coroutines = is_awaitable<typename call::returned>;
    static constexpr bool has_values = !std::is_same_v<Output, no_output>;
    static constexpr bool tells = teller::tells;
    static constexpr bool has_hooks =
        tells || teller::template may<chunk_event::before> || teller::template may<chunk_event::after>;

public:
    chunk_run(const net::any_io_executor& home, const net::strand<net::any_io_executor>& hook_strand, Pool pool,
              Items items, const chunk_options& options, std::size_t workers, std::chrono::nanoseconds hook_interval,
              Fn fn, Hooks hooks, std::shared_ptr<Output> output)
        : wait_state(context_of(home)),
          home_(hook_strand),
          pool_(std::move(pool)),
          items_(std::move(items)),
          fn_(std::move(fn)),
          output_(std::move(output)),
          time_(time_source_of(home)),
          plan_(plan_chunks(items_.size(), options, workers)),
          sizer_(sizer_for(plan_, options)),
          collect_errors_(options.errors == error_policy::collect),
          news_(std::move(hooks), hook_interval),
          figures_(plan_.total, options.slow) {
        if constexpr (are_coroutines)
            children_.emplace(net::any_io_executor(pool_), task_group_options{.errors = error_policy::collect});
    }

    /// Whoever still waits can only be destroyed: the context that would have ended the run is.
    ~chunk_run() override { waiters_.destroy_all(); }

    const chunk_plan& plan() const noexcept { return plan_; }
    wait_list& waiters() noexcept { return waiters_; }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    /// Once, where hooks are called, before start().
    void announce() {
        if constexpr (teller::template may<chunk_event::before>)
            news_.teller().template tell<chunk_event::before>(plan_);
    }

    /// Once, with the waiter in its list.
    void start() {
        const auto now = time_.now();
        figures_.begin(now);
        news_.teller().begin(now);
        unfinished_ = plan_.workers + 1; // this counts, too, until all are on their way
        self_ = self();
        const auto pool = pool_;
        for (std::size_t n = 0; n != plan_.workers; ++n) net::post(pool, worker(*this, n));
        leave();
    }

    /// No more chunks are begun; coroutines are cancelled. From any thread.
    void stop() noexcept override {
        stop_.store(true, std::memory_order_relaxed);
        if constexpr (are_coroutines) children_->cancel();
        if constexpr (Output::is_bounded) {
            std::vector<worker> held; // leave, after unlocking
            const std::lock_guard lock(mutex());
            held.swap(held_);
        }
    }

    /// There is room for one more result.
    void go_on() override {
        if constexpr (Output::is_bounded) {
            std::vector<worker> next;
            {
                const std::lock_guard lock(mutex());
                if (held_.empty()) return;
                next.push_back(std::move(held_.back()));
                held_.pop_back();
            }
            next.back().again();
        }
    }

private:
    /// Counts as working as long as it exists: a pool that is destroyed with it in its queue does not leave anybody
    /// waiting. Does not own the run: that is to be gone, with all that it holds, when the last worker has said that it
    /// is.
    class worker {
    public:
        worker(chunk_run& run, std::size_t id) noexcept : run_(&run) { info.id = id; }
        worker(worker&& other) noexcept
            : info(other.info), introduced(other.introduced), run_(std::exchange(other.run_, nullptr)) {}
        worker& operator=(worker&&) = delete;
        ~worker() {
            if (run_) run_->dismiss(*this);
        }

        void operator()() { run_->work(*this); }

        chunk_run& run() const noexcept { return *run_; }

        /// To the end of the pool's queue.
        void again() {
            const auto pool = run_->pool_;
            net::post(pool, std::move(*this));
        }

        worker_info info{};
        bool introduced = false;

    private:
        chunk_run* run_;
    };

    std::shared_ptr<chunk_run> self() { return std::static_pointer_cast<chunk_run>(this->shared_from_this()); }

    void work(worker& w) {
        introduce(w);
        chunk_part c;
        if (!take(c, w)) return;
        const auto begun = begin(c, w);
        if constexpr (are_coroutines) {
            children_->spawn(work_on(std::move(w), c, begun));
        } else {
            std::exception_ptr error;
            try {
                if constexpr (has_values)
                    output_->put(c, call::call(fn_, items_, c, stop_));
                else
                    call::call(fn_, items_, c, stop_);
            } catch (...) {
                error = std::current_exception();
            }
            if (end(c, w, begun, std::move(error))) w.again();
        }
    }

    // One chunk, as a child of its own: so that each can be cancelled where it runs.
    static net::awaitable<void> work_on(worker w, chunk_part c, clock::time_point begun) {
        std::exception_ptr error;
        try {
            auto body = call::call(w.run().fn_, w.run().items_, c, w.run().stop_);
            if constexpr (has_values) {
                auto value = co_await std::move(body);
                w.run().output_->put(c, std::move(value));
            } else {
                co_await std::move(body);
            }
        } catch (...) {
            error = std::current_exception();
        }
        if (w.run().end(c, w, begun, std::move(error))) w.again();
    }

    // False: there is nothing left to do, or not yet and the worker was taken.
    bool take(chunk_part& c, [[maybe_unused]] worker& w) {
        if constexpr (!Output::is_bounded) {
            if (stop_.load(std::memory_order_relaxed)) return false;
            if (!sizer_) {
                const std::size_t id = next_.fetch_add(1, std::memory_order_relaxed);
                if (id >= *plan_.chunks) return false;
                c = fixed_part(plan_, id);
                return true;
            }
        }
        std::vector<worker> idle; // leave, after unlocking
        const std::lock_guard lock(mutex());
        if (stop_.load(std::memory_order_relaxed) || !is_more()) return false;
        if constexpr (Output::is_bounded) {
            if (!output_->admit()) {
                held_.push_back(std::move(w));
                return false;
            }
        }
        c = sizer_ ? sizer_->next() : fixed_part(plan_, next_.fetch_add(1, std::memory_order_relaxed));
        if (!is_more()) idle.swap(held_);
        return true;
    }

    bool is_more() const noexcept {
        return sizer_ ? sizer_->left() != 0 : next_.load(std::memory_order_relaxed) < *plan_.chunks;
    }

    // Whether the times of chunks matter to anybody now.
    bool is_timed() const noexcept {
        if constexpr (tells) return true;
        return sizer_.has_value();
    }

    clock::time_point begin([[maybe_unused]] chunk_part c, [[maybe_unused]] const worker& w) {
        if (!is_timed()) return {};
        const auto now = time_.now();
        if constexpr (teller::template may<chunk_event::chunk_started>)
            if (news_.teller().template wants<chunk_event::chunk_started>())
                note([&](auto& emit) { figures_.started(c, w.info.id, now, emit); });
        return now;
    }

    // Returns whether there may be more to do for this worker.
    bool end(chunk_part c, worker& w, clock::time_point begun, std::exception_ptr error) {
        const auto now = is_timed() ? time_.now() : clock::time_point{};
        if (error) {
            if constexpr (Output::is_bounded) output_->skip(c);
            if (stop_.load(std::memory_order_relaxed) && is_aborted(error)) return false; // as it was asked to
            note([&](auto& emit) {
                figures_.failed(c, w.info.id, now - begun, is_timed() ? now : time_.now(), std::move(error), emit);
            });
            if (!collect_errors_) {
                stop();
                return false;
            }
        } else {
            ++w.info.chunks;
            w.info.items += c.size;
            w.info.busy += now - begun;
            if (is_timed())
                note([&](auto& emit) {
                    if (sizer_) sizer_->completed(c.size, now - begun);
                    figures_.completed(c, w.info.id, now - begun, now, emit);
                });
        }
        return sizer_ || next_.load(std::memory_order_relaxed) < *plan_.chunks;
    }

    void introduce(worker& w) {
        if constexpr (teller::template may<chunk_event::worker_started>) {
            if (std::exchange(w.introduced, true)) return;
            note([&](auto& emit) {
                w.info.elapsed = figures_.elapsed(time_.now());
                emit(chunk_news<chunk_event::worker_started>{w.info});
            });
        }
        w.introduced = true;
    }

    void dismiss(worker& w) {
        chunks_done_.fetch_add(w.info.chunks, std::memory_order_relaxed);
        items_done_.fetch_add(w.info.items, std::memory_order_relaxed);
        if constexpr (teller::template may<chunk_event::worker_stopped>)
            if (w.introduced)
                note([&](auto& emit) {
                    w.info.elapsed = figures_.elapsed(time_.now());
                    emit(chunk_news<chunk_event::worker_stopped>{w.info});
                });
        leave();
    }

    // Calls f(emit) with the mutex held; has the hooks told what it emits.
    template <class F>
    void note(F f) {
        bool post = false;
        {
            const std::lock_guard lock(mutex());
            auto emit = [this](auto n) { news_.add(std::move(n)); };
            f(emit);
            post = news_.call(figures_.done());
        }
        if (post) net::post(home_, [run = self()] { run->tell(); });
    }

    // On the strand.
    void tell() {
        if (!news_.tell(mutex(), figures_, time_)) return;
        news_.rest(home_, [weak = std::weak_ptr(self())] {
            if (const auto run = weak.lock()) run->tell();
        });
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
        const auto items = items_done_.load(std::memory_order_relaxed);
        chunk_outcome outcome{
            figures_.result(chunks_done_.load(std::memory_order_relaxed), items, plan_.workers, time_.now()), nullptr};
        news_.end();
        if constexpr (tells) news_.tell(mutex(), figures_, time_);
        news_.teller().end(outcome.result);
        if (!collect_errors_ && !outcome.result.errors.empty()) outcome.error = outcome.result.errors.front().error;
        error_code ec;
        if (items + figures_.failed_items() < plan_.total) ec = net::error::operation_aborted;
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            take_all(all);
        }
        last.reset(); // this is gone, but for who awaits
        if (wait_node* const n = all.pop_front())
            static_cast<waiter<chunk_outcome>*>(n)->complete(ec, std::move(outcome));
    }

    const net::strand<net::any_io_executor> home_;
    const Pool pool_;
    Items items_;
    Fn fn_;
    const std::shared_ptr<Output> output_;
    time_source& time_;
    const chunk_plan plan_;
    std::optional<chunk_sizer> sizer_; // protected by the mutex, but for whether there is one
    const bool collect_errors_;

    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> unfinished_{0};
    std::atomic<std::size_t> chunks_done_{0};
    std::atomic<std::size_t> items_done_{0};
    std::atomic<bool> stop_{false};
    std::shared_ptr<chunk_run> self_; // as long as there are workers

    chunk_news_queue<Hooks> news_;

    // Protected by the mutex.
    wait_list waiters_;
    chunk_figures figures_;
    std::vector<worker> held_; // until there is room for their results

    [[no_unique_address]] std::conditional_t<are_coroutines, std::optional<task_group>, no_hook> children_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
