// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/explanation.hpp>

#include <telltale/error.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

const timestamp now = std::chrono::sys_days{std::chrono::January / 2 / 2026} + 14h + 5min + 30s;

explanation a_job(job_state state, std::string word = {}) {
    explanation e;
    e.id = "42";
    e.state = state;
    e.word = std::move(word);
    e.since = now - 3min - 15s;
    e.last_answer = now - 12s;
    e.next_poll = now + 2500ms;
    e.why_then = poll_reason::interval;
    e.interval = 15s;
    return e;
}

template <class Change>
explanation with(explanation e, Change change) {
    change(e);
    return e;
}

} // namespace

TEST_CASE("explanation: what it says of a job and of its watch") {
    const auto queued = a_job(job_state::queued, "PENDING");
    const auto running = a_job(job_state::running);
    explanation unseen;
    unseen.id = "42";
    const std::vector<std::pair<explanation, std::string>> cases{
        {with(queued,
              [](explanation& e) {
                  e.source = "Slurm";
                  e.reason = "DependencyNeverSatisfied";
                  e.never_runs = true;
                  e.stuck = {stuck_reason::never_runs, {}};
              }),
         "job 42 is queued (PENDING) since 14:02 UTC (3 min); Slurm says DependencyNeverSatisfied: it will never run. "
         "Last "
         "answer 12 s ago; next poll in 3 s (interval 15 s)."},
        {with(queued,
              [](explanation& e) {
                  e.name = "nightly";
                  e.word = "Queued"; // says nothing new
                  e.queue_position = 7;
                  e.attempt = 2;
                  e.since = now - 26h;
                  e.why_then = poll_reason::hint;
                  e.stuck = {stuck_reason::pending_too_long, 1h};
              }),
         "job 42 (nightly) is queued in attempt 2 since 2026-01-01 12:05 UTC (26 h), at position 7 of its queue; it is "
         "stuck: the limit is 1 h. Last answer 12 s ago; next poll in 3 s (as its API has asked for)."},
        {with(running,
              [](explanation& e) {
                  e.progress = progress{.done = 379, .total = 1000};
                  e.why_then = poll_reason::predicted_end;
                  e.next_poll = now - 1s;
                  e.stuck = {stuck_reason::longer_than_expected, 40min};
                  e.cancel_requested = now - 61s;
              }),
         "job 42 is running since 14:02 UTC (3 min), 37 % done; it is stuck: jobs of its kind do not take longer than "
         "40 "
         "min; asked to cancel 61 s ago. Last answer 12 s ago; next poll now (by its progress it ends about then)."},
        {with(running,
              [](explanation& e) {
                  e.word = "RUNNING";
                  e.unknown_word = "COOKING";
                  e.unknown_since = now - 700ms;
                  e.polling = true;
                  e.next_poll.reset();
              }),
         "job 42 is running since 14:02 UTC (3 min); its API says COOKING, a word that is not known, for 700 ms. Last "
         "answer "
         "12 s ago; a poll is under way."},
        {with(running,
              [](explanation& e) {
                  e.health = {watch_state::unreachable, now - 1min, "connection refused"};
                  e.failures = 3;
                  e.why_then = poll_reason::backoff;
                  e.interval = 1500ms;
              }),
         "job 42 is running since 14:02 UTC (3 min). The last 3 polls failed (connection refused), the last answer is "
         "12 s "
         "old; next poll in 3 s (backoff 1.5 s)."},
        {with(unseen,
              [](explanation& e) {
                  e.watched_since = now - 2min;
                  e.health = {watch_state::degraded, now, "no route"};
                  e.failures = 1;
                  e.waits = poll_wait::breaker;
                  e.waits_until = now + 29001ms;
              }),
         "job 42 has not been seen yet, watched since 14:03 UTC (2 min). The last poll failed (no route), there was no "
         "answer yet; the next poll is due and waits as its API has failed too often, for 30 s more."},
        {with(unseen,
              [](explanation& e) {
                  e.next_poll = now;
                  e.why_then = poll_reason::first;
              }),
         "job 42 has not been seen yet. Next poll now (the first)."},
        {with(running, [](explanation& e) { e.waits = poll_wait::permit; }),
         "job 42 is running since 14:02 UTC (3 min). Last answer 12 s ago; the next poll is due and waits for others "
         "to end, "
         "as many as may be are under way."},
        {with(running,
              [](explanation& e) {
                  e.waits = poll_wait::budget;
                  e.waits_until = now + 10min;
              }),
         "job 42 is running since 14:02 UTC (3 min). Last answer 12 s ago; the next poll is due and waits for the "
         "request "
         "budget of its credential, for 10 min more."},
        {with(running,
              [](explanation& e) {
                  e.source = "GitHub";
                  e.waits = poll_wait::retry_after;
              }),
         "job 42 is running since 14:02 UTC (3 min). Last answer 12 s ago; the next poll is due and waits as GitHub "
         "has "
         "asked for it."},
        {with(running,
              [](explanation& e) {
                  e.over = true;
                  e.end = errc::deadline_exceeded;
                  e.health = {watch_state::stale, now, "the deadline of the watch is over"};
              }),
         "job 42 is running since 14:02 UTC (3 min). The watch is stale (the deadline of the watch is over), the last "
         "answer "
         "is 12 s old; the time of its watch is over."},
        {with(a_job(job_state::failed, "OUT_OF_MEMORY"),
              [](explanation& e) {
                  e.error = job_error{error_class::resource, "oom-kill\nin step 3"};
                  e.over = true;
              }),
         "job 42 has failed (OUT_OF_MEMORY) at 14:02 UTC (3 min ago), class resource: oom-kill in step 3."},
        {with(a_job(job_state::failed),
              [](explanation& e) {
                  e.retry_at = now + 60s;
                  e.next_poll.reset();
              }),
         "job 42 has failed at 14:02 UTC (3 min ago); it is started again in 60 s. Last answer 12 s ago; there is no "
         "poll until then."},
        {with(a_job(job_state::lost), [](explanation& e) { e.over = true; }),
         "job 42 was lost at 14:02 UTC (3 min ago)."},
        {with(a_job(job_state::timed_out), [](explanation& e) { e.over = true; }),
         "job 42 has timed out at 14:02 UTC (3 min ago)."},
        {with(running,
              [](explanation& e) {
                  e.why_then = poll_reason::last_poll;
                  e.next_poll = now + 400ms;
              }),
         "job 42 is running since 14:02 UTC (3 min). Last answer 12 s ago; next poll in 400 ms (the last, at the "
         "deadline of "
         "the watch)."},
    };
    for (const auto& [e, expected] : cases) CHECK(to_sentence(e, now) == expected);
}

TEST_CASE("explanation: what an API says can neither break the line nor fill it") {
    auto e = a_job(job_state::queued, "A\x1b[2J\r\nB\xC2\x9B"
                                      "C\x7F");
    e.reason = std::string(1000, 'x');
    e.name = std::string(199, 'n') + "\xC3\xA4\xC3\xA4"; // cut between two characters
    const std::string said = to_sentence(e, now);
    CHECK(said.find("(A [2J  B C )") != std::string::npos);
    CHECK(said.find("says " + std::string(200, 'x') + "...") != std::string::npos);
    CHECK(said.find("nn\xC3\xA4...)") != std::string::npos);
    for (const char c : said) CHECK(static_cast<unsigned char>(c) >= 0x20);
}

TEST_CASE("explanation: durations") {
    const std::vector<std::pair<std::chrono::nanoseconds, std::string>> cases{
        {-5s, "0 s"},      {0s, "0 s"},       {999us, "0 s"},        {1ms, "1 ms"},
        {999ms, "999 ms"}, {1s, "1 s"},       {1099ms, "1 s"},       {1100ms, "1.1 s"},
        {9999ms, "9.9 s"}, {10500ms, "10 s"}, {119s, "119 s"},       {120s, "2 min"},
        {3599s, "59 min"}, {3600s, "1 h"},    {3661s, "1 h 01 min"}, {47h + 59min, "47 h 59 min"},
        {48h, "2 d"},      {51h, "2 d 3 h"},
    };
    for (const auto& [d, expected] : cases) CHECK(detail::plain_duration(d) == expected);
}
