// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_VERSION_HPP
#define TELLTALE_VERSION_HPP

#define TELLTALE_VERSION_MAJOR 0
#define TELLTALE_VERSION_MINOR 1
#define TELLTALE_VERSION_PATCH 0
#define TELLTALE_VERSION_STRING "0.1.0"

// Everything in telltale lives in an inline namespace that names the version and the Asio it was built on, so that
// object files built for different ones do not link instead of misbehaving.
#if defined(TELLTALE_USE_BOOST_ASIO)
#define TELLTALE_ABI v0_boost_asio
#else
#define TELLTALE_ABI v0_asio
#endif

namespace telltale::inline TELLTALE_ABI {}

// Bodies that are long, and no templates, are in *.ipp. By default the headers include them and they are inline. With
// TELLTALE_SEPARATE_COMPILATION, for the whole program, the headers only declare: one file of the user's includes
// <telltale/src.hpp>, or <telltale/src_core.hpp> if nothing of beast/ and dashboard/ is used.
#if defined(TELLTALE_SEPARATE_COMPILATION)
#define TELLTALE_DECL
#else
#define TELLTALE_DECL inline
#endif

#endif // TELLTALE_VERSION_HPP
