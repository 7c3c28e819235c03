#pragma once

// The continuations of wide ranges, which are those of short n-grams and come up in every search: kept when they have
// been listed once, up to a number of bytes, the ones that were not asked for longest given up first.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace skerry {

class ContinuationCache {
public:
    struct Item {
        std::uint32_t token, low, high;
    };
    using Items = std::shared_ptr<const std::vector<Item>>;

    explicit ContinuationCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    // What is kept of the range, or nothing. Safe from several threads, as all here.
    Items find(std::uint32_t low, std::uint32_t high) {
        const std::lock_guard<std::mutex> held(lock_);
        const auto at = places_.find(key(low, high));
        if (at == places_.end()) return nullptr;
        entries_.splice(entries_.begin(), entries_, at->second);
        return at->second->items;
    }

    void keep(std::uint32_t low, std::uint32_t high, std::vector<Item> items) {
        const std::size_t bytes = bytes_of(items.size());
        if (bytes > most_bytes_ / 4) return;
        auto shared = std::make_shared<const std::vector<Item>>(std::move(items));
        const std::lock_guard<std::mutex> held(lock_);
        if (!places_.try_emplace(key(low, high), entries_.end()).second) return;
        entries_.push_front({key(low, high), std::move(shared)});
        places_[key(low, high)] = entries_.begin();
        for (bytes_ += bytes; bytes_ > most_bytes_; entries_.pop_back()) {
            bytes_ -= bytes_of(entries_.back().items->size());
            places_.erase(entries_.back().key);
        }
    }

private:
    struct Entry {
        std::uint64_t key;
        Items items;
    };

    static std::uint64_t key(std::uint32_t low, std::uint32_t high) { return std::uint64_t{low} << 32 | high; }
    static std::size_t bytes_of(std::size_t items) { return items * sizeof(Item) + 256; }

    const std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::mutex lock_;
    std::list<Entry> entries_;  // the one asked for last in front
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> places_;
};

}  // namespace skerry
