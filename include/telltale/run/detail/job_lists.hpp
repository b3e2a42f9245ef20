// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_JOB_LISTS_HPP
#define TELLTALE_RUN_DETAIL_JOB_LISTS_HPP

#include <telltale/core/job.hpp>
#include <telltale/run/detail/managed_job.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

// Where a manager has its jobs. A job brings its links along: nothing is allocated for it here.

namespace telltale::inline TELLTALE_ABI::detail {

/// All jobs, by id. Owns them.
class job_index {
public:
    /// Null: there is none.
    managed_job* find(std::string_view id) const noexcept { return find(id, hash_of(id)); }

    /// False if there is one with this id.
    bool insert(const job_ptr& job) {
        const std::size_t hash = hash_of(job->id);
        if (find(job->id, hash)) return false;
        if (size_ == buckets_.size()) grow();
        job->hash = hash;
        link(job);
        ++size_;
        return true;
    }

    job_ptr erase(managed_job& job) noexcept {
        job_ptr* at = &bucket(job.hash);
        while (at->get() != &job) at = &(*at)->next_in_bucket;
        job_ptr found = std::move(*at);
        *at = std::move(found->next_in_bucket);
        --size_;
        return found;
    }

    template <class Function>
    void for_each(Function function) const {
        for (const job_ptr& first : buckets_)
            for (managed_job* job = first.get(); job; job = job->next_in_bucket.get()) function(*job);
    }

private:
    static std::size_t hash_of(std::string_view id) noexcept { return std::hash<std::string_view>{}(id); }
    job_ptr& bucket(std::size_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }

    managed_job* find(std::string_view id, std::size_t hash) const noexcept {
        if (buckets_.empty()) return nullptr;
        managed_job* job = buckets_[hash & (buckets_.size() - 1)].get();
        while (job && (job->hash != hash || job->id != id)) job = job->next_in_bucket.get();
        return job;
    }

    void link(job_ptr job) noexcept {
        job_ptr& first = bucket(job->hash);
        job->next_in_bucket = std::move(first);
        first = std::move(job);
    }

    void grow() {
        std::vector<job_ptr> former(buckets_.empty() ? 16 : 2 * buckets_.size());
        former.swap(buckets_);
        for (job_ptr& first : former)
            while (job_ptr job = std::move(first)) {
                first = std::move(job->next_in_bucket);
                link(std::move(job));
            }
    }

    std::vector<job_ptr> buckets_; // as many as a power of two
    std::size_t size_ = 0;
};

/// First in, first out.
class job_list {
public:
    managed_job* front() const noexcept { return first_; }
    std::size_t size() const noexcept { return size_; }

    void push_back(managed_job& job) noexcept {
        job.previous = last_;
        job.next = nullptr;
        (last_ ? last_->next : first_) = &job;
        last_ = &job;
        ++size_;
    }

    void push_front(managed_job& job) noexcept {
        job.previous = nullptr;
        job.next = first_;
        (first_ ? first_->previous : last_) = &job;
        first_ = &job;
        ++size_;
    }

    void erase(managed_job& job) noexcept {
        (job.previous ? job.previous->next : first_) = job.next;
        (job.next ? job.next->previous : last_) = job.previous;
        job.previous = job.next = nullptr;
        --size_;
    }

private:
    managed_job* first_ = nullptr;
    managed_job* last_ = nullptr;
    std::size_t size_ = 0;
};

/// By priority, and within one first in, first out.
class job_queue {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    /// Null: empty.
    managed_job* front() const noexcept {
        for (const auto& [priority, list] : lists_)
            if (managed_job* const job = list.front()) return job;
        return nullptr;
    }

    /// Puts it behind those of its priority.
    void push_back(managed_job& job) {
        lists_[job.priority].push_back(job);
        added(job);
    }

    /// Puts it before those of its priority.
    void push_front(managed_job& job) {
        lists_[job.priority].push_front(job);
        added(job);
    }

    void erase(managed_job& job) noexcept {
        const auto found = lists_.find(job.priority);
        found->second.erase(job);
        if (found->second.size() == 0 && lists_.size() > kept_empty) lists_.erase(found);
        job.in_queue = false;
        --size_;
    }

    /// How many are before the end of this priority: the place of the last of it.
    std::size_t places_to_end_of(int priority) const noexcept {
        std::size_t before = 0;
        for (const auto& [p, list] : lists_) {
            if (p < priority) break;
            before += list.size();
        }
        return before;
    }

    /// Calls `function(job)` for the first so many, in order.
    template <class Function>
    void for_first(std::size_t n, Function function) const {
        for (const auto& [priority, list] : lists_)
            for (managed_job* job = list.front(); job; job = job->next) {
                if (n-- == 0) return;
                function(*job);
            }
    }

private:
    static constexpr std::size_t kept_empty = 8; // lists; so that a queue that is empty now and then allocates nothing

    void added(managed_job& job) noexcept {
        job.in_queue = true;
        ++size_;
    }

    std::map<int, job_list, std::greater<>> lists_;
    std::size_t size_ = 0;
};

/// Most often there is none or one.
template <class T>
class few {
public:
    void push_back(T value) {
        if (!first_)
            first_ = std::move(value);
        else
            more_.push_back(std::move(value));
    }

    template <class Function>
    void for_each(Function function) {
        if (first_) function(*first_);
        for (T& value : more_) function(value);
    }

private:
    std::optional<T> first_;
    std::vector<T> more_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_JOB_LISTS_HPP
