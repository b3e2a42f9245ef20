// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_ANSWER_PLAN_HPP
#define TELLTALE_JSON_DETAIL_ANSWER_PLAN_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/progress.hpp>
#include <telltale/json/detail/pointer_tree.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What a value in an answer says.
enum class field : std::uint8_t {
    fraction,
    percent,
    done,
    total,
    count_done,
    count_left,
    unit,
    rate,
    remaining,
    queue_position,
    message,
    name,
    kind,
    error_class,
    error_code,
    error_message,
    attempt,
    retries,
    created,
    queued,
    started,
    finished,
    hint_seconds,
    hint_time,
    id
};

/// An acceptor; which words it takes is the plan's to know.
struct compiled_acceptor {
    std::vector<std::string> second{};
    std::vector<std::string> flag{};
    std::vector<slot_condition> where{};
    bool no_second = false;
    job_state state = job_state::pending;
    std::optional<telltale::error_class> error{};
};

/// Conditions under which an answer says that there is no such job.
struct compiled_absence {
    unsigned status = 0;
    std::vector<slot_condition> where{};
};

inline std::string element_place(std::string_view place, std::size_t i) {
    return std::string(place) + '/' + std::to_string(i);
}

/// How a profile's answer about one job is read: what to look at, and how to understand it. Making one checks the places
/// and the words of the profile.
struct answer_plan {
    enum class kind : std::uint8_t { alone, element };

    /// `id`: place of the id in an element.
    answer_plan(const profile& p, kind k, const json_place& id = {}, std::string_view id_place = {}) {
        const auto& f = p.fields;
        if (f.at.take || !f.at.alternatives.empty())
            throw_malformed_profile("/fields/at", "is not just a JSON Pointer");
        check_pointer(f.at.pointer, "/fields/at");
        if (k == kind::alone) {
            add_absences(p);
            places.set_base(f.at.pointer);
        }
        add_state(f);
        add_progress(f.progress);
        add(field::queue_position, f.queue_position, "/fields/queue_position");
        add(field::message, f.message, "/fields/message");
        add(field::name, f.name, "/fields/name");
        add(field::kind, f.kind, "/fields/kind");
        if (f.labels) places.set_role(*f.labels, pointer_node::role::labels, "/fields/labels");
        add(field::error_class, f.error_class, "/fields/error/class");
        add(field::error_code, f.error_code, "/fields/error/code");
        add(field::error_message, f.error_message, "/fields/error/message");
        add(field::attempt, f.attempt, "/fields/attempt");
        add(field::retries, f.retries, "/fields/retries");
        if (f.attempt && f.retries) throw_malformed_profile("/fields", "has both of attempt and retries");
        times = f.times.format;
        add(field::created, f.times.created, "/fields/times/created");
        add(field::queued, f.times.queued, "/fields/times/queued");
        add(field::started, f.times.started, "/fields/times/started");
        add(field::finished, f.times.finished, "/fields/times/finished");
        add(field::hint_seconds, f.hint.seconds, "/fields/hint/seconds");
        add(field::hint_time, f.hint.time, "/fields/hint/time");
        if (f.hint.seconds && f.hint.time) throw_malformed_profile("/fields/hint", "has both of seconds and time");
        if (k == kind::element) add(field::id, id, id_place);
        add_acceptors(p.words);
        no_reason = p.no_reason;
        never_runs = p.never_runs;
        places.check(k == kind::element ? id_place : "/fields");
    }

    struct entry {
        field what;
        slot_choice from;
    };

    place_table places{};
    slot_choice state{};
    slot_choice second{};
    slot_choice flags{};
    slot_choice reason{};
    std::vector<entry> entries{}; ///< in the order in which they count
    progress_unit unit = progress_unit::items;
    profile_time_format times = profile_time_format::rfc3339;
    std::vector<compiled_acceptor> acceptors{};
    std::map<std::string, std::vector<std::size_t>, std::less<>> by_word{}; ///< acceptors of a word, in order
    std::vector<std::size_t> of_other_words{};                              ///< acceptors of a word that is not there
    std::vector<std::size_t> of_no_word{};
    std::vector<std::string> no_reason{};
    std::vector<std::string> never_runs{};
    std::vector<compiled_absence> absences{};
    bool counts = false;
    bool left = false; ///< the total of counts is what is done and what is left

private:
    void add(field what, const json_place& p, std::string_view place) {
        entries.push_back({what, places.add(p, place)});
    }

    void add(field what, const optional_place& p, std::string_view place) {
        if (p) add(what, *p, place);
    }

    void add(field what, const std::vector<json_place>& all, std::string_view place) {
        for (std::size_t i = 0; i < all.size(); ++i)
            add(what, all[i], all.size() == 1 ? place : element_place(place, i));
    }

    void add_state(const profile_fields& f) {
        state = places.add(f.state, "/fields/state", true);
        if (f.second) second = places.add(*f.second, "/fields/second", true);
        if (f.flags) flags = places.add(*f.flags, "/fields/flags", true);
        if (f.reason) reason = places.add(*f.reason, "/fields/reason", true);
    }

    void add_progress(const profile_progress& p) {
        add(field::fraction, p.fraction, "/fields/progress/fraction");
        add(field::percent, p.percent, "/fields/progress/percent");
        add(field::done, p.done, "/fields/progress/done");
        add(field::total, p.total, "/fields/progress/total");
        add(field::rate, p.rate, "/fields/progress/rate");
        add(field::remaining, p.remaining, "/fields/progress/remaining");
        if (p.unit.starts_with('/')) {
            add(field::unit, json_place(p.unit), "/fields/progress/unit");
        } else if (const auto known = parse_progress_unit(p.unit)) {
            unit = *known;
        } else {
            throw_malformed_profile("/fields/progress/unit", "\"" + p.unit + "\" is neither a unit nor a JSON Pointer");
        }
        add(field::count_done, p.counts.done, "/fields/progress/counts/done");
        add(field::count_left, p.counts.left, "/fields/progress/counts/left");
        counts = !p.counts.done.empty();
        left = !p.counts.left.empty();
        if (left && !counts) throw_malformed_profile("/fields/progress/counts/done", "is missing");
        if (left && p.total) throw_malformed_profile("/fields/progress", "has both of total and counts/left");
        const int kinds =
            int{p.fraction.has_value()} + int{p.percent.has_value()} + int{p.done.has_value()} + int{counts};
        if (kinds > 1)
            throw_malformed_profile("/fields/progress", "has more than one of fraction, percent, done and counts");
    }

    void add_absences(const profile& p) {
        for (std::size_t i = 0; i < p.not_found.size(); ++i) {
            const auto& rule = p.not_found[i];
            const auto place = element_place("/not_found", i);
            if (rule.status != 0 && (rule.status < 100 || rule.status > 599))
                throw_malformed_profile(place, "is not an HTTP status");
            if (rule.status == 0 && rule.where.empty()) throw_malformed_profile(place, "has neither status nor where");
            const bool good = rule.status == 0 || (rule.status >= 200 && rule.status < 300);
            if (good && rule.where.empty())
                throw_malformed_profile(place,
                                        "every answer with this status would be \"not found\": it needs a where");
            if (good) absences.push_back({rule.status, places.add(rule.where, place + "/where")});
        }
    }

    void add_acceptors(const std::vector<profile_acceptor>& all) {
        if (all.empty()) throw_malformed_profile("/words", "is missing or empty");
        std::map<std::string, std::size_t, std::less<>> taken; // words that an acceptor takes whatever else there is
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto& a = all[i];
            const auto place = element_place("/words", i);
            check_acceptor(a, place);
            compiled_acceptor c;
            c.second = a.second;
            c.flag = a.flag;
            c.where = places.add(a.where, place + "/where");
            c.no_second = a.no_second;
            c.state = a.state;
            c.error = a.error;
            acceptors.push_back(std::move(c));
            const bool always = a.second.empty() && a.flag.empty() && a.where.empty() && !a.no_second;
            bool news = a.word.empty();
            for (const auto& w : a.word) {
                by_word.try_emplace(w);
                const auto before = taken.find(w);
                news = news || before == taken.end();
                if (always) taken.try_emplace(w, i);
            }
            if (!news)
                throw_malformed_profile(place, "never matches: /words/" +
                                                   std::to_string(taken.find(a.word.front())->second) + " takes \"" +
                                                   a.word.front() + "\" before");
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto& a = all[i];
            if (a.no_word || a.word.empty()) of_no_word.push_back(i);
            if (a.no_word) continue;
            if (a.word.empty()) of_other_words.push_back(i);
            for (auto& [word, of_word] : by_word) {
                bool takes = a.word.empty();
                for (const auto& w : a.word) takes = takes || w == word;
                if (takes) of_word.push_back(i);
            }
        }
    }

    void check_acceptor(const profile_acceptor& a, const std::string& place) const {
        if (a.word.empty() && !a.no_word && a.second.empty() && !a.no_second && a.flag.empty() && a.where.empty())
            throw_malformed_profile(place, "matches everything: it has none of word, second, flag and where");
        if (a.no_word && !a.word.empty()) throw_malformed_profile(place + "/word", "is both a word and none");
        if (a.no_second && !a.second.empty()) throw_malformed_profile(place + "/second", "is both a word and none");
        if (second.empty() && (a.no_second || !a.second.empty()))
            throw_malformed_profile(place + "/second", "there is no /fields/second");
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_ANSWER_PLAN_HPP
