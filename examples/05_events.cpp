// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Every event in order, each once; and what happens when a reader goes away, comes back, or is too slow.

#include <telltale/board/board.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace net = telltale::net;

telltale::job_report about(std::string id, telltale::job_state state) { return {.id = std::move(id), .state = state}; }

void print(const telltale::delivery<telltale::event>& d) {
    if (d.is_gap())
        std::cout << "  gap: " << (d.lost ? std::to_string(*d.lost) : "unknown many") << " events are missing here\n";
    else
        std::cout << "  " << d.at.offset << ' ' << to_string(d->kind) << " of " << d->job->id << '\n';
}

net::awaitable<void> listen(telltale::board& board) {
    board.report(about("a", telltale::job_state::queued));

    std::cout << "A snapshot, and all that comes after it:\n";
    telltale::cursor seen;
    {
        auto [jobs, at, events] = board.watch();
        std::cout << "  " << jobs.size() << " job, as of event " << at.offset << '\n';
        board.report(about("a", telltale::job_state::running));
        print(co_await events.receive());
        seen = events.position(); // may be stored, or sent to a client: to_string, parse_cursor
    }

    std::cout << "Away for two events, then resumed:\n";
    board.report(about("a", telltale::job_state::succeeded));
    board.report(about("b", telltale::job_state::queued)); // created, and queued
    auto resumed = board.subscribe({}, {.from = seen});
    while (const auto d = resumed.try_receive()) print(*d);

    std::cout << "Too slow, with room for two:\n";
    auto slow = board.subscribe({}, {.capacity = 2});
    for (const auto state : {telltale::job_state::running, telltale::job_state::paused, telltale::job_state::running,
                             telltale::job_state::failed})
        board.report(about("b", state));
    while (const auto d = slow.try_receive()) print(*d);
}

int main() {
    net::io_context context;
    telltale::board board(context.get_executor());
    net::co_spawn(context, listen(board), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
}
