// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_STAGE_HPP
#define TELLTALE_PROGRESS_STAGE_HPP

#include <telltale/core/progress.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/detail/stage_state.hpp>
#include <telltale/progress/stage_snapshot.hpp>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct stage_options {
    double weight = 1; ///< how much of the whole it is, compared with its neighbours; finite, 0 or more
    std::optional<std::uint64_t> total{}; ///< in `unit`; absent: nobody knows yet
    progress_unit unit = progress_unit::items;
};

/// A part of a stage_tree that has a name: it counts, or it is made of other stages. Made by stage_tree::root() and add();
/// cheap to copy, and every copy is the same stage. It may outlive the tree: then nobody is told any more.
///
/// It runs when it is started or advances, or one of its children does; it is done when it is finished, when a known total
/// is reached, or when all its children are done; it has failed when it was said so, or one of its children has. One that
/// has children counts nothing of its own.
///
/// @par Thread safety
/// Distinct objects, and those that are the same stage: safe.
class stage {
public:
    /// Another part, behind those that are there. In a tree that was made of a saved one: the saved part of this name, with
    /// what it had counted, the first time that it is asked for.
    /// @throws system_error `errc::closed`: this stage or the tree has ended; `errc::invalid_argument`: the weight.
    stage add(std::string name, stage_options options = {}) {
        if (!(options.weight >= 0) || !std::isfinite(options.weight))
            throw system_error(errc::invalid_argument, "telltale::stage: weight");
        detail::stage_node* child = nullptr;
        tree_->change([&] {
            child = tree_->add(*node_, std::move(name));
            if (child) child->describe(options.weight, options.total, options.unit);
        });
        if (!child) throw system_error(errc::closed, "telltale::stage: added to one that has ended");
        return {tree_, *child};
    }

    /// It runs now, be it for the first time or again. Needed only where it takes time until it advances.
    void start() {
        tree_->change([this] { node_->start(tree_->now()); });
    }

    /// `n` more are done. Costs what progress_tracker::advance does.
    void advance(std::uint64_t n = 1) {
        if (node_->count.add(n)) [[unlikely]]
            tree_->tell();
    }

    /// So much is done, be it more or less than before.
    void set_done(std::uint64_t done) {
        tree_->change([&] { node_->count.set(done); });
    }

    /// The total is known, is another, or is unknown after all.
    void set_total(std::optional<std::uint64_t> total) {
        tree_->change([&] { node_->set_total(total); });
    }

    /// What it says of itself.
    void set_message(std::string message) {
        tree_->change([&] { node_->set_message(std::move(message)); });
    }

    /// It is done, whatever it has counted, and with it all its children that have not failed.
    void finish() {
        tree_->change([this] { node_->end(stage_state::done, tree_->now()); });
    }

    /// It has failed, and so has what it is part of, until it is started again.
    void fail(std::string why = {}) {
        tree_->change([&] {
            node_->set_message(std::move(why));
            node_->end(stage_state::failed, tree_->now());
        });
    }

    std::uint64_t done() const noexcept { return node_->count.sum(); }

    /// How it is now, with all its parts.
    stage_snapshot snapshot() const { return tree_->snapshot_of(*node_); }

private:
    template <class Executor>
    friend class basic_stage_tree;

    stage(std::shared_ptr<detail::stage_tree_state> tree, detail::stage_node& node)
        : tree_(std::move(tree)), node_(&node) {}

    std::shared_ptr<detail::stage_tree_state> tree_;
    detail::stage_node* node_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_STAGE_HPP
