// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP
#define TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/is_aborted.hpp>
#include <telltale/detail/waiter.hpp>

#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What task_group, result_group, when_all and when_any are made of: coroutines that run beside each other, each on a
// strand of its own, at most so many at once, and somebody who waits until all have ended.
//
// A child counts from spawn() until it has ended and its coroutine is destroyed; then settle() is told. One that is
// destroyed before it ends, because its execution context is, is abandoned. Whoever waits for the children is then
// destroyed after the last of them: what children refer to in the frame of their parent lives as long as they do.

namespace telltale::inline TELLTALE_ABI::detail {

/// One coroutine of a group.
struct child {
    child() = default;
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    virtual ~child() = default;

    std::optional<net::strand<net::any_io_executor>> strand; ///< set by spawn()
    net::cancellation_signal signal;
    // On the strand only:
    bool started = false;
    bool asked_to_stop = false;
    bool ended = false;
    // With the group's mutex held:
    std::size_t index = 0;
    std::exception_ptr error;
    bool cancelled = false; ///< it ended as aborted after the group was cancelled
    std::optional<std::list<std::shared_ptr<child>>::iterator> place; ///< while it runs
};

template <class V>
struct child_of final : child {
    std::optional<V> value;
};

/// Asks a child to stop. Signals are emitted where the child runs: elsewhere it would be a race with its operations. And
/// not before it runs: in newer Asio the exception of a coroutine that is cancelled before its first step leaves the
/// context's run().
inline void stop(std::shared_ptr<child> c) {
    auto& strand = *c->strand;
    net::post(strand, [c = std::move(c)] {
        c->asked_to_stop = true;
        if (c->started && !c->ended) c->signal.emit(net::cancellation_type::terminal);
    });
}

struct put_value {
    template <class V, class... T>
    static void put(std::optional<V>& to, T&&... value) {
        to.emplace(std::forward<T>(value)...);
    }
};

template <class Put, class V, class T>
net::awaitable<void> run_child(std::shared_ptr<child_of<V>> c, net::awaitable<T> body) {
    c->started = true;
    if (c->asked_to_stop) stop(c);
    if constexpr (std::is_void_v<T>) {
        co_await std::move(body);
        Put::put(c->value);
    } else {
        Put::put(c->value, co_await std::move(body));
    }
}

class child_group : public wait_state {
public:
    /// `limit`: how many run at the same time; 0: all.
    child_group(const net::any_io_executor& executor, std::size_t limit)
        : wait_state(context_of(executor)), executor_(executor), limit_(limit) {}

    /// Starts the child, or queues it; once the group is cancelled it starts only if that is `insisted` on and there is
    /// room. Returns its number.
    inline std::size_t spawn(std::shared_ptr<child> c, net::awaitable<void> body, bool insisted);

    /// Asks those that run to stop, and drops those that wait for their turn.
    inline void cancel();

    /// Completes when no child is left.
    template <class Token>
    auto async_wait(Token&& token) {
        return async_start<void(error_code)>(
            executor_,
            [state = self()](auto&& handler, const net::any_io_executor& executor) {
                start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                             [&state](std::tuple<error_code>&) { return state->size_ ? &state->joiners_ : nullptr; });
            },
            std::forward<Token>(token));
    }

    const net::any_io_executor& executor() const noexcept { return executor_; }

    /// How many have not ended.
    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return size_;
    }

    /// How many of these wait for their turn.
    std::size_t waiting() const {
        const std::lock_guard lock(mutex());
        return size_ - running_.size();
    }

    /// Whoever waits gets operation_aborted.
    void abort_waiters() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            all.take(joiners_);
            all.take(readers_);
        }
        all.finish_all(net::error::operation_aborted);
    }

    // When the execution context shuts down. Children that run are destroyed by it, before or after this.
    void take_all(wait_list& all) noexcept override {
        all.take(pending_);
        shut_down_ = true;
        if (!running_.empty()) return;
        all.take(joiners_);
        all.take(readers_);
    }

protected:
    /// Keeps how the child ended, or gives it to the reader, if that is not null; returns whether the others have to
    /// stop. With the mutex held.
    virtual bool keep(child& c, wait_node* reader) = 0;

    // With the mutex held:
    bool idle() const noexcept { return size_ == 0; }
    wait_list& readers() noexcept { return readers_; }
    void begin_again() noexcept { cancelled_ = false; }

private:
    class pending_child;
    class child_end;

    std::shared_ptr<child_group> self() { return std::static_pointer_cast<child_group>(shared_from_this()); }

    inline static void start(child_end end, net::awaitable<void> body);
    inline void settle(const std::shared_ptr<child>& c, std::exception_ptr error);
    inline void abandon(child& c) noexcept;
    inline pending_child* next_to_start();

    bool full() const noexcept { return limit_ != 0 && running_.size() >= limit_; }
    void admit(const std::shared_ptr<child>& c) { c->place = running_.insert(running_.end(), c); }
    void forget(child& c) noexcept {
        --size_;
        if (c.place) running_.erase(*c.place);
        c.place.reset();
    }

    const net::any_io_executor executor_;
    const std::size_t limit_;
    std::list<std::shared_ptr<child>> running_;
    wait_list pending_; ///< of pending_child
    wait_list joiners_;
    wait_list readers_; ///< of outcomes, one after the other
    std::size_t size_ = 0;
    std::size_t next_index_ = 0;
    bool cancelled_ = false;
    bool shut_down_ = false;
};

/// The completion handler of a child, on its strand.
class child_group::child_end {
public:
    child_end(std::shared_ptr<child_group> g, std::shared_ptr<child> c) : group_(std::move(g)), child_(std::move(c)) {}
    child_end(child_end&&) noexcept = default;
    child_end& operator=(child_end&&) = delete;
    ~child_end() {
        if (group_) group_->abandon(*child_);
    }

    void operator()(std::exception_ptr error) {
        const auto group = std::move(group_);
        child_->ended = true;
        group->settle(child_, std::move(error));
    }

    child& get() const noexcept { return *child_; }

private:
    std::shared_ptr<child_group> group_;
    std::shared_ptr<child> child_;
};

/// A child that waits for its turn.
class child_group::pending_child final : public wait_node {
public:
    pending_child(std::shared_ptr<child_group> g, std::shared_ptr<child> c, net::awaitable<void> body)
        : group_(std::move(g)), child_(std::move(c)), body_(std::move(body)) {}

    const std::shared_ptr<child>& get() const noexcept { return child_; }

    void start() {
        const std::unique_ptr<pending_child> self(this);
        child_group::start(child_end(std::move(group_), std::move(child_)), std::move(body_));
    }

    void ready() override { finish({}); }

    void finish(error_code ec) override {
        const auto group = std::move(group_);
        const auto c = std::move(child_);
        destroy();
        group->settle(c, std::make_exception_ptr(system_error(ec)));
    }

    void destroy() noexcept override { delete this; }

private:
    std::shared_ptr<child_group> group_;
    std::shared_ptr<child> child_;
    net::awaitable<void> body_;
};

std::size_t child_group::spawn(std::shared_ptr<child> c, net::awaitable<void> body, bool insisted) {
    c->strand.emplace(net::make_strand(executor_));
    std::size_t index = 0;
    bool cancelled = false;
    bool starts = false;
    {
        const std::lock_guard lock(mutex());
        cancelled = cancelled_;
        starts = !full() && (insisted || !cancelled);
        c->index = index = next_index_++;
        ++size_;
        if (starts) {
            admit(c);
        } else if (!cancelled) {
            pending_.push_back(*new pending_child(self(), std::move(c), std::move(body)));
            return index;
        }
    }
    if (starts) {
        if (cancelled) stop(c);
        start(child_end(self(), std::move(c)), std::move(body));
    } else {
        { const auto dropped = std::move(body); } // Asio's own assignment leaks
        settle(c, std::make_exception_ptr(system_error(net::error::operation_aborted)));
    }
    return index;
}

void child_group::start(child_end end, net::awaitable<void> body) {
    const auto strand = *end.get().strand;
    const auto slot = end.get().signal.slot();
    net::co_spawn(strand, std::move(body),
                  net::bind_cancellation_slot(slot, net::bind_executor(strand, std::move(end))));
}

void child_group::cancel() {
    std::vector<std::shared_ptr<child>> running;
    wait_list dropped;
    {
        const std::lock_guard lock(mutex());
        cancelled_ = true;
        running.assign(running_.begin(), running_.end());
        dropped.take(pending_);
    }
    for (auto& c : running) stop(std::move(c));
    dropped.finish_all(net::error::operation_aborted);
}

void child_group::settle(const std::shared_ptr<child>& c, std::exception_ptr error) {
    const bool aborted = is_aborted(error);
    wait_list done;
    wait_node* reader = nullptr;
    pending_child* next = nullptr;
    bool stops = false;
    {
        const std::lock_guard lock(mutex());
        c->error = std::move(error);
        c->cancelled = aborted && cancelled_;
        forget(*c);
        reader = readers_.pop_front();
        stops = keep(*c, reader) && !cancelled_;
        if (stops) cancelled_ = true;
        if (!cancelled_) next = next_to_start();
        if (idle()) {
            done.take(joiners_);
            done.take(readers_);
        }
    }
    if (stops) cancel();
    if (reader) reader->ready();
    if (next) next->start();
    done.finish_all({});
}

void child_group::abandon(child& c) noexcept {
    wait_list orphans;
    {
        const std::lock_guard lock(mutex());
        forget(c);
        if (!shut_down_ || !running_.empty()) return;
        orphans.take(joiners_);
        orphans.take(readers_);
    }
    orphans.destroy_all();
}

// With the mutex held.
child_group::pending_child* child_group::next_to_start() {
    if (full()) return nullptr;
    auto* const next = static_cast<pending_child*>(pending_.pop_front());
    if (next) admit(next->get());
    return next;
}

/// Waits until all children have ended. If whoever awaits this is cancelled, the children are, and the wait goes on.
/// Returns whether that happened.
inline net::awaitable<bool> join_children(std::shared_ptr<child_group> group) {
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    const auto [aborted] = co_await group->async_wait(as_result);
    if (aborted) {
        group->cancel();
        // Without a slot: this wait is not cancelled again.
        co_await group->async_wait(net::bind_cancellation_slot(net::cancellation_slot{}, as_result));
    }
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return bool(aborted);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP
