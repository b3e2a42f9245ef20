// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// control_room_worker: runs jobs, and lets itself be asked how they are. Each job hashes the files of one folder. There is
// a REST API over its board, and nothing else that the control room could know of it.

#include "common.hpp"
#include "hashing.hpp"
#include "plan.hpp"
#include "results.hpp"

#include <telltale/asio.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/board/board.hpp>
#include <telltale/dashboard/board_api.hpp>
#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace net = telltale::net;

namespace control_room {
namespace {

struct worker_options {
    std::uint16_t port = 8090;
    std::string port_file;
    std::vector<std::string> roots{"/usr/include"};
    std::size_t folders = 12;
    std::size_t max_jobs = 2;
    std::size_t threads = 2;
    double rate = 0; // MB/s
    unsigned time_limit = 5;
};

/// What all jobs share.
struct workshop {
    explicit workshop(const worker_options& options)
        : pool(std::max<std::size_t>(options.threads, 1)), disk(options.rate * 1e6) {}

    net::thread_pool pool;
    throttle disk;
    control_room::results results;
};

/// The work of a job: hashes files on the thread pool, counts bytes, and leaves the result.
net::awaitable<void> hash_files(workshop& shop, file_list files, telltale::job_context job) {
    auto& progress = job.tracker({.total = files.total_bytes, .unit = telltale::progress_unit::bytes});
    std::vector<file_hash> hashes(files.paths.size());

    auto hash_chunk = [&](auto chunk, telltale::chunk_stop stop) {
        const auto after_block = [&](std::size_t bytes) {
            shop.disk.spend(bytes);
            progress.advance(bytes);
            return !stop.requested();
        };
        for (const std::size_t i : chunk) {
            auto hash = hash_file(files.paths[i], after_block);
            if (!hash) throw telltale::system_error(net::error::operation_aborted);
            hashes[i] = std::move(*hash);
        }
    };
    co_await telltale::for_each_chunk(shop.pool.get_executor(), hashes.size(), {.size = 16}, hash_chunk);
    shop.results.put(job.id(), hashes);
}

/// The work of a job that has none.
net::awaitable<void> wait_to_be_cancelled(telltale::job_context job) {
    job.set_message("waits for somebody to cancel it");
    telltale::timer never(co_await net::this_coro::executor);
    never.expires_at(telltale::timer::time_point::max());
    co_await never.async_wait(net::use_awaitable);
}

/// Job ids are the places in the plan: a worker that is started again gives its jobs the same ones.
void submit(telltale::job_manager& manager, workshop& shop, std::vector<planned_job> plan) {
    std::size_t id = 0;
    for (auto& job : plan) {
        telltale::job_spec spec{.id = std::to_string(++id), .name = std::move(job.name), .kind = "hash"};
        spec.time_limit = job.limit;
        if (job.files.paths.empty())
            manager.submit(std::move(spec), wait_to_be_cancelled);
        else
            manager.submit(std::move(spec), [&shop, files = std::move(job.files)](telltale::job_context context) {
                return hash_files(shop, files, std::move(context));
            });
    }
}

/// Until Ctrl-C or SIGTERM; then ends the jobs, and with them the program.
net::awaitable<void> serve(telltale::http_server& server, telltale::job_manager& manager) {
    net::signal_set signals(co_await net::this_coro::executor, SIGINT, SIGTERM);
    co_await signals.async_wait(net::use_awaitable);
    manager.stop();
    co_await manager.async_drain();
    server.stop();
}

int run(const worker_options& options) {
    net::io_context context(1);
    workshop shop(options);
    telltale::board board(context.get_executor());
    telltale::job_manager manager(context.get_executor(), board.sink(), {.max_running = options.max_jobs});
    telltale::http_server server(context.get_executor());

    server.route("GET", "/jobs/{id}/result",
                 [&](telltale::http_request r) { return serve_result(board, shop.results, r); });
    telltale::add_board_api(server, board);
    server.listen({net::ip::address_v4::loopback(), options.port});

    auto plan = with_trouble(plan_folders(options.roots, options.folders), std::chrono::seconds(options.time_limit));
    submit(manager, shop, std::move(plan));
    write_port_file(options.port_file, server.local_endpoint().port());
    std::cout << "the worker listens on http://127.0.0.1:" << server.local_endpoint().port() << " and has "
              << board.jobs().size() << " jobs" << std::endl;

    net::co_spawn(context, serve(server, manager), net::detached);
    context.run();
    return 0;
}

} // namespace
} // namespace control_room

int main(int argc, char** argv) {
    control_room::worker_options options;
    CLI::App app("Runs jobs that hash files, and serves their state on 127.0.0.1.", "control_room_worker");
    app.add_option("--port", options.port, "listen on this port; 0: a free one")->capture_default_str();
    app.add_option("--port-file", options.port_file, "write the port to this file");
    app.add_option("--root", options.roots, "a job for every folder in this one (may be repeated)")
        ->capture_default_str();
    app.add_option("--folders", options.folders, "only for so many folders, the largest; 0: all")
        ->capture_default_str();
    app.add_option("--max-jobs", options.max_jobs, "jobs that run at once")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
        ->capture_default_str();
    app.add_option("--threads", options.threads, "threads that hash")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
        ->capture_default_str();
    app.add_option("--rate", options.rate, "MB/s that all jobs together may read; 0: as fast as it goes")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--time-limit", options.time_limit, "seconds after which the job that would never end times out")
        ->check(CLI::Range(1U, 3600U))
        ->capture_default_str();
    return control_room::run_program(app, argc, argv, options, control_room::run);
}
