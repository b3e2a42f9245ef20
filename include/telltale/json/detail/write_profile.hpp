// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_WRITE_PROFILE_HPP
#define TELLTALE_JSON_DETAIL_WRITE_PROFILE_HPP

#include <telltale/core/json_writer.hpp>
#include <telltale/json/profile.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Writes a profile as docs/reference/profile.md describes it.
class profile_writer {
public:
    explicit profile_writer(std::string& out) : out_(out) {}

    void write(const profile& p) {
        out_.begin_object();
        text("name", p.name);
        request("job", p.job);
        headers(p.headers);
        if (p.many) {
            out_.key("many").begin_object();
            array_of_jobs(*p.many);
            out_.member("limit", p.many->limit).member("separator", p.many->separator).end_object();
        }
        if (p.list) {
            out_.key("list").begin_object();
            array_of_jobs(*p.list);
            out_.end_object();
        }
        if (p.cancel) request("cancel", *p.cancel);
        if (p.retry) request("retry", *p.retry);
        if (p.result) request("result", *p.result);
        fields(p.fields);
        words(p.words);
        if (!p.no_reason.empty()) texts(out_.key("no_reason"), p.no_reason);
        if (!p.never_runs.empty()) texts(out_.key("never_runs"), p.never_runs);
        out_.key("not_found").begin_array();
        for (const auto& rule : p.not_found) {
            out_.begin_object();
            if (rule.status != 0) out_.member("status", rule.status);
            conditions(rule.where);
            out_.end_object();
        }
        out_.end_array();
        if (!p.errors.code.empty() || !p.errors.message.empty()) {
            out_.key("errors").begin_object();
            places("code", p.errors.code);
            places("message", p.errors.message);
            out_.end_object();
        }
        out_.end_object();
    }

private:
    void text(std::string_view name, const std::string& value) {
        if (!value.empty()) out_.member(name, value);
    }

    static void texts(json_writer& out, const std::vector<std::string>& all) {
        out.begin_array();
        for (const auto& one : all) out.value(one);
        out.end_array();
    }

    // 1. Requests

    void headers(const profile_headers& all) {
        if (all.empty()) return;
        out_.key("headers").begin_object();
        for (const auto& [name, value] : all) out_.member(name, value);
        out_.end_object();
    }

    template <class Request>
    void request_members(const Request& r) {
        out_.member("url", r.url);
        text("method", r.method);
        if (!r.body.empty()) out_.key("body").raw(r.body);
        headers(r.headers);
    }

    void request(std::string_view name, const profile_request& r) {
        out_.key(name).begin_object();
        request_members(r);
        place("new_id", r.new_id);
        out_.end_object();
    }

    template <class Jobs>
    void array_of_jobs(const Jobs& r) {
        request_members(r);
        out_.member("jobs", r.jobs).key("id");
        place(r.id);
    }

    // 2. Places

    void conditions(const std::vector<json_condition>& all) {
        if (all.empty()) return;
        out_.key("where").begin_object();
        for (const auto& c : all) {
            out_.key(c.at);
            switch (c.test) {
            case json_test::is: texts(out_, c.is); break;
            case json_test::contains:
                texts(out_.begin_object().key("contains"), c.is);
                out_.end_object();
                break;
            case json_test::absent: out_.null(); break;
            case json_test::empty: out_.begin_array().end_array(); break;
            case json_test::above: out_.begin_object().member("above", c.limit).end_object(); break;
            }
        }
        out_.end_object();
    }

    void one_place(const json_place& p) {
        if (!p.take) {
            out_.value(p.pointer);
            return;
        }
        out_.begin_object().member("in", p.pointer);
        conditions(p.where);
        out_.member("take", *p.take).end_object();
    }

    void place(const json_place& p) {
        if (p.alternatives.empty()) {
            one_place(p);
            return;
        }
        out_.begin_object().key("any").begin_array();
        one_place(p);
        for (const auto& other : p.alternatives) one_place(other);
        out_.end_array().end_object();
    }

    void place(std::string_view name, const optional_place& p) {
        if (!p) return;
        out_.key(name);
        place(*p);
    }

    void places(std::string_view name, const std::vector<json_place>& all) {
        if (all.empty()) return;
        out_.key(name).begin_array();
        for (const auto& p : all) place(p);
        out_.end_array();
    }

    // 3. Fields

    void fields(const profile_fields& f) {
        out_.key("fields").begin_object();
        if (f.at != json_place()) place("at", f.at);
        place("state", f.state);
        place("second", f.second);
        place("flags", f.flags);
        place("reason", f.reason);
        progress(f.progress);
        place("queue_position", f.queue_position);
        place("message", f.message);
        place("name", f.name);
        place("kind", f.kind);
        if (f.labels) out_.member("labels", *f.labels);
        if (f.error_class || !f.error_code.empty() || !f.error_message.empty()) {
            out_.key("error").begin_object();
            place("class", f.error_class);
            places("code", f.error_code);
            places("message", f.error_message);
            out_.end_object();
        }
        place("attempt", f.attempt);
        place("retries", f.retries);
        times(f.times);
        if (f.hint.seconds || f.hint.time) {
            out_.key("hint").begin_object();
            place("seconds", f.hint.seconds);
            place("time", f.hint.time);
            out_.end_object();
        }
        out_.end_object();
    }

    void progress(const profile_progress& p) {
        out_.key("progress").begin_object();
        place("fraction", p.fraction);
        place("percent", p.percent);
        place("done", p.done);
        place("total", p.total);
        if (p.unit != profile_progress().unit) out_.member("unit", p.unit);
        place("rate", p.rate);
        place("remaining", p.remaining);
        if (!p.counts.done.empty() || !p.counts.left.empty()) {
            out_.key("counts").begin_object();
            places("done", p.counts.done);
            places("left", p.counts.left);
            out_.end_object();
        }
        out_.end_object();
    }

    void times(const profile_times& t) {
        constexpr std::string_view formats[] = {"rfc3339", "epoch_s", "epoch_ms", "iso8601"};
        out_.key("times").begin_object().member("format", formats[static_cast<std::size_t>(t.format)]);
        place("created", t.created);
        place("queued", t.queued);
        place("started", t.started);
        place("finished", t.finished);
        out_.end_object();
    }

    // 4. Words

    void word(std::string_view name, const profile_words& words, bool none) {
        if (none)
            out_.key(name).null();
        else if (!words.empty())
            texts(out_.key(name), words);
    }

    void words(const std::vector<profile_acceptor>& all) {
        out_.key("words").begin_array();
        for (const auto& a : all) {
            out_.begin_object();
            word("word", a.word, a.no_word);
            word("second", a.second, a.no_second);
            word("flag", a.flag, false);
            conditions(a.where);
            out_.member("state", to_string(a.state));
            if (a.error) out_.member("error", to_string(*a.error));
            out_.end_object();
        }
        out_.end_array();
    }

    json_writer out_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_WRITE_PROFILE_HPP
