// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_SIMULATED_API_HPP
#define TELLTALE_TESTING_SIMULATED_API_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/token_bucket.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/testing/random_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI::testing {

/// A job of a simulated_api, from the moment at which it is added. Times are 0 or more, shares 0 to 1.
struct simulated_job {
    std::chrono::nanoseconds queued{};                       ///< before it runs
    std::chrono::nanoseconds runs = std::chrono::minutes{1}; ///< until its end
    job_state end = job_state::succeeded;                    ///< a terminal state
    std::string kind{};                                      ///< told with every answer; empty: not told
    bool reports_progress = true;                            ///< in percent, while it runs
    double progress_step = 0.01; ///< what is told is rounded down to a multiple of this share; above 0
    double progress_shape = 1;   ///< the share that is done is that of the time to this power; above 0
    bool tells_times = false;    ///< created, started, finished
    std::chrono::nanoseconds cancels_in = std::chrono::seconds{1}; ///< from a cancel to the state cancelled
};

/// Some time, counted from the making of the API: from `from` until before `to`.
struct simulated_span {
    std::chrono::nanoseconds from{};
    std::chrono::nanoseconds to{};
};

/// What goes wrong, and when. Probabilities are those of each request, 0 to 1.
struct simulated_faults {
    double error_rate = 0;                ///< of a 503 at any time
    std::vector<simulated_span> bursts{}; ///< in which each request is a 500 with the probability `burst_rate` ...
    double burst_rate = 1;
    std::vector<simulated_span> outages{}; ///< in which no request is answered: the connection is refused ...
    std::chrono::nanoseconds outage_takes = std::chrono::milliseconds{20}; ///< ... after so long
    double goes_backwards = 0; ///< the answer is of a moment up to `stale_by` ago
    std::chrono::nanoseconds stale_by = std::chrono::seconds{30};
    double unknown_word = 0;  ///< the answer has a word that nobody knows instead of a state; not of a job that is over
    double progress_lies = 0; ///< the progress is anything
};

/// How a simulated_api behaves.
struct simulated_api_options {
    std::uint64_t seed = 1; ///< the same seed and the same requests give the same answers
    /// A request takes `latency`, and an exponential time of this mean more. Half of it is the way there.
    std::chrono::nanoseconds latency = std::chrono::milliseconds{20};
    std::chrono::nanoseconds latency_tail{};
    std::optional<rate_limit> rate{};    ///< requests above it are a 429 with a Retry-After; valid; absent: no limit
    std::size_t max_concurrent = 0;      ///< more at once are a violation, and a 429; 0: any number
    std::size_t batch_limit = 1;         ///< ids in one request; 1: the API has no request for many
    bool tells_limits = false;           ///< with `rate`: each answer has the hints `left` and `window`
    std::chrono::nanoseconds interval{}; ///< hint in each answer: not more often than this for each job; 0: none
    simulated_faults faults{};
};

/// What has been asked of a simulated_api.
struct simulated_counts {
    std::uint64_t requests = 0;         ///< of any kind
    std::uint64_t polled = 0;           ///< jobs in them
    std::uint64_t failed = 0;           ///< not answered, or with an error of the API
    std::uint64_t refused = 0;          ///< with a 429
    std::uint64_t too_early = 0;        ///< violations: before a Retry-After that was told before it was sent
    std::uint64_t too_often = 0;        ///< violations: of a job before the interval that was told for it was over
    std::uint64_t too_many_at_once = 0; ///< violations of max_concurrent
    std::uint64_t in_outages = 0;       ///< sent while nothing answers
    std::size_t most_at_once = 0;
};

/// What has been asked about one job of it. Times since the API was made.
struct simulated_view {
    std::uint64_t polls = 0;
    std::optional<std::chrono::nanoseconds> ends{};     ///< when it is over; also if that is to come
    std::optional<std::chrono::nanoseconds> end_seen{}; ///< when it was first answered that it is over
    std::chrono::nanoseconds longest_gap{};             ///< between two answers, as long as it was not over
};

/// A job API in virtual time: a batch_status_source, cancelling_source and retrying_source, with queues, progress,
/// latency, limits and faults, that counts what a poller does to it. Copies share everything. A job that was not added
/// is not found.
///
///     testing::simulated_api api(world.executor(), {.rate = rate_limit{5, 10}});
///     api.add("42", {.runs = 10min});
///     status_poller poller(world.executor(), api, sink);
///     ...
///     CHECK(api.counts().too_early == 0);
///
/// Failures are poll_errors: 500 and 503 (class api), 429 (resource, with retry_after, in whole seconds, rounded up), and a
/// refused connection (network).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class simulated_api {
public:
    using nanoseconds = std::chrono::nanoseconds;

    /// Time is the executor's. Throws `errc::invalid_argument` for a rate that is not valid.
    explicit simulated_api(const net::any_io_executor& executor, simulated_api_options options = {});

    /// A job begins now. One of the same id is replaced.
    void add(const job_id& id, simulated_job job = {});

    simulated_counts counts() const;

    /// Of a job that was added.
    simulated_view seen(const job_id& id) const;

    net::awaitable<status> poll(job_id id);
    net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids);
    std::size_t batch_limit() const;
    net::awaitable<command_result> cancel(job_id id);

    /// The job begins anew, with the same id and its next attempt, and succeeds. Of one that is not over: the same id, and
    /// nothing happens.
    net::awaitable<job_id> retry(job_id id);

private:
    struct world;
    class request;

    static net::awaitable<status> ask_one(std::shared_ptr<world> w, job_id id);
    static net::awaitable<std::vector<status>> ask(std::shared_ptr<world> w, std::vector<job_id> ids);
    static net::awaitable<command_result> do_cancel(std::shared_ptr<world> w, job_id id);
    static net::awaitable<job_id> do_retry(std::shared_ptr<world> w, job_id id);

    std::shared_ptr<world> world_;
};

} // namespace telltale::inline TELLTALE_ABI::testing

#include <telltale/testing/detail/simulated_api.hpp>

#endif // TELLTALE_TESTING_SIMULATED_API_HPP
