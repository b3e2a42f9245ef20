// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/stage_tree.hpp>

#include "operation.hpp"

#include <chrono>
#include <string>
#include <utility>

// No rows: async_read_some and async_write_some of counted_stream. They are the operations of the stream that it is made of. See
// tests/unit/progress/counted_stream.cpp.

namespace telltale_test::contract::stage_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct stage_tree_wait_change {
    static about row() {
        return {.name = "stage_tree::async_wait_change",
                .value = "changed",
                .uncounted = "a change makes all ready who wait"};
    }
    using signature = void(error_code, stage_tree_snapshot);

    explicit stage_tree_wait_change(const Executor& e)
        : object(e), part(object.root().add("part")), since(object.snapshot()) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait_change(since, 100ms, std::forward<Token>(token)...);
    }
    void ready() { part.advance(); }
    static std::string show(const stage_tree_snapshot& s) {
        return !s.root.children.empty() && s.root.children[0].count > 0 ? "changed" : "";
    }

    basic_stage_tree<Executor> object;
    stage part;
    stage_tree_snapshot since;
};
TELLTALE_CONTRACT_BASIC(stage_tree_wait_change);

} // namespace telltale_test::contract::stage_rows
