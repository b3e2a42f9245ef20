// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_COMPLETION_HPP
#define TELLTALE_DETAIL_COMPLETION_HPP

#include <telltale/asio.hpp>

#include <memory>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <variant>

// How a handler is brought to its executor: with the work counted until then, and out of which memory.

namespace telltale::inline TELLTALE_ABI::detail {

/// An executor that counts as work of its context for as long as it exists. (executor_work_guard of the oldest supported
/// Asio does not take a strand of any_io_executor.)
template <class Executor>
auto track_work(const Executor& executor) {
    return net::prefer(executor, net::execution::outstanding_work.tracked);
}
template <class Executor>
using tracked_executor = decltype(track_work(std::declval<const Executor&>()));

/// Where a completion is posted to, counted as work of its context until then.
template <class Executor>
class completion_executor {
public:
    explicit completion_executor(const Executor& executor) : work_(track_work(executor)) {}

    template <class Function>
    void post(Function&& function) && {
        const auto work = std::move(work_);
        net::post(work, std::forward<Function>(function));
    }

private:
    tracked_executor<Executor> work_;
};

/// An any_io_executor holds an io_context's own executor nearly always, or a strand of one. To ask for these once is
/// cheaper by half a completion than to go through the type-erased prefer, require and execute, which allocate a strand
/// each.
template <>
class completion_executor<net::any_io_executor> {
    using direct_executor = net::io_context::executor_type;
    using strand_executor = net::strand<net::any_io_executor>;

public:
    explicit completion_executor(const net::any_io_executor& executor) {
        // The target() of the oldest supported Asio does not look at the type.
        if (executor.target_type() == typeid(direct_executor))
            work_.template emplace<1>(track_work(*executor.target<direct_executor>()));
        else if (executor.target_type() == typeid(strand_executor))
            work_.template emplace<2>(track_work(*executor.target<strand_executor>()));
        else
            work_.template emplace<0>(track_work(executor));
    }

    template <class Function>
    void post(Function&& function) && {
        const auto work = std::move(work_);
        // Copies of an executor, in post, need not count as work each.
        if (const auto* const direct = std::get_if<1>(&work))
            net::post(net::prefer(*direct, net::execution::outstanding_work.untracked),
                      std::forward<Function>(function));
        else if (const auto* const strand = std::get_if<2>(&work))
            net::post(net::prefer(*strand, net::execution::outstanding_work.untracked),
                      std::forward<Function>(function));
        else
            net::post(std::get<0>(work), std::forward<Function>(function));
    }

private:
    std::variant<net::any_io_executor, tracked_executor<direct_executor>, tracked_executor<strand_executor>> work_;
};

/// A handler and its arguments, ready to run.
template <class Handler, class... Values>
struct bound_completion {
    using allocator_type = net::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }

    void operator()() {
        std::apply([this](auto&&... v) { std::move(handler)(std::move(v)...); }, std::move(values));
    }

    Handler handler;
    std::tuple<Values...> values;
};

/// The allocator of what a handler's operation needs: the handler's own, or else the blocks that Asio keeps for reuse.
template <class T>
struct operation_allocator {
    using type = T;
};
template <class T>
struct operation_allocator<std::allocator<T>> {
    using type = net::recycling_allocator<T>;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_COMPLETION_HPP
