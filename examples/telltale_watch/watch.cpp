// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include "watch.hpp"

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_status_source.hpp>
#include <telltale/board/board.hpp>
#include <telltale/board/show_jobs.hpp>
#include <telltale/core/json.hpp>
#include <telltale/core/redaction.hpp>
#include <telltale/error.hpp>
#include <telltale/event/subscription.hpp>
#include <telltale/poll/explanation.hpp>
#include <telltale/poll/flight_recorder.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/progress/bar_writer.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watch {
namespace {

namespace net = telltale::net;
using telltale::errc;
using telltale::job_id;

/// How the watch of a job ended.
struct outcome {
    telltale::error_code error{};
    telltale::job last{};
    std::string given_up{}; ///< why
    std::string explanation{};
};

/// Since when polls of a job have failed.
struct trouble {
    bool answered = false;
    std::optional<telltale::timestamp> since{};
};

telltale::http_client_options client_options(const settings& s) {
    telltale::http_client_options o;
    o.user_agent = "telltale-watch/" TELLTALE_VERSION_STRING;
    o.tls.ca_file = s.ca_file;
    o.tls.dangerously_skip_verification = s.insecure;
    if (s.proxy.empty())
        o.proxy = telltale::proxy_from_environment();
    else if (s.proxy != "none")
        o.proxy.http = o.proxy.https = s.proxy;
    for (const auto& [name, value] : s.headers) o.secret_headers.push_back(name); // they stay with this host
    return o;
}

/// Asking again will not help: the user has to change something.
bool is_final(const telltale::flight_failure& f) {
    using telltale::error_class;
    if (f.kind == error_class::authentication || f.kind == error_class::permission || f.kind == error_class::query)
        return true;
    if (f.code == telltale::condition::untrusted) return true;
    for (const errc e : {errc::malformed_url, errc::malformed_json, errc::missing_field, errc::wrong_type,
                         errc::insecure_redirect, errc::redirect_loop, errc::invalid_argument})
        if (f.code == e) return true;
    return false;
}

class session {
public:
    session(net::io_context& context, const settings& s)
        : settings_(s),
          executor_(context.get_executor()),
          board_(executor_),
          client_(executor_, client_options(s)),
          api_(client_, s.url, s.api, s.headers, {.secrets = s.secrets}),
          bars_(stdout),
          poller_(executor_, api_, board_.sink(), options()),
          work_(executor_),
          helpers_(executor_) {
        if (s.json) events_.emplace(board_.subscribe_on(executor_));
    }

    /// Until all jobs are over, or somebody has had enough.
    net::awaitable<void> run() {
        helpers_.spawn(listen_to_signals());
        helpers_.spawn(settings_.json ? print_events() : telltale::show_jobs(board_, bars_));
        work_.spawn(watch_jobs());
        try {
            co_await work_.join();
        } catch (const std::exception& e) {
            failure_ = e.what();
        }
        for (auto& [id, o] : outcomes_)
            if (o.explanation.empty()) o.explanation = explain(id);
        poller_.stop();
        helpers_.cancel();
        co_await helpers_.join();
        while (events_) {
            const auto d = events_->try_receive();
            if (!d) break;
            print(*d);
        }
    }

    /// Says what is left to say; the exit status.
    int finish() {
        const int status = exit_status();
        if (!failure_.empty()) complain(failure_);
        for (const auto& [id, o] : outcomes_)
            if (!o.given_up.empty()) complain("job " + id + ": " + o.given_up);
        if (status == deadline_over) complain("the time is over");
        if (ids_.empty() && failure_.empty() && signal_ == 0) complain("there are no jobs to watch");
        if (settings_.explain)
            for (const auto& [id, o] : outcomes_)
                if (!good(o)) say_why(id, o.explanation);
        if (settings_.json) print_end(status);
        return status;
    }

private:
    static bool good(const outcome& o) {
        return !o.error &&
               (o.last.state == telltale::job_state::succeeded || o.last.state == telltale::job_state::skipped);
    }

    telltale::poller_options options() {
        telltale::poller_options o;
        o.max_concurrent = settings_.max_concurrent;
        o.interval = settings_.interval;
        o.backoff.max = std::max<std::chrono::nanoseconds>(o.backoff.min, settings_.interval);
        if (settings_.adaptive) o.pace = telltale::poll_pace::adaptive;
        o.min_interval = std::min(o.min_interval, settings_.interval);
        o.keep_finished = 1'000'000; // each is asked for once
        o.source_name = settings_.api.name.empty() ? telltale::redacted_url(settings_.url) : settings_.api.name;
        o.on_unknown_word = [this](const job_id& id, const std::string& word) { unknown_word(id, word); };
        o.on_unknown_word_alarm = [this](const job_id& id, const std::string& word, std::chrono::nanoseconds) {
            if (!settings_.from_flags) log("job " + id + " still says \"" + word + "\", which nobody knows");
        };
        if (!settings_.record.empty()) {
            record_file_.open(settings_.record, std::ios::binary | std::ios::trunc);
            if (!record_file_) throw usage_error("cannot write " + settings_.record);
            recorder_ = std::make_unique<telltale::flight_recorder>(
                record_file_, telltale::flight_recorder_options{.keep = 0, .secrets = settings_.secrets});
        }
        o.recorder = [this](const telltale::flight_entry& e) {
            if (recorder_) (*recorder_)(e);
            if (e.kind == telltale::flight_kind::poll_ended) judge(e);
        };
        return o;
    }

    // The jobs

    net::awaitable<void> watch_jobs() {
        ids_ = settings_.ids;
        if (settings_.all) {
            const std::vector<telltale::listed_job> listed = co_await api_.list();
            for (const auto& j : listed)
                if (!j.now.state || !telltale::is_terminal(*j.now.state)) ids_.push_back(j.id);
        }
        std::set<job_id> seen;
        std::erase_if(ids_, [&seen](const job_id& id) { return !seen.insert(id).second; });
        for (const auto& id : ids_) {
            telltale::watch_options how;
            how.deadline = settings_.timeout;
            poller_.watch(id, std::move(how));
        }
        for (const auto& id : ids_) {
            auto [ec, last] = co_await poller_.async_wait(id, telltale::as_result);
            if (ec == net::error::operation_aborted && !outcomes_.contains(id)) co_return; // Ctrl-C
            outcome& o = outcomes_[id];
            o.error = ec;
            if (!ec || ec == errc::deadline_exceeded) o.last = std::move(last);
        }
    }

    /// Whether a job that cannot be asked for is to be given up.
    void judge(const telltale::flight_entry& e) {
        trouble& t = troubles_[e.id];
        if (!e.failure) {
            t = {.answered = true};
            return;
        }
        if (!t.since) t.since = e.at;
        if (e.at - *t.since < settings_.give_up && (t.answered || !is_final(*e.failure))) return;
        // Not from within the poller.
        net::post(executor_, [this, id = e.id, why = e.failure->text] { give_up(id, why); });
    }

    void give_up(const job_id& id, const std::string& why) {
        if (outcomes_.contains(id)) return;
        const auto text = explain(id);
        outcomes_[id] = {.given_up = why, .explanation = text};
        poller_.unwatch(id);
    }

    net::awaitable<void> cancel(job_id id) {
        const auto [ec, last] = co_await poller_.async_cancel(id, telltale::as_result);
        if (ec && ec != errc::unknown_job && ec != net::error::operation_aborted)
            log("job " + id + " was not cancelled: " + ec.message());
    }

    // What the user does

    net::awaitable<void> listen_to_signals() {
        net::signal_set signals(executor_, SIGINT, SIGTERM);
#if defined(SIGUSR1)
        signals.add(SIGUSR1);
#endif
        for (;;) {
            const int signal = co_await signals.async_wait(net::use_awaitable);
#if defined(SIGUSR1)
            if (signal == SIGUSR1) {
                explain_all();
                continue;
            }
#endif
            const bool again = std::exchange(signal_, signal) != 0;
            if (again || !settings_.cancel || ids_.empty()) {
                work_.cancel();
                continue;
            }
            log("cancelling; once more Ctrl-C to leave at once");
            for (const auto& id : ids_)
                if (!outcomes_.contains(id)) work_.spawn(cancel(id));
        }
    }

    std::string explain(const job_id& id) {
        const auto e = poller_.explain(id);
        return e ? to_sentence(*e, telltale::system_now(executor_)) : "job " + id + ": nothing is known";
    }

    void explain_all() {
        for (const auto& id : ids_)
            if (!outcomes_.contains(id)) say_why(id, explain(id));
    }

    void unknown_word(const job_id& id, const std::string& word) {
        if (!known_unknowns_.insert(word).second) return;
        log("job " + id + " says \"" + word + "\", which " +
            (settings_.from_flags ? "is neither in --done nor in --word" : "the profile does not know") +
            ": it counts as not over");
    }

    // Output

    /// A line among the bars, or beside the events.
    void log(const std::string& text) {
        if (!settings_.json && bars_.is_terminal())
            bars_.log(text);
        else
            complain(text);
    }

    static void complain(const std::string& text) { std::fprintf(stderr, "telltale-watch: %s\n", text.c_str()); }

    static void print_line(std::string line) {
        line += '\n';
        std::fwrite(line.data(), 1, line.size(), stdout);
        std::fflush(stdout);
    }

    void say_why(const job_id& id, const std::string& text) {
        if (settings_.json) {
            std::string line;
            telltale::json_writer json(line);
            json.begin_object().member("type", "explanation").member("job", id).member("text", text).end_object();
            print_line(std::move(line));
        } else if (bars_.is_terminal() && poller_.watching() != 0) {
            bars_.log(text);
        } else {
            print_line(text);
        }
    }

    void print(const telltale::delivery<telltale::event>& d) {
        std::string line;
        telltale::json_writer json(line);
        if (d.is_gap())
            json.begin_object().member("type", "gap").member("cursor", to_string(d.at)).end_object();
        else
            telltale::write_json(json, d.at, *d);
        print_line(std::move(line));
    }

    net::awaitable<void> print_events() {
        for (;;) {
            const auto d = co_await events_->receive();
            print(d);
        }
    }

    void print_end(int status) {
        std::map<std::string, unsigned> counts;
        for (const auto& id : ids_) {
            const auto o = outcomes_.find(id);
            const bool over = o != outcomes_.end() && !o->second.error && o->second.given_up.empty();
            ++counts[over ? std::string(to_string(o->second.last.state)) : "not_over"];
        }
        std::string line;
        telltale::json_writer json(line);
        json.begin_object().member("type", "end").member("exit_status", status);
        json.key("jobs").begin_object();
        for (const auto& [state, n] : counts) json.member(state, n);
        json.end_object().end_object();
        print_line(std::move(line));
    }

    int exit_status() const {
        if (signal_ != 0) return 128 + signal_;
        if (!failure_.empty()) return unreachable_or_lost;
        int status = all_succeeded;
        for (const auto& [id, o] : outcomes_) {
            int one = some_failed;
            if (!o.given_up.empty() || (!o.error && o.last.state == telltale::job_state::lost))
                one = unreachable_or_lost;
            else if (o.error)
                one = o.error == errc::deadline_exceeded ? deadline_over : unreachable_or_lost;
            else if (good(o))
                one = all_succeeded;
            // What nobody knows goes before what is known.
            constexpr int order[] = {all_succeeded, some_failed, deadline_over, unreachable_or_lost};
            status = std::max(status, one, [&](int a, int b) {
                return std::find(order, order + 4, a) < std::find(order, order + 4, b);
            });
        }
        return status;
    }

    const settings& settings_;
    net::any_io_executor executor_;
    telltale::board board_;
    telltale::http_client client_;
    telltale::http_status_source api_;
    telltale::bar_writer bars_;
    std::ofstream record_file_{};
    std::unique_ptr<telltale::flight_recorder> recorder_{};
    std::map<job_id, trouble> troubles_{};
    std::set<std::string> known_unknowns_{};
    telltale::status_poller poller_;
    std::optional<telltale::subscription<telltale::event>> events_{}; ///< with --json
    std::vector<job_id> ids_{};
    std::map<job_id, outcome> outcomes_{};
    std::string failure_{};
    int signal_ = 0;
    telltale::task_group work_;
    telltale::task_group helpers_;
};

} // namespace

int run(const settings& s) {
    net::io_context context(1);
    session jobs(context, s);
    std::exception_ptr failure;
    net::co_spawn(context, jobs.run(), [&](std::exception_ptr e) {
        failure = e;
        context.stop();
    });
    context.run();
    if (failure) std::rethrow_exception(failure);
    return jobs.finish();
}

} // namespace watch
