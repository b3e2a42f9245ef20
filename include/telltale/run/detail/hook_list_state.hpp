// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_HOOK_LIST_STATE_HPP
#define TELLTALE_RUN_DETAIL_HOOK_LIST_STATE_HPP

#include <telltale/run/detail/chunk_tell.hpp>
#include <telltale/run/hooks.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

template <class Info>
using erased_hook = std::function<void(const Info&)>;

using erased_hooks = chunk_hooks<erased_hook<chunk_plan>, erased_hook<worker_info>, erased_hook<chunk_info>,
                                 erased_hook<chunk_info>, erased_hook<slow_chunk_info>, erased_hook<chunk_error>,
                                 erased_hook<chunk_progress>, erased_hook<worker_info>, erased_hook<chunk_result>>;

template <chunk_event E, class Hooks>
void erase_hook(erased_hooks& to, Hooks& from) {
    if constexpr (may_want<E, Hooks>)
        if (is_there(hook_of<E>(from))) hook_of<E>(to) = std::move(hook_of<E>(from));
}

template <class... Hook>
erased_hooks erase_hooks(chunk_hooks<Hook...> from) {
    erased_hooks to;
    erase_hook<chunk_event::before>(to, from);
    erase_hook<chunk_event::worker_started>(to, from);
    erase_hook<chunk_event::chunk_started>(to, from);
    erase_hook<chunk_event::chunk_completed>(to, from);
    erase_hook<chunk_event::slow_chunk>(to, from);
    erase_hook<chunk_event::error>(to, from);
    erase_hook<chunk_event::progress>(to, from);
    erase_hook<chunk_event::worker_stopped>(to, from);
    erase_hook<chunk_event::after>(to, from);
    return to;
}

template <chunk_event... E>
std::uint32_t wanted_events(const erased_hooks& hooks) noexcept {
    return ((wants<E>(hooks) ? 1U << static_cast<unsigned>(E) : 0U) | ...);
}

/// The hooks of a hook_list. The list is never changed, but replaced: so whoever calls them needs no lock meanwhile.
class hook_list_state {
public:
    struct entry {
        std::uint64_t id;
        erased_hooks hooks;
    };
    using list = std::vector<std::shared_ptr<entry>>;

    std::uint64_t add(erased_hooks hooks) {
        const std::lock_guard lock(mutex_);
        auto next = std::make_shared<list>(*list_);
        next->push_back(std::make_shared<entry>(entry{++last_id_, std::move(hooks)}));
        replace(std::move(next));
        return last_id_;
    }

    bool remove(std::uint64_t id) {
        std::shared_ptr<const list> old; // the hooks may die with it, after unlocking
        const std::lock_guard lock(mutex_);
        auto next = std::make_shared<list>(*list_);
        if (std::erase_if(*next, [id](const auto& e) { return e->id == id; }) == 0) return false;
        old = replace(std::move(next));
        return true;
    }

    std::shared_ptr<const list> all() const {
        const std::lock_guard lock(mutex_);
        return list_;
    }

    bool wants(chunk_event e) const noexcept {
        return (wanted_.load(std::memory_order_relaxed) >> static_cast<unsigned>(e) & 1U) != 0;
    }

private:
    std::shared_ptr<const list> replace(std::shared_ptr<const list> next) {
        using enum chunk_event;
        std::uint32_t wanted = 0;
        for (const auto& e : *next)
            wanted |= wanted_events<before, worker_started, chunk_started, chunk_completed, slow_chunk, error, progress,
                                    worker_stopped, after>(e->hooks);
        wanted_.store(wanted, std::memory_order_relaxed);
        return std::exchange(list_, std::move(next));
    }

    mutable std::mutex mutex_;
    std::shared_ptr<const list> list_ = std::make_shared<list>();
    std::uint64_t last_id_ = 0;
    std::atomic<std::uint32_t> wanted_{0};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_HOOK_LIST_STATE_HPP
