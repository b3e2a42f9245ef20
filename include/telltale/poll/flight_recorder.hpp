// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_FLIGHT_RECORDER_HPP
#define TELLTALE_POLL_FLIGHT_RECORDER_HPP

#include <telltale/poll/flight_entry.hpp>

#endif // TELLTALE_POLL_FLIGHT_RECORDER_HPP
