// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TELLTALE_HPP
#define TELLTALE_TELLTALE_HPP

// Everything that needs only Asio. What needs simdjson is in json/, what needs Boost.Beast in beast/ and dashboard/, and
// what tests need in testing/.

#include <telltale/asio.hpp>
#include <telltale/board/board.hpp>
#include <telltale/board/show_jobs.hpp>
#include <telltale/core/acceptors.hpp>
#include <telltale/core/backoff.hpp>
#include <telltale/core/chunk_sizer.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/core/estimator.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/execution_report.hpp>
#include <telltale/core/filter.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/json.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/publish_limiter.hpp>
#include <telltale/core/resource_usage.hpp>
#include <telltale/core/slow_detector.hpp>
#include <telltale/core/time.hpp>
#include <telltale/core/token_bucket.hpp>
#include <telltale/core/watch_health.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/emitter.hpp>
#include <telltale/event/event_log.hpp>
#include <telltale/event/filtered.hpp>
#include <telltale/event/for_each_event.hpp>
#include <telltale/event/subscription.hpp>
#include <telltale/event/subscription_options.hpp>
#include <telltale/fwd.hpp>
#include <telltale/poll/poll_until.hpp>
#include <telltale/poll/schedule.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/progress/bar.hpp>
#include <telltale/progress/bar_item.hpp>
#include <telltale/progress/bar_writer.hpp>
#include <telltale/progress/checkpoint.hpp>
#include <telltale/progress/counted_file.hpp>
#include <telltale/progress/counted_range.hpp>
#include <telltale/progress/counted_stream.hpp>
#include <telltale/progress/progress_bar.hpp>
#include <telltale/progress/progress_snapshot.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/progress/stage.hpp>
#include <telltale/progress/stage_snapshot.hpp>
#include <telltale/progress/stage_tree.hpp>
#include <telltale/progress/report_text.hpp>
#include <telltale/progress/show_progress.hpp>
#include <telltale/run/approval.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/cpu_meter.hpp>
#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/hook_list.hpp>
#include <telltale/run/hooks.hpp>
#include <telltale/run/job_context.hpp>
#include <telltale/run/job_failure.hpp>
#include <telltale/run/job_handle.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/run/job_manager_options.hpp>
#include <telltale/run/job_spec.hpp>
#include <telltale/run/job_statistics.hpp>
#include <telltale/run/process.hpp>
#include <telltale/run/process_options.hpp>
#include <telltale/run/report_to.hpp>
#include <telltale/run/resource_reader.hpp>
#include <telltale/run/resource_sampler.hpp>
#include <telltale/run/save_report.hpp>
#include <telltale/run/transform_chunks.hpp>
#include <telltale/sync/auto_reset_event.hpp>
#include <telltale/sync/latch.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/outcome.hpp>
#include <telltale/sync/queue.hpp>
#include <telltale/sync/rate_limiter.hpp>
#include <telltale/sync/result_group.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/when_all.hpp>
#include <telltale/sync/when_any.hpp>
#include <telltale/sync/with_timeout.hpp>
#include <telltale/version.hpp>

#endif // TELLTALE_TELLTALE_HPP
