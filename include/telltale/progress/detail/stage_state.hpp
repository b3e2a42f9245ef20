// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_STAGE_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_STAGE_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/estimator.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/progress/detail/change_state.hpp>
#include <telltale/progress/detail/progress_state.hpp>
#include <telltale/progress/detail/striped_count.hpp>
#include <telltale/progress/stage_snapshot.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// A stage. It lives as long as its tree; all but the count is protected by the tree's mutex.
class stage_node {
public:
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;

    stage_node(std::string name, std::uint64_t done, seconds horizon, clock::time_point now)
        : count(done), name_(std::move(name)), horizon_(horizon), speed_(horizon), last_look_(now) {
        speed_.sample(static_cast<double>(done), now);
    }

    /// Out of a saved one.
    stage_node(const stage_snapshot& saved, seconds horizon, clock::time_point now)
        : stage_node(saved.name, saved.count, horizon, now) {
        restored_ = true;
        weight_ = saved.weight;
        message_ = saved.message;
        elapsed_before_ = saved.elapsed;
        told_ = saved.state;
        if (saved.children.empty()) {
            unit_ = saved.value.unit;
            if (saved.value.total) total_ = as_count(*saved.value.total);
        } else {
            is_measured_ = false;
            // What the children say by themselves is not the parent's own.
            const bool any_failed = std::any_of(saved.children.begin(), saved.children.end(),
                                                [](const auto& c) { return c.state == stage_state::failed; });
            if (is_ended() && any_failed != (told_ == stage_state::done)) told_ = stage_state::running;
        }
        if (told_ != stage_state::pending) started_ = now;
        if (is_ended()) ended_ = now;
    }

    void describe(double weight, std::optional<std::uint64_t> total, progress_unit unit) noexcept {
        weight_ = weight;
        if (total || !restored_) total_ = total;
        unit_ = unit;
        restored_ = false;
    }
    void set_weight(double weight) noexcept { weight_ = weight; }
    void set_total(std::optional<std::uint64_t> total) noexcept { total_ = total; }
    void set_message(std::string message) noexcept { message_ = std::move(message); }

    void start(clock::time_point now) {
        told_ = stage_state::running;
        if (ended_) elapsed_before_ += *ended_ - *std::exchange(started_, std::nullopt);
        ended_.reset();
        begin(now);
    }

    void end(stage_state state, clock::time_point now) {
        told_ = state;
        begin(now);
        if (!ended_) ended_ = now;
        if (state != stage_state::done) return;
        for (stage_node* const child : children_)
            if (child->told_ != stage_state::done && child->told_ != stage_state::failed) child->end(state, now);
    }

    bool is_ended() const noexcept { return told_ == stage_state::done || told_ == stage_state::failed; }

    void add(stage_node& child) { children_.push_back(&child); }

    /// One of this name that was saved, and that nobody has asked for yet; or null.
    stage_node* find_restored(std::string_view name) const noexcept {
        const auto found = std::find_if(children_.begin(), children_.end(),
                                        [name](const auto& c) { return c->restored_ && c->name_ == name; });
        return found == children_.end() ? nullptr : *found;
    }

    struct part {
        double done;   // of the whole, 0 to 1
        bool is_known; // and it is not just the least that it can be
        bool is_over;  // nothing in it runs, or will
    };

    /// Fills in what is so at `now`.
    part look(stage_snapshot& result, clock::time_point now) {
        result.name = name_;
        result.weight = weight_;
        result.message = message_;
        progress& p = result.value;
        part result_part;
        if (children_.empty()) {
            result.count = count.sum();
            p.done = static_cast<double>(result.count);
            p.unit = unit_;
            if (total_) p.total = static_cast<double>(*total_);
            result.state = state_of_count(result.count);
            result_part = part_of_count(result);
        } else {
            result_part = part_of_children(result, now);
            p.unit = progress_unit::percent;
            p.done = 100 * result_part.done;
            if (result_part.is_known) p.total = 100;
        }
        measure(result, result_part.is_over, now);
        return result_part;
    }

    striped_count count;

private:
    void begin(clock::time_point now) {
        if (started_) return;
        started_ = now;
        speed_ = estimator(horizon_); // what was before the beginning is no standstill
        is_measured_ = children_.empty();
        if (is_measured_) speed_.sample(static_cast<double>(count.sum()), now);
    }

    stage_state state_of_count(std::uint64_t done) const noexcept {
        if (is_ended()) return told_;
        if (total_ && done >= *total_) return stage_state::done;
        return done > 0 ? stage_state::running : told_;
    }

    static part part_of_count(const stage_snapshot& s) noexcept {
        if (s.state == stage_state::done) return {1, true, true};
        const bool failed = s.state == stage_state::failed;
        if (s.value.total) return {s.value.done < *s.value.total ? s.value.done / *s.value.total : 1, true, failed};
        return {0, s.state != stage_state::running, failed};
    }

    part part_of_children(stage_snapshot& result, clock::time_point now) {
        double weights = 0;
        double done = 0;
        bool known = true;
        bool all_over = true;
        bool all_done = true;
        bool failed = false;
        bool begun = told_ == stage_state::running;
        result.children.reserve(children_.size());
        for (stage_node* const child : children_) {
            stage_snapshot& s = result.children.emplace_back();
            const part of_child = child->look(s, now);
            weights += s.weight;
            done += s.weight * of_child.done;
            known = known && (of_child.is_known || s.weight == 0);
            all_over = all_over && of_child.is_over;
            all_done = all_done && s.state == stage_state::done;
            failed = failed || s.state == stage_state::failed;
            begun = begun || s.state != stage_state::pending;
        }
        if (is_ended())
            result.state = told_;
        else if (failed)
            result.state = stage_state::failed;
        else if (all_done)
            result.state = stage_state::done;
        else
            result.state = begun ? stage_state::running : stage_state::pending;
        if (result.state == stage_state::done) return {1, true, true};
        return {weights > 0 ? std::min(done / weights, 1.0) : 0, known, all_over || is_ended()};
    }

    // When it began and ended, and how fast it is. A beginning or end that nobody told of was at some time between two looks:
    // it began at the former and ended at the latter.
    void measure(stage_snapshot& s, bool over, clock::time_point now) {
        if (s.state != stage_state::pending && !started_) started_ = last_look_;
        if (over && !ended_) ended_ = now;
        if (!over) ended_.reset();
        last_look_ = now;
        if (!is_measured_ || !started_) speed_ = estimator(horizon_); // what is done by now is no part of the rate
        is_measured_ = true;
        const auto as_of = ended_.value_or(now);
        speed_.sample(s.value.done, as_of);
        if (!started_) return;
        s.elapsed = elapsed_before_ + (as_of - *started_);
        estimate(s.value, speed_, as_of, s.state == stage_state::running);
    }

    std::string name_;
    std::string message_;
    std::optional<std::uint64_t> total_;
    double weight_ = 1;
    progress_unit unit_ = progress_unit::items;
    stage_state told_ = stage_state::pending; // by whom it belongs to
    bool restored_ = false;
    bool is_measured_ = true; // the rate has something to begin with
    seconds horizon_;
    estimator speed_;
    clock::time_point last_look_;
    std::optional<clock::time_point> started_;
    std::optional<clock::time_point> ended_;
    seconds elapsed_before_{};
    std::vector<stage_node*> children_;
};

/// What a stage_tree, its stages and their waits share.
class stage_tree_state final : public change_state<stage_tree_snapshot> {
public:
    stage_tree_state(net::execution_context& context, const stage_snapshot& saved,
                     std::chrono::duration<double> elapsed, std::chrono::duration<double> horizon)
        : change_state(context), horizon_(horizon), elapsed_before_(elapsed), started_(source_.now()) {
        restore(nullptr, saved);
        stage_snapshot first;
        root().look(first, started_); // what the rates begin with
    }

    stage_node& root() noexcept { return *nodes_.front(); }

    stage_snapshot snapshot_of(stage_node& node) {
        const std::lock_guard lock(mutex());
        stage_snapshot result;
        node.look(result, finished_.value_or(source_.now()));
        return result;
    }

    // The following only from within change().

    /// Null: the parent has ended.
    stage_node* add(stage_node& parent, std::string name) {
        if (stage_node* const restored = parent.find_restored(name)) return restored;
        if (parent.is_ended()) return nullptr;
        stage_node& added =
            *nodes_.emplace_back(std::make_unique<stage_node>(std::move(name), 0, horizon_, source_.now()));
        parent.add(added);
        return &added;
    }
    void assign_message(std::string message) noexcept { message_ = std::move(message); }
    void assign_finished() { finished_ = source_.now(); }

private:
    void restore(stage_node* parent, const stage_snapshot& saved) {
        stage_node& node = *nodes_.emplace_back(std::make_unique<stage_node>(saved, horizon_, started_));
        if (parent) parent->add(node);
        for (const stage_snapshot& child : saved.children) restore(&node, child);
    }

    std::uint64_t count() const noexcept override {
        std::uint64_t result = 0;
        for (const auto& n : nodes_) result += n->count.sum();
        return result;
    }
    std::uint64_t goal() const noexcept override { return never; }

    // Nothing but a change is waited for, so every stage rings when it changes.
    std::uint64_t set_alarms(std::uint64_t target) noexcept override {
        std::uint64_t result = 0;
        for (const auto& n : nodes_) result += n->count.arm(target == never ? never : n->count.sum() + 1);
        return result;
    }

    stage_tree_snapshot look() override {
        stage_tree_snapshot result;
        result.at = source_.now();
        result.count = count(); // before the stages: so what comes in between is a change
        result.revision = revision_;
        result.finished = finished_.has_value();
        result.message = message_;
        const auto as_of = finished_.value_or(result.at);
        result.elapsed = elapsed_before_ + (as_of - started_);
        root().look(result.root, as_of);
        result.value = result.root.value;
        if (finished_) result.value.remaining = result.value.remaining_low = result.value.remaining_high = std::nullopt;
        return result;
    }

    std::chrono::duration<double> horizon_;
    std::chrono::duration<double> elapsed_before_;
    clock::time_point started_;
    std::vector<std::unique_ptr<stage_node>> nodes_; // the root first
    std::string message_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_STAGE_STATE_HPP
