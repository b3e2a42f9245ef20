// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_NEWS_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_NEWS_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/run/detail/chunk_figures.hpp>
#include <telltale/run/detail/chunk_tell.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What workers have to tell, on its way to the hooks. Any thread leaves it here; the hooks are told on one strand, at once
/// if nothing was told within the last `interval`, and else when that is over: to wake the thread that tells costs much
/// more than to leave a message (docs/benchmarks.md).
template <class Hooks>
class chunk_news_queue {
    using news = std::variant<chunk_news<chunk_event::worker_started>, chunk_news<chunk_event::chunk_started>,
                              chunk_news<chunk_event::chunk_completed>, chunk_news<chunk_event::slow_chunk>,
                              chunk_news<chunk_event::error>, chunk_news<chunk_event::worker_stopped>>;
    using strand = net::strand<net::any_io_executor>;

public:
    chunk_news_queue(Hooks hooks, std::chrono::nanoseconds interval) : teller_(std::move(hooks)), interval_(interval) {}

    chunk_teller<Hooks>& teller() noexcept { return teller_; }
    const chunk_teller<Hooks>& teller() const noexcept { return teller_; }

    /// With the mutex held.
    template <chunk_event E>
    void add([[maybe_unused]] chunk_news<E> n) {
        if constexpr (chunk_teller<Hooks>::template may<E>)
            if (teller_.template wants<E>()) {
                news_.emplace_back(std::move(n));
                urgent_ |= E == chunk_event::error;
            }
    }

    /// With the mutex held: whether somebody has to post a tell().
    bool call([[maybe_unused]] std::size_t done) noexcept {
        if constexpr (chunk_teller<Hooks>::tells) {
            const bool more = teller_.template wants<chunk_event::progress>() && done != told_;
            if (news_.empty() && !more) return false;
            const bool urgent = std::exchange(urgent_, false);
            return !std::exchange(called_, true) || urgent;
        } else {
            return false;
        }
    }

    /// On the strand. Says whether there was something to tell; then, with an interval, there is to be another tell() after it.
    bool tell(std::mutex& mutex, const chunk_figures& figures, const time_source& time) {
        std::vector<news> all;
        std::size_t done = 0;
        bool more = false;
        {
            const std::lock_guard lock(mutex);
            all.swap(news_);
            done = figures.done();
            more = std::exchange(told_, done) != done;
            called_ = interval_ > std::chrono::nanoseconds::zero() && (more || !all.empty());
        }
        const bool any = more || !all.empty();
        const auto progress = [&] {
            if (std::exchange(more, false)) teller_.tell_progress(done, figures.total(), time.now());
        };
        for (const auto& n : all)
            std::visit(
                [&]<chunk_event E>(const chunk_news<E>& one) {
                    if constexpr (E == chunk_event::worker_stopped) progress(); // while there is somebody who made it
                    teller_.template tell<E>(one.info);
                },
                n);
        progress();
        return any;
    }

    /// On the strand: calls `again`, there, after the interval, unless this is gone by then.
    template <class F>
    void rest(const strand& home, F again) {
        if (interval_ <= std::chrono::nanoseconds::zero()) return;
        if (!pause_) pause_.emplace(home);
        pause_->expires_after(interval_);
        pause_->async_wait(net::bind_executor(home, [again = std::move(again)](error_code ec) {
            if (!ec) again();
        }));
    }

    /// On the strand: what is left is told by a last tell().
    void end() { pause_.reset(); }

private:
    // On the strand, but for asking what hooks want.
    chunk_teller<Hooks> teller_;
    std::optional<timer> pause_{};
    const std::chrono::nanoseconds interval_;

    // Protected by the mutex.
    std::vector<news> news_{};
    std::size_t told_ = 0;
    bool called_ = false; // a tell() is on its way
    bool urgent_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_NEWS_HPP
