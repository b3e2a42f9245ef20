// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_ANSWER_READER_HPP
#define TELLTALE_JSON_DETAIL_ANSWER_READER_HPP

#include <telltale/core/job.hpp>
#include <telltale/error.hpp>
#include <telltale/json/detail/answer.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/detail/pointer_tree.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What becomes of the elements of an array of jobs.
class element_sink {
public:
    virtual ~element_sink() = default;
    virtual const pointer_node& root() const = 0;
    virtual void open() = 0;           ///< there is such an array
    virtual found_values& begin() = 0; ///< where the values of the next element go
    virtual void end() = 0;
};

/// One pass over an answer along a tree of places.
class answer_reader {
    using object = simdjson::ondemand::object;
    using array = simdjson::ondemand::array;
    using json_type = simdjson::ondemand::json_type;

public:
    /// Fills `values`, whose texts live until the next answer is read. `body` is padded in place.
    void read(std::string& body, const pointer_node& root, found_values& values, element_sink* elements = nullptr) {
        const std::size_t length = body.size();
        // On-demand parsing may look at what follows the text, and wants to find no bracket there.
        body.resize(length + simdjson::SIMDJSON_PADDING);
        text_ = std::string_view(body.data(), length);
        elements_ = elements;
        list_ = nullptr;
        simdjson::ondemand::document document;
        check(parser_.iterate(body.data(), length, body.size()).get(document));
        const json_type type = get(document.type());
        const bool alone = type != json_type::object && type != json_type::array;
        if (alone && !root.slot) {
            if (const auto fault = find_fault(text_); fault.what != json_fault::kind::none)
                throw_malformed(simdjson::TAPE_ERROR);
        } else {
            read_value(document, type, root, values);
            // Something follows if there is a place to be at.
            if (document.current_location().error() == simdjson::SUCCESS) throw_malformed(simdjson::TRAILING_CONTENT);
        }
    }

    /// Names a place: "at /jobs/3/state", where an element is being, or was last, read.
    std::string at(std::string_view pointer) const {
        std::string text = "at ";
        if (list_ != nullptr) text += list_->pointer + '/' + std::to_string(index_);
        text += pointer;
        return text == "at " ? "at the whole answer" : text;
    }

    [[noreturn]] void throw_missing(std::string_view pointer) const {
        throw system_error(make_error_code(errc::missing_field), at(pointer));
    }

    [[noreturn]] void throw_wrong_type(std::string_view pointer, std::string_view what) const {
        throw system_error(make_error_code(errc::wrong_type), at(pointer) + ", " + std::string(what));
    }

private:
    // The fast parser only says that something is wrong, not always what and where: look again.
    [[noreturn]] void throw_malformed(simdjson::error_code error) const {
        const auto fault = find_fault(text_);
        const bool truncated = fault.what == json_fault::kind::truncated;
        std::string where = "at byte " + std::to_string(fault.offset);
        if (fault.what == json_fault::kind::none) where = simdjson::error_message(error);
        throw system_error(make_error_code(truncated ? errc::truncated_json : errc::malformed_json), where);
    }

    void check(simdjson::error_code error) const {
        if (error != simdjson::SUCCESS) throw_malformed(error);
    }

    template <class T>
    T get(simdjson::simdjson_result<T>&& result) const {
        T value;
        check(std::move(result).get(value));
        return value;
    }

    // What is not the whole answer need not be read to its end, for the next value is found all the same.
    template <class Value>
    static constexpr bool is_whole = std::is_same_v<Value, simdjson::ondemand::document>;

    template <class Value>
    void read_value(Value& v, json_type type, const pointer_node& n, found_values& to) {
        if (type == json_type::object) {
            read_object(v, n, to);
        } else if (type == json_type::array) {
            read_array(v, n, to);
        } else {
            const scalar s = read_scalar(v, type, n);
            if (s.what == scalar::kind::absent) return;
            if (n.what == pointer_node::role::labels) throw_wrong_type(n.pointer, "not an object");
            if (n.what == pointer_node::role::jobs || n.selected) throw_wrong_type(n.pointer, "not an array");
            if (n.slot) to.add(*n.slot, s);
        }
    }

    static void mark(const pointer_node& n, scalar::kind what, found_values& to) {
        if (!n.slot) return;
        scalar s;
        s.what = what;
        to.add(*n.slot, s);
    }

    template <class Value>
    void read_object(Value& v, const pointer_node& n, found_values& to) {
        if (n.what == pointer_node::role::jobs || n.selected) throw_wrong_type(n.pointer, "an object");
        if (n.children.empty() && !n.emptiness && n.what == pointer_node::role::plain && !is_whole<Value>)
            return mark(n, scalar::kind::object, to);
        object o;
        check(v.get_object().get(o));
        if (n.what == pointer_node::role::labels) {
            read_labels(o, n, to);
        } else {
            const bool some = read_members(o, n, to);
            mark(n, some || !n.emptiness ? scalar::kind::object : scalar::kind::empty, to);
        }
    }

    template <class Value>
    void read_array(Value& v, const pointer_node& n, found_values& to) {
        if (n.what == pointer_node::role::labels) throw_wrong_type(n.pointer, "an array");
        const bool inner = !n.children.empty() || n.words || n.emptiness || n.selected;
        if (!inner && n.what == pointer_node::role::plain && !is_whole<Value>) return mark(n, scalar::kind::array, to);
        array all;
        check(v.get_array().get(all));
        if (n.what == pointer_node::role::jobs) return read_jobs(all, n, to);
        // The array stands before its elements.
        mark(n, scalar::kind::array, to);
        std::size_t count = 0;
        for (auto element : all) {
            simdjson::ondemand::value e;
            check(std::move(element).get(e));
            read_element(e, n, count++, to);
        }
        if (count == 0 && n.slot && (n.words || n.emptiness)) to.slots[*n.slot].what = scalar::kind::empty;
    }

    void read_element(simdjson::ondemand::value& e, const pointer_node& n, std::size_t i, found_values& to) {
        if (n.selected) return select(e, *n.selected, to);
        const auto c =
            std::find_if(n.children.begin(), n.children.end(), [i](const pointer_node& x) { return x.index == i; });
        if (c != n.children.end()) {
            read_value(e, get(e.type()), *c, to);
            if (n.words && c->slot && to.slots[*c->slot].is_word()) to.more.emplace_back(*n.slot, to.slots[*c->slot]);
        } else if (n.words) {
            const json_type type = get(e.type());
            if (type == json_type::object || type == json_type::array)
                throw_wrong_type(n.pointer, "an array of more than words");
            if (const scalar s = read_scalar(e, type, n); s.what != scalar::kind::absent)
                to.more.emplace_back(*n.slot, s);
        }
    }

    void select(simdjson::ondemand::value& e, const selection& s, found_values& to) {
        element_.reset(s.slots);
        read_value(e, get(e.type()), s.element, element_);
        for (const auto& p : s.picks) {
            const scalar& taken = element_.slots[p.take];
            if (taken.what == scalar::kind::absent || !element_.hold(p.where)) continue;
            if (taken.what != scalar::kind::array) to.add(p.to, taken);
            for (const auto& [slot, value] : element_.more)
                if (slot == p.take) to.add(p.to, value);
        }
    }

    // Whether there are any.
    bool read_members(object& o, const pointer_node& n, found_values& to) {
        std::size_t left = n.children.size();
        seen first;
        bool some = false;
        for (auto member : o) {
            simdjson::ondemand::field m;
            check(std::move(member).get(m));
            some = true;
            if (left == 0) continue; // on to the end: it may not be there
            const std::string_view key = read_key(m);
            for (std::size_t i = 0; i < n.children.size(); ++i) {
                const auto& c = n.children[i];
                if (!c.is_named(key) || !first.insert(i)) continue;
                --left;
                auto v = m.value();
                read_value(v, get(v.type()), c, to);
                break;
            }
        }
        return some;
    }

    // Which children were found: of a name that is there twice, the first counts.
    struct seen {
        bool insert(std::size_t i) {
            if (i < 64) {
                const std::uint64_t bit = std::uint64_t{1} << i;
                const bool fresh = (bits & bit) == 0;
                bits |= bit;
                return fresh;
            }
            if (std::find(more.begin(), more.end(), i) != more.end()) return false;
            more.push_back(i);
            return true;
        }
        std::uint64_t bits = 0;
        std::vector<std::size_t> more{};
    };

    // Nearly all keys are written without escapes, and then need no copy.
    std::string_view read_key(simdjson::ondemand::field& m) const {
        const char* const raw = m.key().raw();
        const char* end = raw;
        while (*end != '"' && *end != '\\') ++end;
        if (*end == '"') return {raw, static_cast<std::size_t>(end - raw)};
        std::string_view key;
        check(m.unescaped_key().get(key));
        return key;
    }

    void read_jobs(array& all, const pointer_node& n, found_values& to) {
        list_ = &n;
        index_ = 0;
        elements_->open();
        for (auto element : all) {
            simdjson::ondemand::value v;
            check(std::move(element).get(v));
            auto& values = elements_->begin();
            read_value(v, get(v.type()), elements_->root(), values);
            elements_->end();
            ++index_;
        }
        list_ = nullptr;
        mark(n, index_ > 0 ? scalar::kind::array : scalar::kind::empty, to);
    }

    void read_labels(object& o, const pointer_node& n, found_values& to) {
        label_map labels;
        for (auto member : o) {
            simdjson::ondemand::field m;
            check(std::move(member).get(m));
            std::string key(read_key(m));
            auto v = m.value();
            const json_type type = get(v.type());
            if (type == json_type::object || type == json_type::array)
                throw_wrong_type(n.pointer, "the label \"" + key + "\" is neither text nor number");
            const scalar s = read_scalar(v, type, n);
            if (s.what != scalar::kind::absent) labels.insert_or_assign(std::move(key), s.word());
        }
        to.labels = std::move(labels);
    }

    template <class Value>
    scalar read_scalar(Value& v, json_type type, const pointer_node& n) const {
        scalar s;
        switch (type) {
        case json_type::string:
            s.what = scalar::kind::text;
            s.text = get(v.get_string());
            break;
        case json_type::number: read_number(v, s, n); break;
        case json_type::boolean:
            s.what = scalar::kind::boolean;
            s.yes = get(v.get_bool());
            break;
        default: {
            const simdjson::simdjson_result<bool> null(v.is_null());
            bool is = false;
            check(simdjson::simdjson_result<bool>(null).get(is));
            if (!is) throw_malformed(simdjson::N_ATOM_ERROR);
        }
        }
        return s;
    }

    template <class Value>
    void read_number(Value& v, scalar& s, const pointer_node& n) const {
        s.what = scalar::kind::number;
        simdjson::ondemand::number number;
        if (v.get_number().get(number) == simdjson::SUCCESS) {
            s.number = number.as_double();
            s.negative = number.is_int64() && number.get_int64() < 0;
            s.whole = (number.is_int64() && !s.negative) || number.is_uint64();
            if (s.whole)
                s.integer = number.is_uint64() ? number.get_uint64() : static_cast<std::uint64_t>(number.get_int64());
            return;
        }
        // An integer of more than 64 bits is a number still, but no integer of ours.
        if (v.get_double().get(s.number) == simdjson::SUCCESS) {
            s.negative = s.number < 0;
            return;
        }
        if (const auto fault = find_fault(text_); fault.what != json_fault::kind::none)
            throw_malformed(simdjson::NUMBER_ERROR);
        throw_wrong_type(n.pointer, "a number out of range");
    }

    simdjson::ondemand::parser parser_{};
    std::string_view text_{}; // of the answer that is being read
    element_sink* elements_ = nullptr;
    const pointer_node* list_ = nullptr; // while its elements are being read
    std::size_t index_ = 0;
    found_values element_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_ANSWER_READER_HPP
