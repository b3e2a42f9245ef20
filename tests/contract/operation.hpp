// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_CONTRACT_OPERATION_HPP
#define TELLTALE_TESTS_CONTRACT_OPERATION_HPP

#include "contract.hpp"

#include "catch.hpp"

#include <telltale/sync/with_timeout.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

// A row of the table:
//
//     template <class Executor = net::any_io_executor>
//     struct semaphore_acquire {
//         static about row() { return {.name = "semaphore::async_acquire", .value = "a permit"}; }
//         using signature = void(error_code, permit);
//         explicit semaphore_acquire(const Executor& executor);
//         template <class... Token> auto start(Token&&... token) { return object.async_acquire(std::forward<...>...); }
//         void ready();                                // one more may succeed; from any thread
//         static std::string show(const permit& p);    // where there is a value
//         net::awaitable<permit, Executor> face();     // where there is the awaitable face
//     };
//     TELLTALE_CONTRACT(semaphore_acquire);
//
// ready() makes ready what waits, or what will be started. Successes keep their value until the test has ended.

namespace telltale_test::contract {

template <class Row>
using row_executor = std::decay_t<decltype(std::declval<Row&>().executor)>;

inline error_code code_of(const std::exception_ptr& e) {
    if (!e) return {};
    try {
        std::rethrow_exception(e);
    } catch (const telltale::system_error& error) {
        return error.code();
    }
}
inline error_code code_of(error_code ec) { return ec; }

template <class... Values>
using show_function = std::string (*)(const Values&...);

/// How a row says its value; null where it has none.
template <class Row, class... Values>
show_function<Values...> show_of() {
    if constexpr (sizeof...(Values) == 1)
        return [](const Values&... values) { return Row::show(values...); };
    else
        return nullptr;
}

template <class Error, class... Values>
outcome make_outcome(show_function<Values...> show, Error error, Values... values) {
    outcome o;
    o.error = code_of(error);
    if constexpr (sizeof...(Values) == 1) {
        o.value = show(values...);
        o.kept = std::make_shared<std::tuple<Values...>>(std::move(values)...);
    }
    return o;
}

template <class Row, class Error, class... Values>
outcome outcome_of(Error error, Values... values) {
    return make_outcome<Error, Values...>(show_of<Row, Values...>(), std::move(error), std::move(values)...);
}

/// Calls something that returns nothing or a value.
template <class Row, class Get>
outcome outcome_of_get(Get get) {
    try {
        if constexpr (std::is_void_v<decltype(get())>) {
            get();
            return {};
        } else {
            return outcome_of<Row>(error_code{}, get());
        }
    } catch (const telltale::system_error& error) {
        return {error.code(), {}, {}};
    }
}

// The handlers know only the signature, so that the rows that have one in common share what is compiled for them.

template <class Signature>
class full_handler;

/// The handler with everything that a handler can have. Move-only.
template <class Error, class... Values>
class full_handler<void(Error, Values...)> {
public:
    using executor_type = net::any_io_executor;
    using allocator_type = counting_allocator<void>;
    using cancellation_slot_type = net::cancellation_slot;

    full_handler(record_ptr r, show_function<Values...> show) : record_(std::move(r)), show_(show) {}
    full_handler(full_handler&&) = default;
    full_handler& operator=(full_handler&&) = default;

    executor_type get_executor() const noexcept { return record_->home; }
    allocator_type get_allocator() const noexcept { return allocator_type(record_->counts); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return record_->signal.slot(); }

    void operator()(Error error, Values... values) {
        const record_ptr r = std::move(record_);
        r->complete(make_outcome<Error, Values...>(show_, std::move(error), std::move(values)...));
    }

private:
    record_ptr record_;
    show_function<Values...> show_;
};

template <class Signature>
class plain_handler;

/// One without any of these.
template <class Error, class... Values>
class plain_handler<void(Error, Values...)> {
public:
    plain_handler(record_ptr r, show_function<Values...> show) : record_(std::move(r)), show_(show) {}

    void operator()(Error error, Values... values) const {
        record_->complete(make_outcome<Error, Values...>(show_, std::move(error), std::move(values)...));
    }

private:
    record_ptr record_;
    show_function<Values...> show_;
};

template <class Row, class Signature>
struct handlers_of;
template <class Row, class Error, class... Values>
struct handlers_of<Row, void(Error, Values...)> {
    using signature = void(Error, Values...);
    static full_handler<signature> full(record_ptr r) {
        return full_handler<signature>(std::move(r), show_of<Row, Values...>());
    }
    static plain_handler<signature> plain(record_ptr r) {
        return plain_handler<signature>(std::move(r), show_of<Row, Values...>());
    }
};

template <class Signature>
struct first_argument;
template <class Error, class... Values>
struct first_argument<void(Error, Values...)> {
    using type = Error;
};

template <class Row>
class subject_of final : public subject {
    using signature = typename Row::signature;
    using handlers = handlers_of<Row, signature>;
    static constexpr bool has_error_code = std::is_same_v<typename first_argument<signature>::type, error_code>;

public:
    explicit subject_of(const executor_type& executor) : executor_(executor), row_(executor) {}

    void start(record_ptr r) override { row_.start(handlers::full(std::move(r))); }
    void start_plain(record_ptr r) override { row_.start(handlers::plain(std::move(r))); }
    void start_detached() override { row_.start(net::detached); }

    started_future start_future() override {
        using future = decltype(row_.start(net::use_future));
        auto f = std::make_shared<future>(row_.start(net::use_future));
        return {[f] { return f->wait_for(std::chrono::seconds{0}) == std::future_status::ready; },
                [f] { return outcome_of_get<Row>([&] { return f->get(); }); }};
    }

    std::function<void(record_ptr)> defer() override {
        using operation = std::decay_t<decltype(row_.start(telltale::deferred))>;
        auto op = std::make_shared<operation>(row_.start(telltale::deferred));
        return [op](record_ptr r) { std::move (*op)(handlers::full(std::move(r))); };
    }

    net::awaitable<void> await(awaited token, record_ptr r) override {
        outcome o;
        try {
            switch (token) {
            case awaited::use_awaitable: o = co_await await_plain(); break;
            case awaited::defaulted: o = co_await await_default(); break;
            case awaited::as_tuple: o = co_await await_tuple(); break;
            case awaited::redirect_error: o = co_await await_redirected(); break;
            }
        } catch (const telltale::system_error& error) {
            o.error = error.code();
        }
        r->complete(std::move(o));
    }

    void start_timed(std::chrono::steady_clock::duration limit, record_ptr r) override {
        telltale::async_with_timeout<signature>(
            executor_, [this](auto handler) { row_.start(std::move(handler)); }, limit, handlers::full(std::move(r)));
    }

    bool has_face() const override {
        return requires(Row & r) { r.face(); };
    }

    net::awaitable<void> face(record_ptr r) override {
        outcome o;
        if constexpr (requires { row_.face(); }) {
            try {
                using value = typename decltype(row_.face())::value_type;
                if constexpr (std::is_void_v<value>)
                    co_await row_.face();
                else
                    o = outcome_of<Row>(error_code{}, co_await row_.face());
            } catch (const telltale::system_error& error) {
                o.error = error.code();
            }
        }
        r->complete(std::move(o));
        co_return;
    }

    void ready() override { row_.ready(); }

private:
    using value_type = typename decltype(std::declval<Row&>().start(net::use_awaitable))::value_type;

    net::awaitable<outcome> await_plain() {
        if constexpr (std::is_void_v<value_type>) {
            co_await row_.start(net::use_awaitable);
            co_return outcome{};
        } else {
            co_return outcome_of<Row>(error_code{}, co_await row_.start(net::use_awaitable));
        }
    }

    net::awaitable<outcome> await_default() {
        if constexpr (std::is_void_v<value_type>) {
            co_await row_.start();
            co_return outcome{};
        } else {
            co_return outcome_of<Row>(error_code{}, co_await row_.start());
        }
    }

    net::awaitable<outcome> await_tuple() {
        auto result = co_await row_.start(telltale::as_result);
        co_return std::apply([](auto&&... v) { return outcome_of<Row>(std::move(v)...); }, std::move(result));
    }

    net::awaitable<outcome> await_redirected() {
        if constexpr (!has_error_code) { // redirect_error redirects error codes only
            co_return co_await await_plain();
        } else if constexpr (std::is_void_v<value_type>) {
            error_code ec;
            co_await row_.start(net::redirect_error(net::use_awaitable, ec));
            co_return outcome{ec, {}, {}};
        } else {
            error_code ec;
            auto value = co_await row_.start(net::redirect_error(net::use_awaitable, ec));
            co_return outcome_of<Row>(ec, std::move(value));
        }
    }

    executor_type executor_;
    Row row_;
};

/// A row whose operation is a coroutine: `net::awaitable<T> run()`. For a token it is spawned, on the executor of the
/// handler, so the tokens are Asio's own, and what is checked is what the coroutine does.
template <class Row>
class coroutine_subject_of final : public subject {
    using value_type = typename decltype(std::declval<Row&>().run())::value_type;
    using signature = telltale::detail::spawn_signature<value_type>;
    using handlers = handlers_of<Row, signature>;

public:
    explicit coroutine_subject_of(const executor_type& executor) : executor_(executor), row_(executor) {}

    void start(record_ptr r) override {
        const auto home = r->home;
        net::co_spawn(home, row_.run(), handlers::full(std::move(r)));
    }
    void start_plain(record_ptr r) override { net::co_spawn(executor_, row_.run(), handlers::plain(std::move(r))); }
    void start_detached() override { net::co_spawn(executor_, row_.run(), net::detached); }

    started_future start_future() override {
        using future = decltype(net::co_spawn(executor_, row_.run(), net::use_future));
        auto f = std::make_shared<future>(net::co_spawn(executor_, row_.run(), net::use_future));
        return {[f] { return f->wait_for(std::chrono::seconds{0}) == std::future_status::ready; },
                [f] { return outcome_of_get<Row>([&] { return f->get(); }); }};
    }

    std::function<void(record_ptr)> defer() override {
        auto coroutine = std::make_shared<net::awaitable<value_type>>(row_.run());
        return [coroutine](record_ptr r) {
            const auto home = r->home;
            net::co_spawn(home, std::move(*coroutine), handlers::full(std::move(r)));
        };
    }

    net::awaitable<void> await(awaited token, record_ptr r) override {
        outcome o;
        try {
            if (token == awaited::as_tuple) {
                auto result = co_await net::co_spawn(r->home, row_.run(), telltale::as_result);
                o = std::apply([](auto&&... v) { return outcome_of<Row>(std::move(v)...); }, std::move(result));
            } else if constexpr (std::is_void_v<value_type>) {
                co_await row_.run();
            } else {
                o = outcome_of<Row>(error_code{}, co_await row_.run());
            }
        } catch (const telltale::system_error& error) {
            o.error = error.code();
        }
        r->complete(std::move(o));
    }

    void start_timed(std::chrono::steady_clock::duration limit, record_ptr r) override {
        const auto home = r->home;
        net::co_spawn(home, telltale::with_timeout(row_.run(), limit), handlers::full(std::move(r)));
    }

    bool has_face() const override { return false; }
    net::awaitable<void> face(record_ptr r) override { return await(awaited::use_awaitable, std::move(r)); }
    void ready() override { row_.ready(); }

private:
    executor_type executor_;
    Row row_;
};

/// basic_x<Executor>: its two faces on an executor type that is not any_io_executor.
template <template <class> class Row, class Executor>
class concrete_subject_of final : public concrete_subject {
    using handlers = handlers_of<Row<Executor>, typename Row<Executor>::signature>;

public:
    explicit concrete_subject_of(const Executor& executor) : executor_(executor), row_(executor) {}

    void start(record_ptr r) override { row_.start(handlers::full(std::move(r))); }
    void start_plain(record_ptr r) override { row_.start(handlers::plain(std::move(r))); }
    void spawn(record_ptr r) override { net::co_spawn(executor_, wait(row_, std::move(r)), net::detached); }
    void ready() override { row_.ready(); }

private:
    using value_type = typename decltype(std::declval<Row<Executor>&>().start())::value_type;

    static net::awaitable<void, Executor> wait(Row<Executor>& row, record_ptr r) {
        if constexpr (std::is_void_v<value_type>) {
            co_await row.start();
            r->complete({});
        } else {
            r->complete(outcome_of<Row<Executor>>(error_code{}, co_await row.start()));
        }
    }

    Executor executor_;
    Row<Executor> row_;
};

/// Lets time pass up to what is due next.
inline void next_time(net::execution_context& context) {
    auto& time = net::use_service<telltale::detail::time_source>(context);
    if (const auto next = time.next_expiry()) time.advance_to(*next);
}

template <template <class> class Row, class Context, class Executor>
void keeps_the_contract_on_concrete(Context& context, const Executor& executor, const std::function<void()>& run) {
    net::use_service<telltale::detail::time_source>(context).make_virtual({}, {});
    concrete_subject_of<Row, Executor> object(executor);
    keeps_the_contract_on(Row<net::any_io_executor>::row(), object, net::make_strand(executor_type(executor)), run);
}

template <template <class> class Row>
void keeps_the_contract_on_concrete_executors() {
    net::io_context context;
    const auto run = [&] {
        context.restart();
        if (context.poll() == 0) next_time(context);
    };
    const auto is_out_of_work = [&] {
        context.restart();
        context.poll();
        return context.stopped();
    };
    keeps_the_contract_on_concrete<Row>(context, context.get_executor(), run);
    CHECK(is_out_of_work());
    keeps_the_contract_on_concrete<Row>(context, net::make_strand(context.get_executor()), run);
    CHECK(is_out_of_work());
    net::thread_pool pool(1);
    keeps_the_contract_on_concrete<Row>(pool, pool.get_executor(), [&] {
        next_time(pool);
        std::this_thread::yield();
    });
}

} // namespace telltale_test::contract

#define TELLTALE_CONTRACT_AS(SUBJECT, ROW)                                                                 \
    TEST_CASE("contract: " #ROW) {                                                                         \
        using namespace telltale_test::contract;                                                           \
        keeps_the_contract(ROW::row(), [](executor_type e) { return std::make_unique<SUBJECT<ROW>>(e); }); \
    }                                                                                                      \
    TEST_CASE("stress: " #ROW) {                                                                           \
        using namespace telltale_test::contract;                                                           \
        stands_stress(ROW::row(), [](executor_type e) { return std::make_unique<SUBJECT<ROW>>(e); });      \
    }                                                                                                      \
    static_assert(true)

/// A row whose objects run on any_io_executor only.
#define TELLTALE_CONTRACT(ROW) TELLTALE_CONTRACT_AS(subject_of, ROW)

/// A row whose operation is a coroutine.
#define TELLTALE_CONTRACT_COROUTINE(ROW) TELLTALE_CONTRACT_AS(coroutine_subject_of, ROW)

/// A row that is a template on the executor of its objects.
#define TELLTALE_CONTRACT_BASIC(ROW)                                              \
    using ROW##_of_any = ROW<telltale::net::any_io_executor>;                     \
    TELLTALE_CONTRACT(ROW##_of_any);                                              \
    TEST_CASE("contract: " #ROW " on concrete executors") {                       \
        telltale_test::contract::keeps_the_contract_on_concrete_executors<ROW>(); \
    }                                                                             \
    static_assert(true)

#endif // TELLTALE_TESTS_CONTRACT_OPERATION_HPP
