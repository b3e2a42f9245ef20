// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// A reader of news who goes away and comes back with a bookmark. Nothing is missing without a word.

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/event/emitter.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace net = telltale::net;
using news = telltale::emitter<std::string>;

// Reads on from the bookmark, until there is nothing new. The bookmark is text: it may stand in a file, or come with the
// request of a client that has lost its connection.
net::awaitable<void> visit(std::string what, news& paper, std::string& bookmark) {
    std::cout << what << '\n';
    telltale::subscription_options<std::string> options;
    options.from = telltale::parse_cursor(bookmark); // no cursor: from now on
    auto reader = paper.subscribe(co_await net::this_coro::executor, options);
    while (reader.position() != paper.position()) {
        const auto told = co_await reader.receive();
        if (!told.is_gap())
            std::cout << "  " << *told << '\n';
        else if (told.lost)
            std::cout << "  (" << *told.lost << " are missing here)\n";
        else
            std::cout << "  (nobody knows how many are missing here)\n";
        bookmark = to_string(reader.position());
    }
}

void print(news& paper, int from, int to) {
    for (int i = from; i <= to; ++i) paper.emit("item " + std::to_string(i));
}

net::awaitable<void> days() {
    news paper({.history = 4}); // so many items can be had later
    std::string bookmark = to_string(paper.position());

    print(paper, 1, 2);
    co_await visit("Every item so far:", paper, bookmark);
    print(paper, 3, 5);
    co_await visit("Away for three items:", paper, bookmark);
    print(paper, 6, 15);
    co_await visit("Away for ten, and four are kept:", paper, bookmark);

    news restarted({.history = 4});
    print(restarted, 1, 3);
    co_await visit("The paper began anew, and says so:", restarted, bookmark);
    print(restarted, 4, 5);
    co_await visit("The new bookmark is good there:", restarted, bookmark);
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    net::co_spawn(context, days(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
