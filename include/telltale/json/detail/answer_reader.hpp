// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_ANSWER_READER_HPP
#define TELLTALE_JSON_DETAIL_ANSWER_READER_HPP

#include <telltale/core/job.hpp>
#include <telltale/error.hpp>
#include <telltale/json/detail/answer.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/profile.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// One pass over an answer along the tree of places.
class answer_reader {
    using object = simdjson::ondemand::object;
    using array = simdjson::ondemand::array;
    using json_type = simdjson::ondemand::json_type;

public:
    explicit answer_reader(const profile& p) : format_(p), job_(job_places(p)) {
        if (!p.list) return;
        job_in_list_ = job_;
        job_in_list_.add(p.list->id, field::id, "/list/id");
        list_.emplace().add(p.list->jobs, field::list, "/list/jobs");
    }

    answer read_job(std::string& body) {
        answer a;
        where_ = {};
        read_document(body, job_, a);
        if (!a.has_state) throw_missing(format_.state_pointer());
        a.complete(format_);
        return a;
    }

    std::vector<answer> read_list(std::string& body) {
        if (!list_) throw system_error(make_error_code(errc::invalid_argument), "the profile has no list");
        answer unused;
        where_ = {};
        items_.reset();
        read_document(body, *list_, unused);
        if (!items_) {
            where_ = {};
            throw_missing(list_pointer());
        }
        return std::move(*std::exchange(items_, std::nullopt));
    }

private:
    // Within a list: its place, and which element.
    struct place {
        const pointer_node* list = nullptr;
        std::size_t index = 0;
    };

    std::string at(std::string_view pointer) const {
        std::string text = "at ";
        if (where_.list) text += where_.list->pointer + '/' + std::to_string(where_.index);
        text += pointer;
        return text == "at " ? "at the whole answer" : text;
    }

    [[noreturn]] void throw_missing(std::string_view pointer) const {
        throw system_error(make_error_code(errc::missing_field), at(pointer));
    }

    [[noreturn]] void throw_wrong_type(const pointer_node& n, std::string_view what) const {
        throw system_error(make_error_code(errc::wrong_type), at(n.pointer) + ", " + std::string(what));
    }

    std::string list_pointer() const {
        const pointer_node* n = &*list_;
        while (!n->children.empty()) n = &n->children.front();
        return n->pointer;
    }

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

    void read_document(std::string& body, const pointer_node& root, answer& a) {
        const std::size_t length = body.size();
        // On-demand parsing may look at what follows the text, and wants to find no bracket there.
        body.resize(length + simdjson::SIMDJSON_PADDING);
        text_ = std::string_view(body.data(), length);
        simdjson::ondemand::document document;
        check(parser_.iterate(body.data(), length, body.size()).get(document));
        const json_type type = get(document.type());
        const bool alone = type != json_type::object && type != json_type::array;
        if (alone && root.fields.empty()) {
            if (const auto fault = find_fault(text_); fault.what != json_fault::kind::none)
                throw_malformed(simdjson::TAPE_ERROR);
        } else {
            read_value(document, type, root, a);
            // Something follows if there is a place to be at.
            if (document.current_location().error() == simdjson::SUCCESS) throw_malformed(simdjson::TRAILING_CONTENT);
        }
        text_ = {};
    }

    template <class Value>
    void read_value(Value& v, json_type type, const pointer_node& n, answer& a) {
        if (type == json_type::object) {
            object o;
            check(v.get_object().get(o));
            if (n.fields.empty())
                read_members(o, n, a);
            else if (n.fields.front() == field::labels)
                read_labels(o, n, a);
            else
                throw_wrong_type(n, "an object");
        } else if (type == json_type::array) {
            array all;
            check(v.get_array().get(all));
            if (n.fields.empty())
                read_elements(all, n, a);
            else if (n.fields.front() == field::list)
                read_jobs(all, n);
            else
                throw_wrong_type(n, "an array");
        } else if (!n.fields.empty()) {
            const scalar s = read_scalar(v, type, n);
            if (s.what == scalar::kind::null) return;
            for (const field f : n.fields)
                if (const char* const wrong = a.set(f, s, format_)) throw_wrong_type(n, wrong);
        }
    }

    void read_members(object& o, const pointer_node& n, answer& a) {
        std::size_t left = n.children.size();
        seen first;
        for (auto member : o) {
            simdjson::ondemand::field m;
            check(std::move(member).get(m));
            if (left == 0) continue; // on to the end: it may not be there
            const std::string_view key = read_key(m);
            for (std::size_t i = 0; i < n.children.size(); ++i) {
                const auto& c = n.children[i];
                if (c.token != key || !first.insert(i)) continue;
                --left;
                auto v = m.value();
                read_value(v, get(v.type()), c, a);
                break;
            }
        }
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

    void read_elements(array& all, const pointer_node& n, answer& a) {
        std::size_t i = 0;
        for (auto element : all) {
            simdjson::ondemand::value v;
            check(std::move(element).get(v));
            const auto c =
                std::find_if(n.children.begin(), n.children.end(), [i](const pointer_node& x) { return x.index == i; });
            if (c != n.children.end()) read_value(v, get(v.type()), *c, a);
            ++i;
        }
    }

    void read_jobs(array& all, const pointer_node& n) {
        std::vector<answer> jobs;
        where_ = {&n, 0};
        for (auto element : all) {
            simdjson::ondemand::value v;
            check(std::move(element).get(v));
            answer a;
            read_value(v, get(v.type()), job_in_list_, a);
            if (a.id.empty()) throw_missing(format_.id_pointer());
            if (!a.has_state) throw_missing(format_.state_pointer());
            a.complete(format_);
            jobs.push_back(std::move(a));
            ++where_.index;
        }
        where_ = {};
        items_ = std::move(jobs);
    }

    void read_labels(object& o, const pointer_node& n, answer& a) {
        label_map labels;
        for (auto member : o) {
            simdjson::ondemand::field m;
            check(std::move(member).get(m));
            std::string key(read_key(m));
            auto v = m.value();
            const json_type type = get(v.type());
            if (type == json_type::object || type == json_type::array)
                throw_wrong_type(n, "the label \"" + key + "\" is neither text nor number");
            const scalar s = read_scalar(v, type, n);
            if (s.what != scalar::kind::null) labels.insert_or_assign(std::move(key), s.word());
        }
        a.now.labels = std::move(labels);
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
            if (number.is_int64() && !s.negative) s.integer = static_cast<std::uint64_t>(number.get_int64());
            if (number.is_uint64()) s.integer = number.get_uint64();
            return;
        }
        // An integer of more than 64 bits is a number still, but no integer of ours.
        if (v.get_double().get(s.number) == simdjson::SUCCESS) {
            s.negative = s.number < 0;
            return;
        }
        if (const auto fault = find_fault(text_); fault.what != json_fault::kind::none)
            throw_malformed(simdjson::NUMBER_ERROR);
        throw_wrong_type(n, "a number out of range");
    }

    answer_format format_;
    pointer_node job_;
    pointer_node job_in_list_{};
    std::optional<pointer_node> list_{};
    simdjson::ondemand::parser parser_{};
    std::string_view text_{}; // only while an answer is being read
    place where_{};
    std::optional<std::vector<answer>> items_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_ANSWER_READER_HPP
