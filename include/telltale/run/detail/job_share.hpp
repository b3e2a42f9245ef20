// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_JOB_SHARE_HPP
#define TELLTALE_RUN_DETAIL_JOB_SHARE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/adapted_handler.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/detail/manager_waits.hpp>
#include <telltale/sync/outcome.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Somebody who may ask for the result of a job.
template <class T>
class job_share {
public:
    using job_type = job_with_result<T>;

    job_share() = default;
    /// One that the job has counted already.
    job_share(std::shared_ptr<manager_state> manager, std::shared_ptr<job_type> job) noexcept
        : manager_(std::move(manager)), job_(std::move(job)) {}
    job_share(job_share&&) noexcept = default;
    job_share& operator=(job_share&& other) noexcept {
        job_share former(std::move(*this));
        manager_ = std::move(other.manager_);
        job_ = std::move(other.job_);
        return *this;
    }
    ~job_share() {
        if (job_) manager_->release_handle(*job_);
    }

    explicit operator bool() const noexcept { return static_cast<bool>(job_); }
    manager_state& manager() const noexcept { return *manager_; }
    job_type& job() const noexcept { return *job_; }
    const std::shared_ptr<job_type>& pointer() const noexcept { return job_; }

    /// Another, that can be copied.
    std::shared_ptr<job_share> share() const {
        manager_->add_handle(*job_);
        return std::make_shared<job_share>(manager_, job_);
    }

private:
    std::shared_ptr<manager_state> manager_;
    std::shared_ptr<job_type> job_;
};

template <class T>
struct take_result {
    template <class Handler>
    void operator()(Handler&& handler, error_code ec, job_state how) {
        outcome<T> result;
        if (!ec) ec = share->manager().take(share->job(), how, result);
        share.reset();
        std::forward<Handler>(handler)(ec, std::move(result));
    }

    std::shared_ptr<job_share<T>> share;
};

template <class T, class Token>
auto async_take(std::shared_ptr<job_share<T>> share, Token&& token) {
    const net::any_io_executor executor = share->manager().executor();
    return async_start<void(error_code, outcome<T>)>(
        executor,
        [share = std::move(share)](auto&& handler, const net::any_io_executor& fallback) {
            using handler_type = std::decay_t<decltype(handler)>;
            using adapted = adapted_handler<handler_type, take_result<T>>;
            share->manager().start_wait_end(adapted{std::forward<decltype(handler)>(handler), take_result<T>{share}},
                                            fallback, share->pointer());
        },
        std::forward<Token>(token));
}

template <class T>
net::awaitable<T> result_of(std::shared_ptr<job_share<T>> share) {
    outcome<T> result = co_await async_take(std::move(share), net::use_awaitable);
    co_return result.take();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_JOB_SHARE_HPP
