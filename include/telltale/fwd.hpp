// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_FWD_HPP
#define TELLTALE_FWD_HPP

#include <telltale/version.hpp>

// The names of what telltale is made of, for headers that only mention them.

namespace telltale::inline TELLTALE_ABI {

struct cursor;
struct event;
struct execution_report;
struct explanation;
struct filter;
struct flight_entry;
struct job;
struct job_error;
struct job_report;
struct job_spec;
struct poll_hint;
struct poller_health;
struct poller_options;
struct process_options;
struct process_result;
struct progress;
struct rate_limit;
struct resource_usage;
struct status;
struct watch_health;
class acceptors;
class board;
class circuit_breaker;
class estimator;
class flight_recorder;
class job_context;
class job_control;
class job_manager;
class json_writer;
class permit;
class poll_budget;
class poll_error;
class poll_schedule;
class publish_limiter;
class stage;
class status_poller;
class task_group;
class token_bucket;

template <class Executor>
class basic_auto_reset_event;
template <class Executor>
class basic_latch;
template <class Executor>
class basic_manual_reset_event;
template <class Executor>
class basic_progress_tracker;
template <class Executor>
class basic_rate_limiter;
template <class Executor>
class basic_resource_sampler;
template <class Executor>
class basic_semaphore;
template <class Executor>
class basic_stage_tree;
template <class Executor>
class basic_timer;

template <class Event>
struct delivery;
template <class Event>
class emitter;
template <class T>
class job_handle;
template <class Event, class Executor>
class subscription;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_FWD_HPP
