// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_ERASED_SOURCE_HPP
#define TELLTALE_POLL_DETAIL_ERASED_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/status_source.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// A source of any type, with what it can do. Ids are kept by the caller until the call has ended.
class erased_source {
public:
    erased_source() = default;
    erased_source(const erased_source&) = delete;
    erased_source& operator=(const erased_source&) = delete;
    virtual ~erased_source() = default;

    virtual net::awaitable<status> poll(const job_id& id) = 0;
    virtual std::size_t batch_limit() = 0; // below 2: there are no batches
    virtual net::awaitable<std::vector<status>> poll_many(const std::vector<job_id>& ids) = 0;
    virtual bool can_cancel() const noexcept = 0;
    virtual net::awaitable<command_result> cancel(const job_id& id) = 0;
    virtual bool can_retry() const noexcept = 0;
    virtual net::awaitable<job_id> retry(const job_id& id) = 0;
};

template <class Source>
class erased_source_of final : public erased_source {
public:
    explicit erased_source_of(std::shared_ptr<Source> source) : source_(std::move(source)) {}

    net::awaitable<status> poll(const job_id& id) override { return source_->poll(id); }

    std::size_t batch_limit() override {
        if constexpr (batch_status_source<Source>)
            return static_cast<std::size_t>(source_->batch_limit());
        else
            return 0;
    }
    net::awaitable<std::vector<status>> poll_many([[maybe_unused]] const std::vector<job_id>& ids) override {
        if constexpr (batch_status_source<Source>)
            return source_->poll_many(ids);
        else
            throw system_error(make_error_code(errc::unsupported_command));
    }

    bool can_cancel() const noexcept override { return cancelling_source<Source>; }
    net::awaitable<command_result> cancel([[maybe_unused]] const job_id& id) override {
        if constexpr (cancelling_source<Source>)
            return source_->cancel(id);
        else
            throw system_error(make_error_code(errc::unsupported_command));
    }

    bool can_retry() const noexcept override { return retrying_source<Source>; }
    net::awaitable<job_id> retry([[maybe_unused]] const job_id& id) override {
        if constexpr (retrying_source<Source>)
            return source_->retry(id);
        else
            throw system_error(make_error_code(errc::unsupported_command));
    }

private:
    std::shared_ptr<Source> source_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_ERASED_SOURCE_HPP
