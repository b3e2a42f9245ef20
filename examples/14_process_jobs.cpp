// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Programs as jobs, one at a time: one succeeds, one fails, one takes too long, and one says how far it is.

#include <telltale/run/job_manager.hpp>
#include <telltale/run/process.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

namespace net = telltale::net;
using namespace std::chrono_literals;

// A job's function may do more than run its program: this one reads what the program says.
net::awaitable<void> count(telltale::job_context job) {
    telltale::process_options options{.argv = {"sh", "-c", "for i in 1 2 3; do echo $i; done"}};
    options.on_output = [&job](telltale::process_stream, std::string_view line) {
        job.report_progress({.done = std::stod(std::string(line)), .total = 3});
    };
    const auto result = co_await telltale::run_process(std::move(options));
    telltale::check_exit(result);
}

net::awaitable<void> run_all(telltale::job_manager& manager) {
    telltale::process_options sort{.argv = {"sort"}, .input = "pear\napple\nfig\n"};
    telltale::process_options list{.argv = {"ls", "/no/such/folder"}, .environment = {{"LC_ALL", "C"}}};
    telltale::process_options sleep{.argv = {"sleep", "1000"}, .grace = 1s};
    auto sorted = manager.submit({.name = "sort"}, telltale::process_job(sort));
    manager.submit({.name = "list"}, telltale::process_job(list));
    manager.submit({.name = "sleep", .time_limit = 100ms}, telltale::process_job(sleep));
    manager.submit({.name = "count"}, count);

    co_await manager.async_drain();
    const telltale::process_result fruit = co_await sorted.result();
    std::cout << fruit.output.text;
}

int main() {
    net::io_context context;
    const auto tell = [](const telltale::job_report& r) {
        if (r.state && *r.state != telltale::job_state::queued) std::cout << r.id << ' ' << to_string(*r.state) << '\n';
        if (r.progress) std::cout << r.id << " has done " << r.progress->done << " of " << *r.progress->total << '\n';
        if (r.error) std::cout << "  " << r.error->message << '\n';
    };
    telltale::job_manager manager(context.get_executor(), tell, {.max_running = 1});
    net::co_spawn(context, run_all(manager), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
}
