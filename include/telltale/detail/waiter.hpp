// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_WAITER_HPP
#define TELLTALE_DETAIL_WAITER_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/completion.hpp>
#include <telltale/detail/initiation.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>

// How an operation of telltale waits. Each primitive has a shared state derived from wait_state; a suspended operation is a
// waiter in one of the state's wait_lists. Whoever takes a waiter off its list, under the state's mutex, owns it and
// completes it after unlocking: so a value or permit that was given to a waiter cannot be lost to a cancellation that
// comes later. Completion is always posted to the handler's associated executor, which is kept busy (outstanding
// work) until then. An execution context that is destroyed first destroys the waiters, whatever cycles they are in.

namespace telltale::inline TELLTALE_ABI::detail {

class wait_state;
struct wait_cancel;

/// One suspended operation. Links and canceller are protected by the mutex of its state.
class wait_node {
public:
    wait_node() = default;
    wait_node(const wait_node&) = delete;
    wait_node& operator=(const wait_node&) = delete;

    /// Completes the operation with `ec` and the values in its result. Not with the state's mutex held.
    virtual void finish(error_code ec) = 0;

    /// Completes the operation with what is in its result. Not with the state's mutex held.
    virtual void ready() = 0;

    /// Destroys the handler without calling it, and frees this. Not with the state's mutex held.
    virtual void destroy() noexcept = 0;

protected:
    ~wait_node() = default;

private:
    friend class wait_list;
    friend struct wait_cancel;
    inline void unlink() noexcept;

    wait_node* previous_ = nullptr;
    wait_node* next_ = nullptr;
    wait_cancel* canceller_ = nullptr;
};

/// What an operation that can be cancelled leaves in its cancellation slot.
struct wait_cancel {
    inline explicit wait_cancel(std::shared_ptr<wait_state> s) noexcept;
    wait_cancel(const wait_cancel&) = delete;
    wait_cancel& operator=(const wait_cancel&) = delete;
    inline ~wait_cancel();

    void arm(wait_node& n) noexcept {
        node = &n;
        n.canceller_ = this;
    }

    // Nothing has happened yet while an operation waits, so all types of cancellation can be granted.
    inline void operator()(net::cancellation_type type);

    std::shared_ptr<wait_state> state;
    wait_node* node = nullptr;
};

void wait_node::unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
    if (canceller_) std::exchange(canceller_, nullptr)->node = nullptr;
}

/// First in, first out. Does not own its nodes once they are popped; must be empty when destroyed.
class wait_list {
public:
    wait_list() noexcept {
        head_.previous_ = &head_;
        head_.next_ = &head_;
    }

    bool empty() const noexcept { return head_.next_ == &head_; }

    void push_back(wait_node& n) noexcept {
        n.previous_ = head_.previous_;
        n.next_ = &head_;
        head_.previous_->next_ = &n;
        head_.previous_ = &n;
    }

    /// The oldest, or null.
    wait_node* front() noexcept { return empty() ? nullptr : head_.next_; }

    /// The oldest, no longer cancellable; or null.
    wait_node* pop_front() noexcept {
        if (empty()) return nullptr;
        wait_node* const first = head_.next_;
        first->unlink();
        return first;
    }

    /// Moves all nodes of `other` to the end, no longer cancellable.
    void take(wait_list& other) noexcept {
        while (wait_node* const n = other.pop_front()) push_back(*n);
    }

    /// Completes all with `ec`. For a list that nobody else can reach.
    void finish_all(error_code ec) {
        while (wait_node* const n = pop_front()) n->finish(ec);
    }

    /// Completes all with the results that they have. For a list that nobody else can reach.
    void ready_all() {
        while (wait_node* const n = pop_front()) n->ready();
    }

    void destroy_all() noexcept {
        while (wait_node* const n = pop_front()) n->destroy();
    }

private:
    struct sentinel final : wait_node {
        void finish(error_code) override {}
        void ready() override {}
        void destroy() noexcept override {}
    };
    sentinel head_;
};

/// A waiter whose operation completes with `void(error_code, Values...)`.
template <class... Values>
class waiter : public wait_node {
public:
    /// Posts the handler, and frees this when that is called. Not with the state's mutex held.
    void complete(error_code ec, Values... values) {
        std::get<error_code>(result_) = ec;
        assign(std::index_sequence_for<Values...>{}, values...);
        ready();
    }

    void finish(error_code ec) final {
        std::get<error_code>(result_) = ec;
        ready();
    }

    /// What it will complete with; empty values until then.
    std::tuple<error_code, Values...>& result() noexcept { return result_; }

protected:
    ~waiter() = default;

private:
    template <std::size_t... I>
    void assign(std::index_sequence<I...>, Values&... values) {
        ((std::get<I + 1>(result_) = std::move(values)), ...);
    }

    std::tuple<error_code, Values...> result_;
};

template <class Handler, class Executor, class... Values>
class waiter_of final : public waiter<Values...> {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = typename operation_allocator<
        typename std::allocator_traits<net::associated_allocator_t<Handler>>::template rebind_alloc<waiter_of>>::type;

public:
    template <class H>
    static waiter_of& create(H&& handler, const Executor& fallback) {
        allocator_type allocator = allocator_for(handler);
        waiter_of* const p = std::allocator_traits<allocator_type>::allocate(allocator, 1);
        try {
            return *::new (static_cast<void*>(p)) waiter_of(std::forward<H>(handler), fallback);
        } catch (...) {
            std::allocator_traits<allocator_type>::deallocate(allocator, p, 1);
            throw;
        }
    }

    auto cancellation_slot() const noexcept { return net::get_associated_cancellation_slot(handler_); }

    void ready() override { std::move(executor_).post(completion(this)); }

    void destroy() noexcept override { [[maybe_unused]] const Handler handler = take_handler(); }

private:
    // What is posted: owns the waiter, which so need not be moved.
    class completion {
    public:
        using allocator_type = net::associated_allocator_t<Handler>;

        explicit completion(waiter_of* w) noexcept : waiter_(w) {}
        completion(completion&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
        completion& operator=(completion&&) = delete;
        ~completion() {
            if (waiter_) waiter_->destroy();
        }

        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(waiter_->handler_); }

        void operator()() {
            waiter_of* const w = std::exchange(waiter_, nullptr);
            auto result = std::move(w->result());
            Handler handler = w->take_handler();
            std::apply([&handler](auto&&... v) { std::move(handler)(std::move(v)...); }, std::move(result));
        }

    private:
        waiter_of* waiter_;
    };

    template <class H>
    waiter_of(H&& handler, const Executor& fallback)
        : handler_(std::forward<H>(handler)), executor_(net::get_associated_executor(handler_, fallback)) {}
    ~waiter_of() = default;

    static allocator_type allocator_for(const Handler& handler) noexcept {
        if constexpr (std::is_constructible_v<allocator_type, net::associated_allocator_t<Handler>>)
            return allocator_type(net::get_associated_allocator(handler));
        else
            return allocator_type();
    }

    // Frees the memory before the handler runs or dies, as Asio promises to handlers.
    Handler take_handler() noexcept {
        Handler handler(std::move(handler_));
        allocator_type allocator = allocator_for(handler);
        this->~waiter_of();
        std::allocator_traits<allocator_type>::deallocate(allocator, this, 1);
        return handler;
    }

    Handler handler_;
    completion_executor<executor_type> executor_;
};

/// The wait_states of one execution context.
struct wait_registry {
    std::mutex mutex;
    wait_state* first = nullptr;
};

/// Destroys all waiters of an execution context when that shuts down.
class wait_service final : public net::execution_context::service {
public:
    using key_type = wait_service;
    static inline net::execution_context::id id;

    explicit wait_service(net::execution_context& context) : service(context) {}

    const std::shared_ptr<wait_registry>& registry() const noexcept { return registry_; }

private:
    inline void shutdown() noexcept override;

    std::shared_ptr<wait_registry> registry_ = std::make_shared<wait_registry>();
};

template <class Executor>
net::execution_context& context_of(const Executor& executor) {
    return net::query(executor, net::execution::context);
}

/// What an object and its suspended operations share.
class wait_state : public std::enable_shared_from_this<wait_state> {
public:
    /// `shared`: the mutex of an object that has several of these, and lives as long; null: one of its own.
    explicit wait_state(net::execution_context& context, std::mutex* shared = nullptr)
        : mutex_(shared ? shared : &own_mutex_), registry_(net::use_service<wait_service>(context).registry()) {
        const std::lock_guard lock(registry_->mutex);
        next_ = registry_->first;
        if (next_) next_->link_ = &next_;
        link_ = &registry_->first;
        registry_->first = this;
    }

    wait_state(const wait_state&) = delete;
    wait_state& operator=(const wait_state&) = delete;

    virtual ~wait_state() {
        const std::lock_guard lock(registry_->mutex);
        unregister();
    }

    std::mutex& mutex() const noexcept { return *mutex_; }

    /// Completes everything that waits with `ec`.
    void finish_all(error_code ec) {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            take_all(all);
        }
        all.finish_all(ec);
    }

    /// Moves every waiter into `all`. With the mutex held.
    virtual void take_all(wait_list& all) noexcept = 0;

    /// Called with the mutex held when a waiter has left its list because it was cancelled. Moves those that need wait no
    /// longer into `ready`; each has its result.
    virtual void after_cancel([[maybe_unused]] wait_list& ready) noexcept {}

    void unregister() noexcept {
        if (!link_) return;
        *link_ = next_;
        if (next_) next_->link_ = link_;
        link_ = nullptr;
        next_ = nullptr;
    }

private:
    std::mutex own_mutex_;
    std::mutex* const mutex_;
    std::shared_ptr<wait_registry> registry_;
    wait_state* next_ = nullptr;
    wait_state** link_ = nullptr;
};

wait_cancel::wait_cancel(std::shared_ptr<wait_state> s) noexcept : state(std::move(s)) {}

wait_cancel::~wait_cancel() {
    const std::lock_guard lock(state->mutex());
    if (node) node->canceller_ = nullptr;
}

void wait_cancel::operator()(net::cancellation_type type) {
    if (type == net::cancellation_type::none) return;
    // The slot may be given another handler, and this be destroyed, as soon as one of these runs.
    const auto kept = state;
    wait_node* cancelled = nullptr;
    wait_list ready;
    {
        const std::lock_guard lock(kept->mutex());
        cancelled = node;
        if (!cancelled) return;
        cancelled->unlink();
        kept->after_cancel(ready);
    }
    cancelled->finish(net::error::operation_aborted);
    ready.ready_all();
}

void wait_service::shutdown() noexcept {
    for (;;) {
        std::shared_ptr<wait_state> state;
        {
            const std::lock_guard lock(registry_->mutex);
            if (!registry_->first) return;
            state = registry_->first->weak_from_this().lock(); // null: its destructor waits for this mutex
            registry_->first->unregister();
        }
        if (!state) continue;
        wait_list all;
        {
            const std::lock_guard lock(state->mutex());
            state->take_all(all);
        }
        all.destroy_all();
    }
}

/// Starts an operation that completes with `void(error_code, Values...)`.
///
/// `attempt` is called with the mutex of `state` held. It returns null after having put the result into the tuple it was
/// given, or the list in which the operation has to wait.
template <class... Values, class State, class Handler, class Executor, class Attempt>
void start_wait(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor, Attempt attempt) {
    auto& op = waiter_of<std::decay_t<Handler>, Executor, Values...>::create(std::forward<Handler>(handler), executor);
    // Before locking: the slot destroys what it had, which may be of this very state.
    wait_cancel* canceller = nullptr;
    if (auto slot = op.cancellation_slot(); slot.is_connected()) canceller = &slot.template emplace<wait_cancel>(state);
    {
        const std::lock_guard lock(state->mutex());
        if (wait_list* const list = attempt(op.result())) {
            list->push_back(op);
            if (canceller) canceller->arm(op);
            return;
        }
    }
    op.ready();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_WAITER_HPP
