// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
#define TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/board/detail/apply.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/filter.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/emitter.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct board_options {
    /// Events that are kept for subscriptions which begin with a cursor.
    std::size_t history = 10'000;
    /// How many bytes of them, about.
    std::size_t history_bytes = std::size_t{64} << 20U;
    /// Jobs in a terminal state that are kept; of more, those that ended first are forgotten. Others are never forgotten.
    std::size_t finished_jobs = 10'000;
};

namespace detail {

class board_state final : public wait_state {
public:
    static std::shared_ptr<board_state> create(net::execution_context& context, board_options options);

    board_state(net::execution_context& context, board_options options);
    ~board_state() override;

    emitter<event>& journal() noexcept { return *journal_; }

    void report(job_report&& r);

    void emit_custom(std::string data, std::string_view id);

    std::shared_ptr<const job> find(std::string_view id) const;

    /// Nothing is reported while this is held.
    [[nodiscard]] std::unique_lock<std::mutex> freeze() const { return std::unique_lock(mutex()); }

    std::vector<std::shared_ptr<const job>> jobs(const std::unique_lock<std::mutex>&, const filter& wanted) const;

    std::vector<std::shared_ptr<const job>> jobs(const filter& wanted) const { return jobs(freeze(), wanted); }

    std::uint64_t refused() const {
        const std::lock_guard lock(mutex());
        return refused_;
    }

    void close();

    // With the mutex held.
    wait_list* attempt(const job_id& id, error_code& ec, job& result);

    void take_all(wait_list& all) noexcept override;

private:
    struct entry {
        job_id id;
        job_record record;
        wait_list waiters;
    };

    entry& find_or_add(const job_id& id);

    void forget_finished();

    time_source* time_;
    board_options options_;
    std::list<entry> order_; // by creation
    std::unordered_map<std::string_view, std::list<entry>::iterator> jobs_;
    std::deque<job_id> finished_;
    std::unique_ptr<emitter<event>> journal_; // its mutex comes after this one
    std::uint64_t refused_ = 0;
    bool closed_ = false;
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
