// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SRC_HPP
#define TELLTALE_SRC_HPP

// The bodies of what the headers only declare with TELLTALE_SEPARATE_COMPILATION: include this in exactly one file of a
// program that defines the macro everywhere; or its two halves in one file each, which can be compiled at the same time.
#if !defined(TELLTALE_SEPARATE_COMPILATION)
#error "telltale/src.hpp is for programs that define TELLTALE_SEPARATE_COMPILATION"
#endif

#include <telltale/src_beast.hpp>
#include <telltale/src_core.hpp>

#endif // TELLTALE_SRC_HPP
