// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_CONFIG_HPP
#define TELLTALE_BEAST_DETAIL_CONFIG_HPP

#include <telltale/version.hpp>

// The bodies that need Beast are in *.ipp. By default the headers include them and they are inline. With
// TELLTALE_SEPARATE_COMPILATION (for the whole program) one file of the user's includes <telltale/src.hpp>, and the
// headers do not include Beast.
#if defined(TELLTALE_SEPARATE_COMPILATION)
#define TELLTALE_DECL
#else
#define TELLTALE_DECL inline
#endif

#endif // TELLTALE_BEAST_DETAIL_CONFIG_HPP
