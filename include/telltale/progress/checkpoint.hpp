// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_CHECKPOINT_HPP
#define TELLTALE_PROGRESS_CHECKPOINT_HPP

#include <telltale/error.hpp>
#include <telltale/progress/detail/checkpoint_bytes.hpp>
#include <telltale/progress/progress_snapshot.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/progress/stage_snapshot.hpp>
#include <telltale/progress/stage_tree.hpp>

#include <string>
#include <string_view>

// What was counted, as bytes that outlive the process. The same on every machine: integers and doubles are little-endian. There
// is a version and a checksum in it. A resumed job goes on from there, and its rate leaves the old part out:
//
//     save(telltale::to_checkpoint(tracker.snapshot()));
//     …
//     telltale::progress_tracker tracker(executor, telltale::parse_tracker_checkpoint(load()));

namespace telltale::inline TELLTALE_ABI {

/// What was counted, of how much, and the time that took. Not the message.
inline std::string to_checkpoint(const progress_snapshot& s) {
    detail::checkpoint_writer out(detail::checkpoint_kind::tracker);
    out.write(s.elapsed.count());
    out.write_count(s.value, s.count);
    return std::move(out).finish();
}

/// All stages, with their names, weights, states, counts and messages.
inline std::string to_checkpoint(const stage_tree_snapshot& s) {
    detail::checkpoint_writer out(detail::checkpoint_kind::stages);
    out.write(s.elapsed.count());
    out.write_stage(s.root);
    return std::move(out).finish();
}

/// What a tracker that goes on from there is made of. Safe for bytes from anywhere; `ec`: `errc::truncated_checkpoint`,
/// `errc::checkpoint_version`, `errc::malformed_checkpoint` (no checkpoint, one of something else, or damaged).
inline progress_tracker_options parse_tracker_checkpoint(std::string_view bytes, error_code& ec) {
    detail::checkpoint_reader in(bytes, detail::checkpoint_kind::tracker);
    progress_tracker_options result;
    result.elapsed = in.read_elapsed();
    in.read_count(result.unit, result.total, result.done);
    ec = in.finish();
    return ec ? progress_tracker_options{} : result;
}

/// @throws system_error with what the overload puts into `ec`.
inline progress_tracker_options parse_tracker_checkpoint(std::string_view bytes) {
    error_code ec;
    auto result = parse_tracker_checkpoint(bytes, ec);
    if (ec) throw system_error(ec, "telltale::parse_tracker_checkpoint");
    return result;
}

/// What a tree that goes on from there is made of; its stages are those of the checkpoint, and stage::add finds them by their
/// names. Errors as parse_tracker_checkpoint; nested deeper than 1000 is malformed.
inline stage_tree_options parse_stage_checkpoint(std::string_view bytes, error_code& ec) {
    detail::checkpoint_reader in(bytes, detail::checkpoint_kind::stages);
    stage_tree_options result;
    result.elapsed = in.read_elapsed();
    in.read_stage(result.root);
    ec = in.finish();
    return ec ? stage_tree_options{} : result;
}

/// @throws system_error with what the overload puts into `ec`.
inline stage_tree_options parse_stage_checkpoint(std::string_view bytes) {
    error_code ec;
    auto result = parse_stage_checkpoint(bytes, ec);
    if (ec) throw system_error(ec, "telltale::parse_stage_checkpoint");
    return result;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_CHECKPOINT_HPP
