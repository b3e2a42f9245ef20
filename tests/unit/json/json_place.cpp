// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/json_place.hpp>

#include "catch.hpp"

using namespace telltale;

TEST_CASE("json_place: a pointer converts to a place; selections and choices say what they are") {
    const optional_place plain = "/status";
    CHECK(plain == "/status");
    CHECK_FALSE(plain->take);

    const auto selected = json_place::select("/conditions", {{.at = "/status", .is = {"True"}}}, "/type");
    CHECK(selected.pointer == "/conditions");
    CHECK(selected.take == "/type");
    REQUIRE(selected.where.size() == 1);
    CHECK(selected.where[0] == json_condition{.at = "/status", .is = {"True"}});
    CHECK(selected != json_place("/conditions"));

    const auto choice = json_place("/reason_code").or_else("/reasonCode").or_else(selected);
    CHECK(choice.pointer == "/reason_code");
    REQUIRE(choice.alternatives.size() == 2);
    CHECK(choice.alternatives[0] == "/reasonCode");
    CHECK(choice.alternatives[1] == selected);
}
