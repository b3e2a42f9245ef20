// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_CONTRACT_CONTRACT_HPP
#define TELLTALE_TESTS_CONTRACT_CONTRACT_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>

// The contract that every operation of telltale keeps, and the table of the operations. A row of the table is a class (see
// operation.hpp) that says how to make the object, how to start the operation with a token, and how to make it ready. The
// checks (checks/) see a row only as a `subject`, so they are compiled once, however many rows there are; what must be
// compiled for each operation, one start per token, is in operation.hpp.

namespace telltale_test::contract {

namespace net = telltale::net;
using telltale::error_code;
using executor_type = net::any_io_executor;
using strand_type = net::strand<net::any_io_executor>;

/// What is said of an operation in the table. A reason that is given excuses the operation from a check, and is printed.
struct about {
    std::string name;
    std::string value{};                                  ///< what show() says of the result; empty: there is no value
    error_code destroyed = net::error::operation_aborted; ///< how it ends when its object is destroyed
    std::string no_object{};                              ///< why nothing can be destroyed under it
    std::string only_terminal{};                          ///< why only terminal cancellation stops it
    std::string no_allocator{};                           ///< why the handler's allocator is not used
    std::string one_strand{};                             ///< why it is started and cancelled on one strand only
    std::string one_thread{};                             ///< why it is put to one thread only
    std::string sockets{};                                ///< why time does not pass while it waits
    std::string busy{};                                   ///< why its context has other work while the object is there
    std::string endless{};                                ///< why it goes on for ever while it waits
    std::string once{};                                   ///< why nothing can be waited for again once it was cancelled
    std::string uncounted{}; ///< why the number of successes may differ from that of ready()
};

struct allocations {
    std::atomic<long> live{0};
    std::atomic<long> total{0};
};

template <class T>
class counting_allocator {
public:
    using value_type = T;

    explicit counting_allocator(std::shared_ptr<allocations> counts) noexcept : counts_(std::move(counts)) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) noexcept : counts_(other.counts()) {}

    T* allocate(std::size_t n) {
        ++counts_->live;
        ++counts_->total;
        return static_cast<T*>(::operator new(n * sizeof(T)));
    }
    void deallocate(T* p, std::size_t n) noexcept {
        --counts_->live;
        ::operator delete(p, n * sizeof(T));
    }

    const std::shared_ptr<allocations>& counts() const noexcept { return counts_; }
    template <class U>
    bool operator==(const counting_allocator<U>& other) const noexcept {
        return counts_ == other.counts();
    }

private:
    std::shared_ptr<allocations> counts_;
};

struct outcome {
    error_code error{};
    std::string value{};          ///< as show() says it
    std::shared_ptr<void> kept{}; ///< the value itself: a permit is not given back before the test says so
};

/// A call of the library is under way on this thread: no handler may be called.
class calling {
public:
    calling() noexcept { ++depth(); }
    ~calling() { --depth(); }
    calling(const calling&) = delete;
    calling& operator=(const calling&) = delete;
    static int& depth() noexcept {
        thread_local int value = 0;
        return value;
    }
};

/// What a handler leaves behind. Handler and test share it.
struct record {
    explicit record(strand_type s) : home(std::move(s)) {}

    void complete(outcome o) {
        inside = calling::depth() != 0;
        at_home = home.running_in_this_thread();
        live_at_call = counts->live;
        result = std::move(o);
        ++called;
    }

    strand_type home; ///< the handler's associated executor
    net::cancellation_signal signal;
    std::shared_ptr<allocations> counts = std::make_shared<allocations>();
    std::atomic<int> called{0};
    std::shared_ptr<void> owner; ///< what the handler keeps alive
    // Valid once it was called:
    outcome result;
    bool inside = false; ///< it was called within a call of the library
    bool at_home = false;
    long live_at_call = 0;
};
using record_ptr = std::shared_ptr<record>;

struct started_future {
    std::function<bool()> is_ready{};
    std::function<outcome()> get{};
};

/// The tokens with which a coroutine waits.
enum class awaited { use_awaitable, defaulted, as_tuple, redirect_error };

/// One object, and the operation on it that is to be checked.
class subject {
public:
    subject() = default;
    subject(const subject&) = delete;
    subject& operator=(const subject&) = delete;
    virtual ~subject() = default;

    // Each with one token:
    /// a handler that is move-only, with an executor, an allocator and a cancellation slot of its own
    virtual void start(record_ptr r) = 0;
    /// a lambda without any of these
    virtual void start_plain(record_ptr r) = 0;
    virtual void start_detached() = 0;
    /// use_future
    virtual started_future start_future() = 0;
    /// deferred; the function returned starts it, once
    virtual std::function<void(record_ptr)> defer() = 0;
    /// in a coroutine, which ends by completing the record
    virtual net::awaitable<void> await(awaited token, record_ptr r) = 0;
    /// async_with_timeout
    virtual void start_timed(std::chrono::steady_clock::duration limit, record_ptr r) = 0;
    /// the awaitable face, which does not suspend when ready; false: it has none
    virtual bool has_face() const = 0;
    virtual net::awaitable<void> face(record_ptr r) = 0;

    /// Lets one more operation succeed, whether it waits already or not.
    virtual void ready() = 0;
};

using subject_ptr = std::unique_ptr<subject>;
using make_subject = std::function<subject_ptr(executor_type)>;

/// The same on an executor type of its own: basic_x<Executor>.
class concrete_subject {
public:
    concrete_subject() = default;
    concrete_subject(const concrete_subject&) = delete;
    concrete_subject& operator=(const concrete_subject&) = delete;
    virtual ~concrete_subject() = default;
    virtual void start(record_ptr r) = 0;
    virtual void start_plain(record_ptr r) = 0;
    /// in a coroutine on that executor, with the default token
    virtual void spawn(record_ptr r) = 0;
    virtual void ready() = 0;
};

/// Lets time pass on a context in virtual time: for rows that wait for a time.
template <class Executor>
void let_pass(const Executor& executor, std::chrono::steady_clock::duration d) {
    auto& time = telltale::detail::time_source_of(executor);
    time.advance_to(time.now() + d);
}

/// Every check, in sections, on every executor.
void keeps_the_contract(const about& row, const make_subject& make);

/// Threads that start, complete and cancel at once.
void stands_stress(const about& row, const make_subject& make);

/// The same, in short, for an object on an executor type of its own; `run` runs its context.
void keeps_the_contract_on(const about& row, concrete_subject& object, const strand_type& home,
                           const std::function<void()>& run);

} // namespace telltale_test::contract

#endif // TELLTALE_TESTS_CONTRACT_CONTRACT_HPP
