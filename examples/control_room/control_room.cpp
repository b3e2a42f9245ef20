// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// control_room: watches the jobs of a worker that it knows only by its URL and a profile of its API. It polls, keeps a
// board, shows it in the terminal and on a page, passes commands on, fetches results, and tells at the end how it was.

#include "common.hpp"
#include "restart_aware.hpp"

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_status_source.hpp>
#include <telltale/board/board.hpp>
#include <telltale/board/show_jobs.hpp>
#include <telltale/core/execution_report.hpp>
#include <telltale/dashboard/dashboard.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/poll/poll_until.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/progress/bar_writer.hpp>
#include <telltale/progress/report_text.hpp>
#include <telltale/run/resource_sampler.hpp>
#include <telltale/run/save_report.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace net = telltale::net;

namespace control_room {
namespace {

using namespace std::chrono_literals;

struct room_options {
    std::string worker;
    std::string profile;
    std::uint16_t port = 8080;
    std::string port_file;
    bool serve = false;
    std::string metrics = "execution_metrics.json";
    std::string results = "results";
    unsigned interval_ms = 500;
    std::size_t max_polls = 10;
    std::string cancel = "waits to be cancelled";
    unsigned cancel_after = 4;
};

telltale::profile profile_of(const room_options& options) {
    return options.profile.empty() ? telltale::telltale_profile() : telltale::parse_profile(read_file(options.profile));
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

telltale::poller_options poller_options_of(const room_options& options) {
    telltale::poller_options result;
    result.max_concurrent = options.max_polls;
    result.interval = std::chrono::milliseconds(options.interval_ms);
    result.backoff = {.min = 200ms, .max = 2s}; // a worker nearby that is started again is soon seen
    return result;
}

/// All that the coroutines below share.
struct room {
    room(const net::any_io_executor& executor, room_options given)
        : options(std::move(given)),
          board(executor),
          client(executor, {.timeout = 10s}),
          api(client, without_slash(options.worker), profile_of(options)),
          poller(executor, restart_aware(api), board.sink(), poller_options_of(options)),
          dashboard(board, {.port = options.port}),
          bars(stdout),
          sampler(executor),
          helpers(executor) {}

    room_options options;
    telltale::board board;
    telltale::http_client client;
    telltale::http_status_source api;
    telltale::status_poller poller;
    telltale::dashboard dashboard;
    telltale::bar_writer bars;
    telltale::resource_sampler sampler; ///< of this process; what the worker uses, it knows itself
    telltale::task_group helpers;       ///< coroutines that end with the rest
    int signal = 0;                     ///< that ended it
    telltale::figures_map figures;      ///< rows of the results, without the line of titles
    std::size_t results_missing = 0;
};

/// What is not a letter, digit, dot or dash becomes a dash.
std::string file_name(const telltale::job& job) {
    std::string name = job.id + "-" + job.name + ".csv";
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.') c = '-';
    return name;
}

net::awaitable<void> fetch_result(room& r, telltale::job job) {
    try {
        const std::string csv = co_await r.api.result(job.id);
        const auto lines = static_cast<std::uint64_t>(std::count(csv.begin(), csv.end(), '\n'));
        r.figures[job.id].rows_out = lines - std::min<std::uint64_t>(lines, 1);
        write_file(std::filesystem::path(r.options.results) / file_name(job), csv);
    } catch (const std::exception& e) {
        if (r.signal) throw;
        ++r.results_missing;
        r.bars.log("the result of " + job.name + " is missing: " + e.what());
    }
}

/// One job, from now to its end.
net::awaitable<void> follow(room& r, telltale::job_id id) {
    r.poller.watch(id, {.control = r.api.control(id)});
    const telltale::job last = co_await r.poller.async_wait(id);
    if (last.state == telltale::job_state::succeeded) co_await fetch_result(r, last);
}

/// What somebody at the page would do: some time after the job of this name has begun to wait, cancels it.
net::awaitable<void> play_operator(room& r) {
    auto events = r.board.subscribe({.kinds = {telltale::event_kind::job_started}});
    for (;;) {
        const auto started = co_await events.receive();
        if (started.is_gap() || started->job->name != r.options.cancel) continue;
        telltale::timer timer(co_await net::this_coro::executor);
        timer.expires_after(std::chrono::seconds(r.options.cancel_after));
        co_await timer.async_wait(net::use_awaitable);
        r.board.request(started->job->id, telltale::job_command::cancel);
    }
}

net::awaitable<std::vector<telltale::listed_job>> list_jobs(room& r) {
    const auto look = [&r] { return r.api.list(); };
    const auto any = [](const auto&) { return true; };
    try {
        co_return co_await telltale::poll_until(
            look, any, {.backoff = {.min = 100ms, .max = 500ms}, .max_consecutive_errors = 15});
    } catch (const telltale::system_error& e) {
        if (r.signal) throw;
        throw std::runtime_error("cannot list the jobs of the worker at " + r.options.worker + ": " + e.what());
    }
}

void report_end(room& r) {
    const auto now = telltale::system_now(r.board.get_executor());
    const auto report =
        telltale::make_report(r.board.jobs(), {.now = now, .figures = r.figures, .resources = r.sampler.sample()});
    r.bars.finish(r.board.jobs(), telltale::steady_now(r.board.get_executor()), now);
    std::cout << '\n' << telltale::render_summary(report, telltale::report_text_options_for(stdout));
    if (r.results_missing) std::cout << "results missing: " << r.results_missing << '\n';
    std::cout << std::flush;
    telltale::save_report(report, r.options.metrics);
}

net::awaitable<void> operate(room& r) {
    r.helpers.spawn(r.sampler.run());
    r.helpers.spawn(telltale::show_jobs(r.board, r.bars));
    if (!r.options.cancel.empty()) r.helpers.spawn(play_operator(r));

    const auto listed = co_await list_jobs(r);
    telltale::task_group jobs(co_await net::this_coro::executor);
    for (const auto& job : listed) jobs.spawn(follow(r, job.id));
    co_await jobs.join();
    if (r.signal) co_return;

    r.helpers.cancel();
    report_end(r);
    if (r.options.serve) std::cout << "all jobs have ended; still serving " << r.dashboard.url() << std::endl;
}

/// Ctrl-C when all jobs have ended is the end that --serve waits for; before, it is an interruption, as any shell says it.
int exit_code(room& r) {
    if (!r.signal) return 0;
    const auto jobs = r.board.jobs();
    const auto open = std::count_if(jobs.begin(), jobs.end(), [](const auto& j) { return !is_terminal(j->state); });
    if (open == 0 && !jobs.empty()) return 0;
    const auto executor = r.board.get_executor();
    r.bars.finish(jobs, telltale::steady_now(executor), telltale::system_now(executor));
    std::cout << "\nstopped; " << open << " jobs go on without being watched" << std::endl;
    return 128 + r.signal;
}

int run(const room_options& options) {
    net::io_context context(1);
    room r(context.get_executor(), options);
    r.dashboard.listen();
    std::filesystem::create_directories(options.results);
    write_port_file(options.port_file, r.dashboard.local_endpoint().port());
    std::cout << "the control room is at " << r.dashboard.url() << std::endl;

    net::signal_set signals(context, SIGINT, SIGTERM);
    net::cancellation_signal stop;
    bool operating = true;
    const auto shut_down = [&] {
        r.helpers.cancel();
        r.poller.stop();
        r.dashboard.stop();
    };
    signals.async_wait([&](telltale::error_code ec, int signal) {
        if (ec) return;
        r.signal = signal;
        if (operating) stop.emit(net::cancellation_type::terminal);
        shut_down();
    });
    std::exception_ptr failure;
    net::co_spawn(context, operate(r), net::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) {
                      operating = false;
                      failure = std::move(e);
                      if (options.serve && !failure) return;
                      signals.cancel();
                      shut_down();
                  }));
    context.run();
    if (failure && !r.signal) std::rethrow_exception(failure);
    return exit_code(r);
}

/// CLI11 shows the text; empty: it is well.
std::string check_url(const std::string& url) {
    return url.starts_with("http://") && url.size() > 7 ? "" : "\"" + url + "\" is not a URL that begins with http://";
}

} // namespace
} // namespace control_room

int main(int argc, char** argv) {
    control_room::room_options options;
    CLI::App app("Watches the jobs of a worker, and shows them on a page and in the terminal.\n"
                 "Exit codes: 0: all jobs have ended; 130, 143: interrupted before; 1: it failed; 2: wrong arguments.",
                 "control_room");
    app.add_option("--worker", options.worker, "URL of the worker's API, such as http://127.0.0.1:8090")
        ->required()
        ->check(control_room::check_url, "URL");
    app.add_option("--profile", options.profile, "JSON file that describes the API; default: telltale's own");
    app.add_option("--port", options.port, "serve the page on this port of 127.0.0.1; 0: a free one")
        ->capture_default_str();
    app.add_option("--port-file", options.port_file, "write the port to this file");
    app.add_flag("--serve", options.serve, "go on serving when all jobs have ended, until Ctrl-C");
    app.add_option("--metrics", options.metrics, "write the metrics to this file at the end")->capture_default_str();
    app.add_option("--results", options.results, "write the results of the jobs into this folder")
        ->capture_default_str();
    app.add_option("--interval", options.interval_ms, "milliseconds between two polls of a job")
        ->check(CLI::Range(1U, 3'600'000U))
        ->capture_default_str();
    app.add_option("--max-polls", options.max_polls, "polls under way at once")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
        ->capture_default_str();
    app.add_option("--cancel", options.cancel, "the name of the job to cancel, as an operator would; empty: none")
        ->capture_default_str();
    app.add_option("--cancel-after", options.cancel_after, "seconds after that job has started")->capture_default_str();
    return control_room::run_program(app, argc, argv, options, control_room::run);
}
