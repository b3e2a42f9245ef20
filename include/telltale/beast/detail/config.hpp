// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_CONFIG_HPP
#define TELLTALE_BEAST_DETAIL_CONFIG_HPP

#include <telltale/version.hpp> // TELLTALE_DECL

#endif // TELLTALE_BEAST_DETAIL_CONFIG_HPP
