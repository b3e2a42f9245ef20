// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_PROFILE_ANSWERS_HPP
#define TELLTALE_JSON_DETAIL_PROFILE_ANSWERS_HPP

// Included by status_parser.hpp, after listed_job and api_refusal.

#include <telltale/error.hpp>
#include <telltale/json/detail/answer_reader.hpp>
#include <telltale/json/detail/interpret_answer.hpp>
#include <telltale/json/detail/profile_plans.hpp>
#include <telltale/json/profile.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Reads the answers to all requests of a profile.
class profile_answers {
public:
    explicit profile_answers(const profile& p) : plans_(p) {}

    status job(std::string& body, std::optional<timestamp> now) {
        values_.reset(plans_.job.places.slots());
        reader_.read(body, plans_.job.places.root(), values_);
        status s;
        interpret(plans_.job, values_, now, s);
        return s;
    }

    std::vector<listed_job> list(std::string& body, std::optional<timestamp> now) {
        if (!plans_.list) throw system_error(make_error_code(errc::invalid_argument), "the profile has no list");
        std::vector<listed_job> jobs;
        elements all(*this, *plans_.list, now, [&jobs](job_id id, status s) {
            jobs.push_back({std::move(id), std::move(s)});
        });
        read_jobs(body, *plans_.list, all);
        return jobs;
    }

    std::vector<status> many(std::string& body, std::span<const job_id> ids, std::optional<timestamp> now) {
        if (!plans_.many)
            throw system_error(make_error_code(errc::invalid_argument), "the profile has no request for many jobs");
        std::unordered_map<std::string_view, std::optional<status>> wanted;
        wanted.reserve(ids.size());
        for (const auto& id : ids) wanted.try_emplace(id);
        elements all(*this, *plans_.many, now, [&wanted](const job_id& id, status s) {
            if (auto& place = wanted.find(id)->second; !place) place = std::move(s);
        });
        all.wanted = [&wanted](std::string_view id) {
            const auto found = wanted.find(id);
            return found != wanted.end() && !found->second;
        };
        read_jobs(body, *plans_.many, all);
        std::vector<status> result;
        result.reserve(ids.size());
        for (const auto& id : ids) result.push_back(wanted.find(id)->second.value_or(not_found()));
        return result;
    }

    bool is_not_found(unsigned code, std::string& body) {
        const bool good = code >= 200 && code < 300;
        bool known = false;
        for (const auto& rule : plans_.refusal.absences) {
            if (rule.status == 0 ? !good : rule.status != code) continue;
            if (rule.where.empty()) return true;
            if (!std::exchange(known, true) && !read_refusal(body)) return false;
            if (values_.hold(rule.where)) return true;
        }
        return false;
    }

    api_refusal error_of(std::string& body) {
        if (!read_refusal(body)) return {};
        return {join(plans_.refusal.codes), join(plans_.refusal.messages)};
    }

    job_id retried(std::string& body, job_id id) {
        if (plans_.new_id.empty()) return id;
        values_.reset(plans_.retried.slots());
        reader_.read(body, plans_.retried.root(), values_);
        const auto* const from = values_.choose(plans_.new_id);
        if (from == nullptr) reader_.throw_missing(plans_.retried.pointer(plans_.new_id.first.slot));
        const scalar& s = values_.slots[from->slot];
        if (s.what != scalar::kind::text && !s.whole)
            reader_.throw_wrong_type(plans_.retried.pointer(from->slot), "neither a string nor an integer");
        return s.word();
    }

private:
    // The elements of one array.
    template <class Take>
    struct elements final : element_sink {
        elements(profile_answers& of, const jobs_plan& with, std::optional<timestamp> at, Take f)
            : answers(of), plan(with), now(at), take(std::move(f)) {}

        const pointer_node& root() const override { return plan.element.places.root(); }

        void open() override { seen = true; }

        found_values& begin() override {
            answers.element_.reset(plan.element.places.slots());
            return answers.element_;
        }

        void end() override {
            // The place of the id is the last entry.
            const auto* const from = answers.element_.choose(plan.element.entries.back().from);
            if (from == nullptr) answers.reader_.throw_missing(plan.id_pointer);
            if (!wanted) {
                status s;
                job_id id = read(s);
                take(std::move(id), std::move(s));
                return;
            }
            job_id id = answers.element_.slots[from->slot].word();
            if (!wanted(id)) return;
            status s;
            try {
                id = read(s);
            } catch (const system_error&) {
                s = {}; // the others are not worse for it
                s.unreadable = std::current_exception();
            }
            take(std::move(id), std::move(s));
        }

        job_id read(status& s) {
            job_id id = answers.interpret(plan.element, answers.element_, now, s);
            if (id.empty()) answers.reader_.throw_missing(plan.id_pointer);
            return id;
        }

        profile_answers& answers;
        const jobs_plan& plan;
        std::optional<timestamp> now;
        Take take;
        bool seen = false;
        std::function<bool(std::string_view)> wanted{};
    };

    // Gives the id, if the plan has its place.
    job_id interpret(const answer_plan& plan, found_values& values, std::optional<timestamp> now, status& to) {
        answer_interpreter all(plan, values, now, to);
        if (all.is_absent()) {
            to.found = false;
            return {};
        }
        const auto bad = all.read(values.labels);
        if (bad.why != nullptr) reader_.throw_wrong_type(plan.places.pointer(bad.slot), bad.why);
        if (!all.has_state()) reader_.throw_missing(plan.places.pointer(plan.state.first.slot));
        return all.take_id();
    }

    template <class Elements>
    void read_jobs(std::string& body, const jobs_plan& plan, Elements& all) {
        values_.reset(plan.outer.slots());
        reader_.read(body, plan.outer.root(), values_, &all);
        if (all.seen) return;
        const bool none = std::any_of(plan.absences.begin(), plan.absences.end(),
                                      [&](const compiled_absence& a) { return values_.hold(a.where); });
        if (!none) reader_.throw_missing(plan.jobs_pointer);
    }

    // Whether the body could be read.
    bool read_refusal(std::string& body) {
        values_.reset(plans_.refusal.places.slots());
        try {
            reader_.read(body, plans_.refusal.places.root(), values_);
        } catch (const system_error&) {
            return false;
        }
        return true;
    }

    std::string join(const std::vector<slot_choice>& all) const {
        std::string text;
        for (const auto& choice : all) {
            auto part = values_.slots[choice.first.slot].word();
            for (const auto& other : choice.others)
                if (part.empty()) part = values_.slots[other.slot].word();
            if (part.empty()) continue;
            if (!text.empty()) text += ": ";
            text += part;
        }
        return text;
    }

    answer_reader reader_{};
    profile_plans plans_;
    found_values values_{};
    found_values element_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_PROFILE_ANSWERS_HPP
