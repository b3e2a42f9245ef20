// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_PROFILE_PLANS_HPP
#define TELLTALE_JSON_DETAIL_PROFILE_PLANS_HPP

// Included by profile.hpp, after the profile.

#include <telltale/json/detail/answer_plan.hpp>
#include <telltale/json/detail/pointer_tree.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// How an array of jobs is read.
struct jobs_plan {
    jobs_plan(const profile& p, const std::string& jobs, const json_place& id, std::string_view place)
        : element(p, answer_plan::kind::element, id, std::string(place) + "/id"),
          jobs_pointer(jobs),
          id_pointer(id.pointer) {
        const auto at = std::string(place) + "/jobs";
        outer.set_role(jobs, pointer_node::role::jobs, at);
        for (std::size_t i = 0; i < p.not_found.size(); ++i) {
            const auto& rule = p.not_found[i];
            const bool good = rule.status == 0 || (rule.status >= 200 && rule.status < 300);
            // What is within the array is an element's.
            const bool inside = std::any_of(rule.where.begin(), rule.where.end(),
                                            [&](const json_condition& c) { return c.at.starts_with(jobs + '/'); });
            if (good && !inside)
                absences.push_back({rule.status, outer.add(rule.where, element_place("/not_found", i) + "/where")});
        }
        outer.check(at);
    }

    answer_plan element;
    place_table outer{};
    std::vector<compiled_absence> absences{};
    std::string jobs_pointer;
    std::string id_pointer;
};

/// How the answer to a request that was not fulfilled is read.
struct refusal_plan {
    explicit refusal_plan(const profile& p) {
        for (std::size_t i = 0; i < p.not_found.size(); ++i)
            absences.push_back(
                {p.not_found[i].status, places.add(p.not_found[i].where, element_place("/not_found", i) + "/where")});
        const auto add = [this](const std::vector<json_place>& from, std::vector<slot_choice>& to,
                                std::string_view place) {
            for (std::size_t i = 0; i < from.size(); ++i)
                to.push_back(places.add(from[i], from.size() == 1 ? std::string(place) : element_place(place, i)));
        };
        const bool usual = p.errors.code.empty() && p.errors.message.empty();
        add(usual ? usual_codes() : p.errors.code, codes, "/errors/code");
        add(usual ? usual_messages() : p.errors.message, messages, "/errors/message");
        places.check("/errors");
    }

    static std::vector<json_place> usual_codes() {
        return {json_place("/error/code")
                    .or_else("/error/type")
                    .or_else("/errors/0/code")
                    .or_else("/error_code")
                    .or_else("/errorCode")
                    .or_else("/code")};
    }

    static std::vector<json_place> usual_messages() {
        return {json_place("/error/message")
                    .or_else("/errors/0/message")
                    .or_else("/errors/0/error")
                    .or_else("/error_description")
                    .or_else("/message")
                    .or_else("/detail")
                    .or_else("/title")
                    .or_else("/error")};
    }

    place_table places{};
    std::vector<compiled_absence> absences{};
    std::vector<slot_choice> codes{};
    std::vector<slot_choice> messages{};
};

/// How all answers of an API are read. Making one checks the places and the words of its profile.
struct profile_plans {
    explicit profile_plans(const profile& p) : job(p, answer_plan::kind::alone), refusal(p) {
        if (p.list) list.emplace(p, p.list->jobs, p.list->id, "/list");
        if (p.many) many.emplace(p, p.many->jobs, p.many->id, "/many");
        if (p.retry && p.retry->new_id) new_id = retried.add(*p.retry->new_id, "/retry/new_id");
    }

    answer_plan job;
    std::optional<jobs_plan> list{};
    std::optional<jobs_plan> many{};
    refusal_plan refusal;
    place_table retried{};
    slot_choice new_id{}; ///< in retried; empty: the id stays
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_PROFILE_PLANS_HPP
