// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include "contract/contract.hpp"

#include "catch.hpp"
#include "stage.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace telltale_test::contract {

namespace {

constexpr std::size_t operations = 8;
constexpr std::size_t readies = 4;

void post_cancel(const record_ptr& r) {
    net::post(r->home, [r] { r->signal.emit(net::cancellation_type::terminal); });
}

/// Eight operations on one object, each on a strand of its own; one thread starts them, one cancels every other one, and one
/// makes four of them ready; in the end the object is destroyed.
void one_round(const about& row, const make_subject& make) {
    net::thread_pool pool(3);
    const executor_type executor = pool.get_executor();
    telltale::detail::time_source_of(executor).make_virtual({}, {});
    auto object = make(executor);
    const auto common = net::make_strand(executor);
    std::vector<record_ptr> all;
    for (std::size_t i = 0; i < operations; ++i)
        all.push_back(std::make_shared<record>(row.one_strand.empty() ? net::make_strand(executor) : common));

    std::atomic<std::size_t> started{0};
    std::thread starter([&] {
        for (const auto& r : all)
            net::post(r->home, [&, r] {
                const calling now;
                object->start(r);
                ++started;
            });
    });
    std::thread canceller([&] {
        for (std::size_t i = 0; i < all.size(); i += 2) post_cancel(all[i]);
    });
    std::thread finisher([&] {
        for (std::size_t i = 0; i < readies; ++i) object->ready();
    });
    starter.join();
    canceller.join();
    finisher.join();
    while (started != all.size()) std::this_thread::yield();
    if (row.one_strand.empty()) {
        object.reset();
    } else {
        std::atomic<bool> ended{false};
        net::post(common, [&] {
            object.reset();
            ended = true;
        });
        while (!ended) std::this_thread::yield();
    }
    // Where nothing can be destroyed under it, what waits is cancelled.
    if (!row.no_object.empty())
        for (const auto& r : all) post_cancel(r);
    pool.join();
    std::size_t successes = 0;
    for (const auto& r : all) {
        REQUIRE(r->called == 1);
        REQUIRE_FALSE(r->inside);
        REQUIRE(r->at_home);
        REQUIRE(r->counts->live == 0);
        if (!r->result.error) {
            ++successes;
            REQUIRE(r->result.value == row.value);
        } else if (r->result.error != net::error::operation_aborted) {
            REQUIRE(r->result.error == row.destroyed);
        }
    }
    if (row.uncounted.empty()) REQUIRE(successes <= readies);
}

} // namespace

void stands_stress(const about& row, const make_subject& make) {
    for (const auto* reason : {&row.one_thread, &row.one_strand, &row.uncounted})
        if (!reason->empty()) WARN(row.name << ": " << *reason);
    SUCCEED();
    if (!row.one_thread.empty()) return;
    for (int round = 0; round < 50; ++round) one_round(row, make);
}

} // namespace telltale_test::contract
