// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The poller under test. Each poll is a request, the answer read as a profile says, a report to a board, which checks it
// against the rules, and an event, which a subscriber receives.
//
//   poll_client http://127.0.0.1:PORT/jobs/ID K C [poller|timed]    K polls, C at once, of twice as many jobs
//
// As it stands a semaphore bounds coroutines that poll in a loop. `poller`: a status_poller does all of it. `timed`: the
// same with its own time limit for each poll, besides that of the HTTP client.

#include "peers/process.hpp"

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_status_source.hpp>
#include <telltale/board/board.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/sync/semaphore.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

using namespace telltale;

namespace {

profile mock_profile() {
    profile p;
    p.job.url = "/{id}";
    p.fields.state = "/state";
    p.fields.progress.percent = "/progress";
    p.fields.progress.remaining = "/eta_s";
    p.fields.message = "/stage";
    p.words = {{"running", job_state::running}, {"succeeded", job_state::succeeded}, {"failed", job_state::failed}};
    return p;
}

job_id id_of(long i) {
    char text[32];
    std::snprintf(text, sizeof text, "job-%06ld", i);
    return text;
}

struct work {
    net::io_context& context;
    long polls = 0;
    long left = 0;
    long done = 0; ///< seen as events
};

net::awaitable<void> poll_in_a_loop(http_status_source api, semaphore& permits, board& to, job_id id, work& w) {
    for (;;) {
        const permit p = co_await permits.acquire();
        if (w.left == 0) co_return;
        --w.left;
        status s = co_await api.poll(id);
        job_report r;
        r.id = id;
        r.by = reporter::observer;
        r.state = s.state;
        r.word = std::move(s.word);
        r.progress = s.progress;
        r.message = std::move(s.message);
        r.health = watch_state::ok;
        to.report(std::move(r));
    }
}

/// Each poll tells of a start or a progress; the last one ends it all.
net::awaitable<void> count(subscription<event> events, work& w) {
    while (w.done < w.polls) {
        const auto d = co_await events.receive();
        if (d.is_gap()) std::abort();
        if (d->kind == event_kind::job_started || d->kind == event_kind::job_progressed) ++w.done;
    }
    w.context.stop();
}

void must_end_well(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

long run(const std::string& base_url, long polls, long at_once, std::string_view how) {
    net::io_context context{1};
    const auto executor = context.get_executor();
    work w{context, polls, polls, 0};
    http_client client(executor, {.max_idle_per_host = static_cast<std::size_t>(at_once),
                                  .max_idle = static_cast<std::size_t>(at_once)});
    const http_status_source api(client, base_url, mock_profile());
    board jobs(executor);
    net::co_spawn(context, count(jobs.subscribe(), w), must_end_well);
    if (!how.empty()) {
        poller_options options{.max_concurrent = static_cast<std::size_t>(at_once), .interval = {}};
        if (how == "timed") options.poll_timeout = std::chrono::seconds{60};
        status_poller poller(executor, api, jobs.sink(), options);
        for (long i = 0; i < 2 * at_once; ++i) poller.watch(id_of(i));
        context.run();
    } else {
        semaphore permits(executor, static_cast<std::size_t>(at_once));
        for (long i = 0; i < 2 * at_once; ++i)
            net::co_spawn(context, poll_in_a_loop(api, permits, jobs, id_of(i), w), must_end_well);
        context.run();
    }
    return w.done;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const std::string url = argv[1];
    const std::string base_url = url.substr(0, url.rfind('/'));
    const long polls = std::atol(argv[2]);
    const long at_once = std::atol(argv[3]);
    const std::string_view how = argc > 4 ? argv[4] : "";
    run(base_url, at_once * 2, at_once, how);
    const process::poller_report report;
    report.print(run(base_url, polls, at_once, how));
}
