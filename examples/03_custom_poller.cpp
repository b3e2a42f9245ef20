// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Watches jobs that no profile describes: a source of your own is one function. This one watches files grow.

#include <telltale/asio.hpp>
#include <telltale/poll/status_poller.hpp>

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

namespace net = telltale::net;
using namespace std::chrono_literals;

// A job is a file, its id the path; it is done when it has 30 bytes.
struct growing_files {
    net::awaitable<telltale::status> poll(telltale::job_id path) {
        std::error_code error; // "cannot say" is an exception; "there is no such job" is an answer
        const auto size = static_cast<double>(std::filesystem::file_size(path, error));
        if (error) co_return telltale::not_found();
        telltale::status status;
        status.state = size < 30 ? telltale::job_state::running : telltale::job_state::succeeded;
        status.progress = telltale::progress{.done = size, .total = 30, .unit = telltale::progress_unit::bytes};
        co_return status;
    }
};

// The sink: any function that takes reports. Three answers "not found" in a row have made the job lost.
void print(telltale::job_report report) {
    if (report.progress) std::cout << report.progress->done << " of " << *report.progress->total << " bytes\n";
    if (report.state) std::cout << to_string(*report.state) << '\n';
}

net::awaitable<void> watch_file(std::string path) {
    const auto executor = co_await net::this_coro::executor;
    telltale::status_poller poller(executor, growing_files(), print, {.interval = 10ms, .jitter = 0});
    for (int i = 0; i < 3; ++i) std::ofstream(path, std::ios::app) << "ten bytes\n";
    poller.watch(path);
    const telltale::job last = co_await poller.async_wait(path);
    std::cout << "waited until it had " << to_string(last.state) << '\n';

    std::filesystem::remove(path);
    poller.watch(path);
    co_await poller.async_wait(path);
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    const auto file = std::filesystem::temp_directory_path() / "telltale_example_03";
    std::filesystem::remove(file);
    net::co_spawn(context, watch_file(file.string()), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
