// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_HOOK_LIST_HPP
#define TELLTALE_RUN_HOOK_LIST_HPP

#include <telltale/run/detail/hook_list_state.hpp>
#include <telltale/run/hooks.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Hooks that are registered at run time, before or while the work runs, wherever chunk_hooks may be given.
///
///     telltale::hook_list hooks;
///     const auto id = hooks.add(telltale::chunk_hooks{.progress = draw_bar});
///     co_await telltale::for_each_chunk(pool.get_executor(), files, options, hash, hooks);
///     hooks.remove(id);
///
/// Copies are the same list. They are told in the order in which they were added. Hooks that are added while the work runs
/// hear of what happens from then on.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class hook_list {
public:
    using id = std::uint64_t;

    /// What is added is copied. Returns what remove() wants, never 0.
    template <class... Hook>
    id add(chunk_hooks<Hook...> hooks) {
        return state_->add(detail::erase_hooks(std::move(hooks)));
    }

    /// False: there are no such hooks (any more). A call that is under way on another thread ends after this; a hook may
    /// remove itself.
    bool remove(id which) { return state_->remove(which); }

    std::size_t size() const { return state_->all()->size(); }

    /// For those who call hooks: whether anybody wants this event now. One load.
    bool wants(detail::chunk_event e) const noexcept { return state_->wants(e); }

    /// For those who call hooks: calls f with each hook of this event.
    template <detail::chunk_event E, class F>
    void each(F f) {
        const auto all = state_->all();
        for (const auto& entry : *all)
            if (auto& hook = detail::hook_of<E>(entry->hooks)) f(hook);
    }

private:
    std::shared_ptr<detail::hook_list_state> state_ = std::make_shared<detail::hook_list_state>();
};

namespace detail {
template <>
inline constexpr bool is_hook_set<hook_list> = true;
} // namespace detail

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_HOOK_LIST_HPP
